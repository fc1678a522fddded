/**
 * Bodies of the extensions that a certificate must decode to be accepted, as CTFE's parser
 * wants them. A SEQUENCE may carry elements behind the known ones (Go ignores them); what
 * names, addresses and URIs say is not judged: a log shows certificates, it does not vet them.
 * @module
 */
import { MalformedError } from "../base/errors.ts";
import {
  contextConstructed,
  contextPrimitive,
  type DerReader,
  decodeBitString,
  decodeBoolean,
  requireInteger,
  requireLastOid,
  TAG,
} from "./der.ts";
import type { Extension } from "./extension.ts";
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
 * @param reader One of the certificate's bytes; it is moved.
 * @throws MalformedError `MALFORMED_DER`.
 */
export function decodeKnownExtension(
  extension: Extension,
  reader: DerReader,
  known: KnownExtensions,
): void {
  const arc = extension.idCeArc;
  if (arc === 0) {
    if (!extension.isOf(AUTHORITY_INFO_ACCESS)) return;
    extension.enterValue(reader);
    requireAuthorityInfoAccess(reader);
    return;
  }
  extension.enterValue(reader);
  switch (arc) {
    case 14:
      known.subjectKeyId = decodeSubjectKeyId(reader);
      break;
    case 15:
      known.keyUsage = decodeKeyUsage(reader);
      break;
    case 17:
      requireSubjectAltName(reader);
      break;
    case 19:
      known.isCa = decodeBasicConstraints(reader);
      break;
    case 30:
      requireNameConstraints(reader);
      break;
    case 31:
      requireDistributionPoints(reader);
      break;
    case 32:
      requirePolicies(reader);
      break;
    case 35:
      known.authorityKeyId = decodeAuthorityKeyId(reader);
      break;
    case 37:
      decodeExtendedKeyUsage(reader, known.extendedKeyUsages);
      break;
  }
}

/** `id-pe-authorityInfoAccess`, 1.3.6.1.5.5.7.1.1. */
const AUTHORITY_INFO_ACCESS: Uint8Array = parseOid("1.3.6.1.5.5.7.1.1");

function decodeSubjectKeyId(reader: DerReader): Uint8Array {
  reader.skipTag(TAG.octetString, "SubjectKeyIdentifier");
  const content = reader.lastContent();
  reader.end("SubjectKeyIdentifier");
  return content;
}

function decodeKeyUsage(reader: DerReader): readonly boolean[] {
  reader.skipTag(TAG.bitString, "KeyUsage");
  const bits = decodeBitString(reader.lastContent(), "KeyUsage");
  reader.end("KeyUsage");
  const usages: boolean[] = [];
  for (let bit = 0; bit < 9; bit += 1) {
    const octet = bits.bytes[Math.floor(bit / 8)] ?? 0;
    usages.push(Math.floor(octet / 2 ** (7 - (bit % 8))) % 2 === 1);
  }
  return usages.includes(true) ? usages : [];
}

function decodeBasicConstraints(reader: DerReader): boolean {
  const what = "BasicConstraints";
  reader.openSole(TAG.sequence, what);
  let flag: Uint8Array | undefined;
  if (reader.isNext(TAG.boolean)) {
    reader.skip(what);
    flag = reader.lastContent();
  }
  if (reader.isNext(TAG.integer)) {
    reader.skip(what);
    requireInteger(reader.lastContent(), what);
  }
  return flag !== undefined && decodeBoolean(flag, what);
}

function requireSubjectAltName(reader: DerReader): void {
  reader.openSole(TAG.sequence, "SubjectAltName");
  skipAll(reader, "SubjectAltName");
}

/** Permitted and excluded subtrees, each a SEQUENCE that begins with a name; one of them at least. */
function requireNameConstraints(reader: DerReader): void {
  const what = "NameConstraints";
  reader.openSole(TAG.sequence, what);
  let subtreeCount = 0;
  for (const tag of [contextConstructed(0), contextConstructed(1)]) {
    if (!reader.isNext(tag)) continue;
    const behindList = reader.open(tag, what);
    while (!reader.isAtEnd) {
      const behindSubtree = reader.open(TAG.sequence, what);
      reader.skip(what);
      reader.leave(behindSubtree);
      subtreeCount += 1;
    }
    reader.leave(behindList);
  }
  reader.end(what);
  if (subtreeCount === 0) throw new MalformedError("MALFORMED_DER", `${what}: empty`);
}

function requireDistributionPoints(reader: DerReader): void {
  const what = "CRLDistributionPoints";
  const [zero, one] = [contextConstructed(0), contextPrimitive(1)];
  reader.openSole(TAG.sequence, what);
  while (!reader.isAtEnd) {
    const behindPoint = reader.open(TAG.sequence, what);
    if (reader.isNext(zero)) {
      const behindName = reader.open(zero, what);
      if (reader.isNext(zero)) {
        const behindFullName = reader.open(zero, what);
        skipAll(reader, what);
        reader.leave(behindFullName);
      }
      reader.leave(behindName);
    }
    if (reader.isNext(one)) {
      reader.skip(what);
      decodeBitString(reader.lastContent(), what);
    }
    reader.leave(behindPoint);
  }
}

function requirePolicies(reader: DerReader): void {
  const what = "CertificatePolicies";
  reader.openSole(TAG.sequence, what);
  while (!reader.isAtEnd) {
    const behindPolicy = reader.open(TAG.sequence, what);
    reader.skipTag(TAG.oid, what);
    requireLastOid(reader, what);
    reader.leave(behindPolicy);
  }
}

function decodeAuthorityKeyId(reader: DerReader): Uint8Array | undefined {
  const what = "AuthorityKeyIdentifier";
  reader.openSole(TAG.sequence, what);
  if (!reader.isNext(contextPrimitive(0))) return undefined;
  reader.skip(what);
  return reader.lastContent();
}

/** Appends to `usages`. An empty body passes, as in CTFE. */
function decodeExtendedKeyUsage(reader: DerReader, usages: Uint8Array[]): void {
  if (reader.isAtEnd) return;
  reader.openSole(TAG.sequence, "ExtendedKeyUsage");
  while (!reader.isAtEnd) {
    reader.skipTag(TAG.oid, "ExtendedKeyUsage");
    requireLastOid(reader, "ExtendedKeyUsage");
    usages.push(reader.lastContent());
  }
}

function requireAuthorityInfoAccess(reader: DerReader): void {
  const what = "AuthorityInfoAccess";
  reader.openSole(TAG.sequence, what);
  while (!reader.isAtEnd) {
    const behindAccess = reader.open(TAG.sequence, what);
    reader.skipTag(TAG.oid, what);
    requireLastOid(reader, what);
    reader.skip(what);
    reader.leave(behindAccess);
  }
}

function skipAll(reader: DerReader, what: string): void {
  while (!reader.isAtEnd) reader.skip(what);
}
