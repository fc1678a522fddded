/**
 * What a run of the load generator showed, as a value and as text.
 * @module
 */
import { type Answers, BODY_SLOT_BYTES, type Verdicts } from "./answers.ts";
import type { Cost } from "./cost-meter.ts";
import type { IssuerKind } from "./keys.ts";
import type { DriverMessage, Pace } from "./load-driver.ts";
import type { LoadOptions, ProofCheck } from "./load-run.ts";
import { type Quantiles, quantilesOf } from "./stats.ts";
import type { VerifyResult } from "./verify-worker.ts";

/** Answers of one status other than 200. */
export interface Refusal {
  /** -1: no answer at all. */
  readonly status: number;
  readonly count: number;
  /** The first one's text, cut. */
  readonly sample: string;
}

/** A whole run. Times are of the measured part, without warm-up, unless said otherwise. */
export interface LoadReport {
  readonly issuer: IssuerKind;
  readonly pace: string;
  readonly connections: number;
  readonly seconds: number;
  /** When measuring began; Unix epoch, milliseconds. */
  readonly measuredFromMs: number;
  /** When the last answer came. */
  readonly measuredToMs: number;
  /** With the warm-up. */
  readonly sentCount: number;
  /** With the warm-up: answered with an SCT. */
  readonly acceptedCount: number;
  /** With the warm-up. */
  readonly refused: readonly Refusal[];
  readonly acceptedPerSecond: number;
  /** Of accepted submissions, from the moment they were due (open loop) or sent; milliseconds. */
  readonly latencyMs: Quantiles;
  /**
   * Of answers other than an SCT, from the moment they were sent, for before it nobody could refuse
   * them; milliseconds.
   */
  readonly refusalMs: Quantiles;
  /** How late the driver sent what was due; milliseconds; zeros in a closed loop. */
  readonly lagMs: Quantiles;
  readonly serverCpuUsPerAccepted: number | undefined;
  readonly writtenBytesPerAccepted: number | undefined;
  /** Of all accepted entries, warm-up included. */
  readonly diskBytesPerEntry: number | undefined;
  readonly rssAnonBytesMax: number | undefined;
  readonly driverCpuUsPerRequest: number;
  /** Share of one core that the driver's thread took; 0 to 1. */
  readonly driverCpuShare: number;
  /** Cores' worth of CPU taken by neither server nor driver; undefined without `--pid`. */
  readonly foreignCores: number | undefined;
  /** Why the figures may be the driver's and not the server's; empty when they are not. */
  readonly limits: readonly string[];
  readonly verification: {
    readonly sctCount: number;
    /** SCTs without leaf index: other logs. */
    readonly unindexedCount: number;
    readonly distinctIndexCount: number;
    readonly proofs: ProofCheck;
    /** How many SCTs do not hold, positions are shared, or proofs fail. */
    readonly problemCount: number;
    readonly problems: readonly string[];
  };
  readonly seed: number;
  readonly first: number;
  /** SHA-256 over status and entry of each submission, in order; a function of seed and
   *  count as long as all are accepted. */
  readonly resultHash: string;
}

/** Everything a report is made of. */
export interface FinishedRun {
  readonly options: LoadOptions;
  readonly answers: Answers;
  readonly verdicts: Verdicts;
  readonly done: Extract<DriverMessage, { type: "done" }>;
  readonly cost: Cost;
  readonly verified: VerifyResult;
  readonly proofs: ProofCheck;
  readonly digest: string;
}

/** A driver above this share of its core is called the limit. */
const DRIVER_SHARE_MAX = 0.9;

/** So is one that sends later than this at p99; milliseconds. */
const LAG_MS_MAX = 5;

/** The report of a run. */
export function summarizeRun(run: FinishedRun): LoadReport {
  const { options, done, cost, verified } = run;
  const counted = countAnswers(run);
  const distinct = new Set(new Float64Array(run.verdicts.leafIndexes));
  distinct.delete(-1);
  const indexed = verified.verifiedCount - verified.unindexedCount;
  const shared = indexed - distinct.size;
  const problems = [...verified.problems, ...run.proofs.problems];
  if (shared > 0) problems.push(`${shared} SCTs share a leaf index with another`);
  const seconds = (done.endedMs - done.measuringMs) / 1000;
  const per = (total: number | undefined, count: number) =>
    total === undefined || count === 0 ? undefined : total / count;
  const driverCpuShare = done.cpuUs / 1e6 / seconds;
  const foreignUs =
    cost.cpuUs === undefined
      ? undefined
      : Math.max(0, cost.machineBusyUs - cost.cpuUs - done.cpuUs);
  return {
    issuer: options.kind,
    pace: formatPace(options.pace),
    connections: options.connections,
    seconds,
    measuredFromMs: done.measuringMs,
    measuredToMs: done.endedMs,
    sentCount: counted.sentCount,
    acceptedCount: counted.acceptedCount,
    refused: counted.refused,
    acceptedPerSecond: counted.measuredCount / seconds,
    latencyMs: quantilesOf(counted.latencies),
    refusalMs: quantilesOf(counted.refusalLatencies),
    lagMs: quantilesOf(counted.lags),
    serverCpuUsPerAccepted: per(cost.cpuUs, counted.measuredCount),
    writtenBytesPerAccepted: per(cost.writtenBytes, counted.measuredCount),
    diskBytesPerEntry: per(cost.diskBytes, counted.acceptedCount),
    rssAnonBytesMax: cost.rssAnonBytesMax,
    driverCpuUsPerRequest: per(done.cpuUs, counted.lags.length) ?? 0,
    driverCpuShare,
    foreignCores: per(foreignUs, seconds * 1e6),
    limits: limitsOf(run, { driverCpuShare, lagMs: quantilesOf(counted.lags).p99 }, counted),
    verification: {
      sctCount: verified.verifiedCount,
      unindexedCount: verified.unindexedCount,
      distinctIndexCount: distinct.size,
      proofs: run.proofs,
      problemCount: verified.problemCount + run.proofs.problems.length + Math.max(0, shared),
      problems,
    },
    seed: options.seed,
    first: options.first,
    resultHash: run.digest,
  };
}

/** A pace in a few words. */
export function formatPace(pace: Pace): string {
  switch (pace.type) {
    case "flat-out":
      return "flat out";
    case "rate":
      return `${pace.perSecond}/s`;
    case "lone":
      return `one after ${pace.pauseMs / 1_000} s of nothing`;
  }
}

interface Counted {
  readonly sentCount: number;
  readonly acceptedCount: number;
  /** Accepted while measuring. */
  readonly measuredCount: number;
  readonly refused: readonly Refusal[];
  readonly latencies: readonly number[];
  readonly refusalLatencies: readonly number[];
  readonly lags: readonly number[];
}

function countAnswers({ answers, done }: FinishedRun): Counted {
  const statuses = new Int16Array(answers.statuses);
  const dueMs = new Float64Array(answers.dueMs);
  const sentMs = new Float64Array(answers.sentMs);
  const answeredMs = new Float64Array(answers.answeredMs);
  const refusals = new Map<number, Refusal>();
  const latencies: number[] = [];
  const refusalLatencies: number[] = [];
  const lags: number[] = [];
  let sentCount = 0;
  let acceptedCount = 0;
  let measuredCount = 0;
  for (const [at, due] of dueMs.entries()) {
    if (due === 0) continue;
    sentCount += 1;
    const status = statuses[at] === 0 ? -1 : (statuses[at] ?? -1);
    const answered = answeredMs[at] ?? 0;
    if (due >= done.measuringMs) lags.push(Math.max(0, (sentMs[at] ?? 0) - due));
    if (status !== 200) {
      if (status > 0 && due >= done.measuringMs)
        refusalLatencies.push(answered - (sentMs[at] ?? 0));
      const known = refusals.get(status);
      const sample = known?.sample ?? textOfAnswer(answers, at);
      refusals.set(status, { status, count: (known?.count ?? 0) + 1, sample });
      continue;
    }
    acceptedCount += 1;
    if (answered >= done.measuringMs) measuredCount += 1;
    if (due >= done.measuringMs) latencies.push(answered - due);
  }
  const refused = [...refusals.values()].sort((a, b) => a.status - b.status);
  return { sentCount, acceptedCount, measuredCount, refused, latencies, refusalLatencies, lags };
}

function textOfAnswer(answers: Answers, at: number): string {
  const length = new Uint16Array(answers.bodyLengths)[at] ?? 0;
  const text = Buffer.from(answers.bodies, at * BODY_SLOT_BYTES, length).toString("utf8");
  return text.replaceAll(/\s+/g, " ").trim().slice(0, 200);
}

function limitsOf(
  { options, done }: FinishedRun,
  measured: { readonly driverCpuShare: number; readonly lagMs: number },
  counted: Counted,
): readonly string[] {
  const limits: string[] = [];
  if (measured.driverCpuShare > DRIVER_SHARE_MAX) {
    const share = Math.round(100 * measured.driverCpuShare);
    limits.push(`the driver took ${share} % of its core: it was itself the limit`);
  }
  if (measured.lagMs > LAG_MS_MAX) {
    limits.push(
      `p99 of what was due was sent ${measured.lagMs.toFixed(1)} ms late${done.waitedCount > 0 ? `; ${done.waitedCount} found all ${options.connections} connections busy` : ": the driver had no CPU"}`,
    );
  }
  const isUsedUp = options.pace.type === "flat-out" && counted.sentCount >= options.count;
  if (isUsedUp && done.endedMs - done.startedMs < options.sendMs) {
    limits.push(`all ${options.count} submissions were used up before the time was over`);
  }
  return limits;
}

/** The report for people: some fifteen lines. */
export function formatReport(report: LoadReport): string {
  const { verification, latencyMs, lagMs } = report;
  const kilo = (bytes: number) => `${(bytes / 1000).toFixed(2)} kB`;
  const optional = (value: number | undefined, format: (value: number) => string) =>
    value === undefined ? "not measured" : format(value);
  const lines: readonly (readonly [string, string])[] = [
    [
      "load",
      `${report.issuer}, ${report.pace}, ${report.connections} connections, ${report.seconds.toFixed(1)} s measured`,
    ],
    [
      "accepted",
      `${report.acceptedPerSecond.toFixed(1)}/s; ${report.acceptedCount} of ${report.sentCount} sent`,
    ],
    ["latency", formatQuantiles(latencyMs)],
    ...(report.refused.length === 0
      ? []
      : [["refused after", formatQuantiles(report.refusalMs)] satisfies [string, string]]),
    ["sent late by", formatQuantiles(lagMs)],
    [
      "server CPU",
      optional(report.serverCpuUsPerAccepted, (us) => `${us.toFixed(0)} us per accepted`),
    ],
    [
      "server memory",
      optional(
        report.rssAnonBytesMax,
        (bytes) => `${(bytes / 2 ** 20).toFixed(0)} MB anonymous at most`,
      ),
    ],
    ["written", optional(report.writtenBytesPerAccepted, (bytes) => `${kilo(bytes)} per accepted`)],
    ["disk", optional(report.diskBytesPerEntry, (bytes) => `${kilo(bytes)} per entry`)],
    [
      "driver CPU",
      `${report.driverCpuUsPerRequest.toFixed(0)} us per request, ${(100 * report.driverCpuShare).toFixed(0)} % of its core`,
    ],
    ["other CPU", optional(report.foreignCores, (cores) => `${cores.toFixed(2)} cores by others`)],
    ...report.refused.map((refusal): [string, string] => [
      refusal.status < 0 ? "no answer" : `refused ${refusal.status}`,
      `${refusal.count}; first: ${refusal.sample}`,
    ]),
    [
      "verified",
      `${verification.sctCount} SCTs, ${verification.distinctIndexCount} leaf indexes, ${verification.proofs.treeCount} proofs, ${verification.proofs.tileCount} by tiles, size ${verification.proofs.treeSize}`,
    ],
    ...report.limits.map((limit): [string, string] => ["LIMIT", limit]),
    ...verification.problems.map((problem): [string, string] => ["PROBLEM", problem]),
    ["problems", String(verification.problemCount)],
    ["result", `seed ${report.seed}, first ${report.first}, SHA-256 ${report.resultHash}`],
  ];
  return lines.map(([label, value]) => `${label.padEnd(14)} ${value}\n`).join("");
}

function formatQuantiles(value: Quantiles): string {
  const ms = (time: number) => time.toFixed(2);
  return `p50 ${ms(value.p50)}, p99 ${ms(value.p99)}, p99.9 ${ms(value.p999)}, max ${ms(value.max)} ms`;
}
