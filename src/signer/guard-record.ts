/**
 * What the guard remembers of the last head it signed: one record of fixed length, with a
 * version and a checksum, so that a torn write is told from a whole one.
 * @module
 */
import { createHash } from "node:crypto";
import { FatalError, MalformedError } from "../base/errors.ts";
import { concatBytes, equalBytes } from "../encoding/bytes.ts";
import { TlsReader } from "../encoding/tls-reader.ts";
import { TlsWriter } from "../encoding/tls-writer.ts";
import type { SignedTreeHead } from "../rfc6962/tree-head.ts";

/** Bytes of one slot file. */
export const SLOT_BYTES = 512;

const MAGIC: Uint8Array = Uint8Array.of(0x53, 0x54, 0x52, 0x47); // "STRG"
const VERSION = 1;
const BODY_BYTES = SLOT_BYTES - 32;

/** One slot. */
export interface GuardRecord {
  /** Grows by one with each record; tells the newer of two slots. */
  readonly sequence: number;
  readonly logId: Uint8Array;
  /** Undefined until the first head is signed. */
  readonly head: SignedTreeHead | undefined;
}

/**
 * ```
 * "STRG" | uint8 version | uint64 sequence | log_id[32] | uint8 has_head
 *   [ uint64 timestamp | uint64 tree_size | root[32] | opaque signature<0..2^16-1> ]
 * zero up to 480 | SHA-256 of the 480 bytes
 * ```
 * @returns 512 bytes.
 */
export function encodeGuardRecord(record: GuardRecord): Uint8Array {
  const writer = new TlsWriter(SLOT_BYTES)
    .fixed(MAGIC)
    .uint(VERSION, 1)
    .uint(record.sequence, 8)
    .fixed(record.logId)
    .uint(record.head === undefined ? 0 : 1, 1);
  if (record.head !== undefined) {
    const { timestampMs, treeSize, rootHash, signature } = record.head;
    writer.uint(timestampMs, 8).uint(treeSize, 8).fixed(rootHash).vector(signature, 2);
  }
  const body = new Uint8Array(BODY_BYTES);
  body.set(writer.finish());
  return concatBytes(body, sha256(body));
}

/**
 * Reads a slot.
 * @returns undefined if the checksum differs: a write that never finished, or rot.
 * @throws FatalError `FATAL_STORE_FORMAT` for a newer version, and for what no version wrote.
 */
export function decodeGuardRecord(bytes: Uint8Array): GuardRecord | undefined {
  if (bytes.length !== SLOT_BYTES) return undefined;
  const body = bytes.subarray(0, BODY_BYTES);
  if (!equalBytes(sha256(body), bytes.subarray(BODY_BYTES))) return undefined;
  const reader = new TlsReader(body);
  if (!equalBytes(reader.fixed(MAGIC.length), MAGIC)) return undefined;
  const version = reader.uint(1);
  if (version !== VERSION) {
    throw new FatalError(
      "FATAL_STORE_FORMAT",
      `the guard's record has version ${version}, this program knows ${VERSION}`,
    );
  }
  try {
    return readRecord(reader);
  } catch (cause) {
    if (!(cause instanceof MalformedError)) throw cause;
    // Not a torn write, which the checksum tells: nobody may take the older slot for this.
    throw new FatalError(
      "FATAL_STORE_FORMAT",
      `the guard's record is whole, but makes no sense: ${cause.message}`,
      { cause },
    );
  }
}

function readRecord(reader: TlsReader): GuardRecord {
  const sequence = reader.uint(8);
  const logId = reader.fixed(32).slice();
  if (reader.uint(1) === 0) return { sequence, logId, head: undefined };
  const timestampMs = reader.uint(8);
  const treeSize = reader.uint(8);
  const rootHash = reader.fixed(32).slice();
  const signature = reader.vector(2).slice();
  return { sequence, logId, head: { timestampMs, treeSize, rootHash, signature } };
}

function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha256").update(bytes).digest());
}
