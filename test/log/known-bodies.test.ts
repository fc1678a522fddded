import assert from "node:assert/strict";
import { test } from "node:test";
import { RejectedError } from "../../src/base/errors.ts";
import { Deadlines } from "../../src/log/deadline.ts";
import { Judge } from "../../src/log/judge.ts";
import {
  ACCEPTED_BODIES_MAX,
  type Known,
  KnownBodies,
  REFUSED_BODIES_MAX,
} from "../../src/log/known-bodies.ts";
import type { SubmitEndpoint } from "../../src/log/log.ts";
import { type SubmitterOptions, submitChain } from "../../src/log/submit.ts";
import { RootSet } from "../../src/x509/roots.ts";
import { verifySignature } from "../../src/x509/verify.ts";
import { OPEN_POLICY, sha256 } from "../support/admission.ts";
import { makeCa } from "../support/certificates.ts";

const BODY = new TextEncoder().encode('{"chain":[]}');
const NOW_MS = Date.UTC(2026, 10, 23);
const CLOCK = { nowMs: () => NOW_MS, monotonicMs: () => 0, after: () => () => undefined };
const REFUSAL = new RejectedError("REJECTED_CHAIN_INVALID", "a signature that does not verify");

function sctAt(timestampMs: number): Known {
  const signature = Uint8Array.of(1);
  const extensions = Uint8Array.of();
  return { sct: { logId: new Uint8Array(32), timestampMs, extensions, signature }, issuer: "CA" };
}

function bodyOf(index: number): Uint8Array {
  return new TextEncoder().encode(String(index));
}

test("KnownBodies.recall() gives what exactly this body got at this endpoint", () => {
  const known = new KnownBodies(sha256);
  const key = known.keyOf("add-chain", BODY);
  assert.equal(known.recall(key), undefined);
  known.accept(key, sctAt(7));
  assert.deepEqual(known.recall(known.keyOf("add-chain", BODY)), sctAt(7));
  assert.equal(known.recall(known.keyOf("add-pre-chain", BODY)), undefined);
  for (let at = 0; at < BODY.length; at += 1) {
    const other = BODY.map((byte, index) => (index === at ? byte + 1 : byte));
    assert.equal(known.recall(known.keyOf("add-chain", other)), undefined);
  }
  const refused = known.keyOf("add-chain", bodyOf(1));
  known.refuse(refused, REFUSAL);
  assert.throws(() => known.recall(refused), REFUSAL);
});

test("KnownBodies.clear() forgets all, and what was being judged meanwhile", () => {
  const known = new KnownBodies(sha256);
  const [accepted, refused] = [bodyOf(1), bodyOf(2)].map((body) => known.keyOf("add-chain", body));
  known.accept(accepted ?? "", sctAt(1));
  known.clear();
  known.accept(accepted ?? "", sctAt(1));
  known.refuse(refused ?? "", REFUSAL);
  assert.equal(known.recall(known.keyOf("add-chain", bodyOf(1))), undefined);
  assert.equal(known.recall(known.keyOf("add-chain", bodyOf(2))), undefined);
});

test("KnownBodies keeps as many as it says, those in use the longest", () => {
  const known = new KnownBodies(sha256);
  const key = (index: number) => known.keyOf("add-chain", bodyOf(index));
  for (let index = 0; index < ACCEPTED_BODIES_MAX; index += 1)
    known.accept(key(index), sctAt(index));
  assert.equal(known.recall(key(0))?.sct.timestampMs, 0);
  known.accept(key(-1), sctAt(-1));
  assert.equal(known.recall(key(1)), undefined);
  assert.equal(known.recall(key(0))?.sct.timestampMs, 0);
  for (let index = 0; index <= REFUSED_BODIES_MAX; index += 1) known.refuse(`r${index}`, REFUSAL);
  assert.equal(known.recall("r0"), undefined);
  assert.throws(() => known.recall("r1"), REFUSAL);
});

const ROOT = makeCa();

/** A judge that counts its verifications. */
function countingJudge(): { readonly judge: Judge; readonly verified: () => number } {
  let count = 0;
  const judge = new Judge({
    roots: new RootSet([ROOT.der], sha256),
    policy: OPEN_POLICY,
    otherShards: [],
    verifySignature: (child, issuer) => {
      count += 1;
      verifySignature(child, issuer);
    },
    sha256,
    clock: CLOCK,
    lowPriorityAfterMs: 1_000,
  });
  return { judge, verified: () => count };
}

async function submit(judge: Judge, endpoint: SubmitEndpoint, chain: readonly Uint8Array[]) {
  const bodyKey = judge.known.keyOf(endpoint, BODY);
  const options: SubmitterOptions = {
    judge,
    deadlines: new Deadlines(CLOCK, 1),
    logId: new Uint8Array(32),
    poolFullness: () => 0,
    sequence: ({ dedupKey }, settle) => {
      const signature = Uint8Array.of(0);
      const place = { leafIndex: 5, timestampMs: 9, signature, dedupKey, isDuplicate: false };
      settle({ type: "logged", ...place });
    },
  };
  return await submitChain(options, endpoint, chain, bodyKey);
}

test("submitChain() makes an accepted body known, until the roots change", async () => {
  const { judge } = countingJudge();
  const { sct } = await submit(judge, "add-chain", [ROOT.issue(), ROOT.der]);
  const known = judge.known.recall(judge.known.keyOf("add-chain", BODY));
  assert.deepEqual(known?.sct, sct);
  assert.match(known?.issuer ?? "", /^test root [0-9]+$/);
  judge.replaceRoots(new RootSet([ROOT.der], sha256));
  assert.equal(judge.known.recall(judge.known.keyOf("add-chain", BODY)), undefined);
});

test("submitChain() makes a refused body known: a bad signature is verified once", async () => {
  const { judge, verified } = countingJudge();
  const leaf = Uint8Array.from(ROOT.issue());
  leaf[leaf.length - 1] = (leaf.at(-1) ?? 0) ^ 1;
  const refusal = { code: "REJECTED_CHAIN_INVALID" };
  await assert.rejects(submit(judge, "add-chain", [leaf, ROOT.der]), refusal);
  assert.equal(verified(), 1);
  assert.throws(() => judge.known.recall(judge.known.keyOf("add-chain", BODY)), refusal);
  assert.equal(verified(), 1);
});

test("Judge.judge() refuses low priority before verification when the pool is nearly full", () => {
  const { judge, verified } = countingJudge();
  const old = [ROOT.issue({ notBefore: new Date(NOW_MS - 2_000) }), ROOT.der];
  const fresh = [ROOT.issue({ notBefore: new Date(NOW_MS - 1_000) }), ROOT.der];
  assert.throws(() => judge.judge("add-chain", old, 7 / 8), { code: "UNAVAILABLE_POOL_FULL" });
  assert.equal(verified(), 0);
  assert.equal(judge.judge("add-chain", old, 0.87).priority, "low");
  assert.equal(judge.judge("add-chain", fresh, 1).priority, "normal");
});
