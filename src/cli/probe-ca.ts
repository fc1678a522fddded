/**
 * An operator's own CA that issues one fresh precertificate for each probe: its root is accepted
 * by the log, its certificates by nobody else.
 * @module
 */
import { createPrivateKey, createPublicKey, type KeyObject, type webcrypto } from "node:crypto";
import { readFile } from "node:fs/promises";
import "reflect-metadata";
import { X509Certificate } from "@peculiar/x509";
import { messageOf, quote } from "../base/errors.ts";
import { equalBytes } from "../encoding/bytes.ts";
import { parseCertificate } from "../x509/certificate.ts";
import { readChainFile, UsageError } from "./input.ts";
import type { LogConnection } from "./log-connection.ts";
import { ALGORITHM, type IssuingCa, takeOrder } from "./order.ts";
import type { PreparedSubmission } from "./submit.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Lifetime of a precertificate, where the log's window allows it. */
const VALID_MS = 90 * DAY_MS;

/** Makes what a probe submits. @param nowMs Milliseconds since the Unix epoch. */
export type MakeProbe = (
  window: LogConnection["window"],
  nowMs: number,
) => Promise<PreparedSubmission>;

/**
 * A CA from its files.
 * @param certificateFile PEM: its certificate, then its issuers, if it is no root.
 * @param keyFile PEM: its private key, EC (P-256, P-384) or RSA.
 * @throws UsageError if a file is not that, or the key not the certificate's.
 */
export async function openProbeCa(certificateFile: string, keyFile: string): Promise<MakeProbe> {
  const issuers = await readChainFile(certificateFile);
  const [own = new Uint8Array(0)] = issuers;
  const key = await readPrivateKey(keyFile);
  try {
    const certificate = parseCertificate(own);
    const spki = createPublicKey(key).export({ type: "spki", format: "der" });
    if (!equalBytes(certificate.spki, Uint8Array.from(spki))) {
      throw new UsageError(
        `--ca-key ${quote(keyFile)} is not the key of ${quote(certificateFile)}`,
      );
    }
    const ca = await importCa(own, key);
    return async (window, nowMs) => {
      const { precertificate } = await takeOrder(ca, {
        dnsName: makeName(),
        ...validity(window, nowMs),
      });
      return { endpoint: "add-pre-chain", chain: [precertificate, ...issuers] };
    };
  } catch (cause) {
    if (cause instanceof UsageError) throw cause;
    throw new UsageError(`--ca-cert, --ca-key: ${messageOf(cause)}`, { cause });
  }
}

/** A validity that the window takes, of three months from now if it can be. */
export function validity(
  window: LogConnection["window"],
  nowMs: number,
): { readonly notBefore: Date; readonly notAfter: Date } {
  const { startMs = 0, limitMs = Number.MAX_SAFE_INTEGER } = window ?? {};
  const notAfterMs = Math.min(Math.max(nowMs + VALID_MS, startMs + HOUR_MS), limitMs - HOUR_MS);
  const notBeforeMs = Math.min(nowMs - HOUR_MS, notAfterMs - DAY_MS);
  return { notBefore: new Date(notBeforeMs), notAfter: new Date(notAfterMs) };
}

/** A name that nobody can have: RFC 6761, section 6.4. */
function makeName(): string {
  return `${crypto.randomUUID()}.probe.invalid`;
}

async function readPrivateKey(path: string): Promise<KeyObject> {
  try {
    return createPrivateKey(await readFile(path));
  } catch (cause) {
    throw new UsageError(`--ca-key ${quote(path)}: ${messageOf(cause)}`, { cause });
  }
}

async function importCa(certificate: Uint8Array, key: KeyObject): Promise<IssuingCa> {
  const algorithm = algorithmOf(key);
  const pkcs8 = key.export({ type: "pkcs8", format: "der" });
  const spki = createPublicKey(key).export({ type: "spki", format: "der" });
  const { subtle } = crypto;
  const asBytes = (bytes: Buffer) => Uint8Array.from(bytes);
  return {
    name: new X509Certificate(Uint8Array.from(certificate)).subjectName,
    publicKey: await subtle.importKey("spki", asBytes(spki), algorithm, true, ["verify"]),
    privateKey: await subtle.importKey("pkcs8", asBytes(pkcs8), algorithm, false, ["sign"]),
    algorithm,
  };
}

function algorithmOf(key: KeyObject): IssuingCa["algorithm"] {
  const { asymmetricKeyType, asymmetricKeyDetails } = key;
  const rsa: webcrypto.RsaHashedImportParams = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  if (asymmetricKeyType === "rsa") return rsa;
  const curve = asymmetricKeyType === "ec" ? asymmetricKeyDetails?.namedCurve : undefined;
  if (curve === "prime256v1") return ALGORITHM;
  if (curve === "secp384r1") return { name: "ECDSA", namedCurve: "P-384", hash: "SHA-384" };
  throw new UsageError("--ca-key: expected a key of type EC (P-256 or P-384) or RSA");
}
