/**
 * The folder of a shard: `db/`, `entries/`, `sealed/` and `issuers/`, how it is made and how its database is opened.
 * Folders are 0700; files of LevelDB have the mode that it and the process's umask (main.ts) give them.
 * @module
 */
import { join } from "node:path";
import { FatalError, messageOf, UnavailableError } from "../../base/errors.ts";
import type { Sha256 } from "../../merkle/hash.ts";
import type { ShardIdentity } from "../store.ts";
import type { Pace } from "./dedup-filter.ts";
import { corrupt, encodeIdentity, FORMAT, IDENTITY_KEY, RecordBatch } from "./record.ts";
import type { Database, DatabaseOptions, Seam } from "./seam.ts";

/** Paths in a shard's folder. */
export interface ShardPaths {
  readonly database: string;
  /** Where a database is made before it is given its name. */
  readonly newDatabase: string;
  readonly entries: string;
  readonly sealed: string;
  readonly issuers: string;
}

/** What a LevelStore is made with. */
export interface LevelStoreOptions {
  readonly sha256: Sha256;
  readonly seam: Seam;
  /** Takes the folder for this process alone. @throws FatalError `FATAL_LOCKED`. */
  readonly lockFolder: (path: string) => Promise<AsyncDisposable>;
  /** Bytes of one of LevelDB's two write buffers. */
  readonly writeBufferBytes: number;
  /** Bytes of LevelDB's block cache. */
  readonly cacheBytes: number;
  /** Whether other threads of this process may open the database too. */
  readonly multithreading: boolean;
  /**
   * Makes those threads let go of it, which opening it again needs: LevelDB closes with the
   * last handle. What it resolves to lets them open it again.
   */
  readonly releaseOthers?: () => Promise<() => void>;
  /** Time for what makes look-ups of new dedup keys cheap; absent: each goes to LevelDB. */
  readonly pace?: Pace;
}

/** What opening a database needs. */
export type DatabaseOpening = Pick<
  LevelStoreOptions,
  "seam" | "writeBufferBytes" | "cacheBytes" | "multithreading"
>;

/**
 * What was measured to be good. With 12 MiB 3,976 bytes are written for each entry flat out, 4,263
 * with 8 and 3,934 with 16; a start checks again what two write buffers can have held.
 */
export const LEVEL_DEFAULTS: Pick<
  LevelStoreOptions,
  "writeBufferBytes" | "cacheBytes" | "multithreading"
> = { writeBufferBytes: 12_582_912, cacheBytes: 16_777_216, multithreading: false };

/**
 * Tiles of one entry segment, unless `createLevelStore` is told otherwise. A segment is sealed
 * as a whole: up to 4,096 entries at the end, and as many before them, stand as they were
 * committed.
 */
export const SEGMENT_TILES = 16;

/**
 * Makes an empty store in `folder`, which may hold a key but no store; its parent must exist.
 * What a crash leaves of an attempt is no store, and the next attempt removes it.
 *
 * @throws FatalError `FATAL_IDENTITY` if a store is there; `FATAL_LOCKED` if it is in use.
 * @throws UnavailableError `UNAVAILABLE_STORE` if it cannot be written.
 */
export async function createLevelStore(
  folder: string,
  identity: ShardIdentity,
  options: LevelStoreOptions,
  segmentTiles: number = SEGMENT_TILES,
): Promise<void> {
  const { seam } = options;
  const paths = pathsOf(folder);
  await attempt(`${folder} cannot be made`, () => seam.files.makeFolder(folder));
  await using _lock = await options.lockFolder(folder);
  await attempt(`${folder} cannot be written`, async () => {
    const names = (await seam.files.listFolder(folder)) ?? [];
    const entries = (await seam.files.listFolder(paths.entries)) ?? [];
    const sealed = (await seam.files.listFolder(paths.sealed)) ?? [];
    const issuers = (await seam.files.listFolder(paths.issuers)) ?? [];
    const isRestored = names.includes("restoring") || names.includes("restored.json");
    if (names.includes("db") || isRestored || entries.length + sealed.length + issuers.length > 0) {
      throw new FatalError("FATAL_IDENTITY", `${folder} holds a store, or what is left of one`);
    }
    await seam.files.remove(paths.newDatabase);
    await seam.files.makeFolder(paths.entries);
    await seam.files.makeFolder(paths.sealed);
    await seam.files.makeFolder(paths.issuers);
    await seam.files.makeFolder(paths.newDatabase);
    const database = await seam.openDatabase(paths.newDatabase, databaseOptions(options, true));
    try {
      const batch = new RecordBatch();
      batch.put(IDENTITY_KEY, encodeIdentity({ format: FORMAT.plain, identity, segmentTiles }));
      await database.write(batch.writes, { sync: true });
    } finally {
      await database.close();
    }
    await seam.files.syncFolder(paths.newDatabase);
    // From here on there is a store.
    await seam.files.rename(paths.newDatabase, paths.database);
    await seam.files.syncFolder(folder);
  });
}

/**
 * Opens the database of a shard, which must be there.
 *
 * @throws FatalError `FATAL_LOCKED`, `FATAL_STORE_CORRUPT`.
 * @throws UnavailableError `UNAVAILABLE_STORE` if it does not open now.
 */
export async function openDatabase(path: string, options: DatabaseOpening): Promise<Database> {
  try {
    return await options.seam.openDatabase(path, databaseOptions(options, false));
  } catch (cause) {
    const reason = messageOf(cause);
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === "LEVEL_LOCKED") {
      throw new FatalError("FATAL_LOCKED", `${path} is in use: ${reason}`, { cause });
    }
    if (code === "LEVEL_CORRUPTION" || /does not exist|missing|No such file/i.test(reason)) {
      throw corrupt(`LevelDB does not open ${path}: ${reason}`, cause);
    }
    const message = `LevelDB does not open ${path} now: ${reason}`;
    throw new UnavailableError("UNAVAILABLE_STORE", message, { cause });
  }
}

function databaseOptions(options: DatabaseOpening, create: boolean): DatabaseOptions {
  const { writeBufferBytes, cacheBytes, multithreading } = options;
  return { create, writeBufferBytes, cacheBytes, multithreading };
}

/** What is where in a shard's folder. */
export function pathsOf(folder: string): ShardPaths {
  return {
    database: join(folder, "db"),
    newDatabase: join(folder, "db.new"),
    entries: join(folder, "entries"),
    sealed: join(folder, "sealed"),
    issuers: join(folder, "issuers"),
  };
}

/** Runs `act`; what it throws that is none of our errors becomes `UNAVAILABLE_STORE`. */
export async function attempt<T>(message: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    if (cause instanceof FatalError || cause instanceof UnavailableError) throw cause;
    const full = `${message}: ${messageOf(cause)}`;
    throw new UnavailableError("UNAVAILABLE_STORE", full, { cause });
  }
}
