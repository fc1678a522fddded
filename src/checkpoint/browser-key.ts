/**
 * A log's P-256 key where there is no `node:crypto`: signatures of SCTs, tree heads and
 * checkpoints checked with `@noble/curves`, RFC 6962, section 2.1.4. Some 1 ms a signature,
 * where the runtime's own takes 0.05 (*measured*: bench/stages.bench.ts).
 * @module
 */
import { p256 } from "@noble/curves/nist.js";
import { MalformedError } from "../base/errors.ts";
import { equalBytes } from "../encoding/bytes.ts";
import { parseHex } from "../encoding/hex.ts";
import type { Sha256 } from "../merkle/hash.ts";

/** DER of a SubjectPublicKeyInfo for P-256 up to the point: RFC 5480, section 2. */
const SPKI_PREFIX: Uint8Array = parseHex("3059301306072a8648ce3d020106082a8648ce3d030107034200");

/** Bytes of an uncompressed point. */
const POINT_BYTES = 65;

/** `DigitallySigned` of RFC 6962, as `rfc6962/signature.ts` decodes it. */
interface Signed {
  readonly algorithm: "ecdsa" | "rsa";
  readonly signature: Uint8Array;
}

/** A key that signatures of a log are verified with. */
export interface LogKey {
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array;
  /** SHA-256 of `publicKey`; 32 bytes. */
  readonly logId: Uint8Array;
  /** Whether `signed` is a signature of `data` with this key, of this key's own algorithm. */
  isSignature(data: Uint8Array, signed: Signed): boolean;
}

/**
 * A key from its SubjectPublicKeyInfo, uncompressed point.
 * @throws MalformedError `MALFORMED_KEY` unless it is a P-256 key with its point on the curve.
 */
export function openBrowserKey(sha256: Sha256, publicKey: Uint8Array): LogKey {
  const point = publicKey.subarray(SPKI_PREFIX.length);
  const isP256 =
    point.length === POINT_BYTES &&
    equalBytes(publicKey.subarray(0, SPKI_PREFIX.length), SPKI_PREFIX) &&
    p256.utils.isValidPublicKey(point, false);
  if (!isP256) throw new MalformedError("MALFORMED_KEY", "expected a P-256 public key in DER");
  const key = point.slice();
  return {
    publicKey,
    logId: sha256(publicKey),
    isSignature(data, { algorithm, signature }) {
      if (algorithm !== "ecdsa") return false;
      try {
        // OpenSSL makes and takes both values of s.
        return p256.verify(signature, sha256(data), key, {
          format: "der",
          lowS: false,
          prehash: false,
        });
      } catch {
        return false;
      }
    },
  };
}
