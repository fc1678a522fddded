/**
 * Submissions that wait for a group, bounded in entries and bytes. One submission for each
 * dedup key: twins wait together.
 * @module
 */
import { LinkedMap } from "../base/linked-map.ts";
import { bytesKey } from "../encoding/bytes.ts";
import type { Outcome, Submission } from "./message.ts";
import { submissionBytes } from "./message.ts";

/** Bounds of a pool. */
export interface PoolLimits {
  readonly entriesMax: number;
  readonly bytesMax: number;
}

/** How full a pool is. */
export interface PoolView {
  readonly entryCount: number;
  readonly bytes: number;
  /** Whether a submission of usual size and normal priority would find no room. */
  readonly isFull: boolean;
  /** How full it is in entries or bytes, whichever is more: 0 to 1. */
  readonly fullness: number;
  /** The same as a submission of normal priority finds it: low ones make room. */
  readonly normalFullness: number;
}

/** A submission and everyone who waits for it. */
export interface Waiting {
  readonly key: string;
  readonly submission: Submission;
  readonly bytes: number;
  /** When it came; steady time, milliseconds. */
  readonly sinceMs: number;
  readonly waiters: ((outcome: Outcome) => void)[];
}

/** Tells everyone who waits. */
export function answer(waiting: Waiting, outcome: Outcome): void {
  for (const waiter of waiting.waiters) waiter(outcome);
}

/** First in, first out; normal before low. */
export class Pool implements PoolView {
  readonly #limits: PoolLimits;
  readonly #normal = new LinkedMap<string, Waiting>();
  readonly #low = new LinkedMap<string, Waiting>();
  #bytes = 0;

  constructor(limits: PoolLimits) {
    this.#limits = limits;
  }

  get entryCount(): number {
    return this.#normal.size + this.#low.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** When the first of normal priority came, or else the first; undefined if none waits. */
  get sinceMs(): number | undefined {
    return (this.#normal.oldest() ?? this.#low.oldest())?.[1].sinceMs;
  }

  get fullness(): number {
    const { entriesMax, bytesMax } = this.#limits;
    return Math.max(this.entryCount / entriesMax, this.#bytes / bytesMax);
  }

  get normalFullness(): number {
    return this.#low.size === 0 ? this.fullness : this.#normal.size / this.#limits.entriesMax;
  }

  get isFull(): boolean {
    return (
      this.#normal.size >= this.#limits.entriesMax ||
      (this.#low.size === 0 && this.#bytes >= this.#limits.bytesMax)
    );
  }

  /**
   * Adds a submission, or joins its twin; a normal twin raises a low one.
   * @param nowMs Steady time.
   * @returns Who gave way: their waiters must be told. Undefined if there was no room.
   */
  add(
    submission: Submission,
    waiter: (outcome: Outcome) => void,
    nowMs: number,
  ): readonly Waiting[] | undefined {
    const key = bytesKey(submission.dedupKey);
    const twin = this.#normal.get(key) ?? this.#low.get(key);
    if (twin !== undefined) {
      twin.waiters.push(waiter);
      if (submission.priority === "normal" && this.#low.delete(key)) this.#normal.set(key, twin);
      return [];
    }
    const bytes = submissionBytes(submission);
    const evicted = this.#makeRoom(bytes, submission.priority);
    if (evicted === undefined) return undefined;
    const waiting = { key, submission, bytes, sinceMs: nowMs, waiters: [waiter] };
    (submission.priority === "normal" ? this.#normal : this.#low).set(key, waiting);
    this.#bytes += bytes;
    return evicted;
  }

  /** Takes a group out: at least one if there is one, within the bounds. */
  take(limits: PoolLimits): readonly Waiting[] {
    const group: Waiting[] = [];
    let bytes = 0;
    for (const queue of [this.#normal, this.#low]) {
      for (;;) {
        const [key, waiting] = queue.oldest() ?? [];
        if (key === undefined || waiting === undefined) break;
        const isWithin =
          group.length < limits.entriesMax && bytes + waiting.bytes <= limits.bytesMax;
        if (!isWithin && group.length > 0) return group;
        queue.delete(key);
        this.#bytes -= waiting.bytes;
        bytes += waiting.bytes;
        group.push(waiting);
      }
    }
    return group;
  }

  /** Takes everything out. */
  clear(): readonly Waiting[] {
    const all = [...this.#normal.values(), ...this.#low.values()];
    this.#normal.clear();
    this.#low.clear();
    this.#bytes = 0;
    return all;
  }

  /** The newest low ones that must go so that `bytes` fit; undefined if that is not enough. */
  #makeRoom(bytes: number, priority: Submission["priority"]): readonly Waiting[] | undefined {
    let entriesOver = this.entryCount + 1 - this.#limits.entriesMax;
    let bytesOver = this.#bytes + bytes - this.#limits.bytesMax;
    if (entriesOver <= 0 && bytesOver <= 0) return [];
    if (priority === "low") return undefined;
    const evicted: Waiting[] = [];
    for (const waiting of this.#low.values().toReversed()) {
      if (entriesOver <= 0 && bytesOver <= 0) break;
      evicted.push(waiting);
      entriesOver -= 1;
      bytesOver -= waiting.bytes;
    }
    if (entriesOver > 0 || bytesOver > 0) return undefined;
    for (const waiting of evicted) {
      this.#low.delete(waiting.key);
      this.#bytes -= waiting.bytes;
    }
    return evicted;
  }
}
