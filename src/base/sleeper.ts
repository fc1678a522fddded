/**
 * The waiting of a loop that others may end.
 * @module
 */

/** Calls `act` later; returns what cancels that. */
interface Timer {
  after(delayMs: number, act: () => void): () => void;
}

/** One loop's sleep: one at a time. */
export class Sleeper {
  readonly #timer: Timer;
  #wake: () => void = () => {};
  #interrupt: () => void = () => {};

  constructor(timer: Timer) {
    this.#timer = timer;
  }

  /** Resolves after `delayMs`, with {@link interrupt}, or, if it is light, with {@link wake}. */
  sleep(delayMs: number, isLight: boolean = false): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#timer.after(delayMs, resolve);
      const end = () => {
        cancel();
        resolve();
      };
      this.#interrupt = end;
      this.#wake = isLight ? end : () => {};
    });
  }

  /** Ends a light sleep. */
  wake(): void {
    this.#wake();
  }

  /** Ends any sleep. */
  interrupt(): void {
    this.#interrupt();
  }
}
