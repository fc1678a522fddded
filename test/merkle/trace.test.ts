import assert from "node:assert/strict";
import { test } from "node:test";
import { traceInclusion } from "../../src/merkle/trace.ts";
import { ReferenceTree, referenceLeafHash } from "../reference/merkle.ts";
import { throwsMalformed } from "../support/malformed.ts";
import { sha256 } from "../support/sha256.ts";

const leafHashes = Array.from({ length: 70 }, (_, index) =>
  referenceLeafHash(Uint8Array.of(index)),
);
const tree = new ReferenceTree(leafHashes);

test("traceInclusion() names each subtree and its hash, for all leaves of trees to 70", () => {
  for (let treeSize = 1; treeSize <= 70; treeSize += 1) {
    for (let leafIndex = 0; leafIndex < treeSize; leafIndex += 1) {
      const leafHash = tree.root(leafIndex, leafIndex + 1);
      const path = tree.path(leafIndex, 0, treeSize);
      const trace = traceInclusion(sha256, { leafIndex, treeSize, leafHash, path });
      assert.equal(trace.length, path.length);
      for (const { range, siblingRange, siblingHash, side, hash } of trace) {
        assert.deepEqual(hash, tree.root(range.start, range.end));
        assert.deepEqual(siblingHash, tree.root(siblingRange.start, siblingRange.end));
        assert.equal(side, siblingRange.start > leafIndex ? "right" : "left");
      }
      if (treeSize > 1) assert.deepEqual(trace.at(-1)?.range, { start: 0, end: treeSize });
    }
  }
});

test("traceInclusion() of a wrong sibling hash ends in another root", () => {
  const leafHash = tree.root(5, 6);
  const path = tree.path(5, 0, 70).map((hash, level) => (level === 2 ? sha256(hash) : hash));
  const trace = traceInclusion(sha256, { leafIndex: 5, treeSize: 70, leafHash, path });
  assert.deepEqual(trace[1]?.hash, tree.root(4, 8));
  assert.notDeepEqual(trace.at(-1)?.hash, tree.root(0, 70));
});

test("traceInclusion() refuses a path of another length, no leaf, and hashes of other lengths", () => {
  const path = tree.path(5, 0, 70);
  const claim = { leafIndex: 5, treeSize: 70, leafHash: tree.root(5, 6), path };
  for (const wrong of [
    { ...claim, path: path.slice(1) },
    { ...claim, path: [...path, path[0] ?? new Uint8Array(32)] },
    { ...claim, leafIndex: 70 },
    { ...claim, leafIndex: -1 },
    { ...claim, leafIndex: 0.5 },
    { ...claim, path: path.map((hash) => hash.subarray(1)) },
  ]) {
    throwsMalformed(() => traceInclusion(sha256, wrong), "MALFORMED_PROOF");
  }
});
