/**
 * Seals the segments of a shard that is served, one after the other, in the background; makes
 * the next segment ahead of need; and removes segments that were sealed. It works in steps of
 * some 100 us, rests, and waits while the sequencer is busy, unless it lags too far behind.
 * @module
 */
import { FatalError, messageOf } from "../../base/errors.ts";
import { Sleeper } from "../../base/sleeper.ts";
import { TILE_WIDTH } from "../../merkle/tile.ts";
import { isMissing, isNamedSealed } from "./entry-pieces.ts";
import {
  checkSealed,
  nameSealed,
  type Pace,
  type SealingStore,
  sealSegment,
} from "./seal-segment.ts";

/** Entries of whole segments that may wait to be sealed while the sequencer is busy. */
export const LAG_ENTRIES_MAX = 32_768;

/** Readers that looked into the index before it was switched are done by then; milliseconds. */
const GRACE_MS = 60_000;

/** After there was no room, or a store that was being opened; milliseconds. */
const RETRY_MS = 10_000;

/** Between two looks at a busy sequencer; milliseconds. */
const BUSY_MS = 20;

/** Rest for each millisecond of work: a quarter of one core at most, unless it lags. */
const REST_RATIO = 3;

/** Segments looked up in one stretch before others have their turn. */
const LOOKUPS_PER_TURN = 256;

/** Lets one sealer of a process work at a time, so that memory is bounded by one tile. */
export class SealingTurn {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs `act` once those before it have ended. */
  take<T>(act: () => Promise<T>): Promise<T> {
    const result = this.#last.then(act);
    this.#last = result.catch(() => {});
    return result;
  }
}

/** What a sealer works with. */
export interface SealerOptions {
  readonly store: SealingStore;
  /** Published size now; undefined while the shard is not open. */
  readonly publishedSize: () => number | undefined;
  /** Whether submissions wait that this thread could work on. */
  readonly isBusy: () => boolean;
  /** Entries of whole segments that may wait while it is busy: {@link LAG_ENTRIES_MAX}. */
  readonly lagEntriesMax: number;
  readonly turn: SealingTurn;
  /** Steady time in milliseconds. */
  readonly nowMs: () => number;
  /** Calls `act` later; returns what cancels that. */
  readonly after: (delayMs: number, act: () => void) => () => void;
  /** Told how many entries of full tiles are published and not sealed. */
  readonly progress: (unsealedEntries: number) => void;
  /** Told, in a sentence, what kept a segment from being sealed or removed. */
  readonly failed: (message: string) => void;
}

/** Ends whatever is under way. */
class StoppedError extends Error {
  override readonly name = "StoppedError";
}

/** One shard's sealer. */
export class Sealer {
  readonly #options: SealerOptions;
  /** The first segment that was not looked at yet. */
  #next = 0;
  /** Segments that are sealed, below `#next`. */
  #sealedCount = 0;
  /** When which sealed segment may be removed, in order. */
  readonly #removals: { readonly segment: number; readonly dueMs: number }[] = [];
  /** Segments that an earlier process left; undefined until the first look at the folder. */
  #found: ReadonlySet<number> | undefined;
  /** A flush failed: only a restart recovers. */
  #isDone = false;
  #isStopping = false;
  /** Light where a full segment ends it. */
  readonly #sleeper: Sleeper;
  #told = -1;
  #life: Promise<void> | undefined;
  /** Steady time when the last rest ended. */
  #workedSinceMs = 0;

  constructor(options: SealerOptions) {
    this.#options = options;
    this.#sleeper = new Sleeper(options);
  }

  /** Begins in the background. */
  start(): void {
    this.#life ??= this.#live();
  }

  /** Ends within one step. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#sleeper.interrupt();
    await this.#life;
  }

  /** To be called after a head was published. */
  notice(treeSize: number): void {
    if (this.#life === undefined || this.#isStopping) return;
    if (this.#options.publishedSize() === undefined) return;
    void this.#prepare(treeSize);
    if (this.#isFull(this.#next, treeSize)) this.#sleeper.wake();
    this.#tellProgress();
  }

  /** Entries of whole segments that wait. */
  get lagEntries(): number {
    const { segmentEntries } = this.#options.store;
    const full = Math.floor((this.#options.publishedSize() ?? 0) / segmentEntries);
    return Math.max(0, full - this.#next) * segmentEntries;
  }

  async #live(): Promise<void> {
    while (!this.#isStopping && !this.#isDone) {
      try {
        await this.#sleep(await this.#work(), true);
      } catch (error) {
        if (error instanceof StoppedError) return;
        this.#isDone = error instanceof FatalError && error.code === "FATAL_FSYNC";
        const more = this.#isDone ? ": sealing ends until a restart" : "";
        this.#options.failed(`${messageOf(error)}${more}`);
        await this.#sleep(RETRY_MS);
      }
    }
  }

  /** Does what is due. @returns When to look again at the latest; milliseconds. */
  async #work(): Promise<number> {
    const { store, publishedSize, nowMs } = this.#options;
    if (publishedSize() === undefined) return RETRY_MS;
    if (this.#found === undefined) {
      const { sealed, entries } = store.places();
      await sealed.makeFolder();
      this.#found = new Set(await entries.list());
    }
    while (this.#isFull(this.#next, publishedSize() ?? 0)) {
      if (this.#isStopping) throw new StoppedError();
      await this.#settle(this.#next, this.#found);
      this.#next += 1;
      this.#tellProgress();
      await this.#removeDue();
    }
    await this.#removeDue();
    const [first] = this.#removals;
    return first === undefined ? GRACE_MS : Math.max(1, first.dueMs - nowMs());
  }

  /** Sees to it that a segment is sealed, if it can be. */
  async #settle(segment: number, found: ReadonlySet<number>): Promise<void> {
    const { store, nowMs, turn, failed } = this.#options;
    try {
      if (segment % LOOKUPS_PER_TURN === 0) await turnOfLoop();
      let isThere = found.has(segment);
      if (!isNamedSealed(store.places(), segment)) {
        isThere = await turn.take(() => this.#seal(segment));
      }
      this.#sealedCount += 1;
      if (isThere) this.#removals.push({ segment, dueMs: nowMs() + GRACE_MS });
    } catch (error) {
      const isDamage = error instanceof FatalError && error.code === "FATAL_STORE_CORRUPT";
      if (!isDamage) throw error;
      // It is looked at again at the next start; the others go on.
      failed(`segment ${segment} is not sealed: ${messageOf(error)}`);
    }
  }

  /** @returns Whether the segment as it was committed is still there. */
  async #seal(segment: number): Promise<boolean> {
    const { store, nowMs } = this.#options;
    this.#workedSinceMs = nowMs();
    try {
      await sealSegment(store, segment, this.#pace);
      return true;
    } catch (error) {
      if (!isMissing(error)) throw error;
      // Only its record is gone: the segment was removed after it had been sealed.
      await checkSealed(store.places(), segment, this.#pace);
      await nameSealed(store, segment);
      return false;
    }
  }

  /** Removes segments whose time has come, after a last look at what takes their place. */
  async #removeDue(): Promise<void> {
    const { store, nowMs, failed } = this.#options;
    for (;;) {
      const [first] = this.#removals;
      if (first === undefined || first.dueMs > nowMs()) return;
      const { segment } = first;
      this.#workedSinceMs = nowMs();
      try {
        await checkSealed(store.places(), segment, this.#pace);
        await store.places().entries.remove(segment);
      } catch (error) {
        if (error instanceof StoppedError) throw error;
        failed(`segment ${segment} is not removed: ${messageOf(error)}`);
      }
      this.#removals.shift();
    }
  }

  /** Between two steps: lets others have their turn, and rests in proportion to its work. */
  readonly #pace: Pace = async () => {
    await turnOfLoop();
    const { nowMs, isBusy, lagEntriesMax } = this.#options;
    const isBehind = (): boolean => this.lagEntries > lagEntriesMax;
    const workedMs = nowMs() - this.#workedSinceMs;
    if (workedMs >= 1) {
      if (!isBehind()) await this.#sleep(REST_RATIO * workedMs);
      while (isBusy() && !isBehind() && !this.#isStopping) await this.#sleep(BUSY_MS);
      this.#workedSinceMs = nowMs();
    }
    if (this.#isStopping) throw new StoppedError();
  };

  /** The commit that comes to the next segment finds it made. */
  async #prepare(treeSize: number): Promise<void> {
    const { store, failed } = this.#options;
    try {
      const { entries } = store.places();
      const segment = entries.segmentOf(treeSize);
      const half = (entries.startOf(segment) + entries.endOf(segment)) / 2;
      if (treeSize >= half) await store.prepareSegment(segment + 1);
    } catch (error) {
      // The store says it to whoever commits next.
      if (error instanceof FatalError) failed(messageOf(error));
    }
  }

  #isFull(segment: number, treeSize: number): boolean {
    return (segment + 1) * this.#options.store.segmentEntries <= treeSize;
  }

  #tellProgress(): void {
    const published = this.#options.publishedSize() ?? 0;
    const full = published - (published % TILE_WIDTH);
    const unsealed = Math.max(0, full - this.#sealedCount * this.#options.store.segmentEntries);
    if (unsealed === this.#told) return;
    this.#told = unsealed;
    this.#options.progress(unsealed);
  }

  async #sleep(delayMs: number, isWokenByHead = false): Promise<void> {
    if (!this.#isStopping) await this.#sleeper.sleep(delayMs, isWokenByHead);
  }
}

function turnOfLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
