/**
 * Promises that would be wrong do not leave: signatures that do not verify, an answer for
 * another entry, a head older than an entry in it.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Deadlines } from "../../src/log/deadline.ts";
import { Judge } from "../../src/log/judge.ts";
import { type SubmitterOptions, submitChain } from "../../src/log/submit.ts";
import { planGroup } from "../../src/sequencer/plan.ts";
import { verifyCommitted } from "../../src/sequencer/verify.ts";
import { EcdsaKey } from "../../src/signer/ecdsa.ts";
import { GuardedSigner } from "../../src/signer/guard.ts";
import { MemoryDisk, openMemoryStore } from "../../src/storage/memory.ts";
import { RootSet } from "../../src/x509/roots.ts";
import { verifySignature } from "../../src/x509/verify.ts";
import { OPEN_POLICY } from "../support/admission.ts";
import { makeCa } from "../support/certificates.ts";
import { TEST_IDENTITY } from "../support/commits.ts";
import { ENGINE_KEY, Engine, MemoryGuard, makeSubmission } from "../support/engine.ts";
import { makeKeyPem } from "../support/keys.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { sha256 } from "../support/sha256.ts";

/** A key whose hardware, once it is broken, flips a bit of each signature. */
class FaultyKey extends EcdsaKey {
  isBroken = false;

  override sign(message: Uint8Array): Uint8Array {
    const signature = super.sign(message);
    return this.isBroken ? signature.with(-1, (signature.at(-1) ?? 0) ^ 1) : signature;
  }
}

test("an SCT signature that does not verify is FATAL_SIGNATURE, and no submission gets it", async () => {
  const key = new FaultyKey(makeKeyPem());
  const folder = new MemoryGuard(key.logId);
  const signer = new GuardedSigner({ key, folder, sha256 });
  key.isBroken = true;
  await assert.rejects(signer.signScts([Uint8Array.of(1, 2, 3)]), { code: "FATAL_SIGNATURE" });

  // In the engine: the head is signed, then the key breaks.
  const engine = new Engine({
    wrapSigner: (real) => ({
      publicKey: real.publicKey,
      logId: real.logId,
      get lastHead() {
        return real.lastHead;
      },
      signTreeHead: (head, proof) => real.signTreeHead(head, proof),
      signScts: (leaves) => signer.signScts(leaves),
      [Symbol.asyncDispose]: () => real[Symbol.asyncDispose](),
    }),
  });
  await engine.open();
  const [outcome] = await engine.log(0);
  assert.equal(outcome?.type, "unavailable");
  assert.equal(engine.fatalCode, "FATAL_SIGNATURE");
});

test("a head's signature that does not verify is FATAL_SIGNATURE, and the guard keeps no record", async () => {
  const key = new FaultyKey(makeKeyPem());
  const folder = new MemoryGuard(key.logId);
  const signer = new GuardedSigner({ key, folder, sha256 });
  key.isBroken = true;
  const head = { treeSize: 0, timestampMs: 5, rootHash: sha256(new Uint8Array()) };
  await assert.rejects(signer.signTreeHead(head, []), { code: "FATAL_SIGNATURE" });
  assert.deepEqual(folder.written, []);
});

test("submitChain() refuses an answer for another entry than the one it sent", async () => {
  const root = makeCa();
  const clock = new ManualClock();
  const judge = new Judge({
    lowPriorityAfterMs: 86_400_000,
    roots: new RootSet([root.der], sha256),
    policy: OPEN_POLICY,
    otherShards: [],
    verifySignature,
    sha256,
    clock,
  });
  for (const isSame of [true, false]) {
    const submitter: SubmitterOptions = {
      judge,
      logId: ENGINE_KEY.logId,
      deadlines: new Deadlines(clock, 1_000),
      poolFullness: () => 0,
      sequence: ({ dedupKey }, settle) => {
        settle({
          type: "logged",
          leafIndex: 7,
          timestampMs: 5,
          signature: Uint8Array.of(4, 3, 0, 0),
          // The same in its first half.
          dedupKey: isSame ? dedupKey : dedupKey.with(31, (dedupKey[31] ?? 0) ^ 1),
          isDuplicate: true,
        });
      },
    };
    const answer = submitChain(submitter, "add-chain", [root.issue()], undefined);
    if (isSame) assert.equal((await answer).isDuplicate, true);
    else await assert.rejects(answer, { code: "FATAL_DEDUP_MISMATCH" });
  }
});

test("verifyCommitted() refuses a head that is older than an entry in it", async () => {
  const store = openMemoryStore(new MemoryDisk(TEST_IDENTITY));
  const empty = { head: undefined, frontier: { size: 0, hashes: [] } };
  const { commit } = planGroup(sha256, empty, 5_000, [makeSubmission(0)], () => true);
  // 161 ms, as it happened, by the clock of another machine.
  const head = { ...commit.head, timestampMs: 5_000 - 161 };
  await store.commit({ ...commit, head });
  await assert.rejects(
    verifyCommitted(sha256, store, undefined, head, commit.entriesSha256, () => {}),
    { code: "FATAL_VERIFY_MISMATCH", message: /newer than its head/ },
  );
  await verifyCommitted(sha256, store, undefined, commit.head, commit.entriesSha256, () => {});
});

test("verifyCommitted() refuses a stored hash that is wrong, also away from the right edge", async () => {
  const disk = new MemoryDisk(TEST_IDENTITY);
  const store = openMemoryStore(disk);
  const empty = { head: undefined, frontier: { size: 0, hashes: [] } };
  const submissions = [0, 2, 3, 5].map((index) => makeSubmission(index));
  const { commit } = planGroup(sha256, empty, 5_000, submissions, () => true);
  await store.commit(commit);
  const verify = () =>
    verifyCommitted(sha256, store, undefined, commit.head, commit.entriesSha256, () => {});
  await verify();
  // A proof for any leaf would rest on it, but the root of four leaves does not.
  const hashes = disk.nodes[0] ?? assert.fail("the leaves' hashes are stored");
  const right = hashes[1] ?? assert.fail("there is a second leaf");
  hashes[1] = right.with(0, (right[0] ?? 0) ^ 1);
  await assert.rejects(verify(), {
    code: "FATAL_VERIFY_MISMATCH",
    message: /stored hash \(0, 1\)/,
  });
});
