/**
 * A certificate as a log reads it: RFC 5280, section 4.1, no stricter than CTFE. Everything
 * is a view into the submitted bytes; nothing is decoded that a log does not need.
 *
 * Refused: what is not DER in its headers, bytes behind the Certificate, behind its fields or
 * the TBSCertificate's (a log's TBS must have one reading), a signature algorithm that differs
 * inside and outside, impossible times, bodies of known extensions and keys of known
 * algorithms that do not decode. Taken: any version and serial number, any characters in
 * most strings, duplicate and unknown extensions, critical or not.
 * @module
 */
import { MalformedError } from "../base/errors.ts";
import { equalBytes } from "../encoding/bytes.ts";
import {
  contextConstructed,
  contextPrimitive,
  DerReader,
  decodeBitString,
  decodeSmallInteger,
  requireInteger,
  requireLastOid,
  rightAlign,
  TAG,
} from "./der.ts";
import { Extension } from "./extension.ts";
import { decodeKnownExtension, type KnownExtensions } from "./extension-body.ts";
import { skipName } from "./name.ts";
import { decodePublicKeyInfo, requirePublicKey } from "./public-key.ts";
import { readTime } from "./time.ts";

/** A parsed certificate; byte arrays are views into `der`, unless bits were unaligned. */
export interface Certificate extends Readonly<Omit<KnownExtensions, "extendedKeyUsages">> {
  readonly der: Uint8Array;
  /** The TBSCertificate TLV: what is signed. */
  readonly tbs: Uint8Array;
  /** 3 for v3: the version field plus one, whatever it says. */
  readonly version: number;
  /** Content octets of the serial number. */
  readonly serial: Uint8Array;
  /** The AlgorithmIdentifier TLV. */
  readonly signatureAlgorithm: Uint8Array;
  /** The `Name` TLV. */
  readonly issuer: Uint8Array;
  /** Milliseconds since the Unix epoch; whole seconds. */
  readonly notBeforeMs: number;
  /** Milliseconds since the Unix epoch; whole seconds. */
  readonly notAfterMs: number;
  /** The `Name` TLV. */
  readonly subject: Uint8Array;
  /** The SubjectPublicKeyInfo TLV. */
  readonly spki: Uint8Array;
  /** Content octets of the OIDs in ExtendedKeyUsage. */
  readonly extendedKeyUsages: readonly Uint8Array[];
  readonly extensions: readonly Extension[];
  /** Offset in `tbs` of the `[3]` that holds the extensions; undefined without it. */
  readonly extensionsOffset: number | undefined;
  /** The signature's octets. */
  readonly signature: Uint8Array;
}

/** The certificate that `der` is. @throws MalformedError `MALFORMED_CERTIFICATE`. */
export function parseCertificate(der: Uint8Array): Certificate {
  try {
    return parse(der);
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    throw new MalformedError("MALFORMED_CERTIFICATE", error.message, { cause: error });
  }
}

function parse(der: Uint8Array): Certificate {
  const outer = new DerReader(der);
  const certificate = outer.descend(TAG.sequence, "certificate");
  outer.end("certificate");
  const tbsTlv = certificate.expect(TAG.sequence, "TBSCertificate");
  const algorithmTlv = certificate.expect(TAG.sequence, "signature algorithm");
  requireAlgorithm(certificate.enter(algorithmTlv));
  const signatureTlv = certificate.expect(TAG.bitString, "signature");
  certificate.end("certificate");
  const signature = decodeBitString(certificate.content(signatureTlv), "signature");

  const fields = certificate.enter(tbsTlv);
  const version = readVersion(fields);
  const serialTlv = fields.expect(TAG.integer, "serial number");
  const innerTlv = fields.expect(TAG.sequence, "inner signature algorithm");
  const issuer = readName(fields, "issuer");
  const behindValidity = fields.open(TAG.sequence, "validity");
  const notBeforeMs = readTime(fields, "notBefore");
  const notAfterMs = readTime(fields, "notAfter");
  fields.leave(behindValidity);
  const subject = readName(fields, "subject");
  const spkiTlv = fields.expect(TAG.sequence, "public key");
  requirePublicKey(decodePublicKeyInfo(fields.enter(spkiTlv)));
  for (const tag of UNIQUE_ID_TAGS) {
    if (!fields.isNext(tag)) continue;
    fields.skip("unique identifier");
    decodeBitString(fields.lastContent(), "unique identifier");
  }
  const known: KnownExtensions = {
    isCa: undefined,
    keyUsage: [],
    extendedKeyUsages: [],
    subjectKeyId: undefined,
    authorityKeyId: undefined,
  };
  const extensionsTlv = fields.optional(contextConstructed(3), "extensions");
  const extensions =
    extensionsTlv === undefined ? [] : readExtensions(fields.enter(extensionsTlv), known);
  fields.end("TBSCertificate");
  const signatureAlgorithm = certificate.raw(algorithmTlv);
  if (!equalBytes(fields.raw(innerTlv), signatureAlgorithm)) {
    throw new MalformedError("MALFORMED_DER", "inner and outer signature algorithm differ");
  }
  return {
    der,
    tbs: certificate.raw(tbsTlv),
    version,
    serial: requireInteger(fields.content(serialTlv), "serial number"),
    signatureAlgorithm,
    issuer,
    notBeforeMs,
    notAfterMs,
    subject,
    spki: fields.raw(spkiTlv),
    extensions,
    extensionsOffset: extensionsTlv === undefined ? undefined : extensionsTlv.start - tbsTlv.start,
    signature: rightAlign(signature),
    ...known,
  };
}

function requireAlgorithm(algorithm: DerReader): void {
  algorithm.skipTag(TAG.oid, "signature algorithm");
  requireLastOid(algorithm, "signature algorithm");
  if (!algorithm.isAtEnd) algorithm.skip("signature algorithm");
}

function readVersion(fields: DerReader): number {
  const tlv = fields.optional(contextConstructed(0), "version");
  if (tlv === undefined) return 1;
  const inner = fields.enter(tlv);
  const version = decodeSmallInteger(
    inner.content(inner.expect(TAG.integer, "version")),
    "version",
  );
  inner.end("version");
  return version + 1;
}

/** The next TLV, which must be a `Name`: a view. */
function readName(fields: DerReader, what: string): Uint8Array {
  const start = fields.offset;
  skipName(fields, what);
  return fields.bytes.subarray(start, fields.offset);
}

/** issuerUniqueID and subjectUniqueID. */
const UNIQUE_ID_TAGS = [contextPrimitive(1), contextPrimitive(2)] as const;

function readExtensions(wrapper: DerReader, known: KnownExtensions): readonly Extension[] {
  wrapper.openSole(TAG.sequence, "extensions");
  const body = new DerReader(wrapper.bytes);
  const extensions: Extension[] = [];
  while (!wrapper.isAtEnd) {
    const extension = new Extension(wrapper);
    decodeKnownExtension(extension, body, known);
    extensions.push(extension);
  }
  return extensions;
}
