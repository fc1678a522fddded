/**
 * Turns of submissions. Judging one takes ten times what reading its request takes; were each
 * judged when it is read, those behind it would wait unread in the system's buffers, where
 * nobody can count or refuse them. So bodies wait here, some are judged in each pass of the
 * event loop, and a request that would wait too long is refused by its headers, at once.
 * @module
 */
import { UnavailableError } from "../base/errors.ts";
import type { Clock } from "../clock/clock.ts";
import type { SubmitEndpoint } from "../log/log.ts";

/**
 * How long submissions are judged in one pass of the event loop; milliseconds. All that comes in
 * meanwhile waits unread, and is read in the next pass before anything is judged: passes that are
 * longer take in more, and each of their refusals costs more (measured, bench/overload.ts).
 */
export const SLICE_MS = 3;

/** Refused is what would wait longer than this to be judged; milliseconds. */
export const TURN_WAIT_MS_MAX = 200;

/** The same for add-chain: the rest is for precertificates, which people wait for. */
export const ADD_CHAIN_TURN_WAIT_MS_MAX = 100;

/** Submissions that wait to be judged, however fast it goes. */
export const WAITING_SUBMISSIONS_MAX = 8_192;

/** What one is taken to take before it was measured; milliseconds. */
const TURN_MS_FIRST = 0.5;

/** Turns in a row, others waiting all the time, that make a measurement. */
const MEASURED_TURNS_MIN = 32;

/** Weight of the newest measurement. */
const NEWEST_WEIGHT = 0.25;

/**
 * One for all refusals: to record where each was thrown would cost as much as the rest of it
 * (measured, bench/overload.ts).
 */
const OVERLOADED: UnavailableError = new UnavailableError(
  "UNAVAILABLE_OVERLOADED",
  "more submissions than this log can take",
);

/** The turns of one server, in the order in which the bodies were whole. */
export class SubmissionTurns {
  readonly #clock: Clock;
  readonly #shown: Int32Array;
  #waiting: (() => void)[] = [];
  /** Position in `#waiting` of the one that is next. */
  #next = 0;
  /** Spent in this pass of the event loop; milliseconds. */
  #spentMs = 0;
  #isPassDue = false;
  /** From one turn to the next while others wait: with all else that the thread does. */
  #turnMs = TURN_MS_FIRST;
  /** Since when others waited all the time, and turns since then. */
  #measuredSinceMs = 0;
  #measuredTurns = 0;

  /** @param shown Where it writes `waitMs`, in microseconds; see `FrontendLoad`. */
  constructor(clock: Clock, shown: Int32Array = new Int32Array(1)) {
    this.#clock = clock;
    this.#shown = shown;
  }

  /** Submissions that wait for their turn. */
  get waitingCount(): number {
    return this.#waiting.length - this.#next;
  }

  /** How long a submission that comes now would wait; an estimate; milliseconds. */
  get waitMs(): number {
    return this.waitingCount * this.#turnMs;
  }

  /** @returns `UNAVAILABLE_OVERLOADED` if it would wait too long, else undefined. */
  refusalOf(endpoint: SubmitEndpoint): UnavailableError | undefined {
    const waitMsMax = endpoint === "add-chain" ? ADD_CHAIN_TURN_WAIT_MS_MAX : TURN_WAIT_MS_MAX;
    const hasRoom = this.waitMs <= waitMsMax && this.waitingCount < WAITING_SUBMISSIONS_MAX;
    return hasRoom ? undefined : OVERLOADED;
  }

  /** @throws UnavailableError `UNAVAILABLE_OVERLOADED` if it would wait too long. */
  requireRoom(endpoint: SubmitEndpoint): void {
    const refusal = this.refusalOf(endpoint);
    if (refusal !== undefined) throw refusal;
  }

  /**
   * Calls `judge` in its turn: at once if nobody waits and this pass has time.
   * @returns What it returns. @throws what it throws.
   */
  run<Result>(judge: () => Result): Result | Promise<Result> {
    if (this.waitingCount === 0 && this.#spentMs < SLICE_MS) return this.#take(judge);
    if (this.waitingCount === 0) this.#measureFromNow();
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => {
        try {
          resolve(this.#take(judge));
        } catch (error) {
          reject(error);
        }
      });
      this.#show();
      this.#makePassDue();
    });
  }

  #show(): void {
    Atomics.store(this.#shown, 0, Math.round(1_000 * this.waitMs));
  }

  #take<Result>(judge: () => Result): Result {
    const startMs = this.#clock.monotonicMs();
    this.#makePassDue();
    try {
      return judge();
    } finally {
      this.#spentMs += this.#clock.monotonicMs() - startMs;
    }
  }

  #makePassDue(): void {
    if (this.#isPassDue) return;
    this.#isPassDue = true;
    // After all that the sockets have brought by then was read.
    this.#clock.after(0, () => this.#pass());
  }

  #pass(): void {
    this.#isPassDue = false;
    this.#spentMs = 0;
    while (this.#spentMs < SLICE_MS) {
      const turn = this.#waiting[this.#next];
      if (turn === undefined) break;
      this.#next += 1;
      this.#measuredTurns += 1;
      turn();
    }
    this.#show();
    if (this.waitingCount === 0) {
      this.#waiting = [];
      this.#next = 0;
      return;
    }
    if (this.#measuredTurns >= MEASURED_TURNS_MIN) {
      const turnMs = (this.#clock.monotonicMs() - this.#measuredSinceMs) / this.#measuredTurns;
      this.#turnMs += NEWEST_WEIGHT * (turnMs - this.#turnMs);
      this.#measureFromNow();
      // What had its turn goes, in steps that cost little.
      this.#waiting.splice(0, this.#next);
      this.#next = 0;
    }
    this.#makePassDue();
  }

  #measureFromNow(): void {
    this.#measuredSinceMs = this.#clock.monotonicMs();
    this.#measuredTurns = 0;
  }
}
