/**
 * Tree heads: RFC 6962, section 3.5.
 * @module
 */
import { equalBytes } from "../encoding/bytes.ts";
import { TlsWriter } from "../encoding/tls-writer.ts";

/** What a log states about its tree at one moment. */
export interface TreeHead {
  /** Leaves; 0 to 2^40. */
  readonly treeSize: number;
  /** Milliseconds since the Unix epoch. */
  readonly timestampMs: number;
  /** 32 bytes. */
  readonly rootHash: Uint8Array;
}

/** A tree head and the log's signature over it (STH). */
export interface SignedTreeHead extends TreeHead {
  /** Encoded `DigitallySigned` over {@link encodeTreeHeadToSign}. */
  readonly signature: Uint8Array;
}

/**
 * ```
 * digitally-signed struct { Version v1(0); SignatureType tree_hash(1); uint64 timestamp;
 *                           uint64 tree_size; opaque sha256_root_hash[32]; } TreeHeadSignature;
 * ```
 * The bytes that an STH signs: RFC 6962, section 3.5.
 */
export function encodeTreeHeadToSign(head: TreeHead): Uint8Array {
  if (head.rootHash.length !== 32) throw new RangeError("a root hash has 32 bytes");
  return new TlsWriter(50)
    .uint(0, 1)
    .uint(1, 1)
    .uint(head.timestampMs, 8)
    .uint(head.treeSize, 8)
    .fixed(head.rootHash)
    .finish();
}

/** Whether both state the same size, time and root. */
export function isSameTreeHead(a: TreeHead, b: TreeHead): boolean {
  return (
    a.treeSize === b.treeSize &&
    a.timestampMs === b.timestampMs &&
    equalBytes(a.rootHash, b.rootHash)
  );
}
