/**
 * A tree head, held against the log's key, the clock, and the head that this browser saw
 * last. A log that shows two histories is found here, and what proves it is kept.
 * @module
 */

import { MalformedError } from "../../base/errors.ts";
import { countOf } from "../../base/plural.ts";
import { type Checkpoint, parseCheckpoint } from "../../checkpoint/checkpoint.ts";
import { formatBase64 } from "../../encoding/base64.ts";
import { equalBytes } from "../../encoding/bytes.ts";
import { formatHex } from "../../encoding/hex.ts";
import { verifyConsistency } from "../../merkle/verify.ts";
import { parseConsistencyJson } from "../../rfc6962/json.ts";
import { decodeDigitallySigned } from "../../rfc6962/signature.ts";
import { encodeTreeHeadToSign, type TreeHead } from "../../rfc6962/tree-head.ts";
import { formatCount, formatDuration, formatTime } from "../view/format.ts";
import { type Evidence, evidenceOf } from "./evidence.ts";
import type { OpenLog } from "./log.ts";
import { readHead, rememberHead } from "./remember.ts";
import { AnswerError, type Step, type World } from "./world.ts";

/** How far a log's clock may be ahead of the visitor's. */
const FUTURE_MS_MAX = 60_000;

/** What came of a head. */
export interface HeadReport {
  /** In the order of the checks; one that is `bad` refutes the log. */
  readonly steps: readonly Step[];
  /** The head, if its signature is the log's. */
  readonly head: TreeHead | undefined;
  /** What proves a fault, for others to check; undefined without one. */
  readonly evidence: Evidence | undefined;
}

/** Checks a checkpoint. Throws nothing that the server can cause. */
export async function checkHead(world: World, log: OpenLog, text: string): Promise<HeadReport> {
  const proves = (what: string, more: Partial<Evidence> = {}): Evidence =>
    evidenceOf(world, log, { what, shown: text, ...more });
  let head: Checkpoint;
  try {
    head = parseCheckpoint(world.sha256, text, { origin: log.origin, logId: log.key.logId });
  } catch (thrown) {
    if (!(thrown instanceof MalformedError)) throw thrown;
    const what = `The checkpoint is not one of this log: ${thrown.message}.`;
    const step: Step = { name: "Signature", state: "bad", text: what };
    return { steps: [log.step, step], head: undefined, evidence: proves(what) };
  }
  if (!isSigned(log, head)) {
    const what = "The signature of the tree head is not by the log\u2019s key.";
    const step: Step = { name: "Signature", state: "bad", text: what };
    return { steps: [log.step, step], head: undefined, evidence: proves(what) };
  }
  const signed: Step = {
    name: "Signature",
    state: "ok",
    text: `ECDSA P-256 over size, time and root, by the key ${formatHex(log.key.logId).slice(0, 16)}\u2026`,
  };
  const fresh = stepOfTime(world, log, head);
  const { step, evidence } = await checkHistory(world, log, head, text, proves);
  return { steps: [log.step, signed, fresh, step], head, evidence };
}

function isSigned(log: OpenLog, head: Checkpoint): boolean {
  try {
    return log.key.isSignature(encodeTreeHeadToSign(head), decodeDigitallySigned(head.signature));
  } catch (thrown) {
    if (thrown instanceof MalformedError) return false;
    throw thrown;
  }
}

function stepOfTime(world: World, log: OpenLog, head: TreeHead): Step {
  const ageMs = world.nowMs() - head.timestampMs;
  const name = "Freshness";
  if (ageMs < -FUTURE_MS_MAX) {
    const text = `The head is signed for ${formatTime(head.timestampMs)}, ${formatDuration(-ageMs)} ahead of your clock.`;
    return { name, state: "bad", text };
  }
  if (ageMs > log.mmdMs && log.isFinal) {
    const text = `The log says that it signs no new heads or takes no entries; its head is of ${formatTime(head.timestampMs)}. That it is the last one is the log\u2019s own word.`;
    return { name, state: "warn", text };
  }
  if (ageMs > log.mmdMs) {
    const text = `The head is ${formatDuration(ageMs)} old. The log promises one within ${formatDuration(log.mmdMs)}: it is down, or something is withheld from you.`;
    return { name, state: "bad", text };
  }
  const text = `Within the ${formatDuration(log.mmdMs)} that the log promises, by your clock.`;
  return { name, state: "ok", text };
}

type History = { readonly step: Step; readonly evidence: Evidence | undefined };

/** From the head that this browser saw last to this one. */
async function checkHistory(
  world: World,
  log: OpenLog,
  head: Checkpoint,
  text: string,
  proves: (what: string, more?: Partial<Evidence>) => Evidence,
): Promise<History> {
  const name = "Consistency";
  const before = readHead(world, log);
  if (before === undefined) {
    rememberHead(world, log, head, text);
    const said =
      "The first head of this log that this browser sees. It is remembered: the next one must extend it.";
    return { step: { name, state: "warn", text: said }, evidence: undefined };
  }
  const seen = `the head of ${formatTime(before.head.timestampMs)} with ${formatCount(before.head.treeSize)} entries`;
  const refuted = (what: string, more: Partial<Evidence> = {}): History => ({
    step: { name, state: "bad", text: what },
    evidence: proves(what, { before: before.text, ...more }),
  });
  const isOlder = head.timestampMs < before.head.timestampMs;
  if (head.treeSize < before.head.treeSize && !isOlder) {
    return refuted(`The tree has shrunk: this browser has seen ${seen}, and an older one.`);
  }
  const [first, second] =
    head.treeSize < before.head.treeSize ? [head, before.head] : [before.head, head];
  let proof: readonly Uint8Array[];
  try {
    proof = await readProof(world, first.treeSize, second.treeSize);
  } catch (thrown) {
    if (!(thrown instanceof AnswerError) && !(thrown instanceof MalformedError)) throw thrown;
    if (thrown instanceof AnswerError && (thrown.status === 400 || thrown.status === 404)) {
      return refuted(`The log refuses to prove that this head, which it signed, extends ${seen}.`);
    }
    const said = `The log gave no proof that this head extends ${seen}: ${thrown.message}.`;
    return { step: { name, state: "wait", text: said }, evidence: undefined };
  }
  try {
    verifyConsistency(world.sha256, {
      firstSize: first.treeSize,
      firstRoot: first.rootHash,
      secondSize: second.treeSize,
      secondRoot: second.rootHash,
      proof,
    });
  } catch (thrown) {
    if (!(thrown instanceof MalformedError)) throw thrown;
    const consistency = proof.map((hash) => formatBase64(hash));
    const what =
      first.treeSize === second.treeSize
        ? `Two histories: for ${formatCount(head.treeSize)} entries the log has signed this root and another one, which this browser saw in ${seen}.`
        : `Two histories: the log does not prove that this head extends ${seen}, which it signed too.`;
    return refuted(what, { consistency });
  }
  if (isOlder) {
    const said = `An older head than ${seen}, which this browser knows already; both are of one tree.`;
    return { step: { name, state: "warn", text: said }, evidence: undefined };
  }
  rememberHead(world, log, head, text);
  const grown = second.treeSize - first.treeSize;
  const said = equalBytes(first.rootHash, second.rootHash)
    ? `The same tree as in ${seen}, which this browser remembers.`
    : `${countOf(grown, "entry", formatCount)} appended to ${seen}, which this browser remembers; ${formatCount(proof.length)} hashes prove it.`;
  return { step: { name, state: "ok", text: said }, evidence: undefined };
}

async function readProof(
  world: World,
  first: number,
  second: number,
): Promise<readonly Uint8Array[]> {
  if (first === 0 || first === second) return [];
  const path = `ct/v1/get-sth-consistency?first=${first}&second=${second}`;
  return parseConsistencyJson(await world.api.get(path));
}
