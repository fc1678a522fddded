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
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { ALGORITHM, generateKeys, makeSerial, type Order, takeOrder } from "./order.ts";

const DAY_MS = 86_400_000;

/** A root and an intermediate with fresh keys. */
export interface DemoCa {
  /** DER. */
  readonly root: Uint8Array;
  /** DER. */
  readonly intermediate: Uint8Array;
  /** Takes an order for a certificate of this DNS name, valid from now for 90 days. */
  order(dnsName: string): Promise<Order>;
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
    order: (dnsName) =>
      takeOrder(
        { name, ...keys, algorithm: ALGORITHM },
        { dnsName, notBefore: dayBefore(nowMs), notAfter: new Date(nowMs + 90 * DAY_MS) },
      ),
  };
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

function dayBefore(nowMs: number): Date {
  return new Date(nowMs - DAY_MS);
}
