/**
 * Odd certificates, each with the outcome that we chose. The names carry the case numbers of
 * the list that CTFE was tried with; "free" marks those where a log may go either way. Run
 * against `admit` and over HTTP, on both endpoints.
 * @module
 */
import { generateKeyPairSync } from "node:crypto";
import { type IssueOptions, poison, SCT_LIST_OID, spkiOf, subjectAltName } from "./certificates.ts";
import {
  bitString,
  boolean,
  constructed,
  name as derName,
  oid as derOid,
  extension,
  generalizedTime,
  integer,
  nothing,
  octetString,
  primitive,
  rawInteger,
  sequence,
  set,
  text,
  tlv,
  tlvWithLength,
  utcTime,
} from "./der-builder.ts";

/** One certificate, issued by any CA. */
export type CertificateCase = readonly [
  title: string,
  options: IssueOptions,
  /** Last change to the whole certificate. */
  edit?: (certificate: Uint8Array) => Uint8Array,
];

function withName(tag: number, value: string | Uint8Array): IssueOptions {
  return { subject: derName(value, tag) };
}

function withBody(oid: string, body: Uint8Array): IssueOptions {
  return { onlyExtensions: [extension(oid, body)] };
}

function withValidity(notBefore: Uint8Array, notAfter: Uint8Array): IssueOptions {
  return { validity: sequence(notBefore, notAfter) };
}

const LATER: Uint8Array = utcTime("260701000000Z");

function spki(algorithm: readonly Uint8Array[], key: Uint8Array, unused = 0): IssueOptions {
  return { spki: sequence(sequence(...algorithm), bitString(key, unused)) };
}

const RSA = derOid("1.2.840.113549.1.1.1");
const EC = derOid("1.2.840.10045.2.1");
const P256 = derOid("1.2.840.10045.3.1.7");
const MODULUS = Buffer.concat([Buffer.of(0), Buffer.alloc(256, 0xa5)]);

function rsaKey(modulus: Uint8Array, exponent: Uint8Array): Buffer {
  return sequence(tlv(0x02, modulus), exponent);
}

function ecSpki(namedCurve: string, form: "named" | "explicit" = "named"): Buffer {
  const { publicKey } = generateKeyPairSync("ec", { namedCurve, paramEncoding: form });
  return publicKey.export({ format: "der", type: "spki" });
}

/** The P-256 point of the shared leaf key: 04 || x || y. */
const POINT: Buffer = spkiOf("p256").subarray(-65);

function pointWith(change: (point: Buffer) => Buffer): IssueOptions {
  return spki([EC, P256], change(Buffer.from(POINT)));
}

/** The P-521 leaf key with p added to x: 66 octets hold more than the field has. */
function p521SpkiPlusP(): Buffer {
  const whole = Buffer.from(spkiOf("p521"));
  const x = whole.subarray(-132, -66);
  const sum = BigInt(`0x${x.toString("hex")}`) + 2n ** 521n - 1n;
  x.write(sum.toString(16).padStart(132, "0"), "hex");
  return whole;
}

/** Bits moved left by one, so that the last octet has one unused bit. */
function shiftLeft(bytes: Uint8Array): Buffer {
  const value = BigInt(`0x${Buffer.from(bytes).toString("hex")}`) * 2n;
  return Buffer.from(value.toString(16).padStart(bytes.length * 2, "0"), "hex");
}

/** What is taken. */
export const TAKEN: readonly CertificateCase[] = [
  ["C4 negative serial", { serial: integer(-5) }],
  ["C4 zero serial", { serial: integer(0) }],
  ["C4 serial of 21 octets", { serial: tlv(0x02, Buffer.alloc(21, 0x7f)) }],
  ["C5 non-minimal INTEGER serial", { serial: rawInteger(0, 1) }],
  ["C6 version field 3", { version: constructed(0, integer(3)) }],
  ["C6 no version field (v1) with extensions", { version: null }],
  ["C7 PrintableString with @ and _", withName(0x13, "a@b_c")],
  ["C7 PrintableString with Latin-1", withName(0x13, Buffer.from("Zürich", "latin1"))],
  ["C7 UniversalString", withName(0x1c, Buffer.from("0000004100000042", "hex"))],
  ["C7 TeletexString with Latin-1", withName(0x14, Buffer.from("Zürich", "latin1"))],
  ["C9 two SubjectAltNames", { extensions: [subjectAltName("two.example")] }],
  [
    "C9 an unknown extension twice",
    {
      extensions: [extension("1.2.3.4", nothing()), extension("1.2.3.4", nothing())],
    },
  ],
  ["C11 ExtendedKeyUsage of no octets", withBody("2.5.29.37", Buffer.alloc(0))],
  ["C11 ExtendedKeyUsage without usages", withBody("2.5.29.37", sequence())],
  [
    "C11 zero-length OID in ExtendedKeyUsage",
    withBody("2.5.29.37", sequence(Buffer.of(0x06, 0x00))),
  ],
  ["C11 malformed SCT list", { extensions: [extension(SCT_LIST_OID, Buffer.from("ffff", "hex"))] }],
  ["C11 empty AuthorityInfoAccess", withBody("1.3.6.1.5.5.7.1.1", sequence())],
  ["C12 dNSName with a space", { dnsNames: ["a b.example"] }],
  ["C12 dNSName with UTF-8", { dnsNames: ["zürich.example"] }],
  ["C12 iPAddress of 5 octets", withBody("2.5.29.17", sequence(primitive(7, Buffer.alloc(5))))],
  [
    "C12 (free: taken) a URI that is none",
    withBody("2.5.29.17", sequence(primitive(6, Buffer.from("http://[bad%")))),
  ],
  ["C13 ML-DSA-44 key", spki([derOid("2.16.840.1.101.3.4.3.17")], Buffer.alloc(1312, 1))],
  ["C13 Ed448 key", spki([derOid("1.3.101.113")], Buffer.alloc(57, 1))],
  ["C13 Ed25519 key of 31 octets", spki([derOid("1.3.101.112")], Buffer.alloc(31, 1))],
  ["C14 P-224 key", { spki: ecSpki("secp224r1") }],
  ["C14 P-384 key", { spki: spkiOf("p384") }],
  ["C14 P-521 key", { spki: spkiOf("p521") }],
  ["C14 P-192 key", { spki: ecSpki("prime192v1") }],
  ["C15 RSA key without NULL", spki([RSA], rsaKey(MODULUS, integer(65537)))],
  [
    "C15 RSA key with a negative modulus",
    spki([RSA, nothing()], rsaKey(MODULUS.subarray(1), integer(65537))),
  ],
  ["C15 RSA exponent 2^63 - 1", spki([RSA, nothing()], rsaKey(MODULUS, integer(2n ** 63n - 1n)))],
  ["C16 notBefore after notAfter", withValidity(utcTime("270101000000Z"), LATER)],
  [
    "C16 GeneralizedTime before 2050",
    withValidity(generalizedTime("20260101000000Z"), generalizedTime("20260701000000Z")),
  ],
  ["C16 UTCTime without seconds", withValidity(utcTime("2601010000Z"), LATER)],
  ["C16 UTCTime with an offset", withValidity(utcTime("260101000000+0130"), LATER)],
  ["C18 explicit critical FALSE", { extensions: [extension("1.2.3.4", nothing(), false)] }],
  ["C18 explicit version v1", { version: constructed(0, integer(0)) }],
  ["C18 explicit cA FALSE", withBody("2.5.29.19", sequence(boolean(false)))],
  [
    "C18 unused bits in the SPKI's BIT STRING",
    spki([RSA, nothing()], shiftLeft(sequence(integer(5), integer(3))), 1),
  ],
  [
    "C18 RDN SET out of order",
    {
      subject: sequence(
        set(
          sequence(derOid("2.5.4.10"), text(0x0c, "Z")),
          sequence(derOid("2.5.4.3"), text(0x0c, "A")),
        ),
      ),
    },
  ],
  [
    "D17 critical unknown extension and critical name constraints",
    {
      extensions: [
        extension("1.2.3.4", nothing(), true),
        extension(
          "2.5.29.30",
          sequence(constructed(0, sequence(primitive(2, Buffer.from("x"))))),
          true,
        ),
      ],
    },
  ],
  [
    "unique identifiers",
    {
      editTbs: (fields) => [
        ...fields.slice(0, 7),
        primitive(1, Buffer.of(0, 1)),
        primitive(2, Buffer.of(0, 1)),
        ...fields.slice(7),
      ],
    },
  ],
  ["a high tag number inside a name", { subject: sequence(set(highTagAttribute())) }],
  ["an empty subject", { subject: sequence() }],
];

function highTagAttribute(): Buffer {
  return sequence(derOid("2.5.4.3"), Buffer.from("9f818001026869", "hex"));
}

const DEFECT = Buffer.from("0401", "hex");
const MUST_DECODE: readonly (readonly [string, string])[] = [
  ["KeyUsage", "2.5.29.15"],
  ["SubjectAltName", "2.5.29.17"],
  ["AuthorityKeyIdentifier", "2.5.29.35"],
  ["SubjectKeyIdentifier", "2.5.29.14"],
  ["CertificatePolicies", "2.5.29.32"],
  ["AuthorityInfoAccess", "1.3.6.1.5.5.7.1.1"],
  ["CRLDistributionPoints", "2.5.29.31"],
  ["NameConstraints", "2.5.29.30"],
  ["ExtendedKeyUsage", "2.5.29.37"],
  ["BasicConstraints", "2.5.29.19"],
];

/** What is refused: `MALFORMED_CERTIFICATE`. */
export const REFUSED: readonly CertificateCase[] = [
  ["C2 a byte behind the certificate", {}, (bytes) => Buffer.concat([bytes, Buffer.of(0)])],
  ["C2 a TLV behind the certificate", {}, (bytes) => Buffer.concat([bytes, nothing()])],
  ["C2 a TLV behind the TBSCertificate's fields", { editTbs: (fields) => [...fields, nothing()] }],
  [
    "C3 inner and outer signature algorithm differ",
    { outerAlgorithm: sequence(derOid("1.2.840.10045.4.3.3")) },
  ],
  [
    "C3 inner and outer parameters differ",
    { innerAlgorithm: sequence(derOid("1.2.840.10045.4.3.2"), nothing()) },
  ],
  ["C4 a serial without octets", { serial: rawInteger() }],
  ["C8 (free: refused) invalid UTF8String", withName(0x0c, Buffer.of(0x41, 0xff))],
  ["C8 (free: refused) overlong UTF8String", withName(0x0c, Buffer.of(0xc0, 0x80))],
  ["C8 (free: refused) IA5String above 0x7f", withName(0x16, Buffer.of(0x80))],
  ["C8 (free: refused) odd BMPString", withName(0x1e, Buffer.of(0, 0x41, 0))],
  ...MUST_DECODE.map(([name, oid]): CertificateCase => [`C10 cut ${name}`, withBody(oid, DEFECT)]),
  ...MUST_DECODE.map(
    ([name, oid]): CertificateCase => [`C10 NULL as ${name}`, withBody(oid, nothing())],
  ),
  ["C10 KeyUsage with a padding bit set", withBody("2.5.29.15", Buffer.from("030201ff", "hex"))],
  [
    "C10 trailing data inside BasicConstraints",
    withBody("2.5.29.19", Buffer.from("30000500", "hex")),
  ],
  [
    "C10 trailing data inside SubjectAltName",
    withBody("2.5.29.17", Buffer.concat([sequence(primitive(2, Buffer.from("a"))), nothing()])),
  ],
  [
    "C10 trailing data inside ExtendedKeyUsage",
    withBody("2.5.29.37", Buffer.from("30000500", "hex")),
  ],
  ["C10 empty NameConstraints", withBody("2.5.29.30", sequence())],
  [
    "C10 a cut name inside SubjectAltName",
    withBody("2.5.29.17", sequence(Buffer.from("820541", "hex"))),
  ],
  ["C14 secp256k1 key", { spki: ecSpki("secp256k1") }],
  ["C14 explicit parameters", { spki: ecSpki("P-256", "explicit") }],
  [
    "C14 compressed point",
    pointWith((point) => Buffer.concat([Buffer.of(2 + (point[64]! % 2)), point.subarray(1, 33)])),
  ],
  [
    "C14 point off its curve",
    pointWith((point) => {
      point[64]! ^= 1;
      return point;
    }),
  ],
  [
    "C14 coordinate beyond the field",
    pointWith((point) => Buffer.concat([point.subarray(0, 33), Buffer.alloc(32, 0xff)])),
  ],
  ["C14 coordinate that is the right one only modulo the field", { spki: p521SpkiPlusP() }],
  ["C14 no parameters", spki([EC], POINT)],
  ["C15 RSA exponent above 2^63", spki([RSA, nothing()], rsaKey(MODULUS, integer(2n ** 63n + 1n)))],
  ["C15 RSA exponent 0", spki([RSA, nothing()], rsaKey(MODULUS, integer(0)))],
  [
    "C15 bytes behind an RSA key",
    spki([RSA, nothing()], Buffer.concat([rsaKey(MODULUS, integer(3)), nothing()])),
  ],
  ["C15 an RSA key that is none", spki([RSA, nothing()], Buffer.of(1, 2, 3))],
  ["C16 31 February", withValidity(utcTime("260231000000Z"), LATER)],
  ["C16 hour 24", withValidity(utcTime("260101240000Z"), LATER)],
  ["C16 a leap second", withValidity(utcTime("260101235960Z"), LATER)],
  ["C16 UTCTime without zone", withValidity(utcTime("260101000000"), LATER)],
  ["C16 offset of zero", withValidity(utcTime("260101000000+0000"), LATER)],
  ["C16 a year of 5 digits", withValidity(generalizedTime("120260101000000Z"), LATER)],
  ["C16 GeneralizedTime without seconds", withValidity(generalizedTime("202601010000Z"), LATER)],
  ["C17 fractional seconds", withValidity(generalizedTime("20260101000000.5Z"), LATER)],
  [
    "C17 BOOLEAN 0x01",
    {
      extensions: [sequence(derOid("1.2.3.4"), tlv(0x01, Buffer.of(1)), octetString(nothing()))],
    },
  ],
  [
    "C17 non-minimal length in a field",
    { serial: tlvWithLength(0x02, Buffer.of(0x81, 1), Buffer.of(5)) },
  ],
  [
    "C17 non-minimal length of the certificate",
    {},
    (bytes) => {
      const body = Buffer.from(bytes).subarray(4);
      return tlvWithLength(0x30, Buffer.concat([Buffer.of(0x83, 0), bytes.subarray(2, 4)]), body);
    },
  ],
  [
    "C17 indefinite length of the certificate",
    {},
    (bytes) =>
      tlvWithLength(0x30, Buffer.of(0x80), Buffer.concat([bytes.subarray(4), Buffer.alloc(2)])),
  ],
  [
    "C18 (free: refused, for a log's TBS must have one reading) wrong length of an explicit tag",
    { version: constructed(0, integer(2), nothing()) },
  ],
  [
    "C18 (free: refused) bytes behind the list of extensions",
    {
      editTbs: (fields) => [
        ...fields.slice(0, -1),
        constructed(3, sequence(subjectAltName("a.example"), poison()), nothing()),
      ],
    },
  ],
  ["an extension list that is none", { editTbs: (f) => [...f.slice(0, -1), constructed(3)] }],
  ["fields that are missing", { editTbs: (fields) => fields.slice(0, 5) }],
];
