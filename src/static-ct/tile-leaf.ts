/**
 * Entries of data tiles: c2sp.org/static-ct-api#log-entries. This is also what the entry
 * files of a shard hold.
 * @module
 */
import { MalformedError } from "../base/errors.ts";
import { type Allocate, cutting, fresh } from "../encoding/memory.ts";
import { TlsReader } from "../encoding/tls-reader.ts";
import { TlsWriter } from "../encoding/tls-writer.ts";
import {
  readTimestampedEntry,
  type TimestampedEntry,
  timestampedEntryBytes,
  writeTimestampedEntry,
} from "../rfc6962/entry.ts";

const FINGERPRINT_BYTES = 32;

/** A whole entry, without its issuers' bytes. */
export interface TileLeaf extends TimestampedEntry {
  /** The submitted precertificate's DER for an entry of type precert; else undefined. */
  readonly precertificate: Uint8Array | undefined;
  /** SHA-256 of each certificate of the chain after the leaf, root included; 32 bytes each. */
  readonly chainFingerprints: readonly Uint8Array[];
}

/**
 * ```
 * struct {
 *     TimestampedEntry timestamped_entry;
 *     select (entry_type) { case x509_entry: Empty; case precert_entry: ASN.1Cert pre_certificate; };
 *     Fingerprint certificate_chain<0..2^16-1>;
 * } TileLeaf;
 * ```
 */
export function encodeTileLeaf(leaf: TileLeaf, allocate: Allocate = fresh): Uint8Array {
  if ((leaf.entry.type === "precert") !== (leaf.precertificate !== undefined)) {
    throw new RangeError("a precertificate entry, and no other, carries a precertificate");
  }
  if (leaf.precertificate?.length === 0) throw new RangeError("a precertificate is not empty");
  const writer = new TlsWriter(tileLeafBytes(leaf), allocate);
  writeTimestampedEntry(writer, leaf);
  if (leaf.precertificate !== undefined) writer.vector(leaf.precertificate, 3);
  writer.uint(32 * leaf.chainFingerprints.length, 2);
  for (const fingerprint of leaf.chainFingerprints) {
    if (fingerprint.length !== 32) throw new RangeError("a fingerprint has 32 bytes");
    writer.fixed(fingerprint);
  }
  return writer.finish();
}

/** {@link encodeTileLeaf} of each, one after the other in one array: `joinBytes` copies nothing. */
export function encodeTileLeaves(leaves: readonly TileLeaf[]): readonly Uint8Array[] {
  const allocate = cutting(leaves.reduce((sum, leaf) => sum + tileLeafBytes(leaf), 0));
  return leaves.map((leaf) => encodeTileLeaf(leaf, allocate));
}

/** Length of what {@link encodeTileLeaf} writes. */
function tileLeafBytes(leaf: TileLeaf): number {
  const { precertificate, chainFingerprints } = leaf;
  const further = precertificate === undefined ? 0 : 3 + precertificate.length;
  return timestampedEntryBytes(leaf) + further + 2 + FINGERPRINT_BYTES * chainFingerprints.length;
}

/** Reads one `TileLeaf` off a data tile; views. @throws MalformedError `MALFORMED_TLS`. */
export function readTileLeaf(reader: TlsReader): TileLeaf {
  const timestamped = readTimestampedEntry(reader);
  const isPrecertificate = timestamped.entry.type === "precert";
  const precertificate = isPrecertificate ? readPrecertificate(reader) : undefined;
  const fingerprints = readFingerprints(reader);
  const chainFingerprints: Uint8Array[] = [];
  for (let start = 0; start < fingerprints.length; start += FINGERPRINT_BYTES) {
    chainFingerprints.push(fingerprints.subarray(start, start + FINGERPRINT_BYTES));
  }
  return { ...timestamped, precertificate, chainFingerprints };
}

function readPrecertificate(reader: TlsReader): Uint8Array {
  const precertificate = reader.vector(3);
  if (precertificate.length > 0) return precertificate;
  throw new MalformedError("MALFORMED_TLS", "expected a precertificate");
}

function readFingerprints(reader: TlsReader): Uint8Array {
  const fingerprints = reader.vector(2);
  if (fingerprints.length % FINGERPRINT_BYTES === 0) return fingerprints;
  throw new MalformedError("MALFORMED_TLS", `${fingerprints.length} bytes are no fingerprints`);
}

/** Reads what {@link encodeTileLeaf} writes; views. @throws MalformedError `MALFORMED_TLS`. */
export function decodeTileLeaf(bytes: Uint8Array): TileLeaf {
  const reader = new TlsReader(bytes);
  const leaf = readTileLeaf(reader);
  reader.end();
  return leaf;
}

/** Where the parts of an encoded `TileLeaf` are in a run of them. */
export class TileLeafParts {
  /** The whole run. */
  readonly bytes: Uint8Array;
  /** Where the leaf, and its TimestampedEntry, begins. */
  readonly start: number;
  /** Where the TimestampedEntry ends and `ASN.1Cert pre_certificate` begins. */
  readonly timestampedEnd: number;
  /** Where `pre_certificate`, which an X.509 entry has not, ends. */
  readonly precertificateEnd: number;
  readonly end: number;

  constructor(
    bytes: Uint8Array,
    start: number,
    timestampedEnd: number,
    precertificateEnd: number,
    end: number,
  ) {
    this.bytes = bytes;
    this.start = start;
    this.timestampedEnd = timestampedEnd;
    this.precertificateEnd = precertificateEnd;
    this.end = end;
  }

  /** The encoded TimestampedEntry; a view. */
  get timestampedEntry(): Uint8Array {
    return this.bytes.subarray(this.start, this.timestampedEnd);
  }

  /** `ASN.1Cert pre_certificate` with its length; empty for an X.509 entry; a view. */
  get precertificate(): Uint8Array {
    return this.bytes.subarray(this.timestampedEnd, this.precertificateEnd);
  }

  /** SHA-256 of each certificate of the chain after the leaf, one after the other; a view. */
  get fingerprints(): Uint8Array {
    return this.bytes.subarray(this.precertificateEnd + 2, this.end);
  }
}

/** Whether the chains of two entries have the same fingerprints. */
export function hasSameChain(a: TileLeafParts, b: TileLeafParts): boolean {
  const distance = b.precertificateEnd - a.precertificateEnd;
  if (b.end - a.end !== distance) return false;
  for (let index = a.precertificateEnd + 2; index < a.end; index += 1) {
    if (a.bytes[index] !== b.bytes[index + distance]) return false;
  }
  return true;
}

/**
 * Cuts the `TileLeaf` at [start, end) into its parts, where {@link decodeTileLeaf} would read it,
 * and without making anything else: a page of get-entries has a thousand of them.
 * @throws MalformedError `MALFORMED_TLS` as `decodeTileLeaf` does.
 */
export function splitTileLeaf(
  bytes: Uint8Array,
  start: number = 0,
  end: number = bytes.length,
): TileLeafParts {
  const parts = findParts(bytes, start, end);
  if (parts !== undefined) return parts;
  decodeTileLeaf(bytes.subarray(start, end));
  throw new RangeError("decodeTileLeaf() reads what splitTileLeaf() refuses");
}

/** Undefined if it is no `TileLeaf`. */
function findParts(bytes: Uint8Array, start: number, end: number): TileLeafParts | undefined {
  if (end - start < TYPE_END || end > bytes.length) return undefined;
  // A time is at most 2^53 - 1 ms.
  if (bytes[start] !== 0 || (bytes[start + 1] ?? 0) > 0x1f) return undefined;
  const type = uintAt(bytes, start + 8, 2);
  if (type > 1) return undefined;
  const certificate = start + TYPE_END + (type === 0 ? 0 : FINGERPRINT_BYTES);
  const extensions = vectorEnd(bytes, certificate, 3, end);
  const timestampedEnd = vectorEnd(bytes, extensions, 2, end);
  const precertificateEnd = type === 0 ? timestampedEnd : vectorEnd(bytes, timestampedEnd, 3, end);
  if (extensions === certificate + 3) return undefined;
  if (type === 1 && precertificateEnd === timestampedEnd + 3) return undefined;
  if (vectorEnd(bytes, precertificateEnd, 2, end) !== end) return undefined;
  if ((end - precertificateEnd - 2) % FINGERPRINT_BYTES !== 0) return undefined;
  return new TileLeafParts(bytes, start, timestampedEnd, precertificateEnd, end);
}

/** Bytes of time and type. */
const TYPE_END = 10;

/** Where a vector that begins at `at` ends; infinite if that is beyond `end`. */
function vectorEnd(bytes: Uint8Array, at: number, prefixWidth: number, end: number): number {
  const first = at + prefixWidth;
  if (first > end) return Number.POSITIVE_INFINITY;
  const last = first + uintAt(bytes, at, prefixWidth);
  return last > end ? Number.POSITIVE_INFINITY : last;
}

function uintAt(bytes: Uint8Array, at: number, width: number): number {
  let value = 0;
  for (let index = at; index < at + width; index += 1) value = value * 256 + (bytes[index] ?? 0);
  return value;
}

/** All entries of a data tile, in order; views. @throws MalformedError `MALFORMED_TLS`. */
export function decodeDataTile(bytes: Uint8Array): readonly TileLeaf[] {
  const reader = new TlsReader(bytes);
  const leaves: TileLeaf[] = [];
  while (!reader.isAtEnd) leaves.push(readTileLeaf(reader));
  return leaves;
}
