import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { AssertionError } from "../../src/base/assert.ts";
import { concatBytes } from "../../src/encoding/bytes.ts";
import { hashLeaf } from "../../src/merkle/hash.ts";
import { planInclusion } from "../../src/merkle/proof.ts";
import {
  completeTile,
  foldComplete,
  hashOfSpan,
  rootOfTile,
  spanOfNode,
  TILE_WIDTH,
  tileWidth,
} from "../../src/merkle/tile.ts";
import { ReferenceTree } from "../reference/merkle.ts";
import { sha256 } from "../support/sha256.ts";
import { TestTree, testLeaf } from "../support/tree.ts";

const SIZE = 70_000;

/** 70,000 leaves: two levels of full tiles and a third that begins. */
function bigTree(): TestTree {
  const tree = new TestTree();
  tree.append(Array.from({ length: SIZE }, (_, index) => hashLeaf(sha256, testLeaf(index))));
  return tree;
}

/** The first `width` hashes of a tile, read off the tree's levels. */
function tileOf(tree: TestTree, level: number, index: number): readonly Uint8Array[] {
  const width = tileWidth(level, index, tree.frontier.size);
  return tree.levels[8 * level]!.slice(index * TILE_WIDTH, index * TILE_WIDTH + width);
}

test("spanOfNode() and foldComplete() give the hash of every kind of node from tiles", () => {
  const tree = bigTree();
  for (const [level, hashes] of tree.levels.entries()) {
    const step = Math.max(1, Math.floor(hashes.length / 200));
    for (let index = 0; index < hashes.length; index += step) {
      const span = spanOfNode({ level, index });
      const tile = tileOf(tree, span.level, span.index);
      assert.ok(span.start + span.count <= tile.length, `node ${level}, ${index}`);
      const folded = foldComplete(sha256, tile.slice(span.start, span.start + span.count));
      assert.deepEqual(folded, hashes[index], `node ${level}, ${index}`);
    }
  }
});

test("foldComplete() agrees with MTH for every power of two up to 256", () => {
  const hashes = Array.from({ length: 256 }, (_, index) => hashLeaf(sha256, testLeaf(index)));
  const reference = new ReferenceTree(hashes);
  for (let count = 1; count <= 256; count *= 2) {
    assert.deepEqual(foldComplete(sha256, hashes.slice(0, count)), reference.root(0, count));
  }
});

test("foldComplete() refuses a number of hashes that is no power of two", () => {
  const hash = new Uint8Array(32);
  for (const count of [0, 3, 5, 6, 7, 12, 255]) {
    const hashes = Array.from({ length: count }, () => hash);
    assert.throws(() => foldComplete(sha256, hashes), AssertionError, `${count}`);
  }
});

test("tileWidth() counts the hashes of each tile", () => {
  const cases: readonly (readonly [number, number, number, number])[] = [
    [0, 0, 0, 0],
    [0, 0, 1, 1],
    [0, 0, 255, 255],
    [0, 0, 256, 256],
    [0, 0, 257, 256],
    [0, 1, 256, 0],
    [0, 1, 257, 1],
    [0, 5, 257, 0],
    [1, 0, 255, 0],
    [1, 0, 256, 1],
    [1, 0, 511, 1],
    [1, 0, 65_535, 255],
    [1, 0, 65_536, 256],
    [2, 0, 65_535, 0],
    [2, 0, 65_536, 1],
    [0, 2 ** 32 - 1, 2 ** 40, 256],
    [0, 2 ** 32 - 1, 2 ** 40 - 1, 255],
    [4, 0, 2 ** 40 - 1, 255],
    [4, 0, 2 ** 40, 256],
    [5, 0, 2 ** 40 - 1, 0],
    [5, 0, 2 ** 40, 1],
  ];
  for (const [level, index, size, width] of cases) {
    assert.equal(tileWidth(level, index, size), width, `tile ${level}, ${index} of ${size}`);
  }
});

test("property: spanOfNode() of every node of a proof lies within a tile of the tree", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 40 }), fc.double({ min: 0, max: 1 }), (size, at) => {
      fc.pre(!Number.isNaN(at));
      const leafIndex = Math.min(size - 1, Math.floor(at * size));
      for (const node of planInclusion(leafIndex, size).nodes) {
        const span = spanOfNode(node);
        assert.ok(span.count >= 1 && span.count <= 128);
        assert.ok(span.start >= 0 && span.start % span.count === 0);
        assert.ok(span.start + span.count <= tileWidth(span.level, span.index, size));
        const first = BigInt(span.index) * 256n + BigInt(span.start);
        const leaf = first * 256n ** BigInt(span.level);
        assert.equal(leaf, BigInt(node.index) * 2n ** BigInt(node.level));
      }
    }),
    { numRuns: 300 },
  );
});

test("completeTile() holds the hash of every node within a tile, where hashOfSpan() looks", () => {
  const hashes = Array.from({ length: 256 }, (_, index) => hashLeaf(sha256, testLeaf(index)));
  const reference = new ReferenceTree(hashes);
  const tile = completeTile(sha256, concatBytes(...hashes));
  for (let count = 1; count <= 128; count *= 2) {
    for (let start = 0; start < 256; start += count) {
      const expected = reference.root(start, start + count);
      assert.deepEqual(hashOfSpan(tile, { start, count }), expected, `${start}, ${count}`);
    }
  }
  assert.deepEqual(rootOfTile(tile), reference.root(0, 256));
  assert.throws(() => completeTile(sha256, new Uint8Array(255 * 32)), AssertionError);
});
