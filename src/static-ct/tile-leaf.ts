/**
 * Entries of data tiles: c2sp.org/static-ct-api#log-entries. This is also what the entry
 * files of a shard hold.
 * @module
 */
import { MalformedError } from "../base/errors.ts";
import { TlsReader } from "../encoding/tls-reader.ts";
import { TlsWriter } from "../encoding/tls-writer.ts";
import {
  readTimestampedEntry,
  type TimestampedEntry,
  writeTimestampedEntry,
} from "../rfc6962/entry.ts";

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
export function encodeTileLeaf(leaf: TileLeaf): Uint8Array {
  if ((leaf.entry.type === "precert") !== (leaf.precertificate !== undefined)) {
    throw new RangeError("a precertificate entry, and no other, carries a precertificate");
  }
  if (leaf.precertificate?.length === 0) throw new RangeError("a precertificate is not empty");
  const signed = leaf.entry.type === "x509" ? leaf.entry.certificate : leaf.entry.tbs;
  const capacity = signed.length + (leaf.precertificate?.length ?? 0);
  const writer = new TlsWriter(64 + capacity + 32 * leaf.chainFingerprints.length);
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
  const precertificate = timestamped.entry.type === "precert" ? reader.vector(3) : undefined;
  if (precertificate?.length === 0) {
    throw new MalformedError("MALFORMED_TLS", "expected a precertificate");
  }
  const chain = new TlsReader(reader.vector(2));
  const chainFingerprints: Uint8Array[] = [];
  while (!chain.isAtEnd) chainFingerprints.push(chain.fixed(32));
  return { ...timestamped, precertificate, chainFingerprints };
}

/** Reads what {@link encodeTileLeaf} writes; views. @throws MalformedError `MALFORMED_TLS`. */
export function decodeTileLeaf(bytes: Uint8Array): TileLeaf {
  const reader = new TlsReader(bytes);
  const leaf = readTileLeaf(reader);
  reader.end();
  return leaf;
}

/** All entries of a data tile, in order; views. @throws MalformedError `MALFORMED_TLS`. */
export function decodeDataTile(bytes: Uint8Array): readonly TileLeaf[] {
  const reader = new TlsReader(bytes);
  const leaves: TileLeaf[] = [];
  while (!reader.isAtEnd) leaves.push(readTileLeaf(reader));
  return leaves;
}
