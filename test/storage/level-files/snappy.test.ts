/**
 * The decoder of Snappy: each element of its format by hand, and what is none.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FatalError } from "../../../src/base/errors.ts";
import { unpackSnappy } from "../../../src/storage/level-files/snappy.ts";

const abc = [0x61, 0x62, 0x63];

const GOOD: readonly (readonly [what: string, packed: readonly number[], text: string])[] = [
  ["nothing", [0], ""],
  ["a literal", [3, 0x08, ...abc], "abc"],
  ["a literal with its length in 1 byte", [3, 0xf0, 2, ...abc], "abc"],
  ["a literal with its length in 2 bytes", [3, 0xf4, 2, 0, ...abc], "abc"],
  ["a literal with its length in 4 bytes", [3, 0xfc, 2, 0, 0, 0, ...abc], "abc"],
  ["a copy of 4 to 11 bytes that reaches into itself", [8, 0x08, ...abc, 0x05, 3], "abcabcab"],
  ["a copy with a distance of 2 bytes", [5, 0x08, ...abc, 0x06, 3, 0], "abcab"],
  ["a copy with a distance of 4 bytes", [4, 0x08, ...abc, 0x03, 1, 0, 0, 0], "abcc"],
];

for (const [what, packed, text] of GOOD) {
  test(`unpackSnappy() of ${what}`, () => {
    assert.equal(Buffer.from(unpackSnappy(Uint8Array.from(packed))).toString(), text);
  });
}

const BAD: readonly (readonly [what: string, packed: readonly number[]])[] = [
  ["no bytes", []],
  ["a literal that is cut off", [3, 0x08, 0x61]],
  ["less than it says", [4, 0x08, ...abc]],
  ["more than it says", [2, 0x08, ...abc]],
  ["a copy from before the beginning", [7, 0x08, ...abc, 0x01, 4]],
  ["a copy of no distance", [7, 0x08, ...abc, 0x01, 0]],
  ["a copy beyond its end", [6, 0x08, ...abc, 0x01, 3]],
  ["a length of 2^40", [0x80, 0x80, 0x80, 0x80, 0x80, 0x20]],
];

for (const [what, packed] of BAD) {
  test(`unpackSnappy() refuses ${what}`, () => {
    assert.throws(() => unpackSnappy(Uint8Array.from(packed)), { code: "FATAL_STORE_CORRUPT" });
  });
}

test("property: unpackSnappy() of any bytes unpacks or is FATAL_STORE_CORRUPT", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        unpackSnappy(Uint8Array.of(50, ...bytes));
      } catch (error) {
        assert.ok(error instanceof FatalError);
      }
    }),
    { numRuns: 2_000 },
  );
});
