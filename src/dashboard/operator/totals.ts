/**
 * An hour or a day of one shard in numbers, and its course as lines to plot.
 * @module
 */
import {
  byLabel,
  type Quantile,
  quantile,
  type Step,
  sumSteps,
  totalOf,
} from "../../history/step.ts";

/** Seconds that a submission may take: what CAs turn away at, what is promised, what they put a log aside for. */
export const LATENCY_TARGETS = [0.5, 1, 2] as const;

/** p50 and p99 in seconds, estimated from buckets; null where nothing was timed. */
export interface Quantiles {
  readonly p50: number | null;
  readonly p99: number | null;
  /** Whether p99 lies beyond the last bound: it is that or more. */
  readonly isP99AtLeast: boolean;
}

/** What came of submissions of one issuer. */
export interface IssuerTotals {
  readonly issuer: string;
  readonly accepted: number;
  readonly duplicate: number;
  readonly refused: number;
}

/** One shard in one range. */
export interface Totals {
  /** What of the range is on record, in seconds. */
  readonly recordedSeconds: number;
  readonly accepted: number;
  readonly duplicate: number;
  readonly refused: number;
  /** By error code, most first. */
  readonly reasons: readonly { readonly code: string; readonly count: number }[];
  /** Most refused first. */
  readonly issuers: readonly IssuerTotals[];
  /** From a submission to its SCT. */
  readonly latency: Quantiles;
  /** Submissions that took longer, exactly: the targets are bounds of buckets. */
  readonly latencyOver: readonly { readonly seconds: number; readonly count: number }[];
  readonly timed: number;
  readonly mergeDelay: Quantiles;
  readonly batches: number;
  /** Those of no entries, which renew the head. */
  readonly idleBatches: number;
  readonly batchEntries: number;
  readonly entryBytes: number;
  readonly steps: Readonly<Record<"commit" | "verify" | "sign", Quantiles>>;
  readonly requests: number;
  /** Answers of 429 and 5xx. */
  readonly unavailable: number;
}

const ISSUERS_MAX = 20;

/** Adds up steps of one range. */
export function totalsOf(steps: readonly Step[]): Totals {
  const sum = sumSteps(steps);
  const counts = sum?.counts ?? {};
  const count = (name: string): number => counts[name] ?? 0;
  const reasons = byLabel(counts, "refused").map(([code, found]) => ({ code, count: found }));
  const latency = sum?.buckets["latency"] ?? {};
  const beyond = (seconds: number): number =>
    Object.entries(latency).reduce(
      (found, [le, own]) => (le === "+Inf" || Number(le) > seconds ? found + own : found),
      0,
    );
  const step = (name: string): Quantiles => quantilesOf(sum?.buckets[`step ${name}`]);
  return {
    recordedSeconds: steps.reduce((all, { startMs, endMs }) => all + (endMs - startMs) / 1_000, 0),
    accepted: count("accepted"),
    duplicate: count("duplicate"),
    refused: reasons.reduce((all, { count: own }) => all + own, 0),
    reasons,
    issuers: issuersOf(sum),
    latency: quantilesOf(latency),
    latencyOver: LATENCY_TARGETS.map((seconds) => ({ seconds, count: beyond(seconds) })),
    timed: beyond(-1),
    mergeDelay: quantilesOf(sum?.buckets["merge"]),
    batches: count("batches"),
    idleBatches: count("idleBatches"),
    batchEntries: count("batchEntries"),
    entryBytes: count("entryBytes"),
    steps: { commit: step("commit"), verify: step("verify"), sign: step("sign") },
    requests: count("requests"),
    unavailable: count("unavailable"),
  };
}

function issuersOf(sum: Step | undefined): readonly IssuerTotals[] {
  const outcomes = ["accepted", "duplicate", "refused"] as const;
  const found = new Map<string, Record<(typeof outcomes)[number], number>>();
  for (const outcome of outcomes) {
    for (const [issuer, count] of byLabel(sum?.issuers ?? {}, outcome)) {
      const row = found.get(issuer) ?? { accepted: 0, duplicate: 0, refused: 0 };
      row[outcome] = count;
      found.set(issuer, row);
    }
  }
  return [...found]
    .map(([issuer, row]) => ({ issuer, ...row }))
    .toSorted((a, b) => b.refused - a.refused || b.accepted - a.accepted)
    .slice(0, ISSUERS_MAX);
}

function quantilesOf(buckets: Step["counts"] | undefined): Quantiles {
  const p99 = quantile(buckets, 0.99);
  return {
    p50: secondsOf(quantile(buckets, 0.5)),
    p99: secondsOf(p99),
    isP99AtLeast: p99?.isAtLeast ?? false,
  };
}

function secondsOf(found: Quantile | undefined): number | null {
  return found === undefined ? null : Number(found.seconds.toPrecision(4));
}

/** What is told of each moment: rates a second, seconds, numbers, bytes. */
export const COURSE_LINES = [
  "accepted",
  "refused",
  "latencyP50",
  "latencyP99",
  "mergeP99",
  "commitP99",
  "verifyP99",
  "signP99",
  "batches",
  "requests",
  "poolEntries",
  "freeData",
  "mainLag",
  "frontendLag",
] as const;

/** See {@link COURSE_LINES}. */
export type CourseLine = (typeof COURSE_LINES)[number];

/** The course of one shard or of the process: one value of each line for each time. */
export interface Course {
  /** Ends of the steps; milliseconds since the Unix epoch. */
  readonly timesMs: readonly number[];
  /** Null where nothing is known; a line of which nothing is known at all is absent. */
  readonly lines: Readonly<Partial<Record<CourseLine, readonly (number | null)[]>>>;
}

type Value = (step: Step) => number | null;

function rate(pick: (counts: Step["counts"]) => number): Value {
  return ({ startMs, endMs, counts }) =>
    endMs > startMs ? (1_000 * pick(counts)) / (endMs - startMs) : null;
}

function timeAt(share: number, name: string): Value {
  return ({ buckets }) => secondsOf(quantile(buckets[name], share));
}

function gauge(name: string): Value {
  return ({ gauges }) => gauges[name] ?? null;
}

const VALUES: Readonly<Record<CourseLine, Value>> = {
  accepted: rate(({ accepted = 0 }) => accepted),
  refused: rate((counts) => totalOf(counts, "refused")),
  latencyP50: timeAt(0.5, "latency"),
  latencyP99: timeAt(0.99, "latency"),
  mergeP99: timeAt(0.99, "merge"),
  commitP99: timeAt(0.99, "step commit"),
  verifyP99: timeAt(0.99, "step verify"),
  signP99: timeAt(0.99, "step sign"),
  batches: rate(({ batches = 0 }) => batches),
  requests: rate(({ requests = 0 }) => requests),
  poolEntries: gauge("poolEntries"),
  freeData: gauge("free data"),
  mainLag: gauge("mainLagSeconds"),
  frontendLag: gauge("frontendLagSeconds"),
};

/** The lines of these steps, broken where no process looked. */
export function courseOf(steps: readonly Step[]): Course {
  // A break is a moment of which nothing is known.
  const moments: { readonly timeMs: number; readonly step: Step | undefined }[] = [];
  let lastMs = Number.POSITIVE_INFINITY;
  for (const step of steps) {
    if (step.startMs > lastMs) moments.push({ timeMs: step.startMs, step: undefined });
    moments.push({ timeMs: step.endMs, step });
    lastMs = step.endMs;
  }
  const lines: Partial<Record<CourseLine, readonly (number | null)[]>> = {};
  for (const name of COURSE_LINES) {
    const values = moments.map(({ step }) => (step ? shorten(VALUES[name](step)) : null));
    if (values.some((value) => value !== null)) lines[name] = values;
  }
  return { timesMs: moments.map(({ timeMs }) => timeMs), lines };
}

function shorten(value: number | null): number | null {
  return value === null || Number.isInteger(value) ? value : Number(value.toPrecision(4));
}
