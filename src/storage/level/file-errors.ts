/**
 * What failing calls of a shard's files mean, for segments as committed and sealed alike, and failing
 * batches.
 * @module
 */
import { FatalError, messageOf, UnavailableError } from "../../base/errors.ts";
import { corrupt } from "./record.ts";

/** What the world says when it has no room now: the outcome is in doubt, not the disk. */
const NO_ROOM = /ENOSPC|EDQUOT|EMFILE|ENFILE|No space left|Disk quota|Too many open files/;

/** Flushes `what`. @throws FatalError `FATAL_FSYNC` if that failed. */
export async function flushing(what: string, flush: () => Promise<void>): Promise<void> {
  try {
    await flush();
  } catch (cause) {
    const message = `flushing ${what} failed: ${messageOf(cause)}`;
    throw new FatalError("FATAL_FSYNC", message, { cause });
  }
}

/**
 * The error of a read of `what` that failed.
 * @returns FatalError as it came, or `FATAL_STORE_CORRUPT` if the file is missing;
 *   UnavailableError `UNAVAILABLE_STORE` otherwise.
 */
export function readError(what: string, cause: unknown): Error {
  if (cause instanceof FatalError) return cause;
  if ((cause as NodeJS.ErrnoException).code === "ENOENT") {
    return corrupt(`${what} is missing`, cause);
  }
  const message = `${what} cannot be read: ${messageOf(cause)}`;
  return new UnavailableError("UNAVAILABLE_STORE", message, { cause });
}

/** The error of a batch that failed: `FATAL_COMMIT_UNKNOWN` for want of room, else `FATAL_FSYNC`. */
export function batchError(cause: unknown): FatalError {
  const reason = messageOf(cause);
  const code = (cause as NodeJS.ErrnoException).code;
  if (NO_ROOM.test(`${code} ${reason}`)) {
    const message = `a batch failed for want of room, its outcome is unknown: ${reason}`;
    return new FatalError("FATAL_COMMIT_UNKNOWN", message, { cause });
  }
  return new FatalError("FATAL_FSYNC", `a batch failed: ${reason}`, { cause });
}

/** What a call of a store throws after it was closed. */
export function closedError(): UnavailableError {
  return new UnavailableError("UNAVAILABLE_STORE", "the store is closed");
}

/** What whoever would write throws once this process has seen a flush of the shard fail. */
export function poisonError(folder: string): FatalError {
  const message = `a flush of ${folder} failed in this process: only a restart recovers`;
  return new FatalError("FATAL_FSYNC", message);
}
