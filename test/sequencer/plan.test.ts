import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { concatBytes } from "../../src/encoding/bytes.ts";
import { EMPTY_FRONTIER } from "../../src/merkle/frontier.ts";
import { encodeMerkleTreeLeaf } from "../../src/rfc6962/entry.ts";
import { planGroup, type Tree } from "../../src/sequencer/plan.ts";
import { decodeLeafIndexExtension } from "../../src/static-ct/extensions.ts";
import { decodeTileLeaf } from "../../src/static-ct/tile-leaf.ts";
import { requireShape } from "../../src/storage/shape.ts";
import { ReferenceTree, referenceLeafHash } from "../reference/merkle.ts";
import { makeSubmission } from "../support/engine.ts";
import { sha256 } from "../support/sha256.ts";

const EMPTY: Tree = { head: undefined, frontier: EMPTY_FRONTIER };
const all = (): boolean => true;

describe("planGroup()", () => {
  test("of groups of every size gives the RFC's roots, consecutive indexes and one timestamp", () => {
    let tree = EMPTY;
    const leaves: Uint8Array[] = [];
    let next = 0;
    for (const [turn, count] of [0, 1, 0, 2, 5, 1, 8, 33, 256, 3].entries()) {
      const submissions = Array.from({ length: count }, () => makeSubmission(next++));
      const timestampMs = 1_000 + turn;
      const { commit, tree: after } = planGroup(sha256, tree, timestampMs, submissions, all);
      requireShape(commit);
      assert.equal(commit.expected, tree.head);
      for (const [position, bytes] of commit.entries.entries()) {
        const leaf = decodeTileLeaf(bytes);
        assert.equal(decodeLeafIndexExtension(leaf.extensions), leaves.length);
        assert.equal(leaf.timestampMs, timestampMs);
        const { entry, precertificate, chainFingerprints } = submissions[position]!;
        assert.deepEqual(leaf.entry, entry);
        assert.deepEqual(leaf.precertificate, precertificate);
        assert.deepEqual(leaf.chainFingerprints, chainFingerprints);
        leaves.push(encodeMerkleTreeLeaf(leaf));
      }
      const root = new ReferenceTree(leaves.map(referenceLeafHash)).root(0, leaves.length);
      assert.deepEqual(new Uint8Array(root), commit.head.rootHash);
      assert.deepEqual(commit.head, {
        treeSize: leaves.length,
        timestampMs,
        rootHash: commit.head.rootHash,
      });
      assert.deepEqual(commit.entriesSha256, sha256(concatBytes(...commit.entries)));
      assert.deepEqual(
        commit.timestampsMs,
        submissions.map(() => timestampMs),
      );
      tree = after;
    }
  });

  test("of no entries makes a newer head of the same root", () => {
    const first = planGroup(sha256, EMPTY, 5, [makeSubmission(1)], all);
    const idle = planGroup(sha256, first.tree, 6, [], all);
    assert.deepEqual(idle.tree.head, { ...first.tree.head, timestampMs: 6 });
    assert.deepEqual(idle.commit.entriesSha256, sha256(new Uint8Array(0)));
    assert.deepEqual(idle.commit.runs, []);
  });

  test("names each issuer once, and only those that the store may lack", () => {
    const submissions = [0, 1, 2, 3].map((index) => makeSubmission(index));
    assert.equal(planGroup(sha256, EMPTY, 5, submissions, all).commit.issuers.length, 2);
    const known = makeSubmission(0).issuers[0]!.fingerprint;
    const { issuers } = planGroup(
      sha256,
      EMPTY,
      5,
      submissions,
      ({ fingerprint }) => Buffer.compare(fingerprint, known) !== 0,
    ).commit;
    assert.deepEqual(issuers, [makeSubmission(0).issuers[1]]);
  });

  test("leaves the tree that it was given as it is", () => {
    const { tree } = planGroup(
      sha256,
      EMPTY,
      5,
      [0, 1, 2].map((index) => makeSubmission(index)),
      all,
    );
    const before = structuredClone(tree);
    const one = planGroup(sha256, tree, 6, [makeSubmission(3)], all);
    assert.deepEqual(tree, before);
    assert.deepEqual(planGroup(sha256, tree, 6, [makeSubmission(3)], all), one);
  });

  test("refuses a timestamp that is not newer, and a frontier of another head", () => {
    const { tree } = planGroup(sha256, EMPTY, 5, [makeSubmission(1)], all);
    const bug = { name: "AssertionError" };
    assert.throws(() => planGroup(sha256, tree, 5, [], all), bug);
    assert.throws(() => planGroup(sha256, tree, 4, [], all), bug);
    const torn = { head: tree.head, frontier: EMPTY_FRONTIER };
    assert.throws(() => planGroup(sha256, torn, 6, [], all), bug);
    const full = { ...tree.head, treeSize: 2 ** 40 - 1 };
    const frontier = { size: 2 ** 40 - 1, hashes: Array(40).fill(new Uint8Array(32)) };
    assert.throws(
      () => planGroup(sha256, { head: full, frontier }, 6, [makeSubmission(2)], all),
      bug,
    );
  });
});
