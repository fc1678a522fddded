/**
 * Whether a SubjectPublicKeyInfo of a known algorithm decodes: RFC 3279 and RFC 5480. An
 * unknown algorithm passes, as it does in CTFE: a log records keys, it does not use them.
 * @module
 */
import { MalformedError } from "../base/errors.ts";
import { byteAt, equalBytes } from "../encoding/bytes.ts";
import { DerReader, decodeBitString, requireInteger, requireOid, rightAlign, TAG } from "./der.ts";
import { parseOid } from "./oid.ts";

/** OID of an RSA key: RFC 3279, section 2.3.1. */
export const RSA_OID: Uint8Array = parseOid("1.2.840.113549.1.1.1");
const DSA_OID: Uint8Array = parseOid("1.2.840.10040.4.1");
const EC_OID: Uint8Array = parseOid("1.2.840.10045.2.1");

/** What a SubjectPublicKeyInfo consists of; views. */
export interface PublicKeyInfo {
  /** Content octets of the algorithm's OID. */
  readonly algorithm: Uint8Array;
  /** The parameters' TLV; undefined if there are none. */
  readonly parameters: Uint8Array | undefined;
  /** The key's octets, aligned. */
  readonly key: Uint8Array;
}

/**
 * The parts of a SubjectPublicKeyInfo. Elements behind its two fields are ignored, as Go
 * ignores them. @throws MalformedError `MALFORMED_DER`.
 */
export function decodePublicKeyInfo(reader: DerReader): PublicKeyInfo {
  const what = "public key";
  const algorithm = reader.descend(TAG.sequence, what);
  const oid = requireOid(reader.content(algorithm.expect(TAG.oid, what)), what);
  const parameters = algorithm.isAtEnd ? undefined : reader.raw(algorithm.next(what));
  const bits = decodeBitString(reader.content(reader.expect(TAG.bitString, what)), what);
  return { algorithm: oid, parameters, key: rightAlign(bits) };
}

/** @throws MalformedError `MALFORMED_DER` if a key of a known algorithm does not decode. */
export function requirePublicKey(info: PublicKeyInfo): void {
  if (equalBytes(info.algorithm, EC_OID)) requireEcKey(info);
  else if (equalBytes(info.algorithm, RSA_OID)) requireRsaKey(info.key);
  else if (equalBytes(info.algorithm, DSA_OID)) requireDsaKey(info);
}

/** RSAPublicKey: any modulus; an exponent that is positive and fits 64 bits, as Go's does. */
function requireRsaKey(key: Uint8Array): void {
  const what = "RSA public key";
  const outer = new DerReader(key);
  const fields = outer.descend(TAG.sequence, what);
  outer.end(what);
  requireInteger(fields.content(fields.expect(TAG.integer, what)), what);
  const exponent = fields.content(fields.expect(TAG.integer, what));
  if (!isPositive(exponent) || exponent.length > 8) throw invalid("RSA public exponent");
}

function requireDsaKey({ key, parameters }: PublicKeyInfo): void {
  const what = "DSA public key";
  const reader = new DerReader(key);
  const numbers = [reader.content(reader.expect(TAG.integer, what))];
  reader.end(what);
  const outer = new DerReader(parameters ?? new Uint8Array(0));
  const fields = outer.descend(TAG.sequence, what);
  outer.end(what);
  for (let count = 0; count < 3; count += 1) {
    numbers.push(fields.content(fields.expect(TAG.integer, what)));
  }
  if (!numbers.every(isPositive)) throw invalid("DSA parameter");
}

/** `y^2 = x^3 - 3x + b` over the field of `p`: all curves that X.509 in practice knows. */
interface Curve {
  readonly oid: Uint8Array;
  /** Octets of a coordinate. */
  readonly width: number;
  readonly p: bigint;
  readonly b: bigint;
}

// SEC 2, section 2, and FIPS 186-4, appendix D.1.2.
const CURVES: readonly Curve[] = [
  {
    oid: parseOid("1.2.840.10045.3.1.7"),
    width: 32,
    p: 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n,
    b: 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn,
  },
  {
    oid: parseOid("1.3.132.0.34"),
    width: 48,
    p: 2n ** 384n - 2n ** 128n - 2n ** 96n + 2n ** 32n - 1n,
    b: 0xb3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aefn,
  },
  {
    oid: parseOid("1.3.132.0.35"),
    width: 66,
    p: 2n ** 521n - 1n,
    b: 0x0051953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b503f00n,
  },
  {
    oid: parseOid("1.3.132.0.33"),
    width: 28,
    p: 2n ** 224n - 2n ** 96n + 1n,
    b: 0xb4050a850c04b3abf54132565044b0b7d7bfd8ba270b39432355ffb4n,
  },
  {
    oid: parseOid("1.2.840.10045.3.1.1"),
    width: 24,
    p: 2n ** 192n - 2n ** 64n - 1n,
    b: 0x64210519e59c80e70fa7e9ab72243049feb8deecc146b9b1n,
  },
];

/** A named curve that we know, and an uncompressed point on it. */
function requireEcKey({ key, parameters }: PublicKeyInfo): void {
  const reader = new DerReader(parameters ?? new Uint8Array(0));
  const oid = reader.content(reader.expect(TAG.oid, "EC parameters"));
  const curve = CURVES.find((known) => equalBytes(known.oid, oid));
  if (curve === undefined) throw invalid("elliptic curve (unsupported)");
  if (key.length !== 1 + 2 * curve.width || key[0] !== 4) throw invalid("EC point encoding");
  const x = toBigInt(key, 1, curve.width);
  const y = toBigInt(key, 1 + curve.width, curve.width);
  const { p, b } = curve;
  if (x >= p || y >= p || (y * y - (x * x - 3n) * x - b) % p !== 0n) {
    throw invalid("EC point (not on its curve)");
  }
}

function toBigInt(bytes: Uint8Array, start: number, width: number): bigint {
  let digits = "0x";
  for (let index = start; index < start + width; index += 1) {
    digits += HEX[byteAt(bytes, index)];
  }
  return BigInt(digits);
}

const HEX: readonly string[] = Array.from({ length: 256 }, (_, value) =>
  value.toString(16).padStart(2, "0"),
);

function isPositive(integer: Uint8Array): boolean {
  return (integer[0] ?? 0x80) < 0x80 && integer.some((octet) => octet !== 0);
}

function invalid(what: string): MalformedError {
  return new MalformedError("MALFORMED_DER", `public key: invalid ${what}`);
}
