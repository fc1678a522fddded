/**
 * A certificate authority for tests, on node:crypto keys and der-builder.ts.
 *
 * ```ts
 * const root = makeCa();                                    // self-signed, P-256
 * const intermediate = root.intermediate();                 // another CA below it
 * const leaf = intermediate.issue({ notAfter: new Date("2027-01-01T00:00:00Z") });
 * const precert = intermediate.issue({ precert: true });
 * submit([leaf, intermediate.der]);                         // root.der may follow
 * submit(chainOf(leaf, intermediate));                      // [leaf, intermediate, root]
 * ```
 *
 * Keys are made once a process and type (`makeCa` takes a fresh one each time; leaves share
 * one), serial numbers count up. Every field can be replaced by any bytes.
 * @module
 */
import {
  constants,
  createHash,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from "node:crypto";
import {
  bitString,
  boolean,
  constructed,
  extension,
  integer,
  name,
  nothing,
  octetString,
  oid,
  primitive,
  sequence,
  time,
} from "./der-builder.ts";

/** Kinds of key that a TestCa can have. */
export type KeyType =
  | "p256"
  | "p384"
  | "p521"
  | "rsa512"
  | "rsa1024"
  | "rsa2048"
  | "ed25519"
  | "dsa";

/** How a TestCa signs; the default goes with its key. */
export type SignatureName =
  | "ecdsaSha1"
  | "ecdsaSha256"
  | "ecdsaSha384"
  | "ecdsaSha512"
  | "rsaMd5"
  | "rsaSha1"
  | "rsaSha256"
  | "rsaSha384"
  | "rsaSha512"
  | "pssSha256"
  | "pssSha384"
  | "ed25519"
  | "dsaSha1"
  | "dsaSha256";

/** What {@link TestCa.issue} can be told; all of it optional. */
export interface IssueOptions {
  /** Common name of the subject, or a whole `Name` TLV. Default: `test <serial>`. */
  readonly subject?: string | Uint8Array;
  /** A whole `Name` TLV for the issuer instead of this CA's subject. */
  readonly issuer?: Uint8Array;
  /** A number, or a whole INTEGER TLV. Default: counts up. */
  readonly serial?: number | bigint | Uint8Array;
  /** Default 2026-01-01T00:00:00Z. */
  readonly notBefore?: Date;
  /** Default 2026-07-01T00:00:00Z. */
  readonly notAfter?: Date;
  /** A whole `Validity` TLV instead of both dates. */
  readonly validity?: Uint8Array;
  /** Adds the critical poison extension at the end. */
  readonly precert?: boolean;
  /** Adds BasicConstraints cA TRUE and KeyUsage keyCertSign. Default false. */
  readonly ca?: boolean;
  /** Default: `["1.3.6.1.5.5.7.3.1"]` (serverAuth) for leaves, none for CAs. */
  readonly extendedKeyUsages?: readonly string[];
  /** dNSNames of the SAN. Default: one for leaves, none for CAs. */
  readonly dnsNames?: readonly string[];
  /** `Extension` TLVs added before the poison. */
  readonly extensions?: readonly Uint8Array[];
  /** The whole list of `Extension` TLVs instead of the usual ones; `precert` still adds poison. */
  readonly onlyExtensions?: readonly Uint8Array[];
  /** A whole SubjectPublicKeyInfo TLV. Default: the leaves' shared P-256 key. */
  readonly spki?: Uint8Array;
  /** The whole `[0]` version TLV, or `null` to leave it out (v1). Default: v3. */
  readonly version?: Uint8Array | null;
  /** Default: what goes with the CA's key. */
  readonly signature?: SignatureName;
  /** AlgorithmIdentifier TLVs instead of the right ones. */
  readonly innerAlgorithm?: Uint8Array;
  readonly outerAlgorithm?: Uint8Array;
  /** Last change to the fields of the TBSCertificate, before it is signed. */
  readonly editTbs?: (fields: Buffer[]) => readonly Uint8Array[];
  /** Last change to the raw signature. */
  readonly editSignature?: (signature: Buffer) => Uint8Array;
}

/** What {@link makeCa} and {@link TestCa.intermediate} can be told. */
export interface CaOptions extends IssueOptions {
  readonly keyType?: KeyType;
  /** Share another CA's key (cross-signing, twins). */
  readonly keyOf?: TestCa;
  /** How this CA signs what it issues, and itself when it is a root. */
  readonly signsWith?: SignatureName;
}

/** OID of the poison extension: RFC 6962, section 3.1. */
export const POISON_OID = "1.3.6.1.4.1.11129.2.4.3";
/** OID of the extended key usage of precertificate signing certificates. */
export const CT_EKU_OID = "1.3.6.1.4.1.11129.2.4.4";
/** OID of the extension that carries embedded SCTs. */
export const SCT_LIST_OID = "1.3.6.1.4.1.11129.2.4.2";

const SHA256_RSA_PSS = pssAlgorithm("2.16.840.1.101.3.4.2.1", 32);

/** A signature algorithm: its AlgorithmIdentifier and how node:crypto makes it. */
export interface SignatureKind {
  readonly algorithm: Uint8Array;
  readonly hash: string | null;
  readonly padding?: number;
  readonly saltLength?: number;
}

const SIGNATURES: Readonly<Record<SignatureName, SignatureKind>> = {
  ecdsaSha1: { algorithm: sequence(oid("1.2.840.10045.4.1")), hash: "sha1" },
  ecdsaSha256: { algorithm: sequence(oid("1.2.840.10045.4.3.2")), hash: "sha256" },
  ecdsaSha384: { algorithm: sequence(oid("1.2.840.10045.4.3.3")), hash: "sha384" },
  ecdsaSha512: { algorithm: sequence(oid("1.2.840.10045.4.3.4")), hash: "sha512" },
  rsaMd5: { algorithm: rsaAlgorithm(4), hash: "md5" },
  rsaSha1: { algorithm: rsaAlgorithm(5), hash: "sha1" },
  rsaSha256: { algorithm: rsaAlgorithm(11), hash: "sha256" },
  rsaSha384: { algorithm: rsaAlgorithm(12), hash: "sha384" },
  rsaSha512: { algorithm: rsaAlgorithm(13), hash: "sha512" },
  pssSha256: {
    algorithm: SHA256_RSA_PSS,
    hash: "sha256",
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: 32,
  },
  pssSha384: {
    algorithm: pssAlgorithm("2.16.840.1.101.3.4.2.2", 48),
    hash: "sha384",
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: 48,
  },
  ed25519: { algorithm: sequence(oid("1.3.101.112")), hash: null },
  dsaSha1: { algorithm: sequence(oid("1.2.840.10040.4.3")), hash: "sha1" },
  dsaSha256: { algorithm: sequence(oid("2.16.840.1.101.3.4.3.2")), hash: "sha256" },
};

const DEFAULT_SIGNATURE: Readonly<Record<KeyType, SignatureName>> = {
  p256: "ecdsaSha256",
  p384: "ecdsaSha384",
  p521: "ecdsaSha512",
  rsa512: "rsaSha256",
  rsa1024: "rsaSha256",
  rsa2048: "rsaSha256",
  ed25519: "ed25519",
  dsa: "dsaSha256",
};

/** A fresh self-signed root. */
export function makeCa(options: CaOptions = {}): TestCa {
  return new TestCa(undefined, options);
}

/** A certificate and all its issuers up to and including the root. */
export function chainOf(leaf: Uint8Array, issuer: TestCa): Uint8Array[] {
  const chain = [leaf];
  for (let ca: TestCa | undefined = issuer; ca !== undefined; ca = ca.parent) chain.push(ca.der);
  return chain;
}

/** The critical poison extension. */
export function poison(): Buffer {
  return extension(POISON_OID, nothing(), true);
}

/** DER SubjectPublicKeyInfo of a key made once in this process; `index` tells them apart. */
export function spkiOf(keyType: KeyType, index = 0): Buffer {
  return publicDer(keyAt(keyType, index));
}

/** An authority whose certificate is `der`. */
export class TestCa {
  readonly parent: TestCa | undefined;
  /** This CA's certificate. */
  readonly der: Uint8Array;
  /** Its subject: a `Name` TLV. */
  readonly subject: Uint8Array;
  /** Its SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  readonly keyType: KeyType;
  readonly #key: KeyObject;
  readonly #signsWith: SignatureName;

  constructor(parent: TestCa | undefined, options: CaOptions) {
    this.parent = parent;
    this.keyType = options.keyOf?.keyType ?? options.keyType ?? "p256";
    this.#key = options.keyOf === undefined ? freshKey(this.keyType) : options.keyOf.#key;
    this.#signsWith = options.signsWith ?? DEFAULT_SIGNATURE[this.keyType];
    this.spki = options.spki ?? publicDer(this.#key);
    this.subject = nameOf(options.subject ?? `test ${parent ? "CA" : "root"} ${nextSerial()}`);
    this.der = (parent ?? this).issue({
      ca: true,
      notAfter: new Date("2040-01-01T00:00:00Z"),
      ...options,
      subject: this.subject,
      spki: this.spki,
    });
  }

  /** Another CA, issued by this one. */
  intermediate(options: CaOptions = {}): TestCa {
    return new TestCa(this, options);
  }

  /** A precertificate signing certificate, issued by this CA: RFC 6962, section 3.1. */
  precertificateSigner(options: CaOptions = {}): TestCa {
    return new TestCa(this, { extendedKeyUsages: [CT_EKU_OID], ...options });
  }

  /** A certificate, DER. */
  issue(options: IssueOptions = {}): Uint8Array {
    return this.wrap(this.tbs(options), options);
  }

  /**
   * The TBSCertificate that {@link issue} signs. The TBS that a log records for a
   * precertificate is `tbs({ ...options, serial, precert: false })` with the same serial.
   */
  tbs(options: IssueOptions = {}): Buffer {
    const serial = options.serial ?? nextSerial();
    const list = [...(options.onlyExtensions ?? this.#usualExtensions(options))];
    if (options.precert) list.push(poison());
    const version = options.version === undefined ? constructed(0, integer(2)) : options.version;
    const fields = [
      ...(version === null ? [] : [version]),
      serial instanceof Uint8Array ? serial : integer(serial),
      options.innerAlgorithm ?? this.#signature(options).algorithm,
      options.issuer ?? this.subject,
      options.validity ?? validityOf(options),
      nameOf(options.subject ?? `test ${String(serial)}`),
      options.spki ?? spkiOf("p256"),
      ...(list.length === 0 ? [] : [constructed(3, sequence(...list))]),
    ].map((field) => Buffer.from(field));
    return sequence(...(options.editTbs?.(fields) ?? fields));
  }

  /** Signs `tbs` and makes a Certificate of it. */
  wrap(tbs: Uint8Array, options: IssueOptions = {}): Uint8Array {
    const kind = this.#signature(options);
    const signature = this.sign(tbs, kind);
    const edited = options.editSignature?.(signature) ?? signature;
    const algorithm = options.outerAlgorithm ?? kind.algorithm;
    return Uint8Array.from(sequence(tbs, algorithm, bitString(edited)));
  }

  /** The raw signature of `data`. */
  sign(data: Uint8Array, kind: SignatureKind = SIGNATURES[this.#signsWith]): Buffer {
    const { padding, saltLength } = kind;
    return sign(kind.hash, data, {
      key: this.#key,
      ...(padding === undefined ? {} : { padding }),
      ...(saltLength === undefined ? {} : { saltLength }),
    });
  }

  #signature(options: IssueOptions): SignatureKind {
    return SIGNATURES[options.signature ?? this.#signsWith];
  }

  #usualExtensions(options: IssueOptions): Uint8Array[] {
    const ca = options.ca === true;
    const usages = options.extendedKeyUsages ?? (ca ? [] : ["1.3.6.1.5.5.7.3.1"]);
    const dnsNames = options.dnsNames ?? (ca ? [] : ["www.example.com"]);
    const list = [
      subjectKeyId(options.spki ?? spkiOf("p256")),
      extension("2.5.29.35", sequence(primitive(0, keyIdOf(this.spki)))),
      extension("2.5.29.19", ca ? sequence(boolean(true)) : sequence(), true),
      extension("2.5.29.15", keyUsage(ca ? 0x06 : 0x80), true),
    ];
    if (usages.length > 0) list.push(extendedKeyUsage(...usages));
    if (dnsNames.length > 0) list.push(subjectAltName(...dnsNames));
    return [...list, ...(options.extensions ?? [])];
  }
}

/** KeyUsage body of one octet: 0x80 digitalSignature, 0x04 keyCertSign, 0x02 cRLSign. */
export function keyUsage(bits: number): Buffer {
  let unused = 0;
  while (unused < 7 && bits % 2 ** (unused + 1) === 0) unused += 1;
  return bitString(Buffer.of(bits), unused);
}

/** ExtendedKeyUsage extension of these OIDs. */
export function extendedKeyUsage(...ids: readonly string[]): Buffer {
  return extension("2.5.29.37", sequence(...ids.map(oid)));
}

/** SubjectAltName extension of these dNSNames. */
export function subjectAltName(...dnsNames: readonly string[]): Buffer {
  return extension("2.5.29.17", sequence(...dnsNames.map((dns) => primitive(2, Buffer.from(dns)))));
}

/** SubjectKeyIdentifier extension for a key. */
export function subjectKeyId(spki: Uint8Array): Buffer {
  return extension("2.5.29.14", octetString(keyIdOf(spki)));
}

/** Key identifier as TestCa writes it: SHA-1 of the SPKI. */
export function keyIdOf(spki: Uint8Array): Buffer {
  return createHash("sha1").update(spki).digest();
}

function nameOf(subject: string | Uint8Array): Uint8Array {
  return typeof subject === "string" ? name(subject) : subject;
}

function validityOf(options: IssueOptions): Buffer {
  const notBefore = options.notBefore ?? new Date("2026-01-01T00:00:00Z");
  return sequence(time(notBefore), time(options.notAfter ?? new Date("2026-07-01T00:00:00Z")));
}

function rsaAlgorithm(last: number): Buffer {
  return sequence(oid(`1.2.840.113549.1.1.${last}`), nothing());
}

/** RSASSA-PSS AlgorithmIdentifier with one hash for both uses. */
export function pssAlgorithm(
  hashOid: string,
  saltLength: number,
  mgfHashOid: string = hashOid,
  trailer?: number,
): Buffer {
  const hash = (id: string): Buffer => sequence(oid(id), nothing());
  return sequence(
    oid("1.2.840.113549.1.1.10"),
    sequence(
      constructed(0, hash(hashOid)),
      constructed(1, sequence(oid("1.2.840.113549.1.1.8"), hash(mgfHashOid))),
      constructed(2, integer(saltLength)),
      ...(trailer === undefined ? [] : [constructed(3, integer(trailer))]),
    ),
  );
}

let serials = 1000;
function nextSerial(): number {
  serials += 1;
  return serials;
}

const keys = new Map<string, KeyObject>();
const taken = new Map<KeyType, number>();

/** Key 0 of each type is for leaves; each CA takes the next. */
function freshKey(keyType: KeyType): KeyObject {
  const index = (taken.get(keyType) ?? 0) + 1;
  taken.set(keyType, index);
  return keyAt(keyType, index);
}

function keyAt(keyType: KeyType, index: number): KeyObject {
  const id = `${keyType}/${index}`;
  const known = keys.get(id);
  if (known !== undefined) return known;
  const fresh = generate(keyType);
  keys.set(id, fresh);
  return fresh;
}

function generate(keyType: KeyType): KeyObject {
  switch (keyType) {
    case "p256":
      return generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
    case "p384":
      return generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey;
    case "p521":
      return generateKeyPairSync("ec", { namedCurve: "P-521" }).privateKey;
    case "rsa512":
    case "rsa1024":
    case "rsa2048":
      return generateKeyPairSync("rsa", { modulusLength: Number(keyType.slice(3)) }).privateKey;
    case "ed25519":
      return generateKeyPairSync("ed25519").privateKey;
    case "dsa":
      return generateKeyPairSync("dsa", { modulusLength: 1024, divisorLength: 160 }).privateKey;
  }
}

function publicDer(key: KeyObject): Buffer {
  return createPublicKey(key).export({ format: "der", type: "spki" });
}
