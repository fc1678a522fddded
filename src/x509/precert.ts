/**
 * Precertificates: RFC 6962, sections 3.1 and 3.2. The TBSCertificate that is logged is made
 * by surgery on the submitted bytes, never by decoding and encoding again: what the CA wrote
 * stays as it is, and the final certificate's own bytes match.
 * @module
 */
import { MalformedError } from "../base/errors.ts";
import { equalBytes, hasBytesAt, joinBytes } from "../encoding/bytes.ts";
import { carved } from "../encoding/memory.ts";
import type { Certificate } from "./certificate.ts";
import {
  contextConstructed,
  DerReader,
  derHeader,
  derHeaderLength,
  hasDerHeaderAt,
  TAG,
} from "./der.ts";
import { Extension } from "./extension.ts";
import { parseOid } from "./oid.ts";

/** Content octets of the poison's OID, 1.3.6.1.4.1.11129.2.4.3. */
export const POISON_OID: Uint8Array = parseOid("1.3.6.1.4.1.11129.2.4.3");
/** Content octets of the SCT list's OID, 1.3.6.1.4.1.11129.2.4.2. */
export const SCT_LIST_OID: Uint8Array = parseOid("1.3.6.1.4.1.11129.2.4.2");
/** Content octets of a precertificate signing certificate's usage, 1.3.6.1.4.1.11129.2.4.4. */
export const PRECERTIFICATE_SIGNING_OID: Uint8Array = parseOid("1.3.6.1.4.1.11129.2.4.4");
const AUTHORITY_KEY_ID_OID: Uint8Array = parseOid("2.5.29.35");

/** What a certificate's poison extensions say. */
export interface Poison {
  /** By the first one: `valid` is critical with the body `05 00`. */
  readonly state: "absent" | "valid" | "invalid";
  /** How many there are. */
  readonly count: number;
}

/** Looks for poison extensions. */
export function poisonOf(certificate: Certificate): Poison {
  let state: Poison["state"] = "absent";
  let count = 0;
  for (const extension of certificate.extensions) {
    if (!extension.isOf(POISON_OID)) continue;
    const { critical, value } = extension;
    const isNull = value.length === 2 && value[0] === TAG.null && value[1] === 0;
    if (count === 0) state = critical && isNull ? "valid" : "invalid";
    count += 1;
  }
  return { state, count };
}

/** Whether the extended key usages name precertificate signing: RFC 6962, section 3.1. */
export function isPrecertificateSigningCertificate(certificate: Certificate): boolean {
  return certificate.extendedKeyUsages.some((usage) =>
    equalBytes(usage, PRECERTIFICATE_SIGNING_OID),
  );
}

/** Whether the certificate has an extension for embedded SCTs, whatever it holds. */
export function hasSctList(certificate: Certificate): boolean {
  return certificate.extensions.some((extension) => extension.isOf(SCT_LIST_OID));
}

/**
 * The TBSCertificate to log for a precertificate: without its one poison extension, and, if a
 * precertificate signing certificate signed it, with that certificate's issuer and the value
 * of its AuthorityKeyIdentifier (in the precertificate's place and criticality; taken out if
 * `signer` has none; added at the end if only `signer` has one). RFC 6962, section 3.2. A
 * list of extensions that becomes empty stays, as `a3 02 30 00`.
 * @throws MalformedError `MALFORMED_PRECERTIFICATE` unless there is exactly one poison.
 */
export function buildPrecertTbs(precertificate: Certificate, signer?: Certificate): Uint8Array {
  const poison = soleExtension(precertificate, POISON_OID, "poison");
  if (signer === undefined) return tbsWithout(precertificate, poison);
  const wanted = signer.extensions.find(isAuthorityKeyId);
  const present = precertificate.extensions.find(isAuthorityKeyId);
  const extensions: Uint8Array[] = [];
  for (const extension of precertificate.extensions) {
    if (extension === poison) continue;
    if (extension !== present) extensions.push(extension.raw);
    else if (wanted !== undefined) extensions.push(withValue(present, wanted.value));
  }
  if (present === undefined && wanted !== undefined) extensions.push(plainAuthorityKeyId(wanted));
  return assembleTbs(precertificate, signer.issuer, extensions);
}

/**
 * Whether `tbs` is what {@link buildPrecertTbs} gives for the precertificate `der` without a
 * signer. The precertificate is walked, not judged, and nothing is built.
 * @throws MalformedError `MALFORMED_DER` if there is no walking it.
 */
export function isPrecertTbs(der: Uint8Array, tbs: Uint8Array): boolean {
  const reader = new DerReader(der);
  reader.open(TAG.sequence, "certificate");
  reader.open(TAG.sequence, "TBSCertificate");
  const fieldsStart = reader.offset;
  while (!reader.isNext(contextConstructed(3))) reader.skip("TBSCertificate");
  const fieldsEnd = reader.offset;
  reader.open(contextConstructed(3), "extensions");
  reader.openSole(TAG.sequence, "extensions");
  const listStart = reader.offset;
  let poison: Extension | undefined;
  while (!reader.isAtEnd) {
    const extension = new Extension(reader);
    if (!extension.isOf(POISON_OID)) continue;
    if (poison !== undefined) return false;
    poison = extension;
  }
  if (poison === undefined) return false;
  const expected = new Expected(tbs);
  const listLength = poison.start - listStart + (reader.offset - poison.end);
  const wrapperLength = derHeaderLength(listLength) + listLength;
  const fieldsLength = fieldsEnd - fieldsStart + derHeaderLength(wrapperLength) + wrapperLength;
  return (
    expected.header(TAG.sequence, fieldsLength) &&
    expected.range(der, fieldsStart, fieldsEnd) &&
    expected.header(contextConstructed(3), wrapperLength) &&
    expected.header(TAG.sequence, listLength) &&
    expected.range(der, listStart, poison.start) &&
    expected.range(der, poison.end, reader.offset) &&
    expected.isAtEnd
  );
}

/** Goes along bytes as long as they are what they are expected to be. */
class Expected {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#offset === this.#bytes.length;
  }

  header(tag: number, length: number): boolean {
    const start = this.#offset;
    this.#offset += derHeaderLength(length);
    return hasDerHeaderAt(this.#bytes, start, tag, length);
  }

  range(from: Uint8Array, start: number, end: number): boolean {
    const at = this.#offset;
    this.#offset += end - start;
    return hasBytesAt(this.#bytes, at, from, start, end);
  }
}

/**
 * The TBSCertificate that the SCTs embedded in `certificate` were made for: without its one
 * SCT list. RFC 6962, section 3.2.
 * @throws MalformedError `MALFORMED_CERTIFICATE` unless there is exactly one SCT list.
 */
export function tbsWithoutSctList(certificate: Certificate): Uint8Array {
  return tbsWithout(certificate, soleExtension(certificate, SCT_LIST_OID, "SCT list"));
}

/**
 * The `SignedCertificateTimestampList` embedded in a certificate, RFC 6962, section 3.3: its
 * TLS bytes, a view; undefined without that extension; of several, the first.
 * @throws MalformedError `MALFORMED_CERTIFICATE` if the extension holds no OCTET STRING.
 */
export function sctListOf(certificate: Certificate): Uint8Array | undefined {
  const extension = certificate.extensions.find((found) => found.isOf(SCT_LIST_OID));
  if (extension === undefined) return undefined;
  try {
    const reader = new DerReader(extension.value);
    const list = reader.content(reader.expect(TAG.octetString, "SCT list"));
    reader.end("SCT list");
    return list;
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    throw new MalformedError("MALFORMED_CERTIFICATE", error.message, { cause: error });
  }
}

function isAuthorityKeyId(extension: Extension): boolean {
  return extension.isOf(AUTHORITY_KEY_ID_OID);
}

/** The only extension with this OID. */
function soleExtension(certificate: Certificate, oid: Uint8Array, what: string): Extension {
  const found = certificate.extensions.filter((extension) => extension.isOf(oid));
  const [sole] = found;
  if (sole === undefined || found.length > 1) {
    const code = oid === POISON_OID ? "MALFORMED_PRECERTIFICATE" : "MALFORMED_CERTIFICATE";
    throw new MalformedError(code, `expected exactly one ${what} extension, got ${found.length}`);
  }
  return sole;
}

/** The TBSCertificate without one of its extensions: they stand one after the other. */
function tbsWithout(certificate: Certificate, { start, end }: Extension): Uint8Array {
  const { der, extensions, issuer } = certificate;
  const before = der.subarray(extensions[0]?.start, start);
  const after = der.subarray(end, extensions.at(-1)?.end);
  return assembleTbs(certificate, issuer, [before, after]);
}

/** `extension` with another value; its OID and how it says critical stay. */
function withValue(extension: Extension, value: Uint8Array): Uint8Array {
  const { raw, valueOffset } = extension;
  const reader = new DerReader(raw);
  const { contentStart } = reader.next("extension");
  const old = new DerReader(raw, valueOffset).next("extension value");
  const parts = [
    raw.subarray(contentStart, valueOffset),
    derHeader(TAG.octetString, value.length),
    value,
    raw.subarray(old.end),
  ];
  return wrap(TAG.sequence, parts);
}

/** An AuthorityKeyIdentifier extension, not critical, with the value of `like`. */
function plainAuthorityKeyId({ value }: Extension): Uint8Array {
  const oid = AUTHORITY_KEY_ID_OID;
  const header = derHeader(TAG.octetString, value.length);
  return wrap(TAG.sequence, [derHeader(TAG.oid, oid.length), oid, header, value]);
}

/** The TBSCertificate with this issuer and these extensions; all its other bytes stay. */
function assembleTbs(
  certificate: Certificate,
  issuer: Uint8Array,
  extensions: readonly Uint8Array[],
): Uint8Array {
  const { tbs, extensionsOffset = tbs.length } = certificate;
  const { contentStart } = new DerReader(tbs).next("TBSCertificate");
  const issuerStart = certificate.issuer.byteOffset - tbs.byteOffset;
  const issuerEnd = issuerStart + certificate.issuer.length;
  const listLength = lengthOf(extensions);
  const listHeader = derHeader(TAG.sequence, listLength);
  const wrapperHeader = derHeader(contextConstructed(3), listHeader.length + listLength);
  const fields = [
    tbs.subarray(contentStart, issuerStart),
    issuer,
    tbs.subarray(issuerEnd, extensionsOffset),
    wrapperHeader,
    listHeader,
  ];
  return wrap(TAG.sequence, fields.concat(extensions));
}

/** One TLV of all parts. They are not spread into arguments: there can be tens of thousands. */
function wrap(tag: number, parts: readonly Uint8Array[]): Uint8Array {
  return joinBytes([derHeader(tag, lengthOf(parts)), ...parts], carved);
}

function lengthOf(parts: readonly Uint8Array[]): number {
  let length = 0;
  for (const part of parts) length += part.length;
  return length;
}
