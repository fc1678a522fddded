/**
 * Bodies of the extensions that a certificate must decode to be accepted, as CTFE's parser
 * wants them. A SEQUENCE may carry elements behind the known ones (Go ignores them); what
 * names, addresses and URIs say is not judged: a log shows certificates, it does not vet them.
 * @module
 */
import { MalformedError } from "../base/errors.ts";
import { equalBytes } from "../encoding/bytes.ts";
import {
  contextConstructed,
  contextPrimitive,
  DerReader,
  decodeBitString,
  decodeBoolean,
  requireInteger,
  requireOid,
  TAG,
} from "./der.ts";
import { parseOid } from "./oid.ts";

/** What the known extensions say, as far as a log needs it. */
export interface KnownExtensions {
  /** cA of BasicConstraints; undefined without that extension. */
  isCa: boolean | undefined;
  /** The first 9 bits of KeyUsage, digitalSignature first; empty without any that is set. */
  keyUsage: readonly boolean[];
  /** Content octets of the OIDs in ExtendedKeyUsage; grows in place. */
  readonly extendedKeyUsages: Uint8Array[];
  subjectKeyId: Uint8Array | undefined;
  /** keyIdentifier of AuthorityKeyIdentifier. */
  authorityKeyId: Uint8Array | undefined;
}

/**
 * Decodes one extension's body into `known` if its OID is one that must decode; with
 * duplicates the last one counts, and usages add up.
 * @param oid Content octets of the extension's OID.
 * @throws MalformedError `MALFORMED_DER`.
 */
export function decodeKnownExtension(
  oid: Uint8Array,
  value: Uint8Array,
  known: KnownExtensions,
): void {
  if (equalBytes(oid, AUTHORITY_INFO_ACCESS)) requireAuthorityInfoAccess(value);
  if (oid.length !== 3 || oid[0] !== 0x55 || oid[1] !== 0x1d) return;
  switch (oid[2]) {
    case 14:
      known.subjectKeyId = decodeSubjectKeyId(value);
      break;
    case 15:
      known.keyUsage = decodeKeyUsage(value);
      break;
    case 17:
      requireSubjectAltName(value);
      break;
    case 19:
      known.isCa = decodeBasicConstraints(value);
      break;
    case 30:
      requireNameConstraints(value);
      break;
    case 31:
      requireDistributionPoints(value);
      break;
    case 32:
      requirePolicies(value);
      break;
    case 35:
      known.authorityKeyId = decodeAuthorityKeyId(value);
      break;
    case 37:
      decodeExtendedKeyUsage(value, known.extendedKeyUsages);
      break;
  }
}

/** `id-pe-authorityInfoAccess`, 1.3.6.1.5.5.7.1.1. */
const AUTHORITY_INFO_ACCESS: Uint8Array = parseOid("1.3.6.1.5.5.7.1.1");

/** A reader of the one SEQUENCE that `value` is. */
function soleSequence(value: Uint8Array, what: string): DerReader {
  const reader = new DerReader(value);
  const sequence = reader.descend(TAG.sequence, what);
  reader.end(what);
  return sequence;
}

function decodeSubjectKeyId(value: Uint8Array): Uint8Array {
  const reader = new DerReader(value);
  const content = reader.content(reader.expect(TAG.octetString, "SubjectKeyIdentifier"));
  reader.end("SubjectKeyIdentifier");
  return content;
}

function decodeKeyUsage(value: Uint8Array): readonly boolean[] {
  const reader = new DerReader(value);
  const bits = decodeBitString(
    reader.content(reader.expect(TAG.bitString, "KeyUsage")),
    "KeyUsage",
  );
  reader.end("KeyUsage");
  const usages: boolean[] = [];
  for (let bit = 0; bit < 9; bit += 1) {
    const octet = bits.bytes[Math.floor(bit / 8)] ?? 0;
    usages.push(Math.floor(octet / 2 ** (7 - (bit % 8))) % 2 === 1);
  }
  return usages.includes(true) ? usages : [];
}

function decodeBasicConstraints(value: Uint8Array): boolean {
  const what = "BasicConstraints";
  const fields = soleSequence(value, what);
  const flag = fields.optional(TAG.boolean, what);
  const pathLength = fields.optional(TAG.integer, what);
  if (pathLength !== undefined) requireInteger(fields.content(pathLength), what);
  return flag !== undefined && decodeBoolean(fields.content(flag), what);
}

function requireSubjectAltName(value: Uint8Array): void {
  requireTlvs(soleSequence(value, "SubjectAltName"), "SubjectAltName");
}

/** Permitted and excluded subtrees, each a SEQUENCE that begins with a name; one of them at least. */
function requireNameConstraints(value: Uint8Array): void {
  const what = "NameConstraints";
  const fields = soleSequence(value, what);
  let subtreeCount = 0;
  for (const number of [0, 1]) {
    const list = fields.optional(contextConstructed(number), what);
    if (list === undefined) continue;
    const subtrees = fields.enter(list);
    while (!subtrees.isAtEnd) {
      subtrees.descend(TAG.sequence, what).next(what);
      subtreeCount += 1;
    }
  }
  fields.end(what);
  if (subtreeCount === 0) throw new MalformedError("MALFORMED_DER", `${what}: empty`);
}

function requireDistributionPoints(value: Uint8Array): void {
  const what = "CRLDistributionPoints";
  const points = soleSequence(value, what);
  while (!points.isAtEnd) {
    const point = points.descend(TAG.sequence, what);
    const name = point.optional(contextConstructed(0), what);
    if (name !== undefined) {
      const choice = point.enter(name);
      const fullName = choice.optional(contextConstructed(0), what);
      if (fullName !== undefined) requireTlvs(choice.enter(fullName), what);
    }
    const reasons = point.optional(contextPrimitive(1), what);
    if (reasons !== undefined) decodeBitString(point.content(reasons), what);
  }
}

function requirePolicies(value: Uint8Array): void {
  const what = "CertificatePolicies";
  const policies = soleSequence(value, what);
  while (!policies.isAtEnd) {
    const policy = policies.descend(TAG.sequence, what);
    requireOid(policy.content(policy.expect(TAG.oid, what)), what);
  }
}

function decodeAuthorityKeyId(value: Uint8Array): Uint8Array | undefined {
  const what = "AuthorityKeyIdentifier";
  const fields = soleSequence(value, what);
  const keyId = fields.optional(contextPrimitive(0), what);
  return keyId === undefined ? undefined : fields.content(keyId);
}

/** Appends to `usages`. An empty body passes, as in CTFE. */
function decodeExtendedKeyUsage(value: Uint8Array, usages: Uint8Array[]): void {
  if (value.length === 0) return;
  const list = soleSequence(value, "ExtendedKeyUsage");
  while (!list.isAtEnd) {
    const usage = list.content(list.expect(TAG.oid, "ExtendedKeyUsage"));
    usages.push(requireOid(usage, "ExtendedKeyUsage"));
  }
}

function requireAuthorityInfoAccess(value: Uint8Array): void {
  const what = "AuthorityInfoAccess";
  const accesses = soleSequence(value, what);
  while (!accesses.isAtEnd) {
    const access = accesses.descend(TAG.sequence, what);
    requireOid(access.content(access.expect(TAG.oid, what)), what);
    access.next(what);
  }
}

function requireTlvs(reader: DerReader, what: string): void {
  while (!reader.isAtEnd) reader.next(what);
}
