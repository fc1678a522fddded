/**
 * How a store was left: the file `running` in a shard's folder is there from before LevelDB
 * opens the database until after it has closed it, with one byte for each start in between. So
 * whoever opens the store knows whether it was closed in order, and that it was not twice over.
 * The byte also says whether LevelDB's log was whole when the database was opened: what a damaged
 * log has dropped, nobody can see in the database that LevelDB made of it.
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
/** A start with a whole log, or one after which all records were checked. */
const PLAIN = 0x0a;
/** A start with a log that may have dropped records, which were not all checked since. */
const DOUBTFUL = 0x21;

/** Starts since the store in `folder` was last closed in order; at most 2. */
export async function unfinishedStarts(files: FileSystem, folder: string): Promise<number> {
  return (await readStarts(files, folder)).length;
}

/**
 * To be called before LevelDB opens the database: verifies tables and logs, then counts the start.
 *
 * @param folder The shard's.
 * @param database Its database's.
 * @returns Whether LevelDB drops a part of its log now, or did so in an earlier start after which
 *   {@link markRunning} was not called.
 * @throws FatalError `FATAL_STORE_CORRUPT` if a table is damaged.
 */
export async function beginRunning(
  files: FileSystem,
  folder: string,
  database: string,
): Promise<boolean> {
  const starts = await readStarts(files, folder);
  const databaseFiles = new DatabaseFiles(files, database);
  await requireTables(databaseFiles, verifiedBytesMax(starts.length));
  const wasDoubtful = starts.includes(DOUBTFUL);
  const isDoubtful = wasDoubtful || !(await databaseFiles.areLogsWhole());
  if (starts.length < STARTS_MAX || isDoubtful !== wasDoubtful) {
    const mark = Uint8Array.of(isDoubtful ? DOUBTFUL : PLAIN);
    const position = Math.min(starts.length, STARTS_MAX - 1);
    await writeStarts(files, folder, mark, position, isDoubtful);
  }
  if (starts.length === 0) await files.syncFolder(folder);
  return isDoubtful;
}

/** Takes down whether records that a log may have dropped are still to be checked. */
export async function markRunning(
  files: FileSystem,
  folder: string,
  isDoubtful: boolean,
): Promise<void> {
  const starts = await readStarts(files, folder);
  if (starts.includes(DOUBTFUL) === isDoubtful) return;
  const marks = starts.fill(isDoubtful ? DOUBTFUL : PLAIN);
  await writeStarts(files, folder, marks, 0, isDoubtful);
}

/** To be called after LevelDB has closed the database, unless a doubt is left. */
export async function endRunning(files: FileSystem, folder: string): Promise<void> {
  await files.remove(join(folder, "running"));
}

/** One byte for each start. */
async function readStarts(files: FileSystem, folder: string): Promise<Uint8Array> {
  const names = (await files.listFolder(folder)) ?? [];
  if (!names.includes("running")) return new Uint8Array(0);
  const file = await files.openFile(join(folder, "running"), "read");
  try {
    const starts = await file.read(STARTS_MAX, 0);
    return starts.length === 0 ? Uint8Array.of(PLAIN) : starts;
  } finally {
    await file.close();
  }
}

async function writeStarts(
  files: FileSystem,
  folder: string,
  marks: Uint8Array,
  position: number,
  isDurable: boolean,
): Promise<void> {
  const file = await files.openFile(join(folder, "running"), "write");
  try {
    await file.write(marks, position);
    if (isDurable) await file.sync();
  } finally {
    await file.close();
  }
}

function verifiedBytesMax(starts: number): number {
  if (starts === 0) return VERIFIED_BYTES_MAX;
  return starts === 1 ? VERIFIED_AFTER_CRASH_BYTES_MAX : Number.POSITIVE_INFINITY;
}
