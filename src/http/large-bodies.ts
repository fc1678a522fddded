/**
 * Turns of large bodies. Reading one costs a hundred times what a usual one costs, and fifty at
 * once would take the whole loop: a few are read at a time, the others wait unread in the
 * system's buffers, and usual bodies pass them all.
 * @module
 */
import type { Clock } from "../clock/clock.ts";
import type { HttpRequest } from "./exchange.ts";

/** Bodies of at least so many bytes take turns; chains of usual size have some 10 kB. */
export const LARGE_BODY_BYTES_MIN = 65_536;

/** Turns at the same time. */
export const LARGE_BODIES_AT_ONCE_MAX = 2;

/** A body that has not come by then goes on beside the next one; milliseconds. */
export const TURN_MS_MAX = 50;

/**
 * How long a turn's place stays empty after it; milliseconds. Each large body leaves a megabyte
 * and a half to the garbage collector: 200 of them a second stopped the thread 6 times a second
 * for tens of milliseconds (measured, bench/abuse.ts).
 */
export const TURN_REST_MS = 40;

/** The turns of one server. At most one waits for each connection. */
export class LargeBodies {
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();
  #runningCount = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether a body has to wait for a turn, as far as its headers tell. */
  isLarge(request: HttpRequest): boolean {
    const { headers } = request;
    if (headers["transfer-encoding"] !== undefined) return true;
    return Number(headers["content-length"] ?? 0) >= LARGE_BODY_BYTES_MIN;
  }

  /** Resolves when it is one's turn. @returns Ends the turn; harmless when called again. */
  async turn(): Promise<() => void> {
    if (this.#runningCount < LARGE_BODIES_AT_ONCE_MAX) this.#runningCount += 1;
    else await new Promise<void>((resolve) => this.#waiting.add(resolve));
    let isOver = false;
    const end = () => {
      if (isOver) return;
      isOver = true;
      cancel();
      this.#clock.after(TURN_REST_MS, () => this.#handOver());
    };
    const cancel = this.#clock.after(TURN_MS_MAX, end);
    return end;
  }

  #handOver(): void {
    for (const resolve of this.#waiting) {
      this.#waiting.delete(resolve);
      resolve();
      return;
    }
    this.#runningCount -= 1;
  }
}
