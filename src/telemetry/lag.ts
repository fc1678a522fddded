/**
 * How late the event loop of a thread was at worst within the last minute. Asking changes
 * nothing, so several may ask.
 * @module
 */

/** Between two looks; milliseconds. */
const LOOK_MS = 20;

const WINDOW_MS = 20_000;
const WINDOWS = 3;

/** Watches the thread that makes it, until the thread ends. */
export class LagWatch {
  /** The worst of each window, the newest last. */
  #worstMs: number[] = [0];
  #windowStartMs: number;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor() {
    // Not Node's own histogram: one that is collected as garbage ends the process.
    let lastMs = performance.now();
    this.#windowStartMs = lastMs;
    this.#timer = setInterval(() => {
      const nowMs = performance.now();
      this.#see(nowMs, Math.max(0, nowMs - lastMs - LOOK_MS));
      lastMs = nowMs;
    }, LOOK_MS).unref();
  }

  /** Seconds. */
  worstSeconds(): number {
    return Math.max(...this.#worstMs) / 1_000;
  }

  /** Ends watching. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #see(nowMs: number, lateMs: number): void {
    if (nowMs - this.#windowStartMs >= WINDOW_MS) {
      this.#worstMs = [...this.#worstMs, 0].slice(-WINDOWS);
      this.#windowStartMs = nowMs;
    }
    const last = this.#worstMs.length - 1;
    this.#worstMs[last] = Math.max(this.#worstMs[last] ?? 0, lateMs);
  }
}
