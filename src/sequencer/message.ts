/**
 * What passes between a frontend and the sequencer of a shard: plain values that could cross
 * threads and machines (`message-codec.ts` has their bytes). A frontend sends whole groups;
 * answers come back one by one.
 * @module
 */
import type { UnavailableCode } from "../base/errors.ts";
import { borrowed } from "../encoding/memory.ts";
import type { Sha256 } from "../merkle/hash.ts";
import { encodeSignedEntry, type SignedEntry } from "../rfc6962/entry.ts";
import type { Issuer } from "../storage/store.ts";

/** A chain that a frontend judged: everything that the log keeps of it. */
export interface Submission {
  /** {@link dedupKeyOf} `entry`; 32 bytes. */
  readonly dedupKey: Uint8Array;
  readonly entry: SignedEntry;
  /** The submitted precertificate for an entry of type precert; else undefined. */
  readonly precertificate: Uint8Array | undefined;
  /** SHA-256 of the certificates after the leaf, root included; 32 bytes each. */
  readonly chainFingerprints: readonly Uint8Array[];
  /** Those certificates that the sequencer may not have yet. */
  readonly issuers: readonly Issuer[];
  /** Low gives way first when the pool is full. */
  readonly priority: "normal" | "low";
}

/** What became of a submission. */
export type Outcome =
  | {
      readonly type: "logged";
      readonly leafIndex: number;
      readonly timestampMs: number;
      /** Encoded `DigitallySigned` over the entry's `MerkleTreeLeaf`. */
      readonly signature: Uint8Array;
      /** Recomputed from the bytes in the log: the frontend compares it with its request's. */
      readonly dedupKey: Uint8Array;
      /** Whether the entry was in the log before this submission. */
      readonly isDuplicate: boolean;
    }
  | Unavailable;

/** Not now, or not known. */
export interface Unavailable {
  readonly type: "unavailable";
  readonly code: UnavailableCode;
  readonly message: string;
  readonly retryAfterMs: number;
}

/** Called once for each submission of a group, in any order. */
export type Settle = (position: number, outcome: Outcome) => void;

/** Takes one submission to a shard's sequencer; `settle` is called once, or never if it died. */
export type Sequence = (submission: Submission, settle: (outcome: Outcome) => void) => void;

/** A shard's sequencer, as those see it who bring it groups. */
export interface Sequencing {
  /** Takes a group from a frontend; each submission names no issuer that is lacking. */
  sequence(group: readonly Submission[], settle: Settle): void;
  /** Whether a certificate of the chain is neither stored nor in `issuers`. */
  lacksIssuer(submission: Submission): boolean;
}

const CODE_NUMBERS: Readonly<Record<UnavailableCode, number>> = {
  UNAVAILABLE_CLOSING: 0,
  UNAVAILABLE_CLOCK_HELD: 1,
  UNAVAILABLE_DEADLINE: 2,
  UNAVAILABLE_NO_HEAD: 3,
  UNAVAILABLE_OUTCOME_UNKNOWN: 4,
  UNAVAILABLE_POOL_FULL: 5,
  UNAVAILABLE_SHARD_NOT_READY: 6,
  UNAVAILABLE_STORE: 7,
  UNAVAILABLE_OVERLOADED: 8,
  UNAVAILABLE_RATE_LIMITED: 9,
};

/** Each code at its number on the wire, which never changes; a code without one does not compile. */
export const UNAVAILABLE_CODES: readonly UnavailableCode[] = (
  Object.keys(CODE_NUMBERS) as UnavailableCode[]
).toSorted((a, b) => CODE_NUMBERS[a] - CODE_NUMBERS[b]);

/** SHA-256 over entry type, issuer key hash and certificate or TBS: what makes two submissions one. */
export function dedupKeyOf(sha256: Sha256, entry: SignedEntry): Uint8Array {
  return sha256(encodeSignedEntry(entry, borrowed));
}

/** Bytes that a submission takes in the pool: what its entry will take, and its new issuers. */
export function submissionBytes(submission: Submission): number {
  const { entry, precertificate, chainFingerprints } = submission;
  const signed = entry.type === "x509" ? entry.certificate : entry.tbs;
  return 128 + signed.length + (precertificate?.length ?? 0) + 32 * chainFingerprints.length;
}

/** The outcome of a submission that may be tried again in a second. */
export function unavailable(code: UnavailableCode, message: string): Unavailable {
  return { type: "unavailable", code, message, retryAfterMs: 1_000 };
}

/** The one outcome of every submission that finds no room. */
export const POOL_FULL: Unavailable = unavailable(
  "UNAVAILABLE_POOL_FULL",
  "the pool of submissions is full",
);

/** The outcome of every submission while the shard is being stopped. */
export const CLOSING: Unavailable = unavailable("UNAVAILABLE_CLOSING", "the log is shutting down");

/** A date of the shard has just passed, and those who asked do not know it yet. */
export const NOT_TAKING: Unavailable = unavailable(
  "UNAVAILABLE_SHARD_NOT_READY",
  "a date of the shard has just passed; the same submission again is told what that means",
);
