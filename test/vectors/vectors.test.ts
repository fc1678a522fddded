import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { MalformedCode } from "../../src/base/errors.ts";
import { formatHex, parseHex } from "../../src/encoding/hex.ts";
import {
  BYTE_CODECS,
  type Codec,
  roundTripLeafIndex,
  TEXT_CODECS,
  toPlain,
} from "../support/codecs.ts";
import { throwsMalformed } from "../support/malformed.ts";
import type { Vector, VectorFile } from "./builder.ts";
import { formatVectorFile, VECTOR_FILES, vectorPath } from "./generate.ts";

function check<Input>(codec: Codec<Input>, input: Input, vector: Vector): void {
  if (vector.expect !== "success") {
    throwsMalformed(() => codec.decode(input), vector.expect as MalformedCode, vector.name);
    return;
  }
  assert.deepEqual(toPlain(codec.decode(input)), vector.value);
  if (codec.roundTrip !== undefined) assert.deepEqual(codec.roundTrip(input), input);
}

for (const [name, generated] of Object.entries(VECTOR_FILES)) {
  const text = readFileSync(vectorPath(name), "utf8");
  const { source, vectors } = JSON.parse(text) as VectorFile;

  test(`vectors ${name}: the file is what generate.ts writes`, () => {
    assert.equal(text, formatVectorFile(generated));
    assert.notEqual(source, "");
  });

  test(`vectors ${name}: more are refused than accepted, each name once`, () => {
    const accepted = vectors.filter((vector) => vector.expect === "success");
    assert.ok(accepted.length > 0 && 2 * accepted.length < vectors.length);
    assert.equal(new Set(vectors.map((vector) => vector.name)).size, vectors.length);
  });

  for (const vector of vectors) {
    test(`vectors ${name}: ${vector.name} is ${vector.expect}`, () => {
      if (vector.bytes !== undefined) check(BYTE_CODECS[name]!, parseHex(vector.bytes), vector);
      else check(TEXT_CODECS[name]!, vector.text!, vector);
    });
  }
}

test("every reader of bytes has vectors", () => {
  for (const name of Object.keys(BYTE_CODECS)) assert.ok(name in VECTOR_FILES, name);
});

test("encodeLeafIndexExtension() writes the extension that stands alone", () => {
  for (const hex of ["0000050000000000", "0000050000000005", "000005ffffffffff"]) {
    assert.equal(formatHex(roundTripLeafIndex(parseHex(hex))), hex);
  }
});
