/**
 * Port: time. Nothing of core and engine reads a clock or sets a timer but through this.
 * @module
 */

/** Wall time, steady time and timers. */
export interface Clock {
  /** Milliseconds since the Unix epoch, UTC, whole; may jump in either direction. */
  nowMs(): number;
  /** Milliseconds from an arbitrary start; never goes back; may be fractional. */
  monotonicMs(): number;
  /**
   * Calls `run` once, `delayMs` or more from now.
   * @returns Cancels the call; harmless after it.
   */
  after(delayMs: number, run: () => void): () => void;
  /**
   * Calls `run` in the next pass of the event loop, where a timer of 0 ms takes a whole one. A
   * clock that a test moves may do without: then nothing gives way.
   */
  readonly soon?: (run: () => void) => void;
}
