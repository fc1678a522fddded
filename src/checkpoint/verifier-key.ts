/**
 * Verifier keys as text: c2sp.org/signed-note#verifier-keys. How an operator hands the key of
 * a log to monitors and witnesses: `<name>+<hash>+<base64(type || key)>`.
 * @module
 */
import { MalformedError, quote } from "../base/errors.ts";
import { formatBase64, parseBase64 } from "../encoding/base64.ts";
import { concatBytes } from "../encoding/bytes.ts";
import { formatHex, parseHex } from "../encoding/hex.ts";
import type { Sha256 } from "../merkle/hash.ts";
import { checkpointKeyId, RFC6962_SIGNATURE_TYPE } from "./checkpoint.ts";

/** A key that verifies signature lines. */
export interface VerifierKey {
  /** Not empty, no space and no plus; for a log its origin. */
  readonly name: string;
  /** The ID that its signature lines carry; 4 bytes. */
  readonly keyId: Uint8Array;
  /** Signature type: c2sp.org/signed-note#signature-types; 5 for a CT log's. */
  readonly type: number;
  /** As the type says: for a CT log its SubjectPublicKeyInfo, DER. Not empty. */
  readonly key: Uint8Array;
}

/**
 * The verifier key of a CT log. Its ID is that of the log's checkpoints, which hashes the log
 * ID in the key's place: c2sp.org/static-ct-api#checkpoints.
 *
 * @param publicKey SubjectPublicKeyInfo, DER.
 */
export function logVerifierKey(sha256: Sha256, origin: string, publicKey: Uint8Array): VerifierKey {
  const keyId = checkpointKeyId(sha256, origin, sha256(publicKey));
  return { name: origin, keyId, type: RFC6962_SIGNATURE_TYPE, key: publicKey };
}

/** `<name>+<8 hex digits>+<base64(type || key)>`. @throws RangeError if a field is out of its range. */
export function formatVerifierKey(key: VerifierKey): string {
  if (!/^[^\s+]+$/.test(key.name)) throw new RangeError(`no name of a key: ${quote(key.name)}`);
  if (key.keyId.length !== 4 || key.key.length === 0) {
    throw new RangeError("a key ID has 4 bytes, a key at least 1");
  }
  const encoded = formatBase64(concatBytes(Uint8Array.of(key.type), key.key));
  return `${key.name}+${formatHex(key.keyId)}+${encoded}`;
}

/**
 * Reads what {@link formatVerifierKey} writes. Whether the ID belongs to the key is for the
 * caller to compare: how it is computed depends on the type.
 * @throws MalformedError `MALFORMED_KEY`.
 */
export function parseVerifierKey(text: string): VerifierKey {
  const [, name, keyIdText, encoded] = /^([^\s+]+)\+([0-9a-f]{8})\+(\S+)$/.exec(text) ?? [];
  if (name === undefined || keyIdText === undefined || encoded === undefined) {
    throw new MalformedError("MALFORMED_KEY", `expected a verifier key, got ${quote(text)}`);
  }
  let bytes: Uint8Array;
  try {
    bytes = parseBase64(encoded);
  } catch (cause) {
    throw new MalformedError("MALFORMED_KEY", "a verifier key is not base64", { cause });
  }
  const [type] = bytes;
  if (type === undefined || bytes.length < 2) {
    throw new MalformedError("MALFORMED_KEY", "expected a type and a key");
  }
  return { name, keyId: parseHex(keyIdText), type, key: bytes.slice(1) };
}
