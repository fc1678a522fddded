/**
 * Whether the clock can be trusted with a signature: a head or an SCT from the future cannot
 * be taken back. Wall time is held against steady time since the last head.
 * @module
 */
import type { Clock } from "../clock/clock.ts";

/** Behind the last head by this much goes unnoticed; wall and steady time may differ by it. */
export const CLOCK_TOLERANCE_MS = 1_000;

/** What the clock allows now. */
export type ClockVerdict =
  | { readonly state: "ready"; readonly nowMs: number; readonly steadyMs: number }
  /** The clock is a little behind the last head: try again after `waitMs`. */
  | { readonly state: "wait"; readonly waitMs: number }
  | { readonly state: "held"; readonly message: string };

/** Watches one shard's clock. */
export class ClockWatch {
  readonly #clock: Clock;
  readonly #steadyMs: number | undefined;
  /** Wall and steady time at the last head, or at start. */
  #reference: { readonly wallMs: number; readonly steadyMs: number };
  /** The drift that holds signing, and since when it has been the same. */
  #held: { readonly driftMs: number; readonly sinceSteadyMs: number } | undefined;

  /**
   * @param steadyMs After so much steady time a jumped clock is believed again, for laptops
   *   that slept; undefined: only a restart, or the clock coming back, resumes.
   */
  constructor(clock: Clock, steadyMs: number | undefined) {
    this.#clock = clock;
    this.#steadyMs = steadyMs;
    this.#reference = { wallMs: clock.nowMs(), steadyMs: clock.monotonicMs() };
  }

  /** @param lastTimestampMs Of the last head; 0 before the first. */
  check(lastTimestampMs: number): ClockVerdict {
    const nowMs = this.#clock.nowMs();
    const steadyMs = this.#clock.monotonicMs();
    const elapsedMs = steadyMs - this.#reference.steadyMs;
    const driftMs = Math.round(nowMs - this.#reference.wallMs - elapsedMs);
    if (Math.abs(driftMs) <= CLOCK_TOLERANCE_MS) this.#held = undefined;
    else if (!this.#isSteady(driftMs, steadyMs)) {
      const direction = driftMs > 0 ? "forward" : "back";
      return {
        state: "held",
        message:
          `the clock jumped ${direction} by ${Math.abs(driftMs)} ms against steady time; ` +
          "nothing is signed until it comes back, or the operator confirms it by a restart",
      };
    }
    const behindMs = lastTimestampMs - nowMs;
    if (behindMs > CLOCK_TOLERANCE_MS) {
      return {
        state: "held",
        message:
          `the clock is ${behindMs} ms behind the last tree head; ` +
          "nothing is signed until it has passed it",
      };
    }
    if (behindMs >= 0) return { state: "wait", waitMs: behindMs + 1 };
    return { state: "ready", nowMs, steadyMs };
  }

  /**
   * The time that no unconfirmed jump has moved forward, in milliseconds since the Unix epoch:
   * what is newer comes from the future.
   */
  trustedMs(): number {
    const elapsedMs = this.#clock.monotonicMs() - this.#reference.steadyMs;
    return Math.min(this.#clock.nowMs(), Math.floor(this.#reference.wallMs + elapsedMs));
  }

  /**
   * A head was made with this reading: drift is counted from there. The clock is not read
   * again, so that a jump since the check is not taken for the truth.
   */
  accept(ready: ClockVerdict & { readonly state: "ready" }): void {
    this.#reference = { wallMs: ready.nowMs, steadyMs: ready.steadyMs };
    this.#held = undefined;
  }

  #isSteady(driftMs: number, steadyMs: number): boolean {
    if (this.#held === undefined || Math.abs(driftMs - this.#held.driftMs) > CLOCK_TOLERANCE_MS) {
      this.#held = { driftMs, sinceSteadyMs: steadyMs };
    }
    return this.#steadyMs !== undefined && steadyMs - this.#held.sinceSteadyMs >= this.#steadyMs;
  }
}
