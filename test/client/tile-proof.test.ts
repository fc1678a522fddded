/**
 * Proofs from tiles against RFC 6962's recursion, and over HTTP against the other API.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { HttpRfc6962Source } from "../../src/client/rfc6962.ts";
import { HttpStaticSource } from "../../src/client/static-ct.ts";
import {
  proveConsistencyFromTiles,
  proveInclusionFromTiles,
  type ReadTile,
  rootFromTiles,
} from "../../src/client/tile-proof.ts";
import { ReferenceTree, referenceLeafHash } from "../reference/merkle.ts";
import { NaiveLog, referenceTile } from "../support/naive-log.ts";
import { sha256 } from "../support/sha256.ts";

const LEAVES = Array.from({ length: 70_000 }, (_, index) =>
  referenceLeafHash(Uint8Array.of(index % 256, Math.floor(index / 256) % 256, index / 65_536)),
);

const TREE = new ReferenceTree(LEAVES);

/** Tiles of a tree; refuses a width that the tree of `treeSize` does not have. */
function tilesOf(treeSize: number): ReadTile {
  return async (level, index, width) => {
    const inTree = Math.floor(treeSize / 256 ** level) - 256 * index;
    assert.equal(width, Math.min(256, inTree), `width of tile ${level}/${index}`);
    return referenceTile(TREE, level, index, width);
  };
}

test("proveInclusionFromTiles() is RFC 6962's PATH for every leaf of all sizes to 70", async () => {
  for (let treeSize = 1; treeSize <= 70; treeSize += 1) {
    const tree = { sha256, readTile: tilesOf(treeSize), treeSize };
    for (let index = 0; index < treeSize; index += 1) {
      const path = await proveInclusionFromTiles(tree, index);
      assert.deepEqual(path, TREE.path(index, 0, treeSize), `${index}/${treeSize}`);
    }
  }
});

test("proveConsistencyFromTiles() is RFC 6962's PROOF for all pairs of sizes to 70", async () => {
  for (let treeSize = 0; treeSize <= 70; treeSize += 1) {
    const tree = { sha256, readTile: tilesOf(treeSize), treeSize };
    for (let first = 0; first <= treeSize; first += 1) {
      const proof = await proveConsistencyFromTiles(tree, first);
      const expected = TREE.proof(first, treeSize);
      assert.deepEqual(proof, expected, `${first}..${treeSize}`);
    }
  }
});

test("rootFromTiles() is RFC 6962's MTH for all sizes to 70 and about full tiles", async () => {
  const sizes = Array.from({ length: 71 }, (_, size) => size);
  for (const treeSize of [...sizes, 255, 256, 257, 511, 512, 513, 1_023, 1_024]) {
    const root = await rootFromTiles({ sha256, readTile: tilesOf(treeSize), treeSize });
    assert.deepEqual(root, TREE.root(0, treeSize), `size ${treeSize}`);
  }
});

test("property: proofs from tiles of random trees to 2,000 leaves are RFC 6962's", async () => {
  const sizes = fc.integer({ min: 1, max: 2_000 });
  await fc.assert(
    fc.asyncProperty(sizes, fc.nat(), fc.nat(), async (treeSize, anyIndex, anyFirst) => {
      const tree = { sha256, readTile: tilesOf(treeSize), treeSize };
      const index = anyIndex % treeSize;
      const first = anyFirst % (treeSize + 1);
      assert.deepEqual(await proveInclusionFromTiles(tree, index), TREE.path(index, 0, treeSize));
      const consistency = await proveConsistencyFromTiles(tree, first);
      assert.deepEqual(consistency, TREE.proof(first, treeSize));
    }),
    { numRuns: 15 },
  );
});

test("proveInclusionFromTiles() reads each tile once, of level 2 too", async () => {
  const asked: string[] = [];
  const treeSize = 65_536 + 300;
  const readTile: ReadTile = async (level, index, width) => {
    asked.push(`${level}/${index}`);
    return referenceTile(TREE, level, index, width);
  };
  const tilesAsked: Readonly<Record<number, readonly string[]>> = {
    70: ["0/0", "0/257", "1/0", "1/1"],
    65600: ["0/256", "0/257", "2/0"],
  };
  for (const [index, tiles] of Object.entries(tilesAsked)) {
    asked.length = 0;
    const path = await proveInclusionFromTiles({ sha256, readTile, treeSize }, Number(index));
    assert.deepEqual(path, TREE.path(Number(index), 0, treeSize));
    assert.deepEqual(asked.toSorted(), tiles, `tiles for leaf ${index}`);
  }
});

test("proveInclusionFromTiles() refuses a tile of another length", async () => {
  const readTile: ReadTile = async (level, index, width) =>
    referenceTile(TREE, level, index, width - 1);
  await assert.rejects(proveInclusionFromTiles({ sha256, readTile, treeSize: 9 }, 3), {
    code: "MALFORMED_PROOF",
  });
});

test("HttpStaticSource answers what HttpRfc6962Source answers, for sizes across tiles", async () => {
  await using log = await NaiveLog.start(600);
  const { url, origin, logId } = log;
  const rfc6962 = new HttpRfc6962Source({ url });
  const staticCt = new HttpStaticSource({ url, origin, logId, sha256 });
  assert.deepEqual(await staticCt.head(), await rfc6962.head());
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 600 }), fc.nat(), async (treeSize, any) => {
      const index = any % treeSize;
      const ours = await staticCt.entryAndProof(index, treeSize);
      assert.deepEqual(ours, await rfc6962.entryAndProof(index, treeSize));
      const proof = await staticCt.consistency(index, treeSize);
      assert.deepEqual(proof, await rfc6962.consistency(index, treeSize));
      assert.deepEqual(await staticCt.rootFromTiles(treeSize), log.rootOf(treeSize));
    }),
    {
      numRuns: 10,
      examples: [
        [600, 599],
        [256, 255],
        [257, 256],
        [512, 0],
        [1, 0],
      ],
    },
  );
});
