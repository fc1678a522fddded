/**
 * The machine's clock.
 * @module
 */
import type { Clock } from "./clock.ts";

/**
 * Wall time from `Date`, steady time from `performance`, timers of Node. Steady time begins with
 * the process, and is the same in all its threads.
 */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
  soon: (run) => void setImmediate(run),
};
