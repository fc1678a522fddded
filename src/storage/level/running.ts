/**
 * How a store was left: the file `running` in a shard's folder is there from before LevelDB
 * opens the database until after it has closed it, with one byte for each start in between. So
 * whoever opens the store knows whether it was closed in order, and that it was not twice over.
 * @module
 */
import { join } from "node:path";
import { DatabaseFiles, requireTables } from "../level-files/database-files.ts";
import type { FileSystem } from "./seam.ts";

/**
 * Bytes of tables that are verified before LevelDB opens them when the store was closed in order:
 * 0.13 s at 0.5 GB/s, and all tables of a shard of 400,000 entries.
 */
const VERIFIED_BYTES_MAX = 67_108_864;
/**
 * The same after a crash: half a second. After a second one in a row it is all of them, 3.4 s
 * for 10 million entries: a damaged table makes LevelDB end the process, and so twice at most.
 */
const VERIFIED_AFTER_CRASH_BYTES_MAX = 268_435_456;
/** More starts than that are not counted. */
const STARTS_MAX = 2;

/** Starts since the store in `folder` was last closed in order; at most 2. */
export async function unfinishedStarts(files: FileSystem, folder: string): Promise<number> {
  const names = (await files.listFolder(folder)) ?? [];
  if (!names.includes("running")) return 0;
  const file = await files.openFile(join(folder, "running"), "read");
  try {
    return Math.max(1, (await file.read(STARTS_MAX, 0)).length);
  } finally {
    await file.close();
  }
}

/**
 * To be called before LevelDB opens the database: verifies tables, then counts the start.
 *
 * @param folder The shard's.
 * @param database Its database's.
 * @throws FatalError `FATAL_STORE_CORRUPT` if a table is damaged.
 */
export async function beginRunning(
  files: FileSystem,
  folder: string,
  database: string,
): Promise<void> {
  const starts = await unfinishedStarts(files, folder);
  await requireTables(new DatabaseFiles(files, database), verifiedBytesMax(starts));
  if (starts >= STARTS_MAX) return;
  const file = await files.openFile(join(folder, "running"), "write");
  try {
    await file.write(Uint8Array.of(0x0a), starts);
  } finally {
    await file.close();
  }
  if (starts === 0) await files.syncFolder(folder);
}

/** To be called after LevelDB has closed the database. */
export async function endRunning(files: FileSystem, folder: string): Promise<void> {
  await files.remove(join(folder, "running"));
}

function verifiedBytesMax(starts: number): number {
  if (starts === 0) return VERIFIED_BYTES_MAX;
  return starts === 1 ? VERIFIED_AFTER_CRASH_BYTES_MAX : Number.POSITIVE_INFINITY;
}
