/**
 * `DigitallySigned`: RFC 5246, section 4.7, with the algorithms of RFC 6962, section 2.1.4.
 * @module
 */
import { MalformedError } from "../base/errors.ts";
import { carved } from "../encoding/memory.ts";
import { TlsReader } from "../encoding/tls-reader.ts";
import { TlsWriter } from "../encoding/tls-writer.ts";

/** `HashAlgorithm.sha256`: RFC 5246, section 7.4.1.4.1. */
const HASH_SHA256 = 4;

/** `SignatureAlgorithm`: RFC 5246, section 7.4.1.4.1. */
const SIGNATURE_ALGORITHM = { rsa: 1, ecdsa: 3 } as const;

/** A signature with SHA-256 and its algorithm. */
export interface DigitallySigned {
  readonly algorithm: keyof typeof SIGNATURE_ALGORITHM;
  /** For ECDSA a DER `ECDSA-Sig-Value`. */
  readonly signature: Uint8Array;
}

/** `uint8 hash; uint8 signature; opaque signature<0..2^16-1>`. */
export function encodeDigitallySigned(value: DigitallySigned): Uint8Array {
  return new TlsWriter(4 + value.signature.length, carved)
    .uint(HASH_SHA256, 1)
    .uint(SIGNATURE_ALGORITHM[value.algorithm], 1)
    .vector(value.signature, 2)
    .finish();
}

/** Reads what {@link encodeDigitallySigned} writes; a view. @throws MalformedError `MALFORMED_TLS`. */
export function decodeDigitallySigned(bytes: Uint8Array): DigitallySigned {
  const reader = new TlsReader(bytes);
  const value = readDigitallySigned(reader);
  reader.end();
  return value;
}

/** Reads one `DigitallySigned`; a view. @throws MalformedError `MALFORMED_TLS`. */
export function readDigitallySigned(reader: TlsReader): DigitallySigned {
  const hash = reader.uint(1);
  const algorithm = reader.uint(1);
  if (hash !== HASH_SHA256) {
    throw new MalformedError("MALFORMED_TLS", `expected hash algorithm 4, got ${hash}`);
  }
  const signature = reader.vector(2);
  if (algorithm === SIGNATURE_ALGORITHM.ecdsa) return { algorithm: "ecdsa", signature };
  if (algorithm === SIGNATURE_ALGORITHM.rsa) return { algorithm: "rsa", signature };
  throw new MalformedError("MALFORMED_TLS", `unknown signature algorithm ${algorithm}`);
}
