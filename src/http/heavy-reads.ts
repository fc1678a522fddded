/**
 * Reads of many bytes, pages of get-entries and data tiles: made one at a time, so that
 * submissions wait for one short step of one of them and never for all; and bounded in the
 * bytes that wait in memory for slow readers. A stream has a turn for each of its parts.
 * @module
 */
import { UnavailableError } from "../base/errors.ts";
import type { Clock } from "../clock/clock.ts";
import { isStreamed, type WholeAnswer } from "./answer.ts";
import { BodyStream, bodyLength, piecesLength } from "./body-stream.ts";
import type { HttpResponse } from "./exchange.ts";
import type { Handler } from "./responder.ts";

/**
 * Heavy reads that wait for their first turn; one more is 503. Streams that were begun hold
 * nothing while they wait for another, and are as many as connections at most.
 */
export const WAITING_READS_MAX = 512;

/** Bytes of answers that were made but not taken by their readers; no other is made then. */
export const UNSENT_BYTES_MAX = 67_108_864;

/** From so many on, less of each answer is made before its reader takes any. */
export const CROWDED_BYTES: number = UNSENT_BYTES_MAX / 4;

/** A reader that keeps others waiting has at least so long to take its answer; milliseconds. */
export const UNSENT_MS_MAX = 10_000;

interface Unsent {
  readonly bytes: number;
  /** Steady time; milliseconds. */
  readonly sinceMs: number;
}

/** For so long after a submission came, reads leave half of the time to others; milliseconds. */
const SUBMISSION_MS = 100;

/** Steps that take so long together are enough for one pass of the event loop; milliseconds. */
export const PASS_MS = 1;

/** A rest is no longer; milliseconds. */
const REST_MS_MAX = 5;

const atOnce = (run: () => void): void => run();

/** The turns of one server. */
export class HeavyReads {
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();
  /** Oldest first. */
  readonly #unsent = new Map<HttpResponse, Unsent>();
  #unsentBytes = 0;
  #isRunning = false;
  /** Steady time of the last submission. */
  #submittedMs = Number.NEGATIVE_INFINITY;
  /** When the step that runs began; steady time. */
  #stepMs = 0;
  /** Time of steps since others had their turn; milliseconds. */
  #spentMs = 0;
  #isTimed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Bytes that their readers have not taken. */
  get unsentBytes(): number {
    return this.#unsentBytes;
  }

  /** Whether so many bytes wait for their readers that no answer should be held whole. */
  get isCrowded(): boolean {
    return this.#unsentBytes >= CROWDED_BYTES;
  }

  /** To be told of each submission: see `pause`. */
  submissionCame(): void {
    this.#submittedMs = this.#clock.monotonicMs();
  }

  /**
   * Resolves when another step may begin. What is read in this thread never waits by itself: so
   * after steps of a millisecond the next pass of the event loop comes first; and while
   * submissions come, a rest as long as these steps took, since each of them takes several passes
   * to be answered. For whoever has the turn.
   */
  async pause(): Promise<void> {
    const nowMs = this.#clock.monotonicMs();
    this.#spentMs += nowMs - this.#stepMs;
    this.#stepMs = nowMs;
    if (this.#spentMs < PASS_MS) return;
    // A step that waited for a disk did not keep the thread for all of its time.
    const restMs = Math.min(Math.ceil(this.#spentMs), REST_MS_MAX);
    this.#spentMs = 0;
    const isSubmittedTo = nowMs - this.#submittedMs <= SUBMISSION_MS;
    await new Promise<void>((resolve) => {
      if (isSubmittedTo) this.#clock.after(restMs, resolve);
      else (this.#clock.soon ?? atOnce)(resolve);
    });
    this.#stepMs = this.#clock.monotonicMs();
  }

  /**
   * Whether an answer that lies ready may be sent at once; then its bytes count until its reader
   * has taken them.
   */
  sends(response: HttpResponse, { body }: WholeAnswer): boolean {
    if (this.#unsentBytes >= UNSENT_BYTES_MAX) return false;
    this.#track(response, bodyLength(body));
    response.once("close", () => this.#release(response));
    return true;
  }

  /** The handler in its turn. @throws UnavailableError `UNAVAILABLE_OVERLOADED`. */
  inTurn(handler: Handler): Handler {
    return async (request, response) => {
      if (this.#waiting.size >= WAITING_READS_MAX) {
        const message = "too many large reads wait for their turn";
        throw new UnavailableError("UNAVAILABLE_OVERLOADED", message);
      }
      return await this.#run(response, async () => {
        const answer = await handler(request, response);
        if (answer === undefined || response.destroyed) return answer;
        this.#track(response, bodyLength(answer.body));
        response.once("close", () => this.#release(response));
        if (!isStreamed(answer)) return answer;
        return { ...answer, body: this.#inTurns(response, answer.body) };
      });
    };
  }

  /** A stream that waits for its turn before each of its later parts. */
  #inTurns(response: HttpResponse, { first, rest, taken }: BodyStream): BodyStream {
    const later = async () => {
      // All of it was taken, or no more would be asked for.
      this.#release(response);
      return await this.#run(response, async () => {
        const pieces = await rest();
        if (pieces !== undefined && !response.destroyed) {
          this.#track(response, piecesLength(pieces));
        }
        return pieces;
      });
    };
    return new BodyStream(first, later, taken);
  }

  /** Does something in its turn; undefined if the client left before. */
  async #run<T>(response: HttpResponse, make: () => Promise<T>): Promise<T | undefined> {
    await new Promise<void>((resolve) => {
      this.#waiting.add(resolve);
      this.#next();
    });
    this.#stepMs = this.#clock.monotonicMs();
    try {
      return response.destroyed ? undefined : await make();
    } finally {
      void this.pause().then(() => {
        this.#isRunning = false;
        this.#next();
      });
    }
  }

  #next(): void {
    if (this.#isRunning || this.#waiting.size === 0 || !this.#hasRoom()) return;
    for (const resolve of this.#waiting) {
      this.#waiting.delete(resolve);
      this.#isRunning = true;
      resolve();
      return;
    }
  }

  /** Whether another answer may be made; if not, sees to it that the oldest is out in time. */
  #hasRoom(): boolean {
    if (this.#unsentBytes < UNSENT_BYTES_MAX) return true;
    for (const [response, { sinceMs }] of this.#unsent) {
      const restMs = sinceMs + UNSENT_MS_MAX - this.#clock.monotonicMs();
      if (restMs <= 0) {
        this.#untrack(response);
        response.destroy();
        return this.#hasRoom();
      }
      if (!this.#isTimed) {
        this.#isTimed = true;
        this.#clock.after(Math.ceil(restMs), () => {
          this.#isTimed = false;
          this.#next();
        });
      }
      return false;
    }
    return true;
  }

  #track(response: HttpResponse, bytes: number): void {
    this.#unsent.set(response, { bytes, sinceMs: this.#clock.monotonicMs() });
    this.#unsentBytes += bytes;
  }

  /** Its bytes are out, or will never be. */
  #release(response: HttpResponse): void {
    this.#untrack(response);
    this.#next();
  }

  #untrack(response: HttpResponse): void {
    this.#unsentBytes -= this.#unsent.get(response)?.bytes ?? 0;
    this.#unsent.delete(response);
  }
}
