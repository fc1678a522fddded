/**
 * When a file is read in this thread and when through the thread pool. What the system has in its
 * page cache is read sooner than a trip to the pool takes (*measured*: 85,000 bytes in 8 us, and
 * in 35 to 50 through the pool); a disk would stop the whole thread. Nobody says beforehand which
 * it will be, so the last slow read decides: after it all go to the pool for as long as makes
 * waiting for a disk at most one part in a hundred of the thread's time.
 * @module
 */

/** A longer piece is never read in this thread; bytes. */
export const QUICK_BYTES_MAX = 1_048_576;

/** What takes longer has met the disk, or a thread that did not run; milliseconds. */
export const QUICK_MS_MAX = 1;

/** How many times its own time a slow read sends all others to the thread pool. */
export const SLOW_REST_FACTOR = 100;

/** The reads of one thread. */
export class QuickReads {
  readonly #nowMs: () => number;
  /** Steady time until which reads go to the thread pool; milliseconds. */
  #restUntilMs = Number.NEGATIVE_INFINITY;

  /** @param nowMs Steady time in milliseconds. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Whether a piece of so many bytes may be read in this thread now. */
  mayRead(length: number): boolean {
    return length <= QUICK_BYTES_MAX && this.#nowMs() >= this.#restUntilMs;
  }

  /** What `read` returns; its time counts, also if it throws. */
  timed<T>(read: () => T): T {
    const startedMs = this.#nowMs();
    try {
      return read();
    } finally {
      const endedMs = this.#nowMs();
      const tookMs = endedMs - startedMs;
      if (tookMs > QUICK_MS_MAX) this.#restUntilMs = endedMs + SLOW_REST_FACTOR * tookMs;
    }
  }
}
