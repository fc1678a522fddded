/**
 * Entries of data tiles: c2sp.org/static-ct-api#log-entries. This is also what the entry
 * files of a shard hold.
 * @module
 */
import { MalformedError } from "../base/errors.ts";
import { type Allocate, fresh } from "../encoding/memory.ts";
import { TlsReader } from "../encoding/tls-reader.ts";
import { TlsWriter } from "../encoding/tls-writer.ts";
import {
  readTimestampedEntry,
  type TimestampedEntry,
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
  const signed = leaf.entry.type === "x509" ? leaf.entry.certificate : leaf.entry.tbs;
  const capacity = signed.length + (leaf.precertificate?.length ?? 0);
  const length = 64 + capacity + 32 * leaf.chainFingerprints.length;
  const writer = new TlsWriter(length, allocate);
  writeTimestampedEntry(writer, leaf);
  if (leaf.precertificate !== undefined) writer.vector(leaf.precertificate, 3);
  writer.uint(32 * leaf.chainFingerprints.length, 2);
  for (const fingerprint of leaf.chainFingerprints) {
    if (fingerprint.length !== 32) throw new RangeError("a fingerprint has 32 bytes");
    writer.fixed(fingerprint);
  }
  return writer.finish();
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

/** The parts of an encoded `TileLeaf`; views. */
export interface TileLeafParts {
  /** The encoded TimestampedEntry. */
  readonly timestampedEntry: Uint8Array;
  /** `ASN.1Cert pre_certificate` with its length; empty for an X.509 entry. */
  readonly precertificate: Uint8Array;
  /** SHA-256 of each certificate of the chain after the leaf; 32 bytes each, one after the other. */
  readonly fingerprints: Uint8Array;
}

/**
 * Cuts one `TileLeaf` into its parts, where {@link decodeTileLeaf} would read it.
 * @throws MalformedError `MALFORMED_TLS`.
 */
export function splitTileLeaf(bytes: Uint8Array): TileLeafParts {
  const reader = new TlsReader(bytes);
  const { entry } = readTimestampedEntry(reader);
  const timestampedEnd = reader.offset;
  if (entry.type === "precert") readPrecertificate(reader);
  const precertificateEnd = reader.offset;
  const fingerprints = readFingerprints(reader);
  reader.end();
  return {
    timestampedEntry: bytes.subarray(0, timestampedEnd),
    precertificate: bytes.subarray(timestampedEnd, precertificateEnd),
    fingerprints,
  };
}

/** All entries of a data tile, in order; views. @throws MalformedError `MALFORMED_TLS`. */
export function decodeDataTile(bytes: Uint8Array): readonly TileLeaf[] {
  const reader = new TlsReader(bytes);
  const leaves: TileLeaf[] = [];
  while (!reader.isAtEnd) leaves.push(readTileLeaf(reader));
  return leaves;
}
