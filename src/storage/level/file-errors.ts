/**
 * What failing calls of a shard's files mean, for segments as committed and sealed alike.
 * @module
 */
import { FatalError, messageOf, UnavailableError } from "../../base/errors.ts";
import { corrupt } from "./record.ts";

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
