/**
 * What a shard's dates allow its sequencer: when a head is due, whether entries are still taken,
 * and that no date is passed by an accident of the clock. The head that passes the closing date
 * makes the tree final, which cannot be taken back.
 * @module
 */
import { isTaking, nextDateMs, phaseAt, type ShardDates } from "../base/shard-life.ts";
import type { Clock } from "../clock/clock.ts";

/** A date that lies between two heads further apart than this is doubted; milliseconds. */
export const GAP_MS_MAX: number = 24 * 60 * 60 * 1_000;

/** What was doubted is believed after so much steady time: a wrong clock is set right by then. */
export const DOUBT_MS: number = 60 * 60 * 1_000;

/** A shard without dates never opens, closes or retires. */
const NO_DATES: ShardDates = { closesAtMs: Number.POSITIVE_INFINITY };

/** When heads are made; milliseconds. */
interface Spacing {
  readonly intervalMs: number;
  readonly idleRefreshMs: number;
}

/** Watches one shard's dates. Each `lastMs` is the timestamp of the last head; 0 before the first. */
export class LifeWatch {
  readonly #clock: Clock;
  readonly #dates: ShardDates;
  readonly #doubtMs: number;
  readonly #startSteadyMs: number;

  /** @param doubtMs Absent: `DOUBT_MS`. */
  constructor(clock: Clock, dates: ShardDates = NO_DATES, doubtMs: number = DOUBT_MS) {
    this.#clock = clock;
    this.#dates = dates;
    this.#doubtMs = doubtMs;
    this.#startSteadyMs = clock.monotonicMs();
  }

  /**
   * Milliseconds until a head is due while nothing waits, at most 0 if it is; a date makes one
   * due by itself.
   */
  headDueInMs(
    lastMs: number,
    lastSteadyMs: number,
    { intervalMs, idleRefreshMs }: Spacing,
  ): number {
    const sinceMs = this.#clock.monotonicMs() - lastSteadyMs;
    if (this.isOver(lastMs)) return DOUBT_MS;
    const dateMs = this.#untilDate(lastMs);
    return Math.min(idleRefreshMs - sinceMs, Math.max(intervalMs - sinceMs, dateMs));
  }

  /** Whether the clock is past a date that the last head is not. */
  isDatePassed(lastMs: number): boolean {
    return lastMs > 0 && this.#untilDate(lastMs) <= 0;
  }

  /** Whether entries may have this timestamp. */
  takesAt(nowMs: number): boolean {
    return isTaking(phaseAt(this.#dates, nowMs));
  }

  /** Whether the last head was the last of all. */
  isOver(lastMs: number): boolean {
    return phaseAt(this.#dates, lastMs) === "retired";
  }

  /** Why no head may pass the next date yet; undefined if nothing speaks against it. */
  doubt(lastMs: number): string | undefined {
    const gapMs = this.#clock.nowMs() - lastMs;
    if (!this.isDatePassed(lastMs) || gapMs <= GAP_MS_MAX) return undefined;
    if (this.#clock.monotonicMs() - this.#startSteadyMs >= this.#doubtMs) return undefined;
    const days = (gapMs / GAP_MS_MAX).toFixed(1);
    return (
      `by the clock ${days} days have passed since the last tree head, and a date of the shard ` +
      "with them, which cannot be undone: if the clock is wrong, stop the log and set it right; " +
      `it is believed after ${Math.round(this.#doubtMs / 60_000)} minutes of steady time`
    );
  }

  #untilDate(lastMs: number): number {
    const dateMs = nextDateMs(this.#dates, lastMs);
    return dateMs === undefined ? Number.POSITIVE_INFINITY : dateMs - this.#clock.nowMs();
  }
}
