import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { formatHex } from "../../src/encoding/hex.ts";
import { sha256 } from "../../src/signer/sha256.ts";

test("sha256() gives FIPS 180-4's examples", () => {
  const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  assert.equal(formatHex(sha256(Buffer.from("abc"))), abc);
  const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  assert.equal(formatHex(sha256(new Uint8Array(0))), empty);
});

test("sha256() gives 32 fresh plain bytes, those of a hash object", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const digest = sha256(bytes);
      const expected = new Uint8Array(createHash("sha256").update(bytes).digest());
      assert.deepEqual(digest, expected);
      digest.fill(0);
      assert.deepEqual(sha256(bytes), expected);
    }),
  );
});
