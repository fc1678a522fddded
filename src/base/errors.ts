/**
 * The four kinds of error, told apart by who must act. A code is part of the
 * interface (metrics label, log field, key of docs/ERRORS.md); a message is not.
 * @module
 */

/** Bytes or text that are not what they claim to be: the sender must act. HTTP 400 unless status.ts says otherwise. */
export type MalformedCode =
  | "MALFORMED_BASE64"
  | "MALFORMED_BODY"
  | "MALFORMED_CERTIFICATE"
  | "MALFORMED_CHECKPOINT"
  | "MALFORMED_CONFIG"
  | "MALFORMED_CSV"
  | "MALFORMED_DECIMAL"
  | "MALFORMED_DER"
  | "MALFORMED_HEX"
  | "MALFORMED_HTTP"
  | "MALFORMED_JSON"
  | "MALFORMED_KEY"
  | "MALFORMED_NOTE"
  | "MALFORMED_PARAMETER"
  | "MALFORMED_PEM"
  | "MALFORMED_PRECERTIFICATE"
  | "MALFORMED_PROOF"
  | "MALFORMED_QUERY"
  | "MALFORMED_TILE_PATH"
  | "MALFORMED_TLS"
  | "MALFORMED_UTF8";

/** Well-formed, but the policy says no: the sender must act. */
export type RejectedCode =
  | "REJECTED_BODY_TOO_LARGE"
  | "REJECTED_CHAIN_INVALID"
  | "REJECTED_CHAIN_TOO_LONG"
  | "REJECTED_EXTENDED_KEY_USAGE"
  | "REJECTED_ISSUER_BLOCKED"
  | "REJECTED_ISSUER_UNKNOWN"
  | "REJECTED_LEAF_UNKNOWN"
  | "REJECTED_METHOD"
  | "REJECTED_NOT_AFTER_OUT_OF_RANGE"
  | "REJECTED_NOT_FOUND"
  | "REJECTED_POISON_INVALID"
  | "REJECTED_PRECERTIFICATE_SIGNING_CERTIFICATE"
  | "REJECTED_RANGE"
  | "REJECTED_SHARD_CLOSED"
  | "REJECTED_SHARD_PLANNED"
  | "REJECTED_TREE_SIZE_UNKNOWN"
  | "REJECTED_TYPE_MISMATCH";

/** Not now; the sender may try again after `retryAfterMs`. */
export type UnavailableCode =
  | "UNAVAILABLE_CLOSING"
  | "UNAVAILABLE_CLOCK_HELD"
  | "UNAVAILABLE_DEADLINE"
  | "UNAVAILABLE_NO_HEAD"
  | "UNAVAILABLE_OUTCOME_UNKNOWN"
  | "UNAVAILABLE_OVERLOADED"
  | "UNAVAILABLE_POOL_FULL"
  | "UNAVAILABLE_RATE_LIMITED"
  | "UNAVAILABLE_SHARD_NOT_READY"
  | "UNAVAILABLE_STORE";

/** Durable state is unknown or wrong: the operator must act, or the shard reloads from its store. */
export type FatalCode =
  | "FATAL_AUDIT"
  | "FATAL_CLOCK"
  | "FATAL_COMMIT_UNKNOWN"
  | "FATAL_DEDUP_MISMATCH"
  | "FATAL_FSYNC"
  | "FATAL_GUARD_DISAGREES"
  | "FATAL_GUARD_MISSING"
  | "FATAL_HEAD_CONFLICT"
  | "FATAL_IDENTITY"
  | "FATAL_LOCKED"
  | "FATAL_ROLLED_BACK"
  | "FATAL_SIGNATURE"
  | "FATAL_STORE_CORRUPT"
  | "FATAL_STORE_FORMAT"
  | "FATAL_STORE_MISSING"
  | "FATAL_VERIFY_MISMATCH";

/** Every code that a `CtError` can carry. */
export type ErrorCode = MalformedCode | RejectedCode | UnavailableCode | FatalCode;

/** Base of all errors that this program expects. */
export abstract class CtError<Code extends ErrorCode = ErrorCode> extends Error {
  readonly code: Code;
  constructor(code: Code, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
    this.name = new.target.name;
  }
}

/** These bytes are not what they claim: the sender must mend them. */
export class MalformedError extends CtError<MalformedCode> {}

/** Well-formed, but not accepted here: the sender must send something else, or elsewhere. */
export class RejectedError extends CtError<RejectedCode> {}

/** Not now. `retryAfterMs` is when a retry makes sense, in milliseconds. */
export class UnavailableError extends CtError<UnavailableCode> {
  readonly retryAfterMs: number;
  constructor(
    code: UnavailableCode,
    message: string,
    options?: { readonly cause?: unknown; readonly retryAfterMs?: number },
  ) {
    super(code, message, options);
    this.retryAfterMs = options?.retryAfterMs ?? 1_000;
  }
}

/** Durable state is unknown or wrong: the shard stops signing. */
export class FatalError extends CtError<FatalCode> {}

/** Input quoted for a message: at most 64 characters, control characters escaped. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 64 ? `${text.slice(0, 64)}…` : text);
}

/** The message of anything thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
