/**
 * A certificate in words, for people: command line and pages. It reads with the log's own
 * walker and not with a library, so that whatever the log takes can also be shown.
 * @module
 */
import { MalformedError } from "../base/errors.ts";
import { equalBytes } from "../encoding/bytes.ts";
import { formatHex } from "../encoding/hex.ts";
import { decodeUtf8 } from "../encoding/utf8.ts";
import { type Certificate, parseCertificate } from "./certificate.ts";
import { contextPrimitive, DerReader, TAG } from "./der.ts";
import { formatName } from "./name.ts";
import { formatOid, parseOid } from "./oid.ts";
import { isPrecertificateSigningCertificate, poisonOf, sctListOf } from "./precert.ts";
import { decodePublicKeyInfo } from "./public-key.ts";

/** One extension, for people. */
export interface ExtensionDescription {
  /** Dotted. */
  readonly oid: string;
  /** Its usual name, else the OID. */
  readonly name: string;
  readonly critical: boolean;
  /** Octets of its body. */
  readonly bodyBytes: number;
}

/** What people want to know of a certificate. */
export interface CertificateDescription {
  /** 3 for v3. */
  readonly version: number;
  /** Lowercase hex of the INTEGER's octets. */
  readonly serial: string;
  /** Like RFC 4514. */
  readonly subject: string;
  /** Like RFC 4514. */
  readonly issuer: string;
  /** Milliseconds since the Unix epoch. */
  readonly notBeforeMs: number;
  /** Milliseconds since the Unix epoch. */
  readonly notAfterMs: number;
  /** Names of the SubjectAltName: DNS names plain, others as `IP:...`, `email:...`, `URI:...`. */
  readonly names: readonly string[];
  /** Like `RSA 2048`, `ECDSA P-256`, `Ed25519`, or an OID. */
  readonly key: string;
  /** Like `ecdsaWithSHA256`, or an OID. */
  readonly signatureAlgorithm: string;
  readonly isCa: boolean;
  /** Whether there is a poison extension, valid or not. */
  readonly isPrecertificate: boolean;
  readonly isPrecertificateSigningCertificate: boolean;
  /** Octets of embedded SCTs; undefined if there are none that can be read. */
  readonly sctListBytes: number | undefined;
  readonly extensions: readonly ExtensionDescription[];
}

/** Describes a certificate. @throws MalformedError `MALFORMED_CERTIFICATE` if the log would not parse it. */
export function describeCertificate(der: Uint8Array): CertificateDescription {
  const certificate = parseCertificate(der);
  return {
    version: certificate.version,
    serial: formatHex(certificate.serial),
    subject: formatName(certificate.subject),
    issuer: formatName(certificate.issuer),
    notBeforeMs: certificate.notBeforeMs,
    notAfterMs: certificate.notAfterMs,
    names: namesOf(certificate),
    key: describeKey(certificate.spki),
    signatureAlgorithm: describeAlgorithm(certificate.signatureAlgorithm),
    isCa: certificate.isCa === true,
    isPrecertificate: poisonOf(certificate).count > 0,
    isPrecertificateSigningCertificate: isPrecertificateSigningCertificate(certificate),
    sctListBytes: quietly(() => sctListOf(certificate)?.length),
    extensions: certificate.extensions.map(({ oid, critical, value }) => {
      const dotted = formatOid(oid);
      const name = EXTENSIONS.get(dotted) ?? dotted;
      return { oid: dotted, name, critical, bodyBytes: value.length };
    }),
  };
}

/** The names of the SubjectAltNames of a certificate, as in {@link CertificateDescription}. */
export function namesOf(certificate: Certificate): readonly string[] {
  const names: string[] = [];
  for (const { oid, value } of certificate.extensions) {
    if (!equalBytes(oid, SUBJECT_ALT_NAME_OID)) continue;
    const list = new DerReader(value).descend(TAG.sequence, "SubjectAltName");
    while (!list.isAtEnd) {
      const name = list.next("SubjectAltName");
      names.push(describeGeneralName(name.tag, list.content(name)));
    }
  }
  return names;
}

const SUBJECT_ALT_NAME_OID: Uint8Array = parseOid("2.5.29.17");

const EXTENSIONS: ReadonlyMap<string, string> = new Map([
  ["1.3.6.1.4.1.11129.2.4.2", "signedCertificateTimestampList"],
  ["1.3.6.1.4.1.11129.2.4.3", "precertificatePoison"],
  ["1.3.6.1.5.5.7.1.1", "authorityInfoAccess"],
  ["1.3.6.1.5.5.7.1.3", "qcStatements"],
  ["1.3.6.1.5.5.7.1.11", "subjectInfoAccess"],
  ["1.3.6.1.5.5.7.1.24", "tlsFeature"],
  ["2.5.29.14", "subjectKeyIdentifier"],
  ["2.5.29.15", "keyUsage"],
  ["2.5.29.17", "subjectAltName"],
  ["2.5.29.18", "issuerAltName"],
  ["2.5.29.19", "basicConstraints"],
  ["2.5.29.30", "nameConstraints"],
  ["2.5.29.31", "cRLDistributionPoints"],
  ["2.5.29.32", "certificatePolicies"],
  ["2.5.29.33", "policyMappings"],
  ["2.5.29.35", "authorityKeyIdentifier"],
  ["2.5.29.36", "policyConstraints"],
  ["2.5.29.37", "extendedKeyUsage"],
  ["2.5.29.46", "freshestCRL"],
  ["2.5.29.54", "inhibitAnyPolicy"],
]);

const ALGORITHMS: ReadonlyMap<string, string> = new Map([
  ["1.2.840.113549.1.1.2", "md2WithRSA"],
  ["1.2.840.113549.1.1.4", "md5WithRSA"],
  ["1.2.840.113549.1.1.5", "sha1WithRSA"],
  ["1.2.840.113549.1.1.10", "RSASSA-PSS"],
  ["1.2.840.113549.1.1.11", "sha256WithRSA"],
  ["1.2.840.113549.1.1.12", "sha384WithRSA"],
  ["1.2.840.113549.1.1.13", "sha512WithRSA"],
  ["1.2.840.113549.1.1.14", "sha224WithRSA"],
  ["1.2.840.10040.4.3", "dsaWithSHA1"],
  ["1.2.840.10045.4.1", "ecdsaWithSHA1"],
  ["1.2.840.10045.4.3.1", "ecdsaWithSHA224"],
  ["1.2.840.10045.4.3.2", "ecdsaWithSHA256"],
  ["1.2.840.10045.4.3.3", "ecdsaWithSHA384"],
  ["1.2.840.10045.4.3.4", "ecdsaWithSHA512"],
  ["1.3.101.112", "Ed25519"],
  ["1.3.101.113", "Ed448"],
  ["2.16.840.1.101.3.4.3.2", "dsaWithSHA256"],
]);

const CURVES: ReadonlyMap<string, string> = new Map([
  ["1.2.840.10045.3.1.1", "P-192"],
  ["1.2.840.10045.3.1.7", "P-256"],
  ["1.3.132.0.33", "P-224"],
  ["1.3.132.0.34", "P-384"],
  ["1.3.132.0.35", "P-521"],
]);

function describeAlgorithm(identifier: Uint8Array): string {
  const fields = new DerReader(identifier).descend(TAG.sequence, "algorithm");
  const oid = formatOid(fields.content(fields.expect(TAG.oid, "algorithm")));
  return ALGORITHMS.get(oid) ?? oid;
}

function describeKey(spki: Uint8Array): string {
  const info = decodePublicKeyInfo(new DerReader(spki).descend(TAG.sequence, "public key"));
  const oid = formatOid(info.algorithm);
  switch (oid) {
    case "1.2.840.113549.1.1.1": {
      const fields = new DerReader(info.key).descend(TAG.sequence, "public key");
      return `RSA ${integerBits(fields.content(fields.expect(TAG.integer, "modulus")))}`;
    }
    case "1.2.840.10045.2.1": {
      const parameters = new DerReader(info.parameters ?? new Uint8Array(0));
      const curve = formatOid(parameters.content(parameters.expect(TAG.oid, "curve")));
      return `ECDSA ${CURVES.get(curve) ?? curve}`;
    }
    case "1.2.840.10040.4.1":
      return "DSA";
    default:
      return ALGORITHMS.get(oid) ?? oid;
  }
}

/** Bits of an INTEGER without leading zeros. */
function integerBits(content: Uint8Array): number {
  const first = content.findIndex((octet) => octet !== 0);
  return first < 0 ? 0 : (content.length - first) * 8 - (Math.clz32(content[first] ?? 0) - 24);
}

/** A `GeneralName` in a line, by its tag: RFC 5280, section 4.2.1.6. */
export function describeGeneralName(tag: number, content: Uint8Array): string {
  switch (tag) {
    case contextPrimitive(1):
      return `email:${textOf(content)}`;
    case contextPrimitive(2):
      return textOf(content);
    case contextPrimitive(6):
      return `URI:${textOf(content)}`;
    case contextPrimitive(7):
      return `IP:${formatAddress(content)}`;
    default:
      return `other:${formatHex(content.subarray(0, 64))}`;
  }
}

function formatAddress(content: Uint8Array): string {
  if (content.length === 4) return content.join(".");
  const hex = formatHex(content.subarray(0, 64));
  return content.length === 16 ? (hex.match(/.{4}/g) ?? []).join(":") : hex;
}

/** Text of an IA5String, which in practice may be UTF-8 or anything. */
function textOf(content: Uint8Array): string {
  return quietly(() => decodeUtf8(content)) ?? `#${formatHex(content.subarray(0, 64))}`;
}

/** `act()`, or undefined where its bytes are malformed. */
function quietly<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    if (error instanceof MalformedError) return undefined;
    throw error;
  }
}
