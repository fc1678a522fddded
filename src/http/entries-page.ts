/**
 * One page of get-entries, made in steps: where it ends, and how much of it is in memory.
 * @module
 */
import type { Log } from "../log/log.ts";
import type { LoggedEntry } from "../log/logged-entry.ts";
import {
  EntriesBody,
  entryLength,
  PAGE_ALIGNMENT,
  STEP_ENTRIES_MAX,
  type TakeBytes,
} from "./entries.ts";

/** Bytes of a page at most; one entry is given whatever it takes. Monitors stop reading at 64 MiB. */
export const PAGE_BYTES_MAX = 32_000_000;

/**
 * A page of so many bytes ends with the next multiple of 256. So pages that are cut for their
 * bytes are aligned too, but where 256 entries take more than this, 62,500 bytes each.
 */
export const PAGE_ALIGNED_BYTES_MAX = 16_000_000;

/**
 * Bytes of a page that are made before the first of them is sent; most pages are whole then.
 * *Measured*: a page of 6 MB takes a quarter less in one piece than as a stream of six parts.
 */
export const PAGE_HELD_BYTES_MAX = 6_291_456;

/** The same while many bytes wait for their readers: see `HeavyReads.isCrowded`. */
export const PAGE_HELD_BYTES_MIN = 2_097_152;

/** What a page is made with. */
export interface PageMeans {
  /** Memory for its pieces. */
  readonly take: TakeBytes;
  /** Lends memory for what is read, until `act` has resolved. */
  borrow<T>(act: (into?: TakeBytes) => Promise<T>): Promise<T>;
  /** Between two steps. */
  pause(): Promise<void>;
}

const FRESH: PageMeans = {
  take: (length) => Buffer.allocUnsafeSlow(Math.max(length, 65_536)),
  borrow: (act) => act(),
  pause: async () => {},
};

/** A page. What it holds depends on the entries alone, not on when it is asked for. */
export class EntriesPage {
  readonly #log: Log;
  readonly #start: number;
  readonly #end: number;
  readonly #means: PageMeans;
  readonly #body: EntriesBody;
  #next: number;
  #isDone = false;

  /** @param end The end of the page if its bytes do not end it; published. */
  constructor(log: Log, start: number, end: number, means: PageMeans = FRESH) {
    this.#log = log;
    this.#means = means;
    this.#body = new EntriesBody(means.take);
    this.#start = start;
    this.#end = end;
    this.#next = start;
  }

  /** Whether all of it was read. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /**
   * The next pieces of the body: about `bytes`, or to the end.
   * @throws RejectedError `REJECTED_RANGE` if the start is not published; else as the log.
   */
  async read(bytes: number): Promise<readonly Uint8Array[]> {
    const enough = this.#body.length + bytes;
    for (let isFirst = true; !this.#isDone && this.#body.length < enough; isFirst = false) {
      if (!isFirst) await this.#means.pause();
      await this.#means.borrow((into) => this.#step(into));
    }
    return this.#isDone ? this.#body.end() : this.#body.take();
  }

  async #step(into: TakeBytes | undefined): Promise<void> {
    const stepEnd = Math.min(this.#end, this.#next + STEP_ENTRIES_MAX);
    // The log gives fewer where these would be too large.
    const entries = await this.#log.readEntries(this.#next, stepEnd, into);
    const count = this.#countFitting(entries);
    this.#body.add(count === entries.length ? entries : entries.slice(0, count));
    this.#next += count;
    this.#isDone = this.#next === this.#end || count < entries.length;
  }

  #countFitting(entries: readonly LoggedEntry[]): number {
    let { length } = this.#body;
    let index = this.#next;
    for (const entry of entries) {
      const isFirst = index === this.#start;
      const isAligned = index % PAGE_ALIGNMENT === 0 && length >= PAGE_ALIGNED_BYTES_MAX;
      length += entryLength(entry);
      if (!isFirst && (isAligned || length + END_LENGTH > PAGE_BYTES_MAX)) break;
      index += 1;
    }
    return index - this.#next;
  }
}

/** `]}` */
const END_LENGTH = 2;
