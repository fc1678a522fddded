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
 * Bytes of tables that are verified before LevelDB opens them, by the number of starts since
 * the store was last closed in order. At 0.5 GB/s: 0.13 s, which is all of a shard of 400,000
 * entries; half a second; and then all, 3.4 s for 10 million entries. A damaged table makes
 * LevelDB end the process; after the second time it is found at the latest.
 */
const VERIFIED_BYTES_MAX: readonly number[] = [67_108_864, 268_435_456, Number.POSITIVE_INFINITY];
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
  await requireTables(
    new DatabaseFiles(files, database),
    VERIFIED_BYTES_MAX[starts] ?? Number.POSITIVE_INFINITY,
  );
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
