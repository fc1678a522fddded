/**
 * Precertificates, and the certificates that they announce, made with @peculiar/x509 by a CA whose
 * key is at hand: of the demo, or an operator's for probes.
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
  type Name,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { concatBytes } from "../encoding/bytes.ts";
import { formatHex } from "../encoding/hex.ts";
import { encodeSctList, type Sct } from "../rfc6962/sct.ts";
import { derHeader, TAG } from "../x509/der.ts";

/** How keys that are made here sign. */
export const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

const POISON_OID = "1.3.6.1.4.1.11129.2.4.3";
const SCT_LIST_OID = "1.3.6.1.4.1.11129.2.4.2";

/** Who takes orders. */
export interface IssuingCa {
  /** Subject of its certificate. */
  readonly name: string | Name;
  readonly publicKey: webcrypto.CryptoKey;
  readonly privateKey: webcrypto.CryptoKey;
  readonly algorithm: EcdsaParams | webcrypto.RsaHashedImportParams;
}

interface EcdsaParams {
  readonly name: "ECDSA";
  readonly namedCurve: string;
  readonly hash: string;
}

/** What is ordered. */
export interface OrderedCertificate {
  readonly dnsName: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** A precertificate, and the certificate that it announces. */
export interface Order {
  /** DER, with the poison. */
  readonly precertificate: Uint8Array;
  /** The certificate with these SCTs embedded, at least one, DER: otherwise the same. */
  issue(scts: readonly Sct[]): Promise<Uint8Array>;
}

/** Takes an order: a key of its own, a serial number of its own. */
export async function takeOrder(ca: IssuingCa, ordered: OrderedCertificate): Promise<Order> {
  const { dnsName, notBefore, notAfter } = ordered;
  const { publicKey } = await generateKeys();
  const serialNumber = makeSerial();
  const common = [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
    new SubjectAlternativeNameExtension([{ type: "dns", value: dnsName }]),
    await SubjectKeyIdentifierExtension.create(publicKey),
    await AuthorityKeyIdentifierExtension.create(ca.publicKey),
  ];
  const sign = async (last: Extension): Promise<Uint8Array> => {
    const certificate = await X509CertificateGenerator.create({
      serialNumber,
      subject: `CN=${dnsName}`,
      issuer: ca.name,
      notBefore,
      notAfter,
      publicKey,
      signingKey: ca.privateKey,
      signingAlgorithm: ca.algorithm,
      extensions: [...common, last],
    });
    return new Uint8Array(certificate.rawData);
  };
  return {
    precertificate: await sign(new Extension(POISON_OID, true, Uint8Array.of(TAG.null, 0))),
    issue: async (scts) => await sign(new Extension(SCT_LIST_OID, false, sctListBody(scts))),
  };
}

/** A fresh key pair, P-256. */
export async function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
}

/** 16 random octets below a leading 01: positive and never zero. */
export function makeSerial(): string {
  return `01${formatHex(crypto.getRandomValues(new Uint8Array(15)))}`;
}

/** The SCT list in its OCTET STRING: RFC 6962, section 3.3. */
function sctListBody(scts: readonly Sct[]): Uint8Array<ArrayBuffer> {
  const list = encodeSctList(scts);
  return Uint8Array.from(concatBytes(derHeader(TAG.octetString, list.length), list));
}
