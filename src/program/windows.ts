/**
 * Conditions on expiry ranges: how long, without gap, and how far ahead.
 * @module
 */
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
import type { Facts, LogFacts } from "./facts.ts";

/** Chrome wants the coming years to be covered: "spanning from the current time to 3-4 years". */
const YEARS_AHEAD_MIN = 3;

/** `timeMs` so many calendar months later. */
function addMonths(timeMs: number, months: number): number {
  const date = new Date(timeMs);
  return Date.UTC(
    date.getUTCFullYear(),
    date.getUTCMonth() + months,
    date.getUTCDate(),
    date.getUTCHours(),
    date.getUTCMinutes(),
    date.getUTCSeconds(),
  );
}

function lengthObjection({ notAfterStartMs: startMs, notAfterLimitMs: limitMs }: LogFacts) {
  const range = `${dayOf(startMs)} to ${dayOf(limitMs)}`;
  if (limitMs > addMonths(startMs, 12)) return `its range, ${range}, is longer than a year`;
  if (limitMs < addMonths(startMs, 6)) return `its range, ${range}, is shorter than six months`;
  return undefined;
}

/** Shards of one series: the name up to the year. */
function seriesOf(logs: readonly LogFacts[]): ReadonlyMap<string, readonly LogFacts[]> {
  const stem = ({ name }: LogFacts): string => name.replace(/[-_]?\d{4}(?:h[12])?[a-z]?$/, "");
  const sorted = logs.toSorted((a, b) => a.notAfterStartMs - b.notAfterStartMs);
  return Map.groupBy(sorted, stem);
}

function gapObjections(facts: Facts): readonly string[] {
  const objections: string[] = [];
  for (const series of seriesOf(facts.logs).values()) {
    for (const [index, log] of series.entries()) {
      const next = series[index + 1];
      if (next === undefined || next.notAfterStartMs === log.notAfterLimitMs) continue;
      const isGap = next.notAfterStartMs > log.notAfterLimitMs;
      const between = `${log.name} ends at ${dayOf(log.notAfterLimitMs)}, ${next.name} begins at ${dayOf(next.notAfterStartMs)}`;
      objections.push(`${isGap ? "a gap" : "an overlap"}: ${between}`);
    }
  }
  return objections;
}

function coverageObjections(facts: Facts): readonly string[] {
  const untilMs = addMonths(facts.nowMs, 12 * YEARS_AHEAD_MIN);
  let coveredMs = facts.nowMs;
  const sorted = facts.logs.toSorted((a, b) => a.notAfterStartMs - b.notAfterStartMs);
  for (const log of sorted) {
    if (log.notAfterStartMs <= coveredMs) coveredMs = Math.max(coveredMs, log.notAfterLimitMs);
  }
  if (coveredMs >= untilMs) return [];
  const what =
    coveredMs === facts.nowMs ? "no shard covers now" : `covered until ${dayOf(coveredMs)}`;
  return [`${what}: expected shards from now to at least ${dayOf(untilMs)} (write more years)`];
}

function judgeExpired({ logs, nowMs }: Facts): Judgement {
  const expired = logs.filter(({ notAfterLimitMs }) => notAfterLimitMs <= nowMs);
  const names = expired.map(({ name }) => name);
  return forOperator(
    expired.length === 0
      ? "no range has passed"
      : `the range of ${listed(names)} has passed: ask for retirement, and leave it out of an application (--shard)`,
  );
}

/** The conditions. */
export const WINDOW_CONDITIONS: readonly Condition[] = [
  {
    id: "shard-length",
    program: "Chrome",
    rule: "Each expiry range is no longer than one calendar year and no shorter than six months.",
    source: `${SOURCE.chrome}, Temporal Sharding`,
    isChecked: true,
    judge: (facts) =>
      unless(objectionsTo(facts.logs, lengthObjection), "every range has six to twelve months"),
  },
  {
    id: "shard-contiguity",
    program: "Chrome",
    rule: "The expiry ranges of a set of logs are contiguous, with no gaps.",
    source: `${SOURCE.chrome}, Existing CT Log Operators`,
    isChecked: true,
    judge: (facts) => unless(gapObjections(facts), "each range begins where the one before ends"),
  },
  {
    id: "shard-coverage",
    program: "Chrome",
    rule: "The ranges span from the current time to 3-4 years in the future.",
    source: `${SOURCE.chrome}, Temporal Sharding`,
    isChecked: true,
    judge: (facts) =>
      unless(coverageObjections(facts), `covered from now for ${YEARS_AHEAD_MIN} years or more`),
  },
  {
    id: "shard-expired",
    program: "Chrome",
    rule: "Logs whose range has passed leave the list, and a new one extends the ranges.",
    source: `${SOURCE.chrome}, Temporal Sharding`,
    isChecked: false,
    judge: judgeExpired,
  },
];
