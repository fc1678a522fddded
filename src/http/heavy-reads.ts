/**
 * Reads of many bytes, pages of get-entries and data tiles: made one at a time, so that
 * submissions wait for one short step of one of them and never for all; and bounded in the
 * bytes that wait in memory for slow readers.
 * @module
 */
import type { ServerResponse } from "node:http";
import { UnavailableError } from "../base/errors.ts";
import type { Clock } from "../clock/clock.ts";
import { type Answer, bodyLength } from "./answer.ts";
import type { Handler } from "./responder.ts";

/** Heavy reads that wait for their turn; one more is 503. */
export const WAITING_READS_MAX = 512;

/** Bytes of answers that were made but not taken by their readers; no other is made then. */
export const UNSENT_BYTES_MAX = 134_217_728;

/** A reader that keeps others waiting has at least so long to take its answer; milliseconds. */
export const UNSENT_MS_MAX = 10_000;

interface Unsent {
  readonly bytes: number;
  /** Steady time; milliseconds. */
  readonly sinceMs: number;
}

/** The turns of one server. */
export class HeavyReads {
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();
  /** Oldest first. */
  readonly #unsent = new Map<ServerResponse, Unsent>();
  #unsentBytes = 0;
  #isRunning = false;
  #isTimed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Bytes that their readers have not taken. */
  get unsentBytes(): number {
    return this.#unsentBytes;
  }

  /** The handler in its turn. @throws UnavailableError `UNAVAILABLE_OVERLOADED`. */
  inTurn(handler: Handler): Handler {
    return async (request, response) => {
      await this.#turn();
      try {
        // The client may have left while it waited.
        if (response.destroyed) return undefined;
        const answer = await handler(request, response);
        if (answer !== undefined && !response.destroyed) this.#track(response, answer);
        return answer;
      } finally {
        this.#isRunning = false;
        this.#next();
      }
    };
  }

  #turn(): Promise<void> {
    if (this.#waiting.size >= WAITING_READS_MAX) {
      const message = "too many large reads wait for their turn";
      throw new UnavailableError("UNAVAILABLE_OVERLOADED", message);
    }
    return new Promise((resolve) => {
      this.#waiting.add(resolve);
      this.#next();
    });
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

  #track(response: ServerResponse, answer: Answer): void {
    const bytes = bodyLength(answer.body);
    this.#unsent.set(response, { bytes, sinceMs: this.#clock.monotonicMs() });
    this.#unsentBytes += bytes;
    response.once("close", () => {
      this.#untrack(response);
      this.#next();
    });
  }

  #untrack(response: ServerResponse): void {
    this.#unsentBytes -= this.#unsent.get(response)?.bytes ?? 0;
    this.#unsent.delete(response);
  }
}
