/**
 * Assertions that stay on in production. A failure is a bug of ours: inside a
 * shard's engine it is that shard's fatal error, elsewhere a crash.
 * @module
 */

/** A bug of ours; never caught to continue. */
export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

/** @throws AssertionError if `condition` is false. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** Returns `value`. @throws AssertionError if it is undefined. */
export function defined<T>(value: T | undefined, message: string): T {
  if (value === undefined) throw new AssertionError(message);
  return value;
}

/** The end of an exhaustive `switch`. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable: ${JSON.stringify(value)}`);
}
