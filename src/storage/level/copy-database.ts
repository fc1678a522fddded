/**
 * A copy of a LevelDB that another process may have open, without a word to that process.
 *
 * What it writes, it writes in an order: a table is whole and flushed before the list of tables
 * (`MANIFEST`) names it, and is removed only after the list names it no more; the log of a batch
 * is appended to before anything else learns of the batch, a log is ended before the next one is
 * begun, and is removed only after the list says that its records are in tables. So the list is
 * copied first, then the tables that the copied list names, then the logs in their order, from
 * the one on that the list says to be in use: if all of them were still there, the copy holds
 * every batch up to some one, and nothing of those after it. If one was gone, the list has
 * changed, and it begins anew. No file named LOCK is
 * opened: reading it would release the lock of a process that has the database open.
 * @module
 */
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { UnavailableError } from "../../base/errors.ts";
import { readLiveFiles } from "../level-files/live-files.ts";
import { type Copied, copyDurably } from "./durable-copy.ts";
import type { FileSystem } from "./seam.ts";

/** A database that changes its tables between two looks so often is not left alone. */
const ATTEMPTS_MAX = 100;

/** Where a database is copied from and to. */
export interface DatabaseCopy {
  readonly files: FileSystem;
  readonly source: string;
  /** Made if it is not there; what a copy before left in it and is not of this one goes. */
  readonly target: string;
  /** Copies one file. @param isFixed Whether it never changes: a table. */
  readonly take: (name: string, isFixed: boolean) => Promise<void>;
}

/**
 * Takes files durably.
 * @param previous Folder of an earlier copy, whose tables are linked.
 * @returns `take` of a copy.
 */
export function takeDurably(
  { source, target }: Pick<DatabaseCopy, "source" | "target">,
  previous: string | undefined,
  copied: (copied: Copied) => void,
): DatabaseCopy["take"] {
  return async (name, isFixed) => {
    const before = previous !== undefined && isFixed ? join(previous, name) : undefined;
    // What is appended to is copied anew each time.
    if (!isFixed) await rm(join(target, name), { force: true });
    copied(await copyDurably(join(source, name), join(target, name), before));
  };
}

/** Copies a database; its folder is flushed. @throws UnavailableError, or as {@link copyOnce}. */
export async function copyDatabase(copy: DatabaseCopy): Promise<void> {
  await mkdir(copy.target, { recursive: true, mode: 0o700 });
  for (let attempt = 1; ; attempt += 1) {
    try {
      const names = await copyOnce(copy);
      for (const name of await readdir(copy.target)) {
        if (!names.has(name)) await rm(join(copy.target, name), { force: true });
      }
      await copy.files.syncFolder(copy.target);
      return;
    } catch (error) {
      // Gone meanwhile, as tables and logs go; or the list was replaced as it was read.
      if (!isGone(error)) throw error;
      if (attempt < ATTEMPTS_MAX) continue;
      const message = `${copy.source} changes while it is copied, ${attempt} times in a row`;
      throw new UnavailableError("UNAVAILABLE_STORE", message, { cause: error });
    }
  }
}

/**
 * Copies a database if it does not change its tables meanwhile; `target` is there.
 * @returns The names of the files of the copy.
 * @throws Error that {@link isGone} knows if it did; FatalError `FATAL_STORE_CORRUPT`, or of the
 *   file system.
 */
export async function copyOnce(copy: DatabaseCopy): Promise<ReadonlySet<string>> {
  const { files, source, target } = copy;
  const names = new Set<string>();
  const take = async (name: string, isFixed: boolean): Promise<void> => {
    await copy.take(name, isFixed);
    names.add(name);
  };
  await take("CURRENT", false);
  const { manifest } = await readLiveFiles(files, source);
  await take(manifest, false);
  const live = await readLiveFiles(files, target);
  if (live.manifest !== manifest) throw gone("the list of tables was replaced");
  const there = await readdir(source);
  for (const number of live.tables.keys()) {
    const name = ["ldb", "sst"].map((end) => `${digits(number)}.${end}`).find(isIn(there));
    if (name === undefined) throw gone(`table ${digits(number)} is missing`);
    await take(name, true);
  }
  const logs = there
    .filter((name) => /^\d+\.log$/.test(name))
    .map((name) => ({ name, number: Number(name.replace(".log", "")) }))
    .filter(({ number }) => number >= live.logNumber || number === live.previousLogNumber)
    .toSorted((one, other) => one.number - other.number);
  // Logs go in their order: if the first one that is in use is there, so are those after it.
  if (live.logNumber > 0 && logs[0]?.number !== live.logNumber) {
    throw gone(`log ${digits(live.logNumber)} is missing`);
  }
  for (const { name } of logs) await take(name, false);
  return names;
}

function isIn(names: readonly string[]): (name: string) => boolean {
  return (name) => names.includes(name);
}

function digits(number: number): string {
  return String(number).padStart(6, "0");
}

function gone(message: string): Error {
  return Object.assign(new Error(message), { code: "ENOENT" });
}

/** Whether a file was not there, or not any more: in a database that is in use, that is no harm. */
export function isGone(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if ((error as NodeJS.ErrnoException).code === "ENOENT") return true;
  return isGone(error.cause);
}
