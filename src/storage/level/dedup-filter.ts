/**
 * Says of most dedup keys that were never logged that they are not there, without a look into
 * LevelDB. Each look-up there that goes through several tables counts against the first of them, and
 * some 130 of these set off a compaction of 20 MB, whether or not a table's own filter spared the
 * read: at 10 million entries a fifth of what a submission cost (*measured*).
 *
 * A blocked Bloom filter of 10 bits a key, in memory: one cache line a key, some 2 of 100 new keys are
 * looked up all the same. It is made from the records of the database, in the background after a
 * start, and is asked once it knows all of them. From then on, and while it is made, each commit
 * adds its keys before it writes them. So no key that is in the database is ever said not to be.
 * @module
 */
import { PREFIX } from "./record.ts";
import type { Database } from "./seam.ts";

/** More memory than that it never takes; from 50 million entries on it spares fewer look-ups. */
const FILTER_BYTES_MAX = 67_108_864;
const FILTER_BYTES_MIN = 65_536;
const BITS_PER_KEY = 10;
/** It is made for so many times the entries of now, and made anew once there are more. */
const HEADROOM = 1.5;
/** 64 bytes. */
const BLOCK_WORDS = 16;
/** Bits that a key sets in its block. */
const PROBES = 6;

/** Keys that one iterator reads: as long as it is open, LevelDB removes no table. */
const ITERATOR_KEYS = 20_000;
/** Keys after which it rests. */
const REST_KEYS = 1_000;
/** How many times the time that these took it rests. */
const REST_FACTOR = 8;
/** It begins so long after the store was loaded: a start has other work. */
const START_DELAY_MS = 5_000;

/** Time for what a store does in the background; steady, in milliseconds. */
export interface Pace {
  readonly nowMs: () => number;
  /** Calls `act` once; what it returns calls that off. */
  readonly after: (delayMs: number, act: () => void) => () => void;
}

/** What a filter is made from. */
export interface DedupFilterOptions {
  readonly pace: Pace;
  /** @throws UnavailableError `UNAVAILABLE_STORE` if it is closed. */
  readonly database: () => Database;
  /** Entries that are committed. */
  readonly treeSize: () => number;
}

/** Bits of keys, which are hashes: their own bytes say where. */
export class KeyBits {
  readonly #words: Uint32Array;
  readonly #blocks: number;

  /** @param keys How many it is made for. */
  constructor(keys: number) {
    const wanted = Math.max(FILTER_BYTES_MIN, (keys * BITS_PER_KEY) / 8);
    this.#blocks = Math.floor(Math.min(FILTER_BYTES_MAX, wanted) / (4 * BLOCK_WORDS));
    this.#words = new Uint32Array(this.#blocks * BLOCK_WORDS);
  }

  /** Keys that it has room for; infinite where it cannot be made larger. */
  get capacity(): number {
    const bytes = 4 * this.#words.length;
    return bytes >= FILTER_BYTES_MAX ? Number.POSITIVE_INFINITY : (8 * bytes) / BITS_PER_KEY;
  }

  /** @param key With the hash from `offset` on. */
  add(key: Uint8Array, offset = 0): void {
    const block = this.#block(key, offset);
    for (let probe = 0; probe < PROBES; probe += 1) {
      const bit = bitOf(key, offset, probe);
      const at = block + (bit >>> 5);
      this.#words[at] = (this.#words[at] as number) | (1 << (bit & 31));
    }
  }

  /** False: it was never added. */
  mayHold(key: Uint8Array): boolean {
    const block = this.#block(key, 0);
    for (let probe = 0; probe < PROBES; probe += 1) {
      const bit = bitOf(key, 0, probe);
      if (((this.#words[block + (bit >>> 5)] as number) & (1 << (bit & 31))) === 0) return false;
    }
    return true;
  }

  #block(key: Uint8Array, offset: number): number {
    let place = 0;
    for (let at = 0; at < 6; at += 1) place = 256 * place + (key[offset + at] as number);
    return (place % this.#blocks) * BLOCK_WORDS;
  }
}

/** Which of the 512 bits of its block a probe of a key means. */
function bitOf(key: Uint8Array, offset: number, probe: number): number {
  const at = offset + 8 + 2 * probe;
  return (((key[at] as number) << 8) | (key[at + 1] as number)) & 511;
}

/** See the module. Of one store. */
export class DedupFilter {
  readonly #options: DedupFilterOptions;
  /** Has every key of the database; undefined: not known. */
  #whole: KeyBits | undefined;
  /** Has those that were committed since it was begun, and those that were read. */
  #making: KeyBits | undefined;
  #cancel: () => void = () => {};

  constructor(options: DedupFilterOptions) {
    this.#options = options;
  }

  /** Forgets everything, and begins anew a little later. */
  restart(): void {
    this.stop();
    this.#cancel = this.#options.pace.after(START_DELAY_MS, () => this.#begin());
  }

  /** Forgets everything. */
  stop(): void {
    this.#cancel();
    this.#whole = undefined;
    this.#making = undefined;
  }

  /** False: there is no record of this key. */
  mayHold(key: Uint8Array): boolean {
    return this.#whole === undefined || this.#whole.mayHold(key);
  }

  /** To be called before records of these keys are written. */
  add(keys: readonly Uint8Array[]): void {
    const whole = this.#whole;
    const isFull = whole !== undefined && this.#options.treeSize() > whole.capacity;
    if (isFull && this.#making === undefined) this.#begin();
    for (const key of keys) {
      whole?.add(key);
      this.#making?.add(key);
    }
  }

  #begin(): void {
    const making = new KeyBits(HEADROOM * this.#options.treeSize());
    this.#making = making;
    void this.#make(making);
  }

  async #make(making: KeyBits): Promise<void> {
    let start: Uint8Array = Uint8Array.of(PREFIX.dedup);
    try {
      for (;;) {
        const last = await this.#readKeys(making, start);
        if (this.#making !== making) return;
        if (last === undefined) break;
        // The next one that there can be.
        start = new Uint8Array(last.length + 1);
        start.set(last);
      }
      this.#whole = making;
    } catch {
      // A database that cannot be read now: look-ups go there, and say so.
    } finally {
      if (this.#making === making) this.#making = undefined;
    }
  }

  /**
   * Adds the keys of one iterator, resting in between, unless it is called off.
   * @returns The last one; undefined if there are none after it.
   */
  async #readKeys(making: KeyBits, start: Uint8Array): Promise<Uint8Array | undefined> {
    const { pace, database } = this.#options;
    const end = Uint8Array.of(PREFIX.dedup + 1);
    let last: Uint8Array | undefined;
    let count = 0;
    let sinceRest = 0;
    let startedMs = pace.nowMs();
    for await (const keys of database().keys(start, end, ITERATOR_KEYS)) {
      if (this.#making !== making) return undefined;
      for (const key of keys) making.add(key, 1);
      last = keys.at(-1);
      count += keys.length;
      sinceRest += keys.length;
      if (sinceRest < REST_KEYS) continue;
      const restMs = Math.ceil(REST_FACTOR * (pace.nowMs() - startedMs));
      await new Promise<void>((resolve) => {
        this.#cancel = pace.after(restMs, resolve);
      });
      if (this.#making !== making) return undefined;
      sinceRest = 0;
      startedMs = pace.nowMs();
    }
    return count < ITERATOR_KEYS ? undefined : last;
  }
}
