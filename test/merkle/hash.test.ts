import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { hashChildren } from "../../src/merkle/hash.ts";
import { sha256 } from "../support/sha256.ts";

const HASH = fc.uint8Array({ minLength: 32, maxLength: 32 });

test("hashChildren() hashes 0x01 and both hashes, whatever it hashed before", () => {
  fc.assert(
    fc.property(HASH, HASH, HASH, (a, b, c) => {
      for (const [left, right] of [
        [a, b],
        [b, c],
        [c, a],
      ] as const) {
        const input = createHash("sha256").update(Uint8Array.of(1)).update(left).update(right);
        assert.deepEqual(hashChildren(sha256, left, right), new Uint8Array(input.digest()));
      }
    }),
  );
});

test("hashChildren() refuses what is no hash", () => {
  const hash = new Uint8Array(32);
  for (const length of [0, 31, 33]) {
    const other = new Uint8Array(length);
    assert.throws(() => hashChildren(sha256, other, hash), RangeError);
    assert.throws(() => hashChildren(sha256, hash, other), RangeError);
  }
});
