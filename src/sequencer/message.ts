/**
 * What passes between a frontend and the sequencer of a shard: plain values that could cross
 * threads and machines. A frontend sends whole groups; answers come back one by one.
 * @module
 */
import type { UnavailableCode } from "../base/errors.ts";
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
  /** The certificates after the leaf, root included. */
  readonly chain: readonly Issuer[];
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

/** SHA-256 over entry type, issuer key hash and certificate or TBS: what makes two submissions one. */
export function dedupKeyOf(sha256: Sha256, entry: SignedEntry): Uint8Array {
  return sha256(encodeSignedEntry(entry));
}

/** Bytes that a submission takes in the pool: what its entry will take, and its new issuers. */
export function submissionBytes(submission: Submission): number {
  const { entry, precertificate, chain } = submission;
  const signed = entry.type === "x509" ? entry.certificate : entry.tbs;
  return 128 + signed.length + (precertificate?.length ?? 0) + 32 * chain.length;
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
