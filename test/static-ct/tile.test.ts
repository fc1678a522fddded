import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { concatBytes } from "../../src/encoding/bytes.ts";
import { encodeExtraData, encodeTimestampedEntry } from "../../src/rfc6962/entry.ts";
import {
  decodeLeafIndexExtension,
  encodeLeafIndexExtension,
} from "../../src/static-ct/extensions.ts";
import {
  decodeDataTile,
  decodeTileLeaf,
  encodeTileLeaf,
  splitTileLeaf,
  type TileLeaf,
} from "../../src/static-ct/tile-leaf.ts";
import { formatTilePath, parseTilePath, type TilePath } from "../../src/static-ct/tile-path.ts";
import { record, tileLeaf } from "../support/arbitrary.ts";
import { throwsMalformed } from "../support/malformed.ts";

const LEAF: TileLeaf = {
  timestampMs: 1,
  entry: { type: "x509", certificate: Uint8Array.of(1) },
  extensions: encodeLeafIndexExtension(0),
  precertificate: undefined,
  chainFingerprints: [new Uint8Array(32)],
};

test("property: decodeTileLeaf() reads what encodeTileLeaf() writes, and nothing shorter", () => {
  fc.assert(
    fc.property(tileLeaf, fc.double({ min: 0, max: 1, maxExcluded: true }), (leaf, at) => {
      const bytes = encodeTileLeaf(leaf);
      assert.deepEqual(decodeTileLeaf(bytes), leaf);
      const cut = bytes.subarray(0, Math.floor((at || 0) * bytes.length));
      throwsMalformed(() => decodeTileLeaf(cut), "MALFORMED_TLS");
    }),
  );
});

test("property: splitTileLeaf() cuts where the encoders put the parts together", () => {
  fc.assert(
    fc.property(tileLeaf, (leaf) => {
      const { timestampedEntry, precertificate, fingerprints } = splitTileLeaf(
        encodeTileLeaf(leaf),
      );
      assert.deepEqual(timestampedEntry, encodeTimestampedEntry(leaf));
      assert.deepEqual(fingerprints, concatBytes(...leaf.chainFingerprints));
      const chain = [Uint8Array.of(7)];
      const extraData = concatBytes(precertificate, encodeExtraData(undefined, chain));
      assert.deepEqual(extraData, encodeExtraData(leaf.precertificate, chain));
    }),
  );
});

test("property: splitTileLeaf() refuses what decodeTileLeaf() refuses, and nothing else", () => {
  const outcome = (read: (bytes: Uint8Array) => unknown, bytes: Uint8Array): string => {
    try {
      read(bytes);
      return "read";
    } catch (error) {
      return String(error);
    }
  };
  const damage = fc.tuple(fc.nat(), fc.nat(255), fc.nat(3));
  fc.assert(
    fc.property(tileLeaf, damage, (leaf, [at, byte, cut]) => {
      const whole = encodeTileLeaf(leaf);
      const bytes = whole.slice(0, whole.length - cut);
      bytes[at % bytes.length] = byte;
      assert.equal(outcome(splitTileLeaf, bytes), outcome(decodeTileLeaf, bytes));
    }),
    { numRuns: 2_000 },
  );
});

test("property: decodeDataTile() reads entries that stand one after the other", () => {
  fc.assert(
    fc.property(fc.array(tileLeaf, { maxLength: 6 }), (leaves) => {
      assert.deepEqual(
        decodeDataTile(concatBytes(...leaves.map((leaf) => encodeTileLeaf(leaf)))),
        leaves,
      );
    }),
  );
});

const PRECERT = {
  type: "precert" as const,
  issuerKeyHash: new Uint8Array(32),
  tbs: Uint8Array.of(1),
};

for (const [name, leaf] of Object.entries<TileLeaf>({
  "a precertificate in an X.509 entry": { ...LEAF, precertificate: Uint8Array.of(1) },
  "a precertificate entry without one": { ...LEAF, entry: PRECERT },
  "an empty precertificate": { ...LEAF, entry: PRECERT, precertificate: new Uint8Array(0) },
  "a fingerprint of 31 bytes": { ...LEAF, chainFingerprints: [new Uint8Array(31)] },
  "2,048 fingerprints": {
    ...LEAF,
    chainFingerprints: Array.from({ length: 2048 }, () => new Uint8Array(32)),
  },
})) {
  test(`encodeTileLeaf() refuses ${name} with a RangeError`, () => {
    assert.throws(() => encodeTileLeaf(leaf), RangeError);
  });
}

test("encodeTileLeaf() takes 2,047 fingerprints", () => {
  const chainFingerprints = Array.from({ length: 2047 }, () => new Uint8Array(32));
  const leaf = { ...LEAF, chainFingerprints };
  assert.deepEqual(decodeTileLeaf(encodeTileLeaf(leaf)), leaf);
});

test("property: decodeLeafIndexExtension() reads what encodeLeafIndexExtension() writes", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 40 - 1 }), (leafIndex) => {
      const bytes = encodeLeafIndexExtension(leafIndex);
      assert.equal(bytes.length, 8);
      assert.equal(decodeLeafIndexExtension(bytes), leafIndex);
    }),
  );
});

for (const leafIndex of [-1, 0.5, 2 ** 40, 2 ** 53, Number.NaN]) {
  test(`encodeLeafIndexExtension(${leafIndex}) is a RangeError`, () => {
    assert.throws(() => encodeLeafIndexExtension(leafIndex), RangeError);
  });
}

const tilePath: fc.Arbitrary<TilePath> = record({
  level: fc.constantFrom(0, 1, 2, 3, 4, 5, "data" as const),
  index: fc.oneof(fc.nat({ max: 5000 }), fc.integer({ min: 0, max: 2 ** 32 - 1 })),
  width: fc.integer({ min: 1, max: 256 }),
});

test("property: parseTilePath() reads what formatTilePath() writes", () => {
  fc.assert(
    fc.property(tilePath, (tile) => {
      assert.deepEqual(parseTilePath(formatTilePath(tile)), tile);
    }),
  );
});

test("property: parseTilePath() takes one spelling of each tile", () => {
  const edit = fc.tuple(fc.nat(), fc.nat({ max: 2 }), fc.constantFrom(..."0123x/.p-a%"));
  fc.assert(
    fc.property(tilePath, edit, (tile, [at, cut, character]) => {
      const path = formatTilePath(tile);
      const index = at % path.length;
      const other = path.slice(0, index) + character + path.slice(index + cut);
      try {
        assert.equal(formatTilePath(parseTilePath(other)), other);
      } catch (thrown) {
        throwsMalformed(() => parseTilePath(other), "MALFORMED_TILE_PATH", String(thrown));
      }
    }),
    { numRuns: 2000 },
  );
});

for (const tile of [
  { level: 6, index: 0, width: 256 },
  { level: 0.5, index: 0, width: 256 },
  { level: -1, index: 0, width: 256 },
  { level: 0, index: -1, width: 256 },
  { level: 0, index: 2 ** 32, width: 256 },
  { level: 0, index: 0.5, width: 256 },
  { level: 0, index: 0, width: 0 },
  { level: 0, index: 0, width: 257 },
  { level: 0, index: 0, width: 1.5 },
]) {
  test(`formatTilePath() of ${JSON.stringify(tile)} is a RangeError`, () => {
    assert.throws(() => formatTilePath(tile), RangeError);
  });
}
