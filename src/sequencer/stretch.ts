/**
 * How long a group goes on gathering beyond `batch.intervalMs`: while frontends have more
 * submissions than they can judge, a shard makes fewer and larger groups. A head costs some 5 ms of
 * processor time (*measured*, P-384 in groups of 62 and 112; signatures, three flushes, tiles,
 * messages, code that the caches have forgotten meanwhile), however many share it; and who waits to
 * be judged has his answer the sooner for it.
 * @module
 */
import type { Clock } from "../clock/clock.ts";

/** No group gathers longer than this, counted from the last head; milliseconds. */
export const STRETCH_MS_MAX: number = 100;

/** Nor longer than this once it has `LARGE_ENTRIES`, whose share of a head is little; milliseconds. */
export const LARGE_STRETCH_MS_MAX: number = 50;
export const LARGE_ENTRIES: number = 256;

/** Between two looks at what frontends have; milliseconds. */
export const LOOK_MS: number = 3;

/**
 * While what frontends have read keeps them busy for longer than this, others go on gathering;
 * milliseconds. That is what a head takes: frontends that had nothing left meanwhile would stand
 * still, as would a closed loop of clients who all wait for this very group.
 */
export const UNJUDGED_MS_MIN: number = 7;

const none = (): number => 0;

/** The gathering of one shard, group after group. */
export class Gatherer {
  readonly #clock: Clock;
  readonly #batch: Batch;
  readonly #unjudgedMs: () => number;
  /** Steady time when the last stretched group was answered. */
  #answeredMs = Number.NEGATIVE_INFINITY;
  #isStretched = false;

  /** @param unjudgedMs See `gathering`; undefined: nobody knows. */
  constructor(clock: Clock, batch: Batch, unjudgedMs: (() => number) | undefined) {
    this.#clock = clock;
    this.#batch = batch;
    this.#unjudgedMs = unjudgedMs ?? none;
  }

  /**
   * Until the group that waits is due; at most 0 if it is; milliseconds.
   * @param headMs Steady time of the last head.
   * @param entryCount Of the group.
   */
  dueInMs(headMs: number, entryCount: number): number {
    const nowMs = this.#clock.monotonicMs();
    const times = { sinceMs: nowMs - headMs, answeredMs: nowMs - this.#answeredMs };
    const { dueInMs, isStretched } = gathering(this.#batch, times, entryCount, this.#unjudgedMs);
    if (isStretched) this.#isStretched = true;
    return dueInMs;
  }

  /** The group was answered; the next one gathers. */
  answered(): void {
    if (this.#isStretched) this.#answeredMs = this.#clock.monotonicMs();
    this.#isStretched = false;
  }
}

interface Batch {
  readonly intervalMs: number;
  readonly entriesMax: number;
}

/** How a group gathers. */
export interface Gathering {
  /** Until it is due; at most 0 if it is; milliseconds. */
  readonly dueInMs: number;
  /** Whether it gathers beyond the interval. */
  readonly isStretched: boolean;
}

/**
 * When a group is due, by what is known now; ask again then.
 * @param sinceMs Since the last head.
 * @param answeredMs Since the last stretched group was answered: it takes its clients a moment to
 *   send what comes next, and a group without that would be a small one.
 * @param entryCount Of the group.
 * @param unjudgedMs How long frontends are busy with what they have read and not judged yet.
 */
export function gathering(
  { intervalMs, entriesMax }: Batch,
  { sinceMs, answeredMs }: { readonly sinceMs: number; readonly answeredMs: number },
  entryCount: number,
  unjudgedMs: () => number,
): Gathering {
  const restMs = (entryCount < LARGE_ENTRIES ? STRETCH_MS_MAX : LARGE_STRETCH_MS_MAX) - sinceMs;
  if (sinceMs >= intervalMs && restMs > 0 && entryCount < entriesMax) {
    const lookMs = Math.min(LOOK_MS, restMs);
    if (unjudgedMs() > UNJUDGED_MS_MIN) return { dueInMs: lookMs, isStretched: true };
    const graceMs = intervalMs - answeredMs;
    if (graceMs > 0) return { dueInMs: Math.min(lookMs, graceMs), isStretched: false };
  }
  return { dueInMs: intervalMs - sinceMs, isStretched: false };
}
