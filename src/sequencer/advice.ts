/**
 * What the operator can do about a fatal error, by its code: said once, beside the reason,
 * wherever the reason is told.
 * @module
 */
import { CtError, type ErrorCode, messageOf } from "../base/errors.ts";

const ADVICE: { readonly [Code in ErrorCode]?: string } = {
  FATAL_FSYNC: "check the disk, then restart; nothing is signed until then",
  FATAL_STORE_CORRUPT:
    "check the disk, and restore the shard's folder from a copy that is at least as new as the " +
    "guard's last head; nothing is signed, what is whole stays readable",
  FATAL_STORE_FORMAT: "run the program that wrote it, or a newer one",
};

/** `CODE: message`, and what to do about it where the code alone tells. */
export function reasonWithAdvice(error: unknown): string {
  const message = messageOf(error);
  if (!(error instanceof CtError)) return `BUG: ${message}`;
  const advice = ADVICE[error.code as ErrorCode];
  return `${error.code}: ${message}${advice === undefined ? "" : `: ${advice}`}`;
}
