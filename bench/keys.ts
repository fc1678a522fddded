/**
 * Keys that are a function of a seed, so that a run can be repeated with the same issuers on
 * any machine. They are test keys: everybody can compute them.
 * @module
 */
import {
  checkPrimeSync,
  createECDH,
  createHash,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  sign,
} from "node:crypto";
import { p256, p384 } from "@noble/curves/nist.js";
import { bitString, der, oid, sequence } from "./der.ts";

/** What an issuer signs with. */
export type IssuerKind = "rsa2048" | "p256" | "p384";

/** Every {@link IssuerKind}. */
export const ISSUER_KINDS: readonly IssuerKind[] = ["rsa2048", "p256", "p384"];

/** A key pair and how X.509 names its signatures. */
export interface SigningKey {
  readonly kind: IssuerKind;
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array;
  /** `AlgorithmIdentifier` of its signatures, DER. */
  readonly algorithm: Uint8Array;
  /** Signs with node:crypto; ECDSA signatures differ each time. */
  sign(message: Uint8Array): Uint8Array;
  /** Signs so that the same message gets the same signature (RFC 6979 for ECDSA); slow. */
  signDeterministically(message: Uint8Array): Uint8Array;
}

/** `length` bytes that only `seed` and `label` decide: SHA-256 in counter mode. */
export function seededBytes(seed: number, label: string, length: number): Uint8Array {
  const blocks: Buffer[] = [];
  for (let block = 0; block * 32 < length; block += 1) {
    blocks.push(createHash("sha256").update(`${seed}/${label}/${block}`).digest());
  }
  return Uint8Array.from(Buffer.concat(blocks).subarray(0, length));
}

/** The key of this kind that `seed` and `label` decide. */
export function deriveSigningKey(kind: IssuerKind, seed: number, label: string): SigningKey {
  return kind === "rsa2048" ? deriveRsaKey(seed, label) : deriveEcKey(kind, seed, label);
}

/**
 * SubjectPublicKeyInfo of an RSA key of 2,048 bits that nobody holds: its modulus is no
 * product of known primes. Enough for the subject of a certificate, and made at once.
 */
export function deriveRsaSubject(seed: number): Uint8Array {
  const modulus = seededBytes(seed, "subject", 256);
  modulus[0] = 0xc5;
  modulus[255] = 0x4d;
  const key = sequence(
    der(0x02, Uint8Array.of(0), modulus),
    der(0x02, Uint8Array.of(0x01, 0x00, 0x01)),
  );
  return sequence(sequence(oid("1.2.840.113549.1.1.1"), der(0x05)), bitString(key));
}

function deriveRsaKey(seed: number, label: string): SigningKey {
  const e = 65537n;
  const p = derivePrime(seed, `${label}/p`, e);
  const q = derivePrime(seed, `${label}/q`, e);
  const d = inverse(e, (p - 1n) * (q - 1n));
  const jwk = {
    kty: "RSA",
    n: base64Url(p * q),
    e: base64Url(e),
    d: base64Url(d),
    p: base64Url(p),
    q: base64Url(q),
    dp: base64Url(d % (p - 1n)),
    dq: base64Url(d % (q - 1n)),
    qi: base64Url(inverse(q, p)),
  };
  const key = createPrivateKey({ key: jwk, format: "jwk" });
  const signNatively = (message: Uint8Array) => Uint8Array.from(sign("sha256", message, key));
  return {
    kind: "rsa2048",
    spki: spkiOf(key),
    algorithm: sequence(oid("1.2.840.113549.1.1.11"), der(0x05)),
    sign: signNatively,
    signDeterministically: signNatively,
  };
}

function deriveEcKey(kind: "p256" | "p384", seed: number, label: string): SigningKey {
  const isP256 = kind === "p256";
  const size = isP256 ? 32 : 48;
  const secret = seededBytes(seed, label, size);
  secret[0] = 0x10; // Below the order of either curve.
  const ecdh = createECDH(isP256 ? "prime256v1" : "secp384r1");
  ecdh.setPrivateKey(secret);
  const point = ecdh.getPublicKey();
  const jwk = {
    kty: "EC",
    crv: isP256 ? "P-256" : "P-384",
    x: point.subarray(1, 1 + size).toString("base64url"),
    y: point.subarray(1 + size).toString("base64url"),
    d: Buffer.from(secret).toString("base64url"),
  };
  const key = createPrivateKey({ key: jwk, format: "jwk" });
  const curve = isP256 ? p256 : p384;
  return {
    kind,
    spki: spkiOf(key),
    algorithm: sequence(oid(isP256 ? "1.2.840.10045.4.3.2" : "1.2.840.10045.4.3.3")),
    sign: (message) => Uint8Array.from(sign(isP256 ? "sha256" : "sha384", message, key)),
    signDeterministically: (message) =>
      curve.sign(message, secret, { format: "der", lowS: false, extraEntropy: false }),
  };
}

function spkiOf(key: KeyObject): Uint8Array {
  return Uint8Array.from(createPublicKey(key).export({ type: "spki", format: "der" }));
}

/** A prime of 1,024 bits with its two highest bits set, and p - 1 coprime to `e`. */
function derivePrime(seed: number, label: string, e: bigint): bigint {
  const start = BigInt(`0x${Buffer.from(seededBytes(seed, label, 128)).toString("hex")}`);
  const high = 3n << 1022n;
  for (let candidate = start | high | 1n; ; candidate += 2n) {
    if ((candidate - 1n) % e !== 0n && checkPrimeSync(candidate)) return candidate;
  }
}

/** The x with `value * x = 1` modulo `modulus`, for coprime values. */
function inverse(value: bigint, modulus: bigint): bigint {
  let [r0, r1, x0, x1] = [modulus, value % modulus, 0n, 1n];
  while (r1 !== 0n) {
    const quotient = r0 / r1;
    [r0, r1, x0, x1] = [r1, r0 - quotient * r1, x1, x0 - quotient * x1];
  }
  return ((x0 % modulus) + modulus) % modulus;
}

function base64Url(value: bigint): string {
  const hex = value.toString(16);
  return Buffer.from(hex.padStart(hex.length + (hex.length % 2), "0"), "hex").toString("base64url");
}
