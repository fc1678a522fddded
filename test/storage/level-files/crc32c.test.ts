/**
 * CRC-32C against the examples of RFC 3720, appendix B.4, and one bit at a time.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { crc32c, maskCrc } from "../../../src/storage/level-files/crc32c.ts";

/** RFC 3720 prints the four bytes in the order of transmission. */
const EXAMPLES: readonly (readonly [what: string, bytes: Uint8Array, crc: number])[] = [
  ["32 bytes of zeros", new Uint8Array(32), 0x8a9136aa],
  ["32 bytes of ones", new Uint8Array(32).fill(0xff), 0x62a8ab43],
  ["32 incrementing bytes", Uint8Array.from({ length: 32 }, (_, at) => at), 0x46dd794e],
  ["32 decrementing bytes", Uint8Array.from({ length: 32 }, (_, at) => 31 - at), 0x113fdb5c],
  [
    "an iSCSI read command",
    Uint8Array.from(
      Buffer.from(
        "01c00000000000000000000000000000140000000000040000000014000000182800000000000000" +
          "0200000000000000",
        "hex",
      ),
    ),
    0xd9963a56,
  ],
];

for (const [what, bytes, crc] of EXAMPLES) {
  test(`crc32c() of ${what} is that of RFC 3720`, () => {
    assert.equal(crc32c(bytes), crc);
  });
}

test("property: crc32c() is what the polynomial gives, one bit at a time", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      let crc = 0xffffffff;
      for (const byte of bytes) {
        crc ^= byte;
        for (let bit = 0; bit < 8; bit += 1) {
          crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
        }
      }
      assert.equal(crc32c(bytes), (crc ^ 0xffffffff) >>> 0);
      // A view that begins anywhere is read as such.
      assert.equal(crc32c(Uint8Array.of(7, ...bytes).subarray(1)), crc32c(bytes));
    }),
  );
});

test("maskCrc() turns by 15 bits and adds the constant of LevelDB", () => {
  assert.equal(maskCrc(0), 0xa282ead8);
  assert.equal(maskCrc(0x00008000), 0xa282ead9);
  assert.equal(maskCrc(0xffffffff), 0xa282ead7);
});
