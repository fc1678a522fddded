/**
 * What is logged: RFC 6962, sections 3.1 to 3.4. The certificates themselves stay bytes.
 * @module
 */
import { MalformedError } from "../base/errors.ts";
import { type Allocate, borrowed, fresh } from "../encoding/memory.ts";
import { TlsReader } from "../encoding/tls-reader.ts";
import { TlsWriter } from "../encoding/tls-writer.ts";
import { LEAF_PREFIX, type Sha256 } from "../merkle/hash.ts";

/** `LogEntryType`: RFC 6962, section 3.1. */
export const ENTRY_TYPE = { x509: 0, precert: 1 } as const;

/** What a log signs about a submission, before it has a timestamp: RFC 6962, section 3.2. */
export type SignedEntry =
  | {
      readonly type: "x509";
      /** The certificate's DER; 1 to 2^24 - 1 bytes. */
      readonly certificate: Uint8Array;
    }
  | {
      readonly type: "precert";
      /** SHA-256 of the issuer's SubjectPublicKeyInfo; 32 bytes. */
      readonly issuerKeyHash: Uint8Array;
      /** The DER TBSCertificate without poison; 1 to 2^24 - 1 bytes. */
      readonly tbs: Uint8Array;
    };

/** `TimestampedEntry` of RFC 6962, section 3.4. */
export interface TimestampedEntry {
  /** Milliseconds since the Unix epoch. */
  readonly timestampMs: number;
  readonly entry: SignedEntry;
  /** `CtExtensions`, without their length prefix; 0 to 2^16 - 1 bytes. */
  readonly extensions: Uint8Array;
}

/**
 * ```
 * uint16 entry_type; select(entry_type) {
 *   case x509_entry: opaque ASN.1Cert<1..2^24-1>;
 *   case precert_entry: opaque issuer_key_hash[32]; opaque TBSCertificate<1..2^24-1>; }
 * ```
 * RFC 6962, section 3.2. The SHA-256 of these bytes is the dedup key.
 *
 * @param allocate Where the bytes come from, here and below.
 * @throws RangeError if a field is out of its range: a caller's mistake; so in all encoders here.
 */
export function encodeSignedEntry(entry: SignedEntry, allocate: Allocate = fresh): Uint8Array {
  const writer = new TlsWriter(2 + 32 + 3 + signedBytes(entry).length, allocate);
  writeSignedEntry(writer, entry);
  return writer.finish();
}

/**
 * ```
 * struct { uint64 timestamp; uint16 entry_type; signed_entry; CtExtensions<0..2^16-1> }
 * ```
 * `TimestampedEntry`: RFC 6962, section 3.4.
 */
export function encodeTimestampedEntry(entry: TimestampedEntry): Uint8Array {
  const writer = new TlsWriter(timestampedEntryBytes(entry));
  writeTimestampedEntry(writer, entry);
  return writer.finish();
}

/** Length of what {@link encodeTimestampedEntry} makes. */
export function timestampedEntryBytes({ entry, extensions }: TimestampedEntry): number {
  const issuerKeyHashBytes = entry.type === "precert" ? 32 : 0;
  return 8 + 2 + issuerKeyHashBytes + 3 + signedBytes(entry).length + 2 + extensions.length;
}

/**
 * `MerkleTreeLeaf` (version 0, leaf type 0, TimestampedEntry): RFC 6962, section 3.4. The
 * very same bytes are what an SCT signs (version 0, signature type 0, ...): section 3.2.
 */
export function encodeMerkleTreeLeaf(
  entry: TimestampedEntry,
  allocate: Allocate = fresh,
): Uint8Array {
  const writer = new TlsWriter(2 + timestampedEntryBytes(entry), allocate);
  return writeMerkleTreeLeaf(writer, entry).finish();
}

/** The Merkle leaf hash of {@link encodeMerkleTreeLeaf}, without making it: section 2.1. */
export function hashMerkleTreeLeaf(sha256: Sha256, entry: TimestampedEntry): Uint8Array {
  const writer = new TlsWriter(3 + timestampedEntryBytes(entry), borrowed).uint(LEAF_PREFIX, 1);
  return sha256(writeMerkleTreeLeaf(writer, entry).finish());
}

/** {@link encodeMerkleTreeLeaf} and {@link hashMerkleTreeLeaf} in one: the bytes are written once. */
export function encodeHashedLeaf(
  sha256: Sha256,
  entry: TimestampedEntry,
  allocate: Allocate,
): { readonly leaf: Uint8Array; readonly leafHash: Uint8Array } {
  const writer = new TlsWriter(3 + timestampedEntryBytes(entry), allocate).uint(LEAF_PREFIX, 1);
  const hashed = writeMerkleTreeLeaf(writer, entry).finish();
  return { leaf: hashed.subarray(1), leafHash: sha256(hashed) };
}

function writeMerkleTreeLeaf(writer: TlsWriter, entry: TimestampedEntry): TlsWriter {
  writer.uint(0, 1).uint(0, 1);
  writeTimestampedEntry(writer, entry);
  return writer;
}

/** Reads what {@link encodeMerkleTreeLeaf} writes; views into `bytes`. @throws MalformedError `MALFORMED_TLS`. */
export function decodeMerkleTreeLeaf(bytes: Uint8Array): TimestampedEntry {
  const reader = new TlsReader(bytes);
  const version = reader.uint(1);
  const leafType = reader.uint(1);
  if (version !== 0 || leafType !== 0) {
    throw new MalformedError("MALFORMED_TLS", `leaf version ${version}, type ${leafType}`);
  }
  const entry = readTimestampedEntry(reader);
  reader.end();
  return entry;
}

/** Reads one `TimestampedEntry`; views. @throws MalformedError `MALFORMED_TLS`. */
export function readTimestampedEntry(reader: TlsReader): TimestampedEntry {
  const timestampMs = reader.uint(8);
  const entry = readSignedEntry(reader);
  return { timestampMs, entry, extensions: reader.vector(2) };
}

/**
 * `extra_data` of get-entries: RFC 6962, section 4.6. For an X.509 entry the chain after the
 * leaf, `ASN.1Cert certificate_chain<0..2^24-1>`; for a precertificate entry
 * `struct { ASN.1Cert pre_certificate; ASN.1Cert precertificate_chain<0..2^24-1>; }`.
 *
 * @param precertificate The submitted precertificate; undefined for an X.509 entry.
 * @param chain DER certificates after the leaf, root included.
 */
export function encodeExtraData(
  precertificate: Uint8Array | undefined,
  chain: readonly Uint8Array[],
): Uint8Array {
  let chainLength = 0;
  for (const certificate of chain) chainLength += 3 + certificate.length;
  if (precertificate?.length === 0 || chain.some((certificate) => certificate.length === 0)) {
    throw new RangeError("a certificate has at least 1 byte");
  }
  const writer = new TlsWriter(6 + (precertificate?.length ?? 0) + chainLength);
  if (precertificate !== undefined) writer.vector(precertificate, 3);
  writer.uint(chainLength, 3);
  for (const certificate of chain) writer.vector(certificate, 3);
  return writer.finish();
}

/** Reads what {@link encodeExtraData} writes; views. @throws MalformedError `MALFORMED_TLS`. */
export function decodeExtraData(
  type: SignedEntry["type"],
  bytes: Uint8Array,
): { readonly precertificate: Uint8Array | undefined; readonly chain: readonly Uint8Array[] } {
  const reader = new TlsReader(bytes);
  const precertificate = type === "precert" ? nonEmpty(reader.vector(3)) : undefined;
  const chainReader = new TlsReader(reader.vector(3));
  const chain: Uint8Array[] = [];
  while (!chainReader.isAtEnd) chain.push(nonEmpty(chainReader.vector(3)));
  reader.end();
  return { precertificate, chain };
}

/** Appends a `TimestampedEntry` to `writer`. */
export function writeTimestampedEntry(writer: TlsWriter, entry: TimestampedEntry): void {
  writer.uint(entry.timestampMs, 8);
  writeSignedEntry(writer, entry.entry);
  writer.vector(entry.extensions, 2);
}

function writeSignedEntry(writer: TlsWriter, entry: SignedEntry): void {
  writer.uint(ENTRY_TYPE[entry.type], 2);
  if (entry.type === "precert") {
    if (entry.issuerKeyHash.length !== 32) throw new RangeError("an issuer key hash has 32 bytes");
    writer.fixed(entry.issuerKeyHash);
  }
  const bytes = signedBytes(entry);
  if (bytes.length === 0) throw new RangeError("a certificate has at least 1 byte");
  writer.vector(bytes, 3);
}

function readSignedEntry(reader: TlsReader): SignedEntry {
  const type = reader.uint(2);
  if (type === ENTRY_TYPE.x509) return { type: "x509", certificate: nonEmpty(reader.vector(3)) };
  if (type === ENTRY_TYPE.precert) {
    return { type: "precert", issuerKeyHash: reader.fixed(32), tbs: nonEmpty(reader.vector(3)) };
  }
  throw new MalformedError("MALFORMED_TLS", `expected entry type 0 or 1, got ${type}`);
}

function signedBytes(entry: SignedEntry): Uint8Array {
  return entry.type === "x509" ? entry.certificate : entry.tbs;
}

function nonEmpty(bytes: Uint8Array): Uint8Array {
  if (bytes.length === 0) throw new MalformedError("MALFORMED_TLS", "expected a certificate");
  return bytes;
}
