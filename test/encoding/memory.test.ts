/**
 * Memory for small results.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { borrowed, carved, fresh } from "../../src/encoding/memory.ts";
import { TlsWriter } from "../../src/encoding/tls-writer.ts";

test("carved() gives zeros that no later call writes to", () => {
  const lengths = fc.array(fc.nat({ max: 9_000 }), { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(lengths, (wanted) => {
      const given = wanted.map((length, index) => {
        const bytes = carved(length);
        assert.equal(bytes.length, length);
        assert.ok(bytes.every((byte) => byte === 0));
        return bytes.fill(1 + (index % 255));
      });
      for (const [index, bytes] of given.entries()) {
        assert.ok(bytes.every((byte) => byte === 1 + (index % 255)));
      }
    }),
  );
});

test("borrowed() gives as much as is asked for, again and again", () => {
  for (const length of [0, 1, 4_096, 4_097, 100_000, 3]) {
    assert.equal(borrowed(length).fill(7).length, length);
  }
});

test("a TlsWriter writes the same wherever its memory comes from, its guess right or not", () => {
  const parts = fc.array(fc.uint8Array({ maxLength: 5_000 }), { maxLength: 5 });
  fc.assert(
    fc.property(parts, fc.nat({ max: 9_000 }), (vectors, capacity) => {
      const written = [fresh, carved, borrowed].map((allocate) => {
        const writer = new TlsWriter(capacity, allocate);
        for (const bytes of vectors) writer.vector(bytes, 2);
        return Buffer.from(writer.finish()).toString("hex");
      });
      assert.equal(new Set(written).size, 1);
    }),
  );
});
