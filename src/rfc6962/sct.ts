/**
 * Signed certificate timestamps: RFC 6962, sections 3.2 and 3.3. The bytes that an SCT signs
 * are those of the `MerkleTreeLeaf` (`encodeMerkleTreeLeaf` in entry.ts).
 * @module
 */
import { MalformedError } from "../base/errors.ts";
import { TlsReader } from "../encoding/tls-reader.ts";
import { TlsWriter } from "../encoding/tls-writer.ts";
import { readDigitallySigned } from "./signature.ts";

/** A log's promise, here already kept, that an entry is in its tree. */
export interface Sct {
  /** SHA-256 of the log's SubjectPublicKeyInfo; 32 bytes. */
  readonly logId: Uint8Array;
  /** Milliseconds since the Unix epoch. */
  readonly timestampMs: number;
  /** `CtExtensions` without their length prefix. */
  readonly extensions: Uint8Array;
  /** Encoded `DigitallySigned`. */
  readonly signature: Uint8Array;
}

/**
 * ```
 * struct { Version sct_version; LogID id; uint64 timestamp; CtExtensions extensions<0..2^16-1>;
 *          digitally-signed struct } SignedCertificateTimestamp;
 * ```
 */
export function encodeSct(sct: Sct): Uint8Array {
  if (sct.logId.length !== 32) throw new RangeError("a log ID has 32 bytes");
  return new TlsWriter(128)
    .uint(0, 1)
    .fixed(sct.logId)
    .uint(sct.timestampMs, 8)
    .vector(sct.extensions, 2)
    .fixed(sct.signature)
    .finish();
}

/** Reads what {@link encodeSct} writes; views. @throws MalformedError `MALFORMED_TLS`. */
export function decodeSct(bytes: Uint8Array): Sct {
  const reader = new TlsReader(bytes);
  const version = reader.uint(1);
  if (version !== 0) {
    throw new MalformedError("MALFORMED_TLS", `expected SCT version 0, got ${version}`);
  }
  const logId = reader.fixed(32);
  const timestampMs = reader.uint(8);
  const extensions = reader.vector(2);
  const signatureStart = reader.offset;
  readDigitallySigned(reader);
  reader.end();
  return { logId, timestampMs, extensions, signature: bytes.subarray(signatureStart) };
}

/**
 * ```
 * opaque SerializedSCT<1..2^16-1>;
 * struct { SerializedSCT sct_list <1..2^16-1>; } SignedCertificateTimestampList;
 * ```
 * RFC 6962, section 3.3; as embedded in certificates.
 * @throws RangeError if there is no SCT.
 */
export function encodeSctList(scts: readonly Sct[]): Uint8Array {
  if (scts.length === 0) throw new RangeError("a list has at least 1 SCT");
  const list = new TlsWriter(128 * scts.length);
  for (const sct of scts) list.vector(encodeSct(sct), 2);
  return new TlsWriter(256).vector(list.finish(), 2).finish();
}

/** Reads what {@link encodeSctList} writes; views. @throws MalformedError `MALFORMED_TLS`. */
export function decodeSctList(bytes: Uint8Array): readonly Sct[] {
  const outer = new TlsReader(bytes);
  const list = new TlsReader(outer.vector(2));
  outer.end();
  if (list.isAtEnd) throw new MalformedError("MALFORMED_TLS", "expected an SCT");
  const scts: Sct[] = [];
  while (!list.isAtEnd) scts.push(decodeSct(list.vector(2)));
  return scts;
}
