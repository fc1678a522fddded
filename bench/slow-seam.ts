/**
 * Decorators that count what is flushed to disk and make each flush slower: of the seam below
 * a store (files, folders, LevelDB's synced batches) and of a guard's records. Flushes that
 * LevelDB makes by itself, in its compactions, are neither counted nor delayed.
 * @module
 */
import type { GuardFolder } from "../src/signer/guard-folder.ts";
import type { Database, OpenFile, Seam } from "../src/storage/level/seam.ts";

/** What is flushed. */
export const FLUSH_KINDS = ["file", "folder", "batch", "guard"] as const;

/** One kind of flush: entry and tile files, folders, LevelDB's batches, the guard's slots. */
export type FlushKind = (typeof FLUSH_KINDS)[number];

/** How often each kind was flushed. */
export type FlushCounts = Readonly<Record<FlushKind, number>>;

/** Counts and delays flushes. */
export class FlushMeter {
  readonly #delay: () => Promise<void>;
  readonly #counts: Record<FlushKind, number> = { file: 0, folder: 0, batch: 0, guard: 0 };

  /** @param delay What every flush waits for before it begins. */
  constructor(delay: () => Promise<void>) {
    this.#delay = delay;
  }

  /** A copy. */
  get counts(): FlushCounts {
    return { ...this.#counts };
  }

  /** Counts one flush, delays it, then makes it. */
  async flush<T>(kind: FlushKind, act: () => Promise<T>): Promise<T> {
    this.#counts[kind] += 1;
    await this.#delay();
    return act();
  }
}

/** The same world, its flushes going through `meter`. */
export function meterSeam(seam: Seam, meter: FlushMeter): Seam {
  const { files } = seam;
  return {
    ...seam,
    files: {
      ...files,
      openFile: async (path, mode) => meterFile(await files.openFile(path, mode), meter),
      syncFolder: (path) => meter.flush("folder", () => files.syncFolder(path)),
    },
    openDatabase: async (path, options) =>
      meterDatabase(await seam.openDatabase(path, options), meter),
  };
}

/** The same guard, its records going through `meter`. */
export function meterGuard(folder: GuardFolder, meter: FlushMeter): GuardFolder {
  return {
    get last() {
      return folder.last;
    },
    write: (record) => meter.flush("guard", () => folder.write(record)),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

function meterFile(file: OpenFile, meter: FlushMeter): OpenFile {
  return {
    ...file,
    syncData: () => meter.flush("file", () => file.syncData()),
    sync: () => meter.flush("file", () => file.sync()),
  };
}

function meterDatabase(database: Database, meter: FlushMeter): Database {
  return {
    ...database,
    write: (writes, options) =>
      options.sync
        ? meter.flush("batch", () => database.write(writes, options))
        : database.write(writes, options),
  };
}
