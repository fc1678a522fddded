/**
 * A clock that a test moves by hand; no timer of the machine is used.
 * @module
 */
import type { Clock } from "../../src/clock/clock.ts";

/** Wall time of a new clock. */
export const CLOCK_START_MS: number = Date.UTC(2026, 2, 1, 12);

/** Stands still until `advance`. */
export class ManualClock implements Clock {
  /** Wall time; may be set to anything. */
  wallMs: number = CLOCK_START_MS;
  #steadyMs = 5_000;
  #timers: { readonly dueMs: number; readonly run: () => void }[] = [];

  nowMs(): number {
    return this.wallMs;
  }

  monotonicMs(): number {
    return this.#steadyMs;
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = { dueMs: this.#steadyMs + delayMs, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Moves both times on, fires what is due in order, and lets its consequences run. */
  async advance(byMs: number): Promise<void> {
    const endMs = this.#steadyMs + byMs;
    await settle();
    for (;;) {
      const [next] = this.#timers.toSorted((a, b) => a.dueMs - b.dueMs);
      if (next === undefined || next.dueMs > endMs) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#pass(Math.max(0, next.dueMs - this.#steadyMs));
      next.run();
      await settle();
    }
    this.#pass(endMs - this.#steadyMs);
    await settle();
  }

  #pass(byMs: number): void {
    this.#steadyMs += byMs;
    this.wallMs += byMs;
  }
}

/** Lets everything run that waits for no timer and no I/O. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
