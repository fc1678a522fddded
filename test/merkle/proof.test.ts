import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { AssertionError } from "../../src/base/assert.ts";
import { hashLeaf } from "../../src/merkle/hash.ts";
import { assembleProof, planConsistency, planInclusion, planRoot } from "../../src/merkle/proof.ts";
import { ReferenceTree, referenceLeafHash } from "../reference/merkle.ts";
import { sha256 } from "../support/sha256.ts";
import { TestTree, testLeaf } from "../support/tree.ts";

const SIZE_MAX = 130;
const LEAVES = Array.from({ length: 600 }, (_, index) => testLeaf(index));
const LEAF_HASHES = LEAVES.map((leaf) => hashLeaf(sha256, leaf));
const REFERENCE = new ReferenceTree(LEAVES.map(referenceLeafHash));
const TREE = new TestTree();
TREE.append(LEAF_HASHES);

test("planRoot() agrees with MTH for all sizes <= 130", () => {
  assert.deepEqual(TREE.prove(planRoot(0)), []);
  for (let size = 1; size <= SIZE_MAX; size += 1) {
    assert.deepEqual(TREE.prove(planRoot(size)), [REFERENCE.root(0, size)], `size ${size}`);
  }
});

test("planInclusion() agrees with PATH for all sizes <= 130 and all indices", () => {
  for (let size = 1; size <= SIZE_MAX; size += 1) {
    for (let index = 0; index < size; index += 1) {
      const proof = TREE.prove(planInclusion(index, size));
      assert.deepEqual(proof, REFERENCE.path(index, 0, size), `leaf ${index} of ${size}`);
    }
  }
});

test("planConsistency() agrees with PROOF for all pairs of sizes <= 130", () => {
  for (let second = 0; second <= SIZE_MAX; second += 1) {
    for (let first = 0; first <= second; first += 1) {
      const proof = TREE.prove(planConsistency(first, second));
      assert.deepEqual(proof, REFERENCE.proof(first, second), `${first} to ${second}`);
    }
  }
});

test("planInclusion() of a one-leaf tree is empty", () => {
  assert.deepEqual(planInclusion(0, 1), { nodes: [], counts: [] });
});

test("planInclusion() asks only for subtrees within the tree", () => {
  for (let size = 1; size <= SIZE_MAX; size += 1) {
    for (let index = 0; index < size; index += 1) {
      for (const node of planInclusion(index, size).nodes) {
        assert.ok((node.index + 1) * 2 ** node.level <= size, `leaf ${index} of ${size}`);
      }
    }
  }
});

for (const [leafIndex, treeSize] of [
  [0, 0],
  [1, 1],
  [-1, 5],
  [5, 5],
  [0.5, 5],
  [Number.NaN, 5],
  [0, Number.NaN],
  [0, 2.5],
  [0, Number.POSITIVE_INFINITY],
  [0, 2 ** 53],
] as const) {
  test(`planInclusion() of leaf ${leafIndex} in size ${treeSize} is a RangeError`, () => {
    assert.throws(() => planInclusion(leafIndex, treeSize), RangeError);
  });
}

for (const [first, second] of [
  [1, 0],
  [-1, 5],
  [6, 5],
  [0.5, 5],
  [Number.NaN, 5],
  [1, 2.5],
  [1, Number.POSITIVE_INFINITY],
] as const) {
  test(`planConsistency() from ${first} to ${second} is a RangeError`, () => {
    assert.throws(() => planConsistency(first, second), RangeError);
  });
}

test("assembleProof() refuses a wrong number of hashes", () => {
  const plan = planInclusion(0, 3);
  assert.throws(() => assembleProof(sha256, plan, []), AssertionError);
  const three = LEAF_HASHES.slice(0, 3);
  assert.throws(() => assembleProof(sha256, plan, three), AssertionError);
});

test("one SHA-256 over roots and proofs of all sizes <= 600 is the golden one", () => {
  const ours = createHash("sha256");
  const theirs = createHash("sha256");
  for (let size = 1; size <= LEAVES.length; size += 1) {
    ours.update(TREE.prove(planRoot(size))[0]!);
    theirs.update(REFERENCE.root(0, size));
    for (let at = size % 7; at < size; at += 7) {
      for (const hash of TREE.prove(planInclusion(at, size))) ours.update(hash);
      for (const hash of TREE.prove(planConsistency(at, size))) ours.update(hash);
      for (const hash of REFERENCE.path(at, 0, size)) theirs.update(hash);
      for (const hash of REFERENCE.proof(at, size)) theirs.update(hash);
    }
  }
  const golden = ours.digest("hex");
  assert.equal(golden, theirs.digest("hex"));
  assert.equal(golden, "3e6bb729368fcf9beb3f6e3c2a852997b0996808ba0003040f52ef2e7ddfacfd");
});
