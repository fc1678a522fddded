import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FatalError } from "../../src/base/errors.ts";
import { frontierRoot } from "../../src/merkle/frontier.ts";
import { hashLeaf } from "../../src/merkle/hash.ts";
import { assembleProof, planConsistency } from "../../src/merkle/proof.ts";
import { encodeTreeHeadToSign, type TreeHead } from "../../src/rfc6962/tree-head.ts";
import { EcdsaKey } from "../../src/signer/ecdsa.ts";
import { GuardedSigner, RefusingSigner } from "../../src/signer/guard.ts";
import { ENGINE_KEY, MemoryGuard } from "../support/engine.ts";
import { makeKeyPem } from "../support/keys.ts";
import { sha256 } from "../support/sha256.ts";
import { TestTree, testLeaf } from "../support/tree.ts";

/** A tree of `size` leaves; those from `forkAt` on are others. */
function treeOf(size: number, forkAt: number = size): TestTree {
  const tree = new TestTree();
  for (let index = 0; index < size; index += 1) {
    tree.append([hashLeaf(sha256, testLeaf(index < forkAt ? index : index + 1_000_000))]);
  }
  return tree;
}

function headOf(tree: TestTree, timestampMs: number): TreeHead {
  const { frontier } = tree;
  return { treeSize: frontier.size, timestampMs, rootHash: frontierRoot(sha256, frontier) };
}

function proofOf(tree: TestTree, first: number): readonly Uint8Array[] {
  const plan = planConsistency(first, tree.frontier.size);
  return assembleProof(
    sha256,
    plan,
    plan.nodes.map((id) => tree.node(id)),
  );
}

function open(folder = new MemoryGuard()): { signer: GuardedSigner; folder: MemoryGuard } {
  return { folder, signer: new GuardedSigner({ key: ENGINE_KEY, folder, sha256 }) };
}

/** A signer that signed size 5 at 1,000. */
async function signedFive(): Promise<{ signer: GuardedSigner; folder: MemoryGuard }> {
  const opened = open();
  await opened.signer.signTreeHead(headOf(treeOf(5), 1_000), []);
  return opened;
}

const refuses = { code: "FATAL_GUARD_DISAGREES" };

describe("GuardedSigner.signTreeHead()", () => {
  test("signs the first head and what extends it, each recorded before it resolves", async () => {
    const { signer, folder } = open();
    assert.equal(signer.lastHead, undefined);
    const tree = treeOf(0);
    let size = 0;
    for (const next of [0, 0, 1, 2, 7, 8, 8, 300]) {
      while (tree.frontier.size < next) {
        tree.append([hashLeaf(sha256, testLeaf(tree.frontier.size))]);
      }
      const head = headOf(tree, 1_000 + folder.written.length);
      const signed = await signer.signTreeHead(head, proofOf(tree, size));
      ENGINE_KEY.verify(encodeTreeHeadToSign(head), signed.signature);
      assert.deepEqual(folder.last.head, signed);
      assert.deepEqual(signer.lastHead, signed);
      size = next;
    }
    assert.deepEqual(
      folder.written.map(({ sequence }) => sequence),
      [2, 3, 4, 5, 6, 7, 8, 9],
    );
  });

  test("gives the identical triple the same bytes again, also after a restart", async () => {
    const { signer, folder } = await signedFive();
    const again = await signer.signTreeHead(headOf(treeOf(5), 1_000), []);
    assert.deepEqual(again, folder.last.head);
    const restarted = open(folder).signer;
    assert.deepEqual(await restarted.signTreeHead(headOf(treeOf(5), 1_000), []), again);
    assert.equal(folder.written.length, 1);
  });

  const five = (timestampMs: number): TreeHead => headOf(treeOf(5), timestampMs);
  const refused: Readonly<Record<string, readonly [TreeHead, readonly Uint8Array[]]>> = {
    "an older timestamp": [five(999), []],
    "a smaller tree": [headOf(treeOf(4), 2_000), []],
    "a larger tree of the same timestamp": [headOf(treeOf(6), 1_000), proofOf(treeOf(6), 5)],
    "another root for the same size": [headOf(treeOf(5, 4), 2_000), []],
    "another root for the same size and timestamp": [headOf(treeOf(5, 4), 1_000), []],
    "the same size with a proof": [five(2_000), [new Uint8Array(32)]],
    "a larger forked tree with its own proof": [
      headOf(treeOf(9, 2), 2_000),
      proofOf(treeOf(9, 2), 5),
    ],
    "a larger forked tree with the true tree's proof": [
      headOf(treeOf(9, 2), 2_000),
      proofOf(treeOf(9), 5),
    ],
    "a larger tree without proof": [headOf(treeOf(9), 2_000), []],
    "a larger tree with the proof of another size": [
      headOf(treeOf(9), 2_000),
      proofOf(treeOf(9), 4),
    ],
    "the empty tree after entries": [headOf(treeOf(0), 2_000), []],
  };
  for (const [what, [head, proof]] of Object.entries(refused)) {
    test(`refuses ${what}, writes nothing, and goes on signing what is right`, async () => {
      const { signer, folder } = await signedFive();
      await assert.rejects(signer.signTreeHead(head, proof), refuses);
      assert.equal(folder.written.length, 1);
      const tree = treeOf(6);
      assert.equal((await signer.signTreeHead(headOf(tree, 2_000), proofOf(tree, 5))).treeSize, 6);
    });
  }

  for (const isApplied of [false, true]) {
    test(`a record that fails once (${isApplied ? "" : "not "}applied) ends it with FATAL_FSYNC for good`, async () => {
      const { signer, folder } = await signedFive();
      folder.onWrite = async (apply) => {
        if (isApplied) apply();
        throw new Error("EIO");
      };
      const tree = treeOf(6);
      const head = headOf(tree, 2_000);
      const fsync = { code: "FATAL_FSYNC" };
      await assert.rejects(signer.signTreeHead(head, proofOf(tree, 5)), fsync);
      folder.onWrite = async (apply) => apply();
      await assert.rejects(signer.signTreeHead(head, proofOf(tree, 5)), fsync);
      await assert.rejects(signer.signTreeHead(five(1_000), []), fsync);
      await assert.rejects(signer.signScts([new Uint8Array(3)]), fsync);
      // The next process reads what is there, and signs the very same head.
      const next = open(folder).signer;
      const signed = await next.signTreeHead(head, proofOf(tree, 5));
      assert.equal(next.lastHead?.treeSize, 6);
      ENGINE_KEY.verify(encodeTreeHeadToSign(head), signed.signature);
    });
  }

  test("takes one head at a time", async () => {
    const { signer } = open();
    const first = signer.signTreeHead(five(1_000), []);
    await assert.rejects(signer.signTreeHead(five(2_000), []), { name: "AssertionError" });
    await first;
  });
});

test("GuardedSigner refuses a guard whose head another key signed", async () => {
  const { folder } = await signedFive();
  const key = new EcdsaKey(makeKeyPem());
  assert.throws(() => new GuardedSigner({ key, folder, sha256 }), { code: "FATAL_SIGNATURE" });
});

test("GuardedSigner.signScts() signs each leaf", async () => {
  const { signer } = open();
  const leaves = [testLeaf(1), testLeaf(2)];
  const signatures = await signer.signScts(leaves);
  leaves.forEach((leaf, index) => {
    ENGINE_KEY.verify(leaf, signatures[index]!);
  });
  assert.throws(() => ENGINE_KEY.verify(leaves[0]!, signatures[1]!), { code: "FATAL_SIGNATURE" });
  assert.deepEqual(await signer.signScts([]), []);
});

test("RefusingSigner signs nothing and says why", async () => {
  const reason = new FatalError("FATAL_GUARD_MISSING", "no guard");
  const signer = new RefusingSigner(ENGINE_KEY, reason);
  assert.throws(() => signer.lastHead, reason);
  await assert.rejects(signer.signTreeHead(), reason);
  await assert.rejects(signer.signScts(), reason);
  assert.deepEqual(signer.logId, ENGINE_KEY.logId);
});
