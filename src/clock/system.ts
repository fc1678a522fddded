/**
 * The machine's clock.
 * @module
 */
import type { Clock } from "./clock.ts";

/** Wall time from `Date`, steady time from `performance`, timers of Node. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};
