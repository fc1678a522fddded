import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { AssertionError } from "../../src/base/assert.ts";
import {
  appendLeaves,
  EMPTY_FRONTIER,
  type Frontier,
  frontierNodes,
  frontierRoot,
} from "../../src/merkle/frontier.ts";
import { emptyRoot, hashLeaf } from "../../src/merkle/hash.ts";
import { sha256 as noble } from "../../src/merkle/noble.ts";
import { ReferenceTree } from "../reference/merkle.ts";
import { sha256 } from "../support/sha256.ts";
import { TestTree, testLeaf } from "../support/tree.ts";

const LEAF_HASHES = Array.from({ length: 600 }, (_, index) => hashLeaf(sha256, testLeaf(index)));
const REFERENCE = new ReferenceTree(LEAF_HASHES);

test("frontierRoot() agrees with MTH at each of 600 sizes, one leaf at a time", () => {
  let frontier: Frontier = EMPTY_FRONTIER;
  assert.deepEqual(frontierRoot(sha256, frontier), emptyRoot(sha256));
  for (let size = 1; size <= LEAF_HASHES.length; size += 1) {
    frontier = appendLeaves(sha256, frontier, [LEAF_HASHES[size - 1]!]).frontier;
    assert.equal(frontier.size, size);
    assert.deepEqual(frontierRoot(sha256, frontier), REFERENCE.root(0, size), `size ${size}`);
  }
});

test("appendLeaves() yields each complete subtree once, with its hash", () => {
  const tree = new TestTree();
  for (const group of [1, 2, 3, 0, 250, 1, 300, 43]) {
    tree.append(LEAF_HASHES.slice(tree.frontier.size, tree.frontier.size + group));
  }
  assert.equal(tree.frontier.size, 600);
  for (const [level, hashes] of tree.levels.entries()) {
    assert.equal(hashes.length, Math.floor(600 / 2 ** level));
    for (const [index, hash] of hashes.entries()) {
      const start = index * 2 ** level;
      assert.deepEqual(hash, REFERENCE.root(start, start + 2 ** level), `${level}, ${index}`);
    }
  }
  assert.equal(tree.levels.length, 10);
});

test("frontierNodes() names the hashes of the frontier", () => {
  const tree = new TestTree();
  assert.deepEqual(frontierNodes(0), []);
  for (const leafHash of LEAF_HASHES) {
    tree.append([leafHash]);
    const { size, hashes } = tree.frontier;
    assert.deepEqual(
      frontierNodes(size).map((id) => tree.node(id)),
      hashes,
      `size ${size}`,
    );
  }
});

test("appendLeaves() of nothing changes nothing", () => {
  const { frontier } = appendLeaves(sha256, EMPTY_FRONTIER, LEAF_HASHES.slice(0, 7));
  assert.deepEqual(appendLeaves(sha256, frontier, []), { frontier, runs: [] });
});

test("appendLeaves() does not change the frontier it was given", () => {
  const { frontier } = appendLeaves(sha256, EMPTY_FRONTIER, LEAF_HASHES.slice(0, 7));
  const before = structuredClone(frontier);
  appendLeaves(sha256, frontier, LEAF_HASHES.slice(7, 20));
  assert.deepEqual(frontier, before);
});

test("appendLeaves() refuses a frontier whose hashes do not fit its size", () => {
  const { frontier } = appendLeaves(sha256, EMPTY_FRONTIER, LEAF_HASHES.slice(0, 7));
  for (const size of [6, 8, 0, 3]) {
    if (frontierNodes(size).length === frontier.hashes.length) continue;
    assert.throws(() => appendLeaves(sha256, { ...frontier, size }, []), AssertionError);
  }
});

test("property: appendLeaves() is associative", () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 60 }), { maxLength: 10 }), (groups) => {
      const parts = new TestTree();
      for (const group of groups) {
        parts.append(LEAF_HASHES.slice(parts.frontier.size, parts.frontier.size + group));
      }
      const whole = new TestTree();
      whole.append(LEAF_HASHES.slice(0, parts.frontier.size));
      assert.deepEqual(parts.frontier, whole.frontier);
      assert.deepEqual(parts.levels, whole.levels);
    }),
  );
});

for (const size of [2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32 + 5, 2 ** 40 - 3]) {
  test(`appendLeaves() to a tree of ${size} leaves numbers the new subtrees`, () => {
    const hashes = frontierNodes(size).map((_, index) => sha256(Uint8Array.of(index)));
    const { frontier, runs } = appendLeaves(sha256, { size, hashes }, LEAF_HASHES.slice(0, 3));
    assert.equal(frontier.size, size + 3);
    assert.equal(frontier.hashes.length, frontierNodes(size + 3).length);
    for (const run of runs) {
      const end = Math.floor((size + 3) / 2 ** run.level);
      assert.equal(run.start, Math.floor(size / 2 ** run.level), `level ${run.level}`);
      assert.equal(run.hashes.length, end - run.start, `level ${run.level}`);
    }
    const above = runs.length;
    assert.equal(Math.floor(size / 2 ** above), Math.floor((size + 3) / 2 ** above));
  });
}

test("property: sha256() for browsers equals Node's", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      assert.deepEqual(noble(bytes), sha256(bytes));
    }),
  );
});
