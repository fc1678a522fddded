/**
 * How many requests begin in one pass of the event loop. Node reads up to 48 times 1,024 sockets
 * before it looks at its timers and at what was put off (libuv's `uv__io_poll`): more clients than
 * that, who all ask again once they are answered, keep it reading for a second, in which no
 * submission is judged and none reaches its sequencer. So what comes after a while waits for the
 * next pass, and its clients do not ask again meanwhile.
 * @module
 */
import type { Clock } from "../clock/clock.ts";

/** How long requests begin in one pass of the event loop; milliseconds. */
export const BEGIN_MS_MAX = 10;

/** The passes of one server. */
export class RequestPasses {
  readonly #clock: Clock;
  /** When the first request of this pass began; undefined before it. */
  #startMs: number | undefined;
  readonly #waiting: (() => void)[] = [];
  readonly #end = (): void => this.#next();

  /** @param clock One without `soon` lets each request begin at once. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether a request may begin now; one that may not is given to `later`. */
  mayBegin(): boolean {
    if (this.#waiting.length > 0) return false;
    if (this.#startMs === undefined) {
      this.#start();
      return true;
    }
    return this.#isInTime();
  }

  /** Calls `begin` in a later pass, in the order of the calls. */
  later(begin: () => void): void {
    this.#waiting.push(begin);
  }

  #start(): void {
    const { soon } = this.#clock;
    if (soon === undefined) return;
    this.#startMs = this.#clock.monotonicMs();
    soon(this.#end);
  }

  #next(): void {
    this.#startMs = undefined;
    if (this.#waiting.length === 0) return;
    this.#start();
    do this.#waiting.shift()?.();
    while (this.#waiting.length > 0 && this.#isInTime());
  }

  #isInTime(): boolean {
    return this.#startMs !== undefined && this.#clock.monotonicMs() - this.#startMs < BEGIN_MS_MAX;
  }
}
