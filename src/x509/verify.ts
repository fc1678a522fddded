/**
 * Signatures of certificates, by OpenSSL through node:crypto. The algorithms are those of
 * CTFE: RSA PKCS #1 v1.5 and PSS, DSA, ECDSA with any hash on any curve, Ed25519; SHA-1 is
 * taken (a log observes), MD2 and MD5 are not. Synchronous: the thread pool costs more than
 * it gains at this size (30 to 160 us, measured).
 * @module
 */
import { constants, createPublicKey, type KeyObject, verify } from "node:crypto";
import { MalformedError, RejectedError } from "../base/errors.ts";
import { bytesKey, concatBytes, equalBytes } from "../encoding/bytes.ts";
import type { Certificate } from "./certificate.ts";
import {
  contextConstructed,
  DerReader,
  decodeSmallInteger,
  derHeader,
  requireInteger,
  TAG,
} from "./der.ts";
import { formatOid, parseOid } from "./oid.ts";
import { decodePublicKeyInfo, RSA_OID } from "./public-key.ts";

/**
 * Requires that `issuer`'s key made the signature on `child`. Names and extensions are not
 * looked at. The key is kept for as long as the `issuer` object lives.
 * @throws RejectedError `REJECTED_CHAIN_INVALID`.
 */
export function verifySignature(child: Certificate, issuer: Certificate): void {
  const algorithm = decodeAlgorithm(child.signatureAlgorithm);
  const key = keyOf(issuer);
  const keyType = key.asymmetricKeyType ?? "unknown";
  if (!algorithm.keyTypes.includes(keyType)) {
    throw rejected(`a signature algorithm for ${algorithm.keyTypes[0]} keys, but a ${keyType} key`);
  }
  if (isSignedBy(key, algorithm, child.tbs, child.signature)) return;
  const canonical = canonicalPair(keyType, child.signature);
  if (canonical !== undefined && isSignedBy(key, algorithm, child.tbs, canonical)) return;
  throw rejected("the signature does not verify");
}

/** How to verify: what `crypto.verify` wants to be told. */
interface Algorithm {
  /** As node:crypto names them. */
  readonly keyTypes: readonly string[];
  /** `null` where the algorithm has its own. */
  readonly hash: string | null;
  readonly padding?: number;
  /** Octets of salt. */
  readonly saltLength?: number;
}

const RSA: readonly string[] = ["rsa", "rsa-pss"];
const EC: readonly string[] = ["ec"];
const DSA: readonly string[] = ["dsa"];

const ALGORITHMS: Readonly<Record<string, Algorithm>> = {
  "1.2.840.113549.1.1.5": { keyTypes: RSA, hash: "sha1" },
  "1.3.14.3.2.29": { keyTypes: RSA, hash: "sha1" },
  "1.2.840.113549.1.1.14": { keyTypes: RSA, hash: "sha224" },
  "1.2.840.113549.1.1.11": { keyTypes: RSA, hash: "sha256" },
  "1.2.840.113549.1.1.12": { keyTypes: RSA, hash: "sha384" },
  "1.2.840.113549.1.1.13": { keyTypes: RSA, hash: "sha512" },
  "1.2.840.10045.4.1": { keyTypes: EC, hash: "sha1" },
  "1.2.840.10045.4.3.1": { keyTypes: EC, hash: "sha224" },
  "1.2.840.10045.4.3.2": { keyTypes: EC, hash: "sha256" },
  "1.2.840.10045.4.3.3": { keyTypes: EC, hash: "sha384" },
  "1.2.840.10045.4.3.4": { keyTypes: EC, hash: "sha512" },
  "1.2.840.10040.4.3": { keyTypes: DSA, hash: "sha1" },
  "2.16.840.1.101.3.4.3.1": { keyTypes: DSA, hash: "sha224" },
  "2.16.840.1.101.3.4.3.2": { keyTypes: DSA, hash: "sha256" },
  "1.3.101.112": { keyTypes: ["ed25519"], hash: null },
};

/** The same by the content octets of the OID, as `bytesKey` gives them. */
const ALGORITHMS_BY_OID: ReadonlyMap<string, Algorithm> = new Map(
  Object.entries(ALGORITHMS).map(([oid, algorithm]) => [bytesKey(parseOid(oid)), algorithm]),
);

const HASHES: Readonly<Record<string, string>> = {
  "1.3.14.3.2.26": "sha1",
  "2.16.840.1.101.3.4.2.4": "sha224",
  "2.16.840.1.101.3.4.2.1": "sha256",
  "2.16.840.1.101.3.4.2.2": "sha384",
  "2.16.840.1.101.3.4.2.3": "sha512",
};

const PSS_OID: Uint8Array = parseOid("1.2.840.113549.1.1.10");
const MGF1_OID = "1.2.840.113549.1.1.8";

function decodeAlgorithm(algorithmIdentifier: Uint8Array): Algorithm {
  const fields = new DerReader(algorithmIdentifier).descend(TAG.sequence, "signature algorithm");
  const oid = fields.content(fields.expect(TAG.oid, "signature algorithm"));
  const algorithm = ALGORITHMS_BY_OID.get(bytesKey(oid));
  if (algorithm !== undefined) return algorithm;
  if (equalBytes(oid, PSS_OID)) return decodePss(fields);
  throw rejected(`unsupported signature algorithm ${formatOid(oid)}`);
}

/** `RSASSA-PSS-params`: RFC 4055, section 3.1, with its defaults. */
function decodePss(fields: DerReader): Algorithm {
  const what = "RSASSA-PSS parameters";
  try {
    const params = fields.descend(TAG.sequence, what);
    const hashField = params.optional(contextConstructed(0), what);
    const hash = hashField === undefined ? "sha1" : readHash(params.enter(hashField), what);
    const mgfField = params.optional(contextConstructed(1), what);
    const mgfHash = mgfField === undefined ? "sha1" : readMgf(params.enter(mgfField), what);
    const saltField = params.optional(contextConstructed(2), what);
    const saltLength = saltField === undefined ? 20 : readInteger(params.enter(saltField), what);
    const trailerField = params.optional(contextConstructed(3), what);
    const trailer = trailerField === undefined ? 1 : readInteger(params.enter(trailerField), what);
    params.end(what);
    if (hash !== mgfHash || trailer !== 1 || saltLength < 0 || saltLength > 1024) {
      throw rejected("unsupported RSASSA-PSS parameters");
    }
    return { keyTypes: RSA, hash, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength };
  } catch (error) {
    if (error instanceof MalformedError) throw rejected(error.message, error);
    throw error;
  }
}

function readHash(wrapper: DerReader, what: string): string {
  const fields = wrapper.descend(TAG.sequence, what);
  const oid = formatOid(fields.content(fields.expect(TAG.oid, what)));
  const hash = Object.hasOwn(HASHES, oid) ? HASHES[oid] : undefined;
  if (hash === undefined) throw rejected(`unsupported hash ${oid} of RSASSA-PSS`);
  return hash;
}

function readMgf(wrapper: DerReader, what: string): string {
  const fields = wrapper.descend(TAG.sequence, what);
  const oid = formatOid(fields.content(fields.expect(TAG.oid, what)));
  if (oid !== MGF1_OID) throw rejected(`unsupported mask generation ${oid} of RSASSA-PSS`);
  return readHash(fields, what);
}

function readInteger(wrapper: DerReader, what: string): number {
  return decodeSmallInteger(wrapper.content(wrapper.expect(TAG.integer, what)), what);
}

/** Keys of issuers that are still referenced; known issuers stay in their caller's bounded cache. */
const KEYS: WeakMap<Certificate, KeyObject> = new WeakMap();

function keyOf(issuer: Certificate): KeyObject {
  const known = KEYS.get(issuer);
  if (known !== undefined) return known;
  const key = openKey(issuer.spki);
  KEYS.set(issuer, key);
  return key;
}

/** OpenSSL wants an RSA key's NULL parameters, which some leave out: then the inner key is read. */
function openKey(spki: Uint8Array): KeyObject {
  const info = decodePublicKeyInfo(new DerReader(spki).descend(TAG.sequence, "public key"));
  const isRsa = equalBytes(info.algorithm, RSA_OID);
  const der = isRsa ? info.key : spki;
  try {
    return createPublicKey({ key: toBuffer(der), format: "der", type: isRsa ? "pkcs1" : "spki" });
  } catch (error) {
    throw rejected("the issuer's public key cannot be used", error);
  }
}

function isSignedBy(
  key: KeyObject,
  { hash, padding, saltLength }: Algorithm,
  data: Uint8Array,
  signature: Uint8Array,
): boolean {
  try {
    return verify(
      hash,
      data,
      padding === undefined || saltLength === undefined ? key : { key, padding, saltLength },
      signature,
    );
  } catch (error) {
    throw rejected("the signature cannot be verified", error);
  }
}

/**
 * OpenSSL refuses a DSA or ECDSA signature whose DER is not canonical, Go's lax reader takes
 * it: the same two numbers in canonical DER; undefined if that is what `signature` is.
 */
function canonicalPair(keyType: string, signature: Uint8Array): Uint8Array | undefined {
  if (keyType !== "ec" && keyType !== "dsa") return undefined;
  try {
    const outer = new DerReader(signature);
    const fields = outer.descend(TAG.sequence, "signature");
    outer.end("signature");
    const numbers = [readUnsigned(fields), readUnsigned(fields)];
    const body = concatBytes(...numbers);
    const canonical = concatBytes(derHeader(TAG.sequence, body.length), body);
    return equalBytes(canonical, signature) ? undefined : canonical;
  } catch (error) {
    if (error instanceof MalformedError) return undefined;
    throw error;
  }
}

/** The next INTEGER, which is not negative, as a minimal TLV. */
function readUnsigned(fields: DerReader): Uint8Array {
  const content = requireInteger(
    fields.content(fields.expect(TAG.integer, "signature")),
    "signature",
  );
  let start = 0;
  while (start < content.length - 1 && content[start] === 0 && (content[start + 1] ?? 0) < 0x80) {
    start += 1;
  }
  const octets = content.subarray(start);
  return concatBytes(derHeader(TAG.integer, octets.length), octets);
}

/** `createPublicKey` is typed for a Buffer: the same memory as one. */
function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function rejected(message: string, cause?: unknown): RejectedError {
  return new RejectedError("REJECTED_CHAIN_INVALID", message, { cause });
}
