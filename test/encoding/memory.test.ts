/**
 * Memory for small results.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { joinBytes } from "../../src/encoding/bytes.ts";
import { borrowed, carved, cutting, fresh, Lent } from "../../src/encoding/memory.ts";
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

test("property: joinBytes() is all of them, and a view where cutting() made them", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 9 }), (parts) => {
      const expected = new Uint8Array(Buffer.concat(parts));
      assert.deepEqual(joinBytes(parts), expected);
      const allocate = cutting(expected.length);
      const cut = parts.map((part) => {
        const bytes = allocate(part.length);
        bytes.set(part);
        return bytes;
      });
      const joined = joinBytes(cut);
      assert.deepEqual(joined, expected);
      if (cut[0] !== undefined) assert.equal(joined.buffer, cut[0].buffer);
      assert.throws(() => allocate(1), RangeError);
      const [first, ...rest] = cut.toReversed();
      if (first !== undefined && rest.some(({ length }) => length > 0)) {
        const reversed = new Uint8Array(Buffer.concat(parts.toReversed()));
        assert.deepEqual(joinBytes([first, ...rest]), reversed);
      }
    }),
  );
});

test("Lent gives zeros of their own, and takes them and their views back", () => {
  const lent = new Lent();
  const [one, other] = [lent.take(100_000), lent.take(3)];
  const view = one.fill(1).subarray(10, 20);
  assert.deepEqual([...other], [0, 0, 0]);
  lent.giveBack();
  assert.deepEqual([one.length, other.length, view.length], [0, 0, 0]);
  assert.equal(lent.take(5).length, 5, "and goes on");
});
