import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MalformedError } from "../../src/base/errors.ts";
import { parseCsv } from "../../src/encoding/csv.ts";

test("parseCsv() takes quotes, doubled quotes, commas and line ends within quotes", () => {
  const text = '\ufeffa,"b,c","say ""x"""\r\n"line 1\nline 2",,\n\nlast,"",z';
  assert.deepEqual(parseCsv(text), [
    ["a", "b,c", 'say "x"'],
    ["line 1\nline 2", "", ""],
    ["last", "", "z"],
  ]);
});

test("parseCsv() of nothing is no row, and a last comma is an empty field", () => {
  assert.deepEqual(parseCsv(""), []);
  assert.deepEqual(parseCsv("\n\r\n"), []);
  assert.deepEqual(parseCsv("a,"), [["a", ""]]);
  assert.deepEqual(parseCsv('"a",\n"b"'), [["a", ""], ["b"]]);
});

for (const [title, text] of [
  ["a quote that is not closed", 'a,"b'],
  ["a quote within a field", 'a"b,c'],
  ["text after a closing quote", '"a"b,c'],
] as const) {
  test(`parseCsv() refuses ${title}`, () => {
    assert.throws(
      () => parseCsv(text),
      (error) => error instanceof MalformedError && error.code === "MALFORMED_CSV",
    );
  });
}

test("property: parseCsv() reads what was quoted", () => {
  const row = fc.array(fc.string({ unit: "binary" }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(fc.array(row, { maxLength: 8 }), fc.constantFrom("\n", "\r\n"), (rows, end) => {
      const quoted = (field: string): string => `"${field.replaceAll('"', '""')}"`;
      const text = rows.map((fields) => fields.map(quoted).join(",") + end).join("");
      // A line of one empty field is an empty line in meaning.
      const kept = rows.filter((fields) => fields.length > 1 || fields[0] !== "");
      assert.deepEqual(parseCsv(text), kept);
    }),
  );
});

test("property: parseCsv() of arbitrary text throws only MalformedError", () => {
  const unit = fc.constantFrom('"', ",", "\n", "\r", "a");
  fc.assert(
    fc.property(fc.string({ unit }), (text) => {
      try {
        parseCsv(text);
      } catch (error) {
        assert(error instanceof MalformedError);
      }
    }),
  );
});
