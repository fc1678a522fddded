/**
 * Conditions that a running log shows: its answers, their freshness, their caching, and that
 * what it states is what is configured.
 * @module
 */
import { MalformedError, messageOf } from "../base/errors.ts";
import { parseCheckpoint } from "../checkpoint/checkpoint.ts";
import { equalBytes } from "../encoding/bytes.ts";
import { formatHex } from "../encoding/hex.ts";
import { decodeUtf8 } from "../encoding/utf8.ts";
import { parseRootsJson, parseTreeHeadJson } from "../rfc6962/json.ts";
import { decodeDigitallySigned } from "../rfc6962/signature.ts";
import { encodeTreeHeadToSign, type SignedTreeHead } from "../rfc6962/tree-head.ts";
import { MERGE_DELAY_MONITOR_ROOT } from "../roots/monitor-root.ts";
import { type ListedLog, parseLogJson } from "../static-ct/log-json.ts";
import {
  type Condition,
  dayOf,
  forOperator,
  type Judgement,
  listed,
  objectionsTo,
  SOURCE,
  unless,
} from "./condition.ts";
import type { Facts, LiveAnswer, LiveFacts, LiveName, LogFacts } from "./facts.ts";

/** A head may be cached for this long; seconds. */
const HEAD_CACHE_SECONDS_MAX = 10;

/** What never changes should be kept for a day at least; seconds. */
const TILE_CACHE_SECONDS_MIN = 86_400;

/** Judges every shard's answers; without any, the operator is told how to get them. */
function live(
  reason: string,
  objectionTo: (facts: Facts, log: LogFacts, answers: LiveFacts) => readonly string[],
): (facts: Facts) => Judgement {
  return (facts) => {
    const { live: all } = facts;
    if (all === undefined) return forOperator("look at the running log: --url");
    const objections = objectionsTo(facts.logs, (log) =>
      quietly(() => objectionTo(facts, log, all.get(log.name) ?? new Map())),
    );
    return unless(objections, reason);
  };
}

/** What does not parse is an objection like any other. */
function quietly(judge: () => readonly string[]): readonly string[] {
  try {
    return judge();
  } catch (error) {
    if (error instanceof MalformedError) return [`an answer does not parse: ${messageOf(error)}`];
    throw error;
  }
}

/** The body of a 200; undefined otherwise, which `answers` objects to. */
function bodyOf(answers: LiveFacts, name: LiveName): string | undefined {
  const answer = answers.get(name);
  return answer?.status === 200 ? decodeUtf8(answer.body) : undefined;
}

function answerObjections(_: Facts, __: LogFacts, answers: LiveFacts): readonly string[] {
  const objections: string[] = [];
  for (const [name, answer] of answers) {
    if (name === "refusal" || answer.status === 200) continue;
    const what = answer.status === undefined ? answer.problem : `answered ${answer.status}`;
    objections.push(`${name} (${answer.url}) ${what}`);
  }
  if (!answers.has("get-sth")) objections.push("nobody asked it");
  return objections;
}

function metadataObjections(
  { sha256 }: Facts,
  log: LogFacts,
  answers: LiveFacts,
): readonly string[] {
  const text = bodyOf(answers, "log.v3.json");
  if (text === undefined) return ["log.v3.json is not answered"];
  const stated: ListedLog = parseLogJson(sha256, text);
  const objections: string[] = [];
  const compare = (what: string, got: unknown, wanted: unknown): void => {
    if (got !== wanted) objections.push(`${what} is stated as ${got}, configured as ${wanted}`);
  };
  if (!("problem" in log.key)) {
    compare("log_id", formatHex(stated.logId), formatHex(log.key.logId));
  }
  compare("log_spec", stated.type, log.type);
  compare("mmd", stated.mmdSeconds, log.mmdSeconds);
  compare("the submission URL", stated.submissionUrl, log.submissionUrl);
  const reads = log.type === "rfc6962" ? log.submissionUrl : log.monitoringUrl;
  compare("the monitoring URL", stated.monitoringUrl, reads);
  if (stated.window === undefined) return [...objections, "temporal_interval is missing"];
  compare("the range's start", dayOf(stated.window.startMs), dayOf(log.notAfterStartMs));
  compare("the range's end", dayOf(stated.window.limitMs), dayOf(log.notAfterLimitMs));
  return objections;
}

interface Heads {
  readonly sth: SignedTreeHead | undefined;
  readonly checkpoint: SignedTreeHead | undefined;
}

/** Heads as they parse. @throws MalformedError. */
function headsOf({ sha256 }: Facts, log: LogFacts, answers: LiveFacts): Heads {
  const sth = bodyOf(answers, "get-sth");
  const checkpoint = bodyOf(answers, "checkpoint");
  const origin = log.submissionUrl.replace(/^https?:\/\//, "");
  const { key } = log;
  return {
    sth: sth === undefined ? undefined : parseTreeHeadJson(sth),
    checkpoint:
      checkpoint === undefined || "problem" in key
        ? undefined
        : parseCheckpoint(sha256, checkpoint, { origin, logId: key.logId }),
  };
}

function headObjections(facts: Facts, log: LogFacts, answers: LiveFacts): readonly string[] {
  const { key } = log;
  if ("problem" in key) return [key.problem];
  const opened = facts.openKey(key.publicKey);
  const { sth, checkpoint } = headsOf(facts, log, answers);
  const objections: string[] = [];
  for (const [name, head] of [
    ["get-sth", sth],
    ["the checkpoint", checkpoint],
  ] as const) {
    if (head === undefined) objections.push(`${name} is not answered`);
    else if (
      !opened.isSignature(encodeTreeHeadToSign(head), decodeDigitallySigned(head.signature))
    ) {
      objections.push(`${name} is not signed by the configured key`);
    }
  }
  const isFork =
    sth !== undefined &&
    checkpoint !== undefined &&
    sth.treeSize === checkpoint.treeSize &&
    !equalBytes(sth.rootHash, checkpoint.rootHash);
  if (isFork)
    objections.push(`get-sth and the checkpoint state two roots for size ${sth.treeSize}`);
  return objections;
}

function ageObjections(facts: Facts, log: LogFacts, answers: LiveFacts): readonly string[] {
  const { sth, checkpoint } = headsOf(facts, log, answers);
  const objections: string[] = [];
  for (const [name, head] of [
    ["get-sth", sth],
    ["the checkpoint", checkpoint],
  ] as const) {
    const ageMs = head === undefined ? undefined : facts.nowMs - head.timestampMs;
    if (ageMs === undefined) objections.push(`${name} is not answered`);
    else if (ageMs > log.mmdSeconds * 1_000) {
      objections.push(
        `the head of ${name} is ${Math.round(ageMs / 1_000)} s old, the MMD is ${log.mmdSeconds} s`,
      );
    }
  }
  return objections;
}

function servedRootObjections(
  { sha256 }: Facts,
  log: LogFacts,
  answers: LiveFacts,
): readonly string[] {
  const text = bodyOf(answers, "get-roots");
  if (text === undefined) return ["get-roots is not answered"];
  const served = new Set(parseRootsJson(text).map((der) => formatHex(sha256(der))));
  const objections: string[] = [];
  if (!served.has(MERGE_DELAY_MONITOR_ROOT))
    objections.push("get-roots lacks the Merge Delay Monitor Root");
  const missing = [...log.roots].filter(([fingerprint]) => !served.has(fingerprint));
  if (missing.length > 0) {
    const names = missing.map(([fingerprint, name]) => name || fingerprint);
    objections.push(`get-roots lacks ${missing.length} of the configured roots: ${listed(names)}`);
  }
  return objections;
}

/** How long an answer may be kept by anybody; seconds; 0 if not at all or nothing is said. */
function cacheSeconds({ cacheControl = "" }: LiveAnswer): number {
  if (/\b(?:no-store|no-cache|private)\b/i.test(cacheControl)) return 0;
  const shared = /\bs-maxage=(\d+)/i.exec(cacheControl)?.[1];
  return Number(shared ?? /\bmax-age=(\d+)/i.exec(cacheControl)?.[1] ?? 0);
}

function headCacheObjections(_: Facts, __: LogFacts, answers: LiveFacts): readonly string[] {
  return (["get-sth", "checkpoint"] as const).flatMap((name) => {
    const answer = answers.get(name);
    const seconds = answer === undefined ? 0 : cacheSeconds(answer);
    if (seconds <= HEAD_CACHE_SECONDS_MAX) return [];
    return [`${name} may be cached for ${seconds} s: readers see old heads`];
  });
}

function tileCacheObjections(_: Facts, __: LogFacts, answers: LiveFacts): readonly string[] {
  return (["hash tile", "data tile"] as const).flatMap((name) => {
    const answer = answers.get(name);
    if (answer === undefined || answer.status !== 200) return [];
    const seconds = cacheSeconds(answer);
    if (seconds >= TILE_CACHE_SECONDS_MIN) return [];
    return [`the ${name} may be cached for ${seconds} s only: it never changes under its name`];
  });
}

function errorCacheObjections(_: Facts, __: LogFacts, answers: LiveFacts): readonly string[] {
  const answer = answers.get("refusal");
  if (answer === undefined) return ["nobody asked for a refusal"];
  const { status, url } = answer;
  if (status === undefined || status < 400) {
    return [`${url} names nothing, and was answered ${status ?? answer.problem}`];
  }
  const seconds = cacheSeconds(answer);
  return seconds === 0
    ? []
    : [`an answer of ${status} may be cached for ${seconds} s: it outlives its cause`];
}

const isChecked = true;

/** The conditions. */
export const LIVE_CONDITIONS: readonly Condition[] = [
  {
    id: "live-endpoints",
    program: "Chrome and Apple",
    rule: "Every endpoint answers 200, to everybody and without conditions.",
    source: `${SOURCE.chrome}, Ongoing Requirements; ${SOURCE.rfc6962}, section 4; ${SOURCE.staticCt}`,
    isChecked,
    judge: live("every reading endpoint answers 200", answerObjections),
  },
  {
    id: "live-metadata",
    program: "Chrome and Apple",
    rule: "What the log states of itself is what is enforced: key, MMD, URLs and expiry range.",
    source: `${SOURCE.chrome}, Temporal Sharding; log list schema v3`,
    isChecked,
    judge: live("log.v3.json states what is configured", metadataObjections),
  },
  {
    id: "live-heads",
    program: "Chrome and Apple",
    rule: "Heads are signed by the log's key, and show one view of the tree.",
    source: `${SOURCE.chrome}, Ongoing Requirements; ${SOURCE.apple}`,
    isChecked,
    judge: live("get-sth and the checkpoint are signed by the key and agree", headObjections),
  },
  {
    id: "live-freshness",
    program: "Chrome and Apple",
    rule: "The newest head is no older than the MMD.",
    source: `${SOURCE.chrome}, Ongoing Requirements; ${SOURCE.rfc6962}, section 3.5`,
    isChecked,
    judge: live("both heads are within the MMD", ageObjections),
  },
  {
    id: "live-roots",
    program: "Chrome and Apple",
    rule: "get-roots answers every accepted root, the Merge Delay Monitor Root among them.",
    source: `${SOURCE.chrome}, Accepted Root Certificates`,
    isChecked,
    judge: live("get-roots answers what is configured", servedRootObjections),
  },
  {
    id: "live-cache-heads",
    program: "Chrome and Apple",
    rule: "No cache between log and reader keeps a head for long.",
    source: `${SOURCE.staticCt}, Checkpoints; ${SOURCE.chrome}, Ongoing Requirements`,
    isChecked,
    judge: live(`heads are cached for ${HEAD_CACHE_SECONDS_MAX} s at most`, headCacheObjections),
  },
  {
    id: "live-cache-tiles",
    program: "Chrome",
    rule: "Caching gives the log its capacity: tiles, which never change, are cached for long.",
    source: `${SOURCE.chrome}, Rate Limiting; ${SOURCE.staticCt}, Merkle Tree`,
    isChecked,
    judge: live("tiles are cached for a day or more", tileCacheObjections),
  },
  {
    id: "live-cache-errors",
    program: "Chrome and Apple",
    rule: "A refusal is never cached: it would be answered to others, and count as unavailability.",
    source: `${SOURCE.chrome}, Ongoing Requirements`,
    isChecked,
    judge: live("refusals are not cached", errorCacheObjections),
  },
];
