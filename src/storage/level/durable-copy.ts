/**
 * Copies of files that are whole or not there: under another name, flushed, then renamed. What
 * did not change is not copied twice: a copy has its original's time, to the millisecond.
 * @module
 */
import { constants, copyFile, link, open, rename, rm, stat, utimes } from "node:fs/promises";

/** Ends the name of a file that is being copied. */
export const PART_SUFFIX = ".part";

/** What was done for one file, and its bytes. */
export interface Copied {
  readonly how: "copied" | "linked" | "kept";
  readonly bytes: number;
}

/**
 * Copies a file, unless `target` is the same file already; links it from `previous`, an earlier
 * copy, if that is the same. Size and time are what is compared. The new name is not flushed.
 *
 * @throws any error of the file system; ENOENT if there is no `source`.
 */
export async function copyDurably(
  source: string,
  target: string,
  previous?: string,
): Promise<Copied> {
  // Before the bytes: what is appended meanwhile makes the copy another file than the source.
  const { size, mtimeMs } = await stat(source);
  const timeMs = Math.round(mtimeMs);
  const isSame = async (path: string): Promise<boolean> => {
    const found = await statOf(path);
    return found?.size === size && Math.round(found.mtimeMs) === timeMs;
  };
  if (await isSame(target)) return { how: "kept", bytes: size };
  await rm(target, { force: true });
  if (previous !== undefined && (await isSame(previous))) {
    await link(previous, target);
    return { how: "linked", bytes: size };
  }
  const part = `${target}${PART_SUFFIX}`;
  await rm(part, { force: true });
  await copyFile(source, part, constants.COPYFILE_FICLONE);
  await utimes(part, timeMs / 1_000, timeMs / 1_000);
  const file = await open(part, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(part, target);
  return { how: "copied", bytes: size };
}

async function statOf(
  path: string,
): Promise<{ readonly size: number; readonly mtimeMs: number } | undefined> {
  return stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
}
