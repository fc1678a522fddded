/**
 * An SCT of a shard of this server: its signature, then the entry that it promises, proven in
 * the signed tree. An SCT that the log has signed and does not keep is evidence against it.
 * @module
 */
import { MalformedError } from "../../base/errors.ts";
import { openBrowserKey } from "../../checkpoint/browser-key.ts";
import { formatBase64 } from "../../encoding/base64.ts";
import { equalBytes } from "../../encoding/bytes.ts";
import { decodeMerkleTreeLeaf, encodeMerkleTreeLeaf } from "../../rfc6962/entry.ts";
import { formatSctJson } from "../../rfc6962/json.ts";
import type { Sct } from "../../rfc6962/sct.ts";
import type { CheckMeans } from "../../sct/check.ts";
import { describeExtensions } from "../../sct/describe.ts";
import type { KnownLog } from "../../sct/log-list.ts";
import { formatCount, formatDuration } from "../view/format.ts";
import { type Evidence, evidenceOf } from "./evidence.ts";
import { type OpenLog, openLog } from "./log.ts";
import { type Claim, isEntryOf, type PastedSct } from "./pasted.ts";
import { type ProvenEntry, proveUnder } from "./prove.ts";
import { checkSignature, type SignatureReport, stepOfLog } from "./sct.ts";
import { AnswerError, type Step, type World } from "./world.ts";

/** What came of it. */
export interface ProvenSct {
  readonly log: OpenLog;
  readonly steps: readonly Step[];
  /** Undefined if the SCT names no entry, the log is another, or it did not answer. */
  readonly proven: ProvenEntry | undefined;
  /** What the log has signed; undefined if that is not known. */
  readonly claim: Claim | undefined;
  readonly evidence: Evidence | undefined;
}

/** An SCT, and what it is about. */
export interface SctQuestion {
  readonly pasted: PastedSct;
  /** What this server says of the shard; its log ID is the SCT's. */
  readonly own: KnownLog;
  /** The chain that it is about; empty where it came alone. */
  readonly chain: readonly Uint8Array[];
  /** What it can have been signed over; empty: what is logged is looked at. */
  readonly claims: readonly Claim[];
}

/** How often a head is waited for that covers the entry, and how long each time. */
const WAITS_MAX = 3;
const WAIT_SECONDS = 10;

/** What checks in the browser go by. */
export function browserMeans(world: Pick<World, "sha256" | "nowMs">): CheckMeans {
  const { sha256 } = world;
  const openKey = (publicKey: Uint8Array) => openBrowserKey(sha256, publicKey);
  return { sha256, openKey, nowMs: world.nowMs() };
}

/**
 * Checks an SCT and proves its entry.
 * @throws AnswerError, MalformedError if the log does not say who it is.
 */
export async function proveSct(world: World, question: SctQuestion): Promise<ProvenSct> {
  const { pasted, own, claims } = question;
  const { sct } = pasted;
  const log = await openLog(world);
  if (!equalBytes(log.key.logId, sct.logId)) {
    const text = "The SCT is of another key than the one that this shard has.";
    const step: Step = { name: "Log", state: "bad", text };
    return { ...NOTHING, log, steps: [log.step, step] };
  }
  const means = browserMeans(world);
  const first = checkSignature(means, claims, pasted, own);
  const steps = [stepOfLog(own, true), ...first.steps];
  const { leafIndex, text } = describeExtensions(sct.extensions);
  if (leafIndex === undefined) {
    const step: Step = { name: "Entry", state: "wait", text: `Extensions: ${text}.` };
    return { ...NOTHING, log, claim: first.claim, steps: [...steps, step] };
  }
  try {
    const shown = await coveringCheckpoint(world, leafIndex);
    const proven = await proveUnder(world, log, leafIndex, shown);
    return judge(world, question, { log, first, proven, shown });
  } catch (thrown) {
    return { ...NOTHING, log, claim: first.claim, steps: [...steps, stepOfTrouble(thrown)] };
  }
}

const NOTHING = { proven: undefined, claim: undefined, evidence: undefined };

/** What an answer that did not come, or cannot be read, means. @throws anything else. */
export function stepOfTrouble(thrown: unknown): Step {
  const name = "Answer";
  if (thrown instanceof AnswerError) return { name, state: "wait", text: `${thrown.message}.` };
  if (!(thrown instanceof MalformedError)) throw thrown;
  return { name, state: "bad", text: `The log's answer cannot be read: ${thrown.message}.` };
}

/** A checkpoint whose tree has the entry, if one comes in time; else the newest. */
async function coveringCheckpoint({ api }: World, leafIndex: number): Promise<string> {
  let shown = await api.get("checkpoint");
  for (let waits = 0; waits < WAITS_MAX; waits += 1) {
    // Not verified yet: it decides only whether to ask again.
    if (Number(shown.split("\n")[1]) > leafIndex) break;
    shown = await api.get(`checkpoint?wait=${WAIT_SECONDS}&size=${leafIndex}`);
  }
  return shown;
}

interface Found {
  readonly log: OpenLog;
  readonly first: SignatureReport;
  readonly proven: ProvenEntry;
  /** The checkpoint that it was proven under. */
  readonly shown: string;
}

function judge(world: World, { pasted, own, chain }: SctQuestion, found: Found): ProvenSct {
  const { log, first, proven, shown } = found;
  const logged = loggedClaim(proven);
  const isOpen = first.claim === undefined && first.steps.every(({ state }) => state !== "bad");
  // Without what it was signed over, it is held against what is logged.
  const isOfEntry = isOpen && logged !== undefined;
  const signature = isOfEntry ? checkSignature(browserMeans(world), [logged], pasted, own) : first;
  const entry: readonly Step[] =
    isOfEntry && chain.length > 0
      ? [stepOfCertificate(logged, chain)]
      : stepsOfPromise(log, pasted.sct, signature.claim, proven);
  const broken = entry.find(({ state }) => state === "bad");
  const isOther = isOfEntry && broken !== undefined;
  const evidence =
    proven.evidence ??
    (broken && !isOther && signature.claim
      ? evidenceOfPromise(world, log, pasted.sct, signature.claim, broken, shown)
      : undefined);
  const steps = [stepOfLog(own, true), ...signature.steps, ...entry, ...proven.steps];
  const claim = isOther ? undefined : signature.claim;
  return { log, steps, proven, claim, evidence };
}

/** What the entry at the index holds, if it was proven. */
function loggedClaim({ entry }: ProvenEntry): Claim | undefined {
  if (entry === undefined || !entry.isIncluded) return undefined;
  const { entry: signed } = decodeMerkleTreeLeaf(entry.leafInput);
  return { entry: signed, notAfterMs: undefined, what: "the entry that is logged" };
}

/** Whether the entry is of the certificate that was pasted without its issuer. */
function stepOfCertificate({ entry }: Claim, chain: readonly Uint8Array[]): Step {
  const name = "Entry";
  switch (isEntryOf(entry, chain)) {
    case true:
      return { name, state: "ok", text: "It is of this certificate, byte for byte." };
    case false:
      return { name, state: "bad", text: "The entry is of another certificate than this one." };
    case undefined:
      return { name, state: "wait", text: "Only with the issuer can it be told what it is of." };
  }
}

/** Whether the entry at the SCT's index is the one that it was given for. */
function stepsOfPromise(
  log: OpenLog,
  sct: Sct,
  claim: Claim | undefined,
  { entry, head }: ProvenEntry,
): readonly Step[] {
  const name = "Entry";
  if (entry === undefined) {
    if (head === undefined || head.timestampMs < sct.timestampMs + log.mmdMs) return [];
    const text = `It was promised within ${formatDuration(log.mmdMs)}, and the newest tree is without it.`;
    return [{ name, state: "bad", text }];
  }
  if (claim === undefined) return [];
  const index = formatCount(entry.leafIndex);
  return equalBytes(leafOf(sct, claim), entry.leafInput)
    ? [{ name, state: "ok", text: `Entry ${index} is what the SCT promises, byte for byte.` }]
    : [{ name, state: "bad", text: `Entry ${index} is another one than the SCT promises.` }];
}

function leafOf({ timestampMs, extensions }: Sct, { entry }: Claim): Uint8Array {
  return encodeMerkleTreeLeaf({ timestampMs, extensions, entry });
}

/** A promise that the log has signed and does not keep. */
function evidenceOfPromise(
  world: World,
  log: OpenLog,
  sct: Sct,
  claim: Claim,
  broken: Step,
  shown: string,
): Evidence {
  const what = `The log has signed an SCT and does not keep it. ${broken.text}`;
  const promise = { sct: formatSctJson(sct), leafInput: formatBase64(leafOf(sct, claim)) };
  return evidenceOf(world, log, { what, shown, promise });
}
