/**
 * Records of LevelDB: one prefix byte and a binary key; a value ends with the CRC-32 of key and
 * value, because LevelDB as packaged checks nothing. Integers are big-endian.
 *
 * | key | value |
 * |---|---|
 * | `I` | {@link encodeIdentity}: written once |
 * | `H` | {@link encodeHead}: written by each commit |
 * | `U` | {@link encodePublished} |
 * | `T` level(1) tile(4) | the 256 hashes of a full hash tile |
 * | `R` level(1) row(5) | up to 16 hashes of a growing tile; row = index / 16 |
 * | `N` level(1) row(5) | up to 16 hashes of tree level `8 * level + 4`: one record beside each tile |
 * | `P` tile(4) | where the 256 entries of a full tile are, see `position.ts` |
 * | `Q` row(5) | the same for up to 16 entries of the growing tile |
 * | `S` segment(4) | the segment is sealed: see `sealed-format.ts` and `entry-pieces.ts` |
 * | `D` dedup key(32) | leaf index(5) timestamp(6) |
 * | `L` leaf hash(32) | leaf index(5) |
 * | `C` fingerprint(32) | an issuer's DER, which is in a file besides |
 * @module
 */
import { crc32 } from "node:zlib";
import { FatalError, UnavailableError } from "../../base/errors.ts";
import { formatHex } from "../../encoding/hex.ts";
import { carved } from "../../encoding/memory.ts";
import { TlsReader } from "../../encoding/tls-reader.ts";
import { TlsWriter } from "../../encoding/tls-writer.ts";
import { decodeUtf8, encodeUtf8 } from "../../encoding/utf8.ts";
import type { SignedTreeHead, TreeHead } from "../../rfc6962/tree-head.ts";
import type { DedupHit, ShardIdentity } from "../store.ts";
import type { Database, Write } from "./seam.ts";

/**
 * Formats of a store, which its identity record names; a program refuses those that it does not
 * know. A store begins as `plain`, and becomes `sealed` with its first sealed segment: a program
 * that knows nothing of those would find entries missing.
 */
export const FORMAT = { plain: 1, sealed: 2 } as const;

/** One of {@link FORMAT}. */
export type Format = (typeof FORMAT)[keyof typeof FORMAT];

const HEAD_VERSION = 1;

/** First byte of each kind of key. */
export const PREFIX = {
  identity: 0x49,
  head: 0x48,
  published: 0x55,
  tile: 0x54,
  row: 0x52,
  inner: 0x4e,
  position: 0x50,
  positionRow: 0x51,
  sealed: 0x53,
  dedup: 0x44,
  leaf: 0x4c,
  issuer: 0x43,
} as const;

/** Key of the identity. */
export const IDENTITY_KEY: Uint8Array = Uint8Array.of(PREFIX.identity);
/** Key of the committed head. */
export const HEAD_KEY: Uint8Array = Uint8Array.of(PREFIX.head);
/** Key of the published head. */
export const PUBLISHED_KEY: Uint8Array = Uint8Array.of(PREFIX.published);

/** The record `H`. */
export interface HeadRecord {
  readonly committed: TreeHead;
  readonly previous: TreeHead | undefined;
  /** SHA-256 of the entries [previous.treeSize, committed.treeSize). */
  readonly entriesSha256: Uint8Array;
  /** Bytes of keys and values of all batches so far, this record's own included. */
  readonly batchBytesTotal: number;
  /** Bytes of the largest batch so far. */
  readonly batchBytesMax: number;
  /** The largest write buffer, in bytes, that ever wrote here. */
  readonly writeBufferBytes: number;
}

/** The record `I`. */
export interface IdentityRecord {
  readonly format: Format;
  readonly identity: ShardIdentity;
  /** Tiles of one entry segment. */
  readonly segmentTiles: number;
}

/**
 * A key of `prefix` and 32 bytes. Carved, as all that is handed to LevelDB: bytes in the heap are
 * first given memory of their own there, which costs 0.4 us for each key and value (*measured*),
 * and as much again in the collector's threads.
 */
export function hashKey(prefix: number, hash: Uint8Array): Uint8Array {
  const key = carved(1 + hash.length);
  key[0] = prefix;
  key.set(hash, 1);
  return key;
}

/** A record's value: `payload` and the CRC-32 of key and payload. */
export function sealValue(key: Uint8Array, payload: Uint8Array): Uint8Array {
  const value = carved(payload.length + 4);
  value.set(payload);
  let checksum = crc32(payload, crc32(key));
  for (let index = value.length - 1; index >= payload.length; index -= 1) {
    value[index] = checksum % 256;
    checksum = Math.floor(checksum / 256);
  }
  return value;
}

/** The payload of a record's value: a view. @throws FatalError `FATAL_STORE_CORRUPT`. */
export function openValue(key: Uint8Array, value: Uint8Array): Uint8Array {
  const length = value.length - 4;
  if (length >= 0) {
    const payload = value.subarray(0, length);
    const stored = new DataView(value.buffer, value.byteOffset + length).getUint32(0);
    if (stored === crc32(payload, crc32(key))) return payload;
  }
  throw corrupt(`the checksum of record ${formatHex(key)} differs`);
}

/**
 * The payload of a record: a view; undefined if there is none.
 * @throws FatalError `FATAL_STORE_CORRUPT`. @throws UnavailableError `UNAVAILABLE_STORE`.
 */
export function readRecord(database: Database, key: Uint8Array): Uint8Array | undefined {
  const value = getValue(database, key);
  return value === undefined ? undefined : openValue(key, value);
}

function getValue(database: Database, key: Uint8Array): Uint8Array | undefined {
  try {
    return database.get(key);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "LEVEL_CORRUPTION") {
      throw corrupt("LevelDB found itself corrupt", cause);
    }
    throw new UnavailableError("UNAVAILABLE_STORE", "LevelDB does not answer", { cause });
  }
}

/** Writes that belong together. */
export class RecordBatch {
  readonly writes: Write[] = [];
  /** Bytes of keys and values. */
  bytes = 0;

  put(key: Uint8Array, payload: Uint8Array): void {
    const value = sealValue(key, payload);
    this.writes.push([key, value]);
    this.bytes += key.length + value.length;
  }

  delete(key: Uint8Array): void {
    this.writes.push([key, undefined]);
    this.bytes += key.length;
  }
}

/** `uint8 version(1); head committed; uint8 hasPrevious; head previous; sha256; 3 x uint64`. */
export function encodeHead(record: HeadRecord): Uint8Array {
  const writer = new TlsWriter(160).uint(HEAD_VERSION, 1);
  writeTreeHead(writer, record.committed);
  writer.uint(record.previous === undefined ? 0 : 1, 1);
  if (record.previous !== undefined) writeTreeHead(writer, record.previous);
  return writer
    .fixed(record.entriesSha256)
    .uint(record.batchBytesTotal, 8)
    .uint(record.batchBytesMax, 8)
    .uint(record.writeBufferBytes, 8)
    .finish();
}

/** Reads what {@link encodeHead} writes; copies. @throws FatalError `FATAL_STORE_FORMAT`, `FATAL_STORE_CORRUPT`. */
export function decodeHead(payload: Uint8Array): HeadRecord {
  return decodeRecord("head", payload, (reader) => {
    const version = reader.uint(1);
    if (version !== HEAD_VERSION) throw newer("a head of format 1", version);
    const committed = readTreeHead(reader);
    const hasPrevious = readFlag(reader);
    return {
      committed,
      previous: hasPrevious ? readTreeHead(reader) : undefined,
      entriesSha256: reader.fixed(32).slice(),
      batchBytesTotal: reader.uint(8),
      batchBytesMax: reader.uint(8),
      writeBufferBytes: reader.uint(8),
    };
  });
}

/** `head; opaque signature<0..2^16-1>`. */
export function encodePublished(head: SignedTreeHead): Uint8Array {
  const writer = new TlsWriter(50 + head.signature.length);
  writeTreeHead(writer, head);
  return writer.vector(head.signature, 2).finish();
}

/** Reads what {@link encodePublished} writes; copies. @throws FatalError `FATAL_STORE_CORRUPT`. */
export function decodePublished(payload: Uint8Array): SignedTreeHead {
  return decodeRecord("published head", payload, (reader) => ({
    ...readTreeHead(reader),
    signature: reader.vector(2).slice(),
  }));
}

/**
 * `uint16 format; uint8 type; opaque log_id[32]; name<..>; origin<..>; uint64 not_after_start;
 * uint64 not_after_limit; uint16 segment_tiles`. Every format to come keeps its number first and
 * the CRC-32 last.
 */
export function encodeIdentity({ format, identity, segmentTiles }: IdentityRecord): Uint8Array {
  return new TlsWriter()
    .uint(format, 2)
    .uint(identity.type === "rfc6962" ? 0 : 1, 1)
    .fixed(identity.logId)
    .vector(encodeUtf8(identity.name), 2)
    .vector(encodeUtf8(identity.origin), 2)
    .uint(identity.notAfterStartMs, 8)
    .uint(identity.notAfterLimitMs, 8)
    .uint(segmentTiles, 2)
    .finish();
}

/** Reads what {@link encodeIdentity} writes; copies. @throws FatalError `FATAL_STORE_FORMAT`, `FATAL_STORE_CORRUPT`. */
export function decodeIdentity(payload: Uint8Array): IdentityRecord {
  return decodeRecord("identity", payload, (reader) => {
    const format = requireFormat(reader.uint(2));
    const type = readFlag(reader) ? "static-ct-api" : "rfc6962";
    const logId = reader.fixed(32).slice();
    const name = decodeUtf8(reader.vector(2));
    const origin = decodeUtf8(reader.vector(2));
    const notAfterStartMs = reader.uint(8);
    const notAfterLimitMs = reader.uint(8);
    return {
      format,
      identity: { name, logId, origin, type, notAfterStartMs, notAfterLimitMs },
      segmentTiles: reader.uint(2),
    };
  });
}

/** The record `I`. @throws FatalError as `readRecord`, or if there is none. */
export function readIdentity(database: Database): IdentityRecord {
  const payload = readRecord(database, IDENTITY_KEY);
  if (payload === undefined) throw corrupt("the store has no identity record");
  return decodeIdentity(payload);
}

/** The record `H`; undefined before the first commit. @throws FatalError as `readRecord`. */
export function readHead(database: Database): HeadRecord | undefined {
  const payload = readRecord(database, HEAD_KEY);
  return payload === undefined ? undefined : decodeHead(payload);
}

/** `uint40 leaf_index; uint48 timestamp`. */
export function encodeDedupHit(hit: DedupHit): Uint8Array {
  return new TlsWriter(11).uint(hit.leafIndex, 5).uint(hit.timestampMs, 6).finish();
}

/** Reads what {@link encodeDedupHit} writes. @throws FatalError `FATAL_STORE_CORRUPT`. */
export function decodeDedupHit(payload: Uint8Array): DedupHit {
  return decodeRecord("dedup hit", payload, (reader) => ({
    leafIndex: reader.uint(5),
    timestampMs: reader.uint(6),
  }));
}

/** `uint40`. */
export function encodeLeafIndex(leafIndex: number): Uint8Array {
  return new TlsWriter(5).uint(leafIndex, 5).finish();
}

/** Reads what {@link encodeLeafIndex} writes. @throws FatalError `FATAL_STORE_CORRUPT`. */
export function decodeLeafIndex(payload: Uint8Array): number {
  return decodeRecord("leaf index", payload, (reader) => reader.uint(5));
}

/** What is thrown where stored bytes are missing or wrong. */
export function corrupt(message: string, cause?: unknown): FatalError {
  return new FatalError("FATAL_STORE_CORRUPT", message, { cause });
}

/** What `read` returns; undefined where it throws `FATAL_STORE_CORRUPT`. */
export function unlessCorrupt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof FatalError && error.code === "FATAL_STORE_CORRUPT") return undefined;
    throw error;
  }
}

function decodeRecord<T>(what: string, payload: Uint8Array, read: (reader: TlsReader) => T): T {
  try {
    const reader = new TlsReader(payload);
    const value = read(reader);
    reader.end();
    return value;
  } catch (cause) {
    if (cause instanceof FatalError) throw cause;
    throw corrupt(`the ${what} record is malformed`, cause);
  }
}

function requireFormat(number: number): Format {
  const format = Object.values(FORMAT).find((known) => known === number);
  if (format === undefined) throw newer("store format 1 or 2", number);
  return format;
}

function newer(expected: string, got: number): FatalError {
  const message = `expected ${expected}, got ${got}: a newer program wrote it`;
  return new FatalError("FATAL_STORE_FORMAT", message);
}

/** One octet: 0 or 1, and no other spelling of either. */
function readFlag(reader: TlsReader): boolean {
  const flag = reader.uint(1);
  if (flag > 1) throw corrupt(`expected 0 or 1, got ${flag}`);
  return flag === 1;
}

function writeTreeHead(writer: TlsWriter, head: TreeHead): void {
  writer.uint(head.treeSize, 8).uint(head.timestampMs, 8).fixed(head.rootHash);
}

function readTreeHead(reader: TlsReader): TreeHead {
  return {
    treeSize: reader.uint(8),
    timestampMs: reader.uint(8),
    rootHash: reader.fixed(32).slice(),
  };
}
