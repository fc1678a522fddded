/**
 * What happened between two samples, and over many: differences, rates, quantiles, and when a
 * disk will be full. Pure.
 * @module
 */
import type { Numbers, Sample } from "./sample.ts";

/** From one sample to the next. Only what is not zero is named. */
export interface Step {
  readonly startMs: number;
  readonly endMs: number;
  readonly counts: Numbers;
  readonly buckets: Readonly<Record<string, Numbers>>;
  readonly issuers: Numbers;
  /** At its end; those of {@link PEAKS} at their highest within it. */
  readonly gauges: Numbers;
}

/** Gauges whose highest value is worth more than their last. */
export const PEAKS: ReadonlySet<string> = new Set([
  "poolEntries",
  "poolBytes",
  "mainLagSeconds",
  "frontendLagSeconds",
  "spaceShort",
]);

/**
 * The step that ends with a sample. A run begins with nothing counted, at its own start; what a
 * run counted after its last sample is lost.
 */
export function stepBetween(before: Sample | undefined, sample: Sample): Step {
  const known = before?.runMs === sample.runMs ? before : undefined;
  const startMs = known?.timeMs ?? sample.runMs;
  const buckets: Record<string, Numbers> = {};
  for (const [name, counts] of Object.entries(sample.buckets)) {
    const found = difference(known?.buckets[name], counts, true);
    if (Object.values(found).some((count) => count > 0)) buckets[name] = found;
  }
  const isKnown = sample.issuers !== undefined && !(known && known.issuers === undefined);
  return {
    startMs: Math.min(startMs, sample.timeMs),
    endMs: sample.timeMs,
    counts: difference(known?.counts, sample.counts, false),
    buckets,
    issuers: isKnown ? difference(known?.issuers, sample.issuers ?? {}, false) : {},
    gauges: sample.gauges,
  };
}

/** @param keepsZero Bounds of buckets stay: the one below a bucket says where it begins. */
function difference(before: Numbers | undefined, after: Numbers, keepsZero: boolean): Numbers {
  const found: Record<string, number> = {};
  for (const [name, value] of Object.entries(after)) {
    const count = Math.max(0, value - (before?.[name] ?? 0));
    if (count > 0 || keepsZero) found[name] = count;
  }
  return found;
}

/** All steps as one; undefined for none. */
export function sumSteps(steps: readonly Step[]): Step | undefined {
  const [first] = steps;
  const last = steps.at(-1);
  if (first === undefined || last === undefined) return undefined;
  const counts: Record<string, number> = {};
  const issuers: Record<string, number> = {};
  const buckets: Record<string, Record<string, number>> = {};
  for (const step of steps) {
    addTo(counts, step.counts);
    addTo(issuers, step.issuers);
    for (const [name, found] of Object.entries(step.buckets)) {
      const sums = buckets[name] ?? {};
      buckets[name] = sums;
      addTo(sums, found);
    }
  }
  const { gauges } = last;
  return { startMs: first.startMs, endMs: last.endMs, counts, issuers, buckets, gauges };
}

function addTo(sums: Record<string, number>, more: Numbers): void {
  for (const [name, value] of Object.entries(more)) sums[name] = (sums[name] ?? 0) + value;
}

/** Gauges of a longer time: the highest of {@link PEAKS}, else the later ones. */
export function mergeGauges(before: Numbers, after: Numbers): Numbers {
  const merged: Record<string, number> = { ...after };
  for (const name of PEAKS) {
    const peak = Math.max(before[name] ?? 0, after[name] ?? 0);
    if (before[name] !== undefined || after[name] !== undefined) merged[name] = peak;
  }
  return merged;
}

/** How many there are of a name that has a label behind it, as `refused`, largest first. */
export function byLabel(counts: Numbers, name: string): readonly (readonly [string, number])[] {
  const start = `${name} `;
  return Object.entries(counts)
    .flatMap(([own, count]) =>
      own.startsWith(start) ? [[own.slice(start.length), count] as const] : [],
    )
    .toSorted(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
}

/** Sum of {@link byLabel}. */
export function totalOf(counts: Numbers, name: string): number {
  return byLabel(counts, name).reduce((sum, [, count]) => sum + count, 0);
}

/** A quantile of times. */
export interface Quantile {
  readonly seconds: number;
  /** Beyond the last bound: it is this or more. */
  readonly isAtLeast: boolean;
}

/**
 * Estimates a quantile from counts by bucket, as Prometheus does: those of a bucket are taken to
 * lie evenly in it, so it is as exact as the bounds are near each other.
 * @param share As 0.99.
 * @returns Undefined where nothing was counted.
 */
export function quantile(buckets: Numbers | undefined, share: number): Quantile | undefined {
  const bounds = Object.entries(buckets ?? {})
    .map(([le, count]) => ({ le: le === "+Inf" ? Number.POSITIVE_INFINITY : Number(le), count }))
    .toSorted((a, b) => a.le - b.le);
  const total = bounds.reduce((sum, { count }) => sum + count, 0);
  if (total === 0) return undefined;
  const wanted = share * total;
  let below = 0;
  let start = 0;
  for (const { le, count } of bounds) {
    if (count > 0 && below + count >= wanted) {
      if (le === Number.POSITIVE_INFINITY) return { seconds: start, isAtLeast: true };
      return { seconds: start + (le - start) * ((wanted - below) / count), isAtLeast: false };
    }
    below += count;
    start = le;
  }
  return { seconds: start, isAtLeast: true };
}

/** What the last hours say of a disk. */
export type Forecast =
  | { readonly kind: "unknown"; readonly hours: number }
  | { readonly kind: "steady"; readonly hours: number }
  | {
      readonly kind: "filling";
      readonly hours: number;
      readonly bytesPerDay: number;
      readonly daysLeft: number;
    };

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Below that a line says nothing. */
const SPAN_MS_MIN = HOUR_MS;
const POINTS_MIN = 6;

/** A disk that will last longer than this is not filling. */
const DAYS_MAX = 3_650;

/** When a disk is full, by the straight line through what was free. @param points In any order. */
export function forecast(
  points: readonly { readonly timeMs: number; readonly freeBytes: number }[],
): Forecast {
  const times = points.map(({ timeMs }) => timeMs);
  const lastMs = Math.max(...times);
  const spanMs = points.length === 0 ? 0 : lastMs - Math.min(...times);
  const hours = spanMs / HOUR_MS;
  if (points.length < POINTS_MIN || spanMs < SPAN_MS_MIN) return { kind: "unknown", hours };
  const meanDays =
    points.reduce((sum, { timeMs }) => sum + (timeMs - lastMs) / DAY_MS, 0) / points.length;
  const meanBytes = points.reduce((sum, { freeBytes }) => sum + freeBytes, 0) / points.length;
  let products = 0;
  let squares = 0;
  for (const { timeMs, freeBytes } of points) {
    const days = (timeMs - lastMs) / DAY_MS - meanDays;
    products += days * (freeBytes - meanBytes);
    squares += days * days;
  }
  const slope = products / squares;
  const freeBytes = meanBytes - slope * meanDays;
  const daysLeft = Math.max(0, freeBytes / -slope);
  if (slope >= 0 || daysLeft > DAYS_MAX) return { kind: "steady", hours };
  return { kind: "filling", hours, bytesPerDay: -slope, daysLeft };
}
