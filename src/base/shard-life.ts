/**
 * The life of a shard by its dates. Time is that of the last signed head, never a clock's own: a
 * clock that jumped moves nobody's shard, all threads agree, and no phase is ever left backwards.
 * @module
 */

/** Where a shard stands in its life, whatever its health. */
export type ShardPhase = "planned" | "open" | "closing" | "read-only" | "retired";

/** In the order in which they come. */
export const SHARD_PHASES: readonly ShardPhase[] = [
  "planned",
  "open",
  "closing",
  "read-only",
  "retired",
];

/** What moves a shard; milliseconds since the Unix epoch, each inclusive. */
export interface ShardDates {
  /** First submission; undefined: from its creation on. */
  readonly opensAtMs?: number | undefined;
  /** No submission from here on: with the first head after it the tree is final. */
  readonly closesAtMs: number;
  /** The first head after it is the last; undefined: nobody has decided. */
  readonly retiresAtMs?: number | undefined;
}

const DAY_MS = 24 * 60 * 60 * 1_000;

/** A shard closes this much after its NotAfter limit: every certificate in it has expired. */
export const CLOSE_AFTER_LIMIT_MS: number = 7 * DAY_MS;

/** A shard is closing for so long: a month before its limit, and the week after it. */
export const CLOSING_MS: number = CLOSE_AFTER_LIMIT_MS + 30 * DAY_MS;

/** When a shard of this window closes. */
export function closesAtMs(shard: { readonly notAfterLimitMs: number }): number {
  return shard.notAfterLimitMs + CLOSE_AFTER_LIMIT_MS;
}

/** The phase of a shard whose last head has this timestamp. */
export function phaseAt(dates: ShardDates, timeMs: number): ShardPhase {
  const { opensAtMs, retiresAtMs } = dates;
  if (retiresAtMs !== undefined && timeMs >= retiresAtMs) return "retired";
  if (timeMs >= dates.closesAtMs) return "read-only";
  if (opensAtMs !== undefined && timeMs < opensAtMs) return "planned";
  return timeMs >= dates.closesAtMs - CLOSING_MS ? "closing" : "open";
}

/** Whether a shard in this phase takes submissions. */
export function isTaking(phase: ShardPhase): boolean {
  return phase === "open" || phase === "closing";
}

/** The next date after `timeMs` at which submissions or heads begin or end; undefined if none. */
export function nextDateMs(dates: ShardDates, timeMs: number): number | undefined {
  const { opensAtMs, closesAtMs: closes, retiresAtMs } = dates;
  return [opensAtMs, closes, retiresAtMs]
    .filter((date): date is number => date !== undefined && date > timeMs)
    .toSorted((a, b) => a - b)[0];
}
