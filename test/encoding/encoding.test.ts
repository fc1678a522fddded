import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { AssertionError } from "../../src/base/assert.ts";
import { MalformedError } from "../../src/base/errors.ts";
import { formatBase64, parseBase64, parseLaxBase64 } from "../../src/encoding/base64.ts";
import {
  byteAt,
  bytesKey,
  compareBytes,
  concatBytes,
  equalBytes,
} from "../../src/encoding/bytes.ts";
import { parseDecimal, parseInt64 } from "../../src/encoding/decimal.ts";
import { formatHex, parseHex } from "../../src/encoding/hex.ts";
import { parseJsonObject } from "../../src/encoding/json.ts";
import { TlsReader } from "../../src/encoding/tls-reader.ts";
import { TlsWriter } from "../../src/encoding/tls-writer.ts";
import { decodeUtf8, encodeUtf8 } from "../../src/encoding/utf8.ts";
import { text } from "../support/arbitrary.ts";
import { throwsMalformed } from "../support/malformed.ts";

const anyBytes = fc.uint8Array({ maxLength: 300 });

test("property: formatBase64() and formatHex() equal Buffer's and go round", () => {
  fc.assert(
    fc.property(anyBytes, (bytes) => {
      assert.equal(formatBase64(bytes), Buffer.from(bytes).toString("base64"));
      assert.equal(formatHex(bytes), Buffer.from(bytes).toString("hex"));
      assert.deepEqual(parseBase64(formatBase64(bytes)), bytes);
      assert.deepEqual(parseLaxBase64(formatBase64(bytes)), bytes);
      assert.deepEqual(parseHex(formatHex(bytes)), bytes);
    }),
  );
});

test("property: parseLaxBase64() skips CR and LF wherever they stand", () => {
  const newlines = fc.array(fc.tuple(fc.nat(), fc.constantFrom("\r", "\n")), { maxLength: 8 });
  fc.assert(
    fc.property(anyBytes, newlines, (bytes, breaks) => {
      let broken = formatBase64(bytes);
      for (const [at, character] of breaks) {
        const index = at % (broken.length + 1);
        broken = broken.slice(0, index) + character + broken.slice(index);
      }
      assert.deepEqual(parseLaxBase64(broken), bytes);
    }),
  );
});

test("property: parseBase64() takes one spelling of each value", () => {
  const digits = fc.string({ unit: fc.constantFrom(..."ABab01+/=-_ \n"), maxLength: 12 });
  fc.assert(
    fc.property(digits, (encoded) => {
      let bytes: Uint8Array | undefined;
      try {
        bytes = parseBase64(encoded);
      } catch (thrown) {
        assert.ok(thrown instanceof MalformedError);
      }
      const isCanonical = Buffer.from(encoded, "base64").toString("base64") === encoded;
      assert.equal(bytes !== undefined, isCanonical);
    }),
    { numRuns: 1000 },
  );
});

test("property: encodeUtf8() and decodeUtf8() equal TextEncoder's and TextDecoder's", () => {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  fc.assert(
    fc.property(text, (value) => {
      assert.deepEqual(encodeUtf8(value), new TextEncoder().encode(value));
      assert.equal(decodeUtf8(encodeUtf8(value)), value);
    }),
  );
  const odd = fc.array(fc.constantFrom(0x41, 0x80, 0xbf, 0xc2, 0xe0, 0xed, 0xa0, 0xf0, 0xf4, 0x9f));
  fc.assert(
    fc.property(odd, (values) => {
      const bytes = Uint8Array.from(values);
      let expected: string | undefined;
      try {
        expected = decoder.decode(bytes);
      } catch {
        throwsMalformed(() => decodeUtf8(bytes), "MALFORMED_UTF8");
        return;
      }
      assert.equal(decodeUtf8(bytes), expected);
    }),
    { numRuns: 2000 },
  );
});

test("encodeUtf8() refuses a lone surrogate", () => {
  for (const lone of ["\ud800", "a\udfffb", "\udc00\ud800"]) {
    throwsMalformed(() => encodeUtf8(lone), "MALFORMED_UTF8");
  }
});

test("property: parseDecimal() and parseInt64() go round", () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (n, i) => {
      assert.equal(parseDecimal(String(n)), n);
      assert.equal(parseInt64(String(i)), i);
    }),
  );
});

test("parseInt64() fails with Go's words", () => {
  assert.throws(
    () => parseInt64("x"),
    /^MalformedError: strconv.ParseInt: parsing "x": invalid syntax$/,
  );
  assert.throws(
    () => parseInt64("9223372036854775808"),
    /^MalformedError: strconv.ParseInt: parsing "9223372036854775808": value out of range$/,
  );
});

test("property: TlsReader reads what TlsWriter wrote, of every width", () => {
  const field = fc.oneof(
    fc
      .integer({ min: 1, max: 8 })
      .chain((width) =>
        fc
          .integer({ min: 0, max: Math.min(Number.MAX_SAFE_INTEGER, 2 ** (8 * width) - 1) })
          .map((value) => ({ width, value })),
      ),
    fc.integer({ min: 2, max: 4 }).chain((width) => anyBytes.map((value) => ({ width, value }))),
  );
  fc.assert(
    fc.property(fc.array(field, { maxLength: 12 }), fc.nat({ max: 64 }), (fields, capacity) => {
      const writer = new TlsWriter(capacity);
      for (const { width, value } of fields) {
        if (typeof value === "number") writer.uint(value, width);
        else writer.vector(value, width);
      }
      const bytes = writer.finish();
      const reader = new TlsReader(bytes);
      for (const { width, value } of fields) {
        if (typeof value === "number") assert.equal(reader.uint(width), value);
        else assert.deepEqual(reader.vector(width).slice(), value);
      }
      assert.equal(reader.offset, bytes.length);
      assert.ok(reader.isAtEnd);
      reader.end();
    }),
  );
});

test("TlsReader refuses u64 above 2^53 - 1, exactly", () => {
  const read = (hex: string): number => new TlsReader(parseHex(hex)).uint(8);
  assert.equal(read("001fffffffffffff"), Number.MAX_SAFE_INTEGER);
  for (const hex of [
    "0020000000000000",
    "0020000000000001",
    "8000000000000000",
    "ffffffffffffffff",
  ]) {
    throwsMalformed(() => read(hex), "MALFORMED_TLS");
  }
});

test("TlsReader does not move beyond its end", () => {
  const reader = new TlsReader(Uint8Array.of(0, 5, 1));
  throwsMalformed(() => reader.fixed(4), "MALFORMED_TLS");
  assert.equal(reader.offset, 0);
  throwsMalformed(() => reader.vector(2), "MALFORMED_TLS");
  throwsMalformed(() => new TlsReader(Uint8Array.of(1)).end(), "MALFORMED_TLS");
});

test("TlsReader reads within a view, not within the buffer behind it", () => {
  const view = Uint8Array.of(9, 1, 2, 9).subarray(1, 3);
  const reader = new TlsReader(view);
  assert.equal(reader.uint(2), 0x0102);
  throwsMalformed(() => reader.uint(1), "MALFORMED_TLS");
});

for (const [value, width] of [
  [256, 1],
  [2 ** 16, 2],
  [2 ** 24, 3],
  [2 ** 40, 5],
  [-1, 8],
  [0.5, 8],
  [2 ** 53, 8],
  [Number.NaN, 4],
] as const) {
  test(`TlsWriter.uint(${value}, ${width}) is a RangeError and writes nothing`, () => {
    const writer = new TlsWriter(0);
    assert.throws(() => writer.uint(value, width), RangeError);
    assert.equal(writer.finish().length, 0);
  });
}

test("TlsWriter.vector() of bytes too long for their prefix is a RangeError", () => {
  assert.throws(() => new TlsWriter().vector(new Uint8Array(256), 1), RangeError);
  assert.throws(() => new TlsWriter().vector(new Uint8Array(2 ** 16), 2), RangeError);
  assert.equal(new TlsWriter().vector(new Uint8Array(2 ** 16 - 1), 2).finish().length, 2 ** 16 + 1);
});

test("TlsWriter is finished once", () => {
  const writer = new TlsWriter();
  writer.uint(1, 1).finish();
  assert.throws(() => writer.finish(), AssertionError);
  assert.throws(() => writer.uint(1, 1), AssertionError);
});

test("property: compareBytes(), equalBytes(), bytesKey() and concatBytes() agree with Buffer", () => {
  const few = fc.uint8Array({ maxLength: 4, max: 3 });
  fc.assert(
    fc.property(few, few, (a, b) => {
      assert.equal(Math.sign(compareBytes(a, b)), Buffer.compare(a, b));
      assert.equal(equalBytes(a, b), Buffer.compare(a, b) === 0);
      assert.equal(bytesKey(a) === bytesKey(b), equalBytes(a, b));
      assert.deepEqual(concatBytes(a, b), new Uint8Array(Buffer.concat([a, b])));
    }),
  );
});

test("byteAt() beyond the end is a RangeError", () => {
  assert.equal(byteAt(Uint8Array.of(7), 0), 7);
  assert.throws(() => byteAt(Uint8Array.of(7), 1), RangeError);
  assert.throws(() => byteAt(Uint8Array.of(7), -1), RangeError);
});

test("parseJsonObject() reads fields by type and takes __proto__ as a field", () => {
  const body = parseJsonObject('{"__proto__":{"n":1},"n":2,"t":"x","b":"AQ==","l":[],"z":null}');
  assert.equal(body.uint("n"), 2);
  assert.equal(body.text("t"), "x");
  assert.deepEqual(body.bytes("b"), Uint8Array.of(1));
  assert.deepEqual(body.list("l"), []);
  assert.equal(body.object("__proto__").uint("n"), 1);
  assert.equal(body.has("z"), false);
  assert.equal(body.has("toString"), false);
  throwsMalformed(() => body.text("toString"), "MALFORMED_JSON");
});

for (const source of ["", "{", "[]", "null", "1", '"x"', "{}x", "{'a':1}"]) {
  test(`parseJsonObject() refuses ${JSON.stringify(source)}`, () => {
    throwsMalformed(() => parseJsonObject(source), "MALFORMED_JSON");
  });
}

for (const value of ["-1", "0.5", "9007199254740992", '"1"', "null", "1e400", "true"]) {
  test(`JsonObject.uint() refuses ${value}`, () => {
    throwsMalformed(() => parseJsonObject(`{"n":${value}}`).uint("n"), "MALFORMED_JSON");
  });
}
