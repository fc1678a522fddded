/**
 * What an operator should look at now: the rules of deploy/alerts.yml as far as a process can
 * judge itself, each named after its alert, whose page in docs/OPERATIONS.md says what to do.
 * @module
 */
import { countOf } from "../../base/plural.ts";
import type { Sample } from "../../history/sample.ts";
import {
  byLabel,
  type Forecast,
  quantile,
  type Step,
  sumSteps,
  totalOf,
} from "../../history/step.ts";
import type { LogStatus } from "../../log/log.ts";
import { formatCount, formatDuration } from "../view/format.ts";
import type { Warning } from "./data.ts";

/** What a shard is judged by. */
export interface ShardFacts {
  readonly name: string;
  readonly status: LogStatus;
  readonly now: Sample | undefined;
  /** Of the last hour, up to now. */
  readonly hour: readonly Step[];
  /** Of the last day, up to now. */
  readonly day: readonly Step[];
  readonly data: Forecast;
}

const MINUTE_MS = 60_000;

/** What happened in the last minutes; undefined if nothing is known of them. */
function lately(steps: readonly Step[], nowMs: number, minutes: number): Step | undefined {
  return sumSteps(steps.filter(({ endMs }) => endMs > nowMs - minutes * MINUTE_MS));
}

type Found = Omit<Warning, "shard">;

/** What is the matter with a shard, the worst first. */
export function warningsOfShard(facts: ShardFacts, nowMs: number): readonly Warning[] {
  const found = [...stateOf(facts, nowMs), ...serviceOf(facts, nowMs), ...storeOf(facts, nowMs)];
  const seen = new Set<string>();
  return found
    .filter(({ alert }) => !seen.has(alert) && seen.add(alert))
    .map((warning) => ({ ...warning, shard: facts.name }))
    .toSorted(bySeverity);
}

/** Pages before tickets; else as they came. */
export function bySeverity(a: Warning, b: Warning): number {
  return (a.severity === "page" ? 0 : 1) - (b.severity === "page" ? 0 : 1);
}

function page(alert: string, message: string): Found {
  return { alert, severity: "page", message };
}

function ticket(alert: string, message: string): Found {
  return { alert, severity: "ticket", message };
}

const GUARD_CODE = /FATAL_(?:GUARD_|ROLLED_BACK)/;

function stateOf({ status, hour }: ShardFacts, nowMs: number): Found[] {
  const { isReady, state, phase, reason, headAgeMs = 0, damage } = status;
  const found: Found[] = [];
  if (!isReady) {
    const isGuard = GUARD_CODE.test(reason);
    const alert = isGuard
      ? "StratusGuardRefuses"
      : state === "failed"
        ? "StratusShardFailed"
        : "StratusShardNotReady";
    found.push(page(alert, reason));
  }
  if (damage !== undefined) found.push(page("StratusDamage", damage));
  for (const [code, count] of byLabel(lately(hour, nowMs, 15)?.counts ?? {}, "incident")) {
    const times = count === 1 ? "once" : `${formatCount(count)} times`;
    const message = `${code} ${times} in the last 15 minutes`;
    if (code === "clock-held") found.push(page("StratusClockHeld", message));
    else if (GUARD_CODE.test(code)) found.push(page("StratusGuardRefuses", message));
    else if (/^(?:FATAL_|BUG$)/.test(code)) found.push(page("StratusShardFailed", message));
  }
  if (headAgeMs > 45_000 && phase !== "retired") {
    found.push(page("StratusHeadOld", `the published head is ${formatDuration(headAgeMs)} old`));
  }
  return found;
}

function serviceOf({ status, now, hour }: ShardFacts, nowMs: number): Found[] {
  const found: Found[] = [];
  const { poolEntriesMax = 0, poolBytesMax = 0 } = now?.gauges ?? {};
  const { poolEntryCount, poolBytes } = status;
  const isFull = poolEntryCount > 0.75 * poolEntriesMax || poolBytes > 0.75 * poolBytesMax;
  if (isFull && poolEntriesMax > 0 && poolBytesMax > 0) {
    const message = `${formatCount(poolEntryCount)} entries wait; ${formatCount(poolEntriesMax)} may`;
    found.push(page("StratusPoolNearlyFull", message));
  }
  const { requests = 0, unavailable = 0 } = lately(hour, nowMs, 10)?.counts ?? {};
  if (unavailable >= 5 && unavailable > requests / 100) {
    const share = ((100 * unavailable) / requests).toFixed(1);
    found.push(
      page("StratusUnavailable", `${share} % of the last 10 minutes' answers were 429 or 5xx`),
    );
  }
  const half = lately(hour, nowMs, 30)?.counts ?? {};
  const refused = byLabel(half, "refused").filter(([code]) =>
    /^(?:REJECTED|MALFORMED)_/.test(code),
  );
  const refusedCount = refused.reduce((sum, [, count]) => sum + count, 0);
  const { accepted = 0, duplicate = 0 } = half;
  if (refusedCount > accepted + duplicate && refusedCount >= 10) {
    const [[code = ""] = []] = refused;
    const all = accepted + duplicate + totalOf(half, "refused");
    const message = `${formatCount(refusedCount)} of ${formatCount(all)} submissions were refused in the last 30 minutes, most by ${code}`;
    found.push(ticket("StratusRejections", message));
  }
  const p99 = quantile(lately(hour, nowMs, 10)?.buckets["latency"], 0.99);
  if (p99 !== undefined && p99.seconds > 1) {
    const message = `p99 of the last 10 minutes is ${p99.seconds.toFixed(1)} s`;
    found.push(ticket("StratusSubmissionsSlow", message));
  }
  const { bugs = 0 } = lately(hour, nowMs, 15)?.counts ?? {};
  if (bugs > 0) found.push(ticket("StratusBugs", `${countOf(bugs, "answer", formatCount)} of 500`));
  return found;
}

function storeOf({ status, now, hour, day, data }: ShardFacts, nowMs: number): Found[] {
  const found: Found[] = [];
  const gauges = now?.gauges ?? {};
  const counts = now?.counts ?? {};
  const { spaceShort = 0, unsealedEntries = 0, rootsReadSeconds } = gauges;
  if (spaceShort > 0) {
    found.push(page("StratusSpaceShort", "submissions are refused until there is room again"));
  }
  const { "free data": free = 0, "total data": total = 0 } = gauges;
  if (data.kind === "filling" && data.daysLeft < 4 && free < total / 2) {
    const message = `the disk of its data is full in ${data.daysLeft.toFixed(1)} days at the pace of the last ${data.hours.toFixed(1)} h`;
    found.push(ticket("StratusSpaceSoonShort", message));
  }
  if ((counts["finding false"] ?? 0) > 0) {
    const message = "the self-audit read damage that files opened afresh did not show";
    found.push(ticket("StratusUnconfirmedDamage", message));
  }
  const { sealingErrors = 0 } = lately(hour, nowMs, 15)?.counts ?? {};
  if (sealingErrors > 0) {
    found.push(ticket("StratusSealingFails", `${formatCount(sealingErrors)} failures`));
  }
  if (unsealedEntries > 65_536) {
    const message = `${formatCount(unsealedEntries)} entries wait to be compressed`;
    found.push(ticket("StratusSealingLags", message));
  }
  if (status.isReady && isAuditStalled(hour, nowMs)) {
    found.push(ticket("StratusAuditStalled", "no entry further in 30 minutes"));
  }
  for (const [reason] of byLabel(lately(day, nowMs, 120)?.counts ?? {}, "rootsRefused")) {
    found.push(ticket("StratusRootsRefused", `a reading of the roots changed nothing: ${reason}`));
  }
  if (rootsReadSeconds !== undefined && nowMs / 1_000 - rootsReadSeconds > 3 * 3_600) {
    const age = formatDuration(nowMs - 1_000 * rootsReadSeconds);
    found.push(ticket("StratusRootsOld", `the roots were last read in full ${age} ago`));
  }
  return found;
}

function isAuditStalled(hour: readonly Step[], nowMs: number): boolean {
  const steps = hour.filter(({ endMs }) => endMs > nowMs - 30 * MINUTE_MS);
  const [first] = steps;
  // A process that began to look later cannot say.
  if (first === undefined || first.startMs > nowMs - 29 * MINUTE_MS) return false;
  const { auditPosition } = first.gauges;
  return (
    auditPosition !== undefined &&
    steps.every(({ gauges, counts }) => {
      return gauges["auditPosition"] === auditPosition && counts["auditPasses"] === undefined;
    })
  );
}

/** What is the matter with the process. */
export function warningsOfProcess(
  now: Sample | undefined,
  hour: readonly Step[],
  nowMs: number,
): readonly Warning[] {
  const gauges = now?.gauges ?? {};
  const found: Found[] = [];
  for (const [host, valid] of byLabel(gauges, "tlsValid")) {
    const expires = gauges[`tlsExpiresSeconds ${host}`] ?? Number.POSITIVE_INFINITY;
    const leftMs = 1_000 * expires - nowMs;
    if (valid === 0)
      found.push(page("StratusTlsInvalid", `clients refuse the certificate of ${host}`));
    if (leftMs < 14 * 1_440 * MINUTE_MS) {
      found.push(ticket("StratusTlsExpires", `${host}: ${formatDuration(leftMs)} left`));
    }
  }
  const { mainLagSeconds = 0, frontendLagSeconds = 0, clockDriftSeconds = 0 } = gauges;
  const lag = Math.max(mainLagSeconds, frontendLagSeconds);
  if (lag > 0.2 && isLagging(hour, nowMs)) {
    const message = `an event loop was ${Math.round(1_000 * lag)} ms late in the last minute`;
    found.push(ticket("StratusEventLoopSlow", message));
  }
  if (Math.abs(clockDriftSeconds) > 2) {
    const message = `the clock has moved ${clockDriftSeconds.toFixed(1)} s against steady time`;
    found.push(ticket("StratusClockDrift", message));
  }
  const { frontendsEnded = 0, bugs = 0 } = lately(hour, nowMs, 15)?.counts ?? {};
  if (bugs > 0) found.push(ticket("StratusBugs", `${countOf(bugs, "answer", formatCount)} of 500`));
  if (frontendsEnded > 0) {
    const message = `${formatCount(frontendsEnded)} in the last 15 minutes`;
    found.push(ticket("StratusFrontendsEnded", message));
  }
  return found.map((warning) => ({ ...warning, shard: undefined })).toSorted(bySeverity);
}

/** Late for all of five minutes: a start, or one large answer, is no trend. */
function isLagging(hour: readonly Step[], nowMs: number): boolean {
  const steps = hour.filter(({ endMs }) => endMs > nowMs - 5 * MINUTE_MS);
  const isWhole = (steps[0]?.startMs ?? nowMs) < nowMs - 4 * MINUTE_MS;
  return (
    isWhole &&
    steps.every(({ gauges }) => {
      const { mainLagSeconds = 0, frontendLagSeconds = 0 } = gauges;
      return Math.max(mainLagSeconds, frontendLagSeconds) > 0.2;
    })
  );
}
