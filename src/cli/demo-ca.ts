/**
 * The demo's certificate authority: a root and an intermediate that exist for one run, made
 * with @peculiar/x509. Not a way to run a CA.
 * @module
 */
import "reflect-metadata";
import type { webcrypto } from "node:crypto";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { concatBytes } from "../encoding/bytes.ts";
import { formatHex } from "../encoding/hex.ts";
import { encodeSctList, type Sct } from "../rfc6962/sct.ts";
import { derHeader, TAG } from "../x509/der.ts";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const POISON_OID = "1.3.6.1.4.1.11129.2.4.3";
const SCT_LIST_OID = "1.3.6.1.4.1.11129.2.4.2";
const DAY_MS = 86_400_000;

/** A precertificate, and the certificate that it announces. */
export interface DemoOrder {
  /** DER, with the poison. */
  readonly precertificate: Uint8Array;
  /** The certificate with these SCTs embedded, at least one, DER: otherwise the same. */
  issue(scts: readonly Sct[]): Promise<Uint8Array>;
}

/** A root and an intermediate with fresh keys. */
export interface DemoCa {
  /** DER. */
  readonly root: Uint8Array;
  /** DER. */
  readonly intermediate: Uint8Array;
  /** Takes an order for a certificate of this DNS name, valid from now for 90 days. */
  order(dnsName: string): Promise<DemoOrder>;
}

/** Makes the CA. @param nowMs Milliseconds since the Unix epoch. */
export async function makeDemoCa(nowMs: number): Promise<DemoCa> {
  const rootKeys = await generateKeys();
  const keys = await generateKeys();
  const rootName = "CN=Demo Root, O=Stratus demo";
  const name = "CN=Demo Intermediate, O=Stratus demo";
  const validity = { notBefore: dayBefore(nowMs), notAfter: new Date(nowMs + 3_650 * DAY_MS) };
  const root = await X509CertificateGenerator.create({
    ...validity,
    serialNumber: makeSerial(),
    subject: rootName,
    issuer: rootName,
    publicKey: rootKeys.publicKey,
    signingKey: rootKeys.privateKey,
    signingAlgorithm: ALGORITHM,
    extensions: await caExtensions(rootKeys.publicKey, rootKeys.publicKey),
  });
  const intermediate = await X509CertificateGenerator.create({
    ...validity,
    serialNumber: makeSerial(),
    subject: name,
    issuer: rootName,
    publicKey: keys.publicKey,
    signingKey: rootKeys.privateKey,
    signingAlgorithm: ALGORITHM,
    extensions: await caExtensions(keys.publicKey, rootKeys.publicKey),
  });
  return {
    root: new Uint8Array(root.rawData),
    intermediate: new Uint8Array(intermediate.rawData),
    order: (dnsName) => takeOrder(dnsName, name, keys, nowMs),
  };
}

async function takeOrder(
  dnsName: string,
  issuer: string,
  issuerKeys: webcrypto.CryptoKeyPair,
  nowMs: number,
): Promise<DemoOrder> {
  const { publicKey } = await generateKeys();
  const serialNumber = makeSerial();
  const common = [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
    new SubjectAlternativeNameExtension([{ type: "dns", value: dnsName }]),
    await SubjectKeyIdentifierExtension.create(publicKey),
    await AuthorityKeyIdentifierExtension.create(issuerKeys.publicKey),
  ];
  const sign = async (last: Extension): Promise<Uint8Array> => {
    const certificate = await X509CertificateGenerator.create({
      serialNumber,
      subject: `CN=${dnsName}`,
      issuer,
      notBefore: dayBefore(nowMs),
      notAfter: new Date(nowMs + 90 * DAY_MS),
      publicKey,
      signingKey: issuerKeys.privateKey,
      signingAlgorithm: ALGORITHM,
      extensions: [...common, last],
    });
    return new Uint8Array(certificate.rawData);
  };
  return {
    precertificate: await sign(new Extension(POISON_OID, true, Uint8Array.of(TAG.null, 0))),
    issue: async (scts) => await sign(new Extension(SCT_LIST_OID, false, sctListBody(scts))),
  };
}

/** The SCT list in its OCTET STRING: RFC 6962, section 3.3. */
function sctListBody(scts: readonly Sct[]): Uint8Array<ArrayBuffer> {
  const list = encodeSctList(scts);
  return Uint8Array.from(concatBytes(derHeader(TAG.octetString, list.length), list));
}

async function caExtensions(
  own: webcrypto.CryptoKey,
  issuer: webcrypto.CryptoKey,
): Promise<Extension[]> {
  return [
    new BasicConstraintsExtension(true, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.keyCertSign + KeyUsageFlags.cRLSign, true),
    await SubjectKeyIdentifierExtension.create(own),
    await AuthorityKeyIdentifierExtension.create(issuer),
  ];
}

async function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
}

/** 16 random octets below a leading 01: positive and never zero. */
function makeSerial(): string {
  return `01${formatHex(crypto.getRandomValues(new Uint8Array(15)))}`;
}

function dayBefore(nowMs: number): Date {
  return new Date(nowMs - DAY_MS);
}
