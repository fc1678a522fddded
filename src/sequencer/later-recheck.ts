/**
 * The check of those newest records that no damage of the log can have lost, while the shard is
 * open: a little at a time. It changes nothing; what it finds, the sequencer mends between two groups.
 * @module
 */
import { defined } from "../base/assert.ts";
import { FatalError } from "../base/errors.ts";
import type { Clock } from "../clock/clock.ts";
import { equalBytes } from "../encoding/bytes.ts";
import type { TreeHead } from "../rfc6962/tree-head.ts";
import { checkStretch, type RecheckOptions, recheckRecords } from "./recheck.ts";
import { readFrontier } from "./verify.ts";

/** Entries that are checked in one stretch: some 2 ms. */
const CHUNK_ENTRIES = 64;

/** How many times the time of a stretch it rests: it takes a seventeenth of the thread. */
const REST_FACTOR = 16;

/** It begins so much later: a start has other work, and who waited for it comes first. */
const FIRST_REST_MS = 1_000;

/** What the check needs. */
export interface LaterRecheckOptions extends RecheckOptions {
  readonly clock: Clock;
  /** Called once records are known to be wrong, or not known to be right. */
  readonly doubted: () => void;
}

/**
 * Checks the records that have to be before a shard opens, and mends them.
 * @returns What checks the others; undefined if there are none.
 * @throws as `recheckRecords`.
 */
export async function recheckNewest(
  options: LaterRecheckOptions,
  committed: TreeHead,
): Promise<LaterRecheck | undefined> {
  const { recheckEntryCount, recheckLaterCount } = await options.store.load();
  await recheckRecords(options, committed, recheckEntryCount - recheckLaterCount);
  if (recheckLaterCount === 0) {
    await options.store.recordsChecked(true);
    return undefined;
  }
  const start = committed.treeSize - recheckEntryCount;
  return new LaterRecheck(options, start, start + recheckLaterCount);
}

/** See the module. */
export class LaterRecheck {
  readonly #options: LaterRecheckOptions;
  /** The first entry whose records are to be checked. */
  readonly #start: number;
  readonly #end: number;
  #isDoubtful = false;
  #isStopped = false;
  #wake: () => void = () => {};
  readonly #done: Promise<void>;

  /** Starts to check the records of entries [start, end), which are before the newest ones. */
  constructor(options: LaterRecheckOptions, start: number, end: number) {
    this.#options = options;
    this.#start = start;
    this.#end = end;
    this.#done = this.#run();
  }

  /** Whether {@link mend} has something to do. */
  get isDoubtful(): boolean {
    return this.#isDoubtful;
  }

  /**
   * Checks the records of all entries from `start` on, and writes them again.
   * @param head The committed one; no other is committed meanwhile.
   * @throws as `recheckRecords`.
   */
  async mend(head: TreeHead | undefined): Promise<void> {
    const committed = defined(head, "there were records to check");
    await recheckRecords(this.#options, committed, committed.treeSize - this.#start);
    this.#isDoubtful = false;
    await this.#options.store.recordsChecked(true);
  }

  /** Looks at nothing more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#wake();
    await this.#done;
  }

  async #run(): Promise<void> {
    const { store, doubted } = this.#options;
    try {
      await this.#check();
      if (!this.#isStopped) await store.recordsChecked(true);
    } catch {
      if (this.#isStopped) return;
      // A store that cannot take that down now cannot be mended now either.
      await store.recordsChecked(false).catch(() => {});
      this.#isDoubtful = true;
      doubted();
    }
  }

  async #check(): Promise<void> {
    const { store, clock } = this.#options;
    await this.#rest(FIRST_REST_MS);
    let frontier = await readFrontier(store, this.#start);
    while (frontier.size < this.#end && !this.#isStopped) {
      const startedMs = clock.monotonicMs();
      const end = Math.min(this.#end, frontier.size + CHUNK_ENTRIES);
      const next = await checkStretch(this.#options, frontier, end);
      if (next === undefined) throw wrong(`a record of entries [${frontier.size}, ${end})`);
      frontier = next;
      await this.#rest(REST_FACTOR * (clock.monotonicMs() - startedMs));
    }
    // What is behind was proven to lead to the root from the stored edge, before the shard opened.
    const stored = await readFrontier(store, frontier.size);
    const isSame = (hash: Uint8Array, at: number) =>
      equalBytes(hash, defined(stored.hashes[at], "as many hashes"));
    if (!frontier.hashes.every(isSame)) throw wrong(`the right edge of size ${frontier.size}`);
  }

  #rest(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.#isStopped) return resolve();
      const cancel = this.#options.clock.after(Math.ceil(delayMs), resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }
}

function wrong(what: string): FatalError {
  return new FatalError("FATAL_STORE_CORRUPT", `${what} is not what the entries say`);
}
