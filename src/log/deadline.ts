/**
 * Deadlines of things that all may take equally long: one timer, however many wait.
 * @module
 */
import { LinkedMap } from "../base/linked-map.ts";
import type { Clock } from "../clock/clock.ts";

interface Waiting {
  readonly dueMs: number;
  readonly expire: () => void;
}

/** Deadlines that come in the order in which they were set. */
export class Deadlines {
  readonly #clock: Clock;
  readonly #afterMs: number;
  /** In the order of their due times. */
  readonly #waiting = new LinkedMap<number, Waiting>();
  #lastNumber = 0;
  #cancelTimer: (() => void) | undefined;

  /** @param afterMs From `add` to the deadline, in milliseconds. */
  constructor(clock: Clock, afterMs: number) {
    this.#clock = clock;
    this.#afterMs = afterMs;
  }

  /** Things that wait. */
  get count(): number {
    return this.#waiting.size;
  }

  /** How long the first of them has waited; 0 if nothing does; milliseconds. */
  get oldestMs(): number {
    const oldest = this.#waiting.oldest();
    return oldest === undefined ? 0 : this.#afterMs - (oldest[1].dueMs - this.#clock.monotonicMs());
  }

  /**
   * Calls `expire` at the deadline, unless the returned function was called before.
   * @returns Takes the deadline back; harmless after it.
   */
  add(expire: () => void): () => void {
    const waiting = { dueMs: this.#clock.monotonicMs() + this.#afterMs, expire };
    this.#lastNumber += 1;
    const number = this.#lastNumber;
    this.#waiting.set(number, waiting);
    if (this.#cancelTimer === undefined) this.#arm(this.#afterMs);
    return () => {
      // Without anything to wait for there is no timer: a process must be able to end.
      if (this.#waiting.delete(number) && this.#waiting.size === 0) this.#disarm();
    };
  }

  #arm(delayMs: number): void {
    this.#cancelTimer = this.#clock.after(delayMs, () => {
      this.#cancelTimer = undefined;
      this.#expire();
    });
  }

  #disarm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #expire(): void {
    const nowMs = this.#clock.monotonicMs();
    for (;;) {
      const oldest = this.#waiting.oldest();
      if (oldest === undefined) return;
      const [number, waiting] = oldest;
      if (waiting.dueMs > nowMs) {
        // What expired may have set a new one.
        if (this.#cancelTimer === undefined) this.#arm(Math.ceil(waiting.dueMs - nowMs));
        return;
      }
      this.#waiting.delete(number);
      waiting.expire();
    }
  }
}
