import assert from "node:assert/strict";
import { test } from "node:test";
import { countOf, pluralOf } from "../../src/base/plural.ts";

test("countOf() has one of a thing, and several of it", () => {
  const nouns = ["entry", "certificate", "whole pass", "embedded SCT", "byte", "day", "box", "key"];
  const many = nouns.map((noun) => pluralOf(2, noun));
  assert.deepEqual(many, [
    "entries",
    "certificates",
    "whole passes",
    "embedded SCTs",
    "bytes",
    "days",
    "boxes",
    "keys",
  ]);
  for (const noun of nouns) assert.equal(countOf(1, noun), `1 ${noun}`);
  assert.equal(countOf(0, "entry"), "0 entries");
  assert.equal(
    countOf(12_345, "entry", (count) => count.toLocaleString("en")),
    "12,345 entries",
  );
});
