/**
 * What a fatal error means for a shard: whether a reload may mend it, and whether a head may
 * still be shown.
 * @module
 */
import { CtError } from "../base/errors.ts";

/** Errors that a reload cannot mend: only the operator, or a restart. */
const FINAL_CODES: ReadonlySet<string> = new Set([
  "FATAL_AUDIT",
  "FATAL_DEDUP_MISMATCH",
  "FATAL_FSYNC",
  "FATAL_GUARD_DISAGREES",
  "FATAL_GUARD_MISSING",
  "FATAL_IDENTITY",
  "FATAL_ROLLED_BACK",
  "FATAL_SIGNATURE",
]);

/** Errors after which the store may hold less than was signed: no head is shown. */
const READ_ONLY_CODES: ReadonlySet<string> = new Set([
  "FATAL_GUARD_DISAGREES",
  "FATAL_GUARD_MISSING",
  "FATAL_IDENTITY",
  "FATAL_ROLLED_BACK",
]);

/** Whether a reload cannot mend it: the shard stays as it is until a restart. */
export function isFinal(error: unknown): boolean {
  return error instanceof CtError && FINAL_CODES.has(error.code);
}

/** Whether the shard shows no head any more: only what is proven stays readable. */
export function isReadOnly(error: unknown): boolean {
  return error instanceof CtError && READ_ONLY_CODES.has(error.code);
}
