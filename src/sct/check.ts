/**
 * The SCTs that a certificate carries, each held against the log that it names: the
 * TBSCertificate is rebuilt as the log saw it (RFC 6962, section 3.2) and the signature
 * verified over it.
 * @module
 */
import { MalformedError } from "../base/errors.ts";
import type { LogKey } from "../checkpoint/browser-key.ts";
import { bytesKey, equalBytes } from "../encoding/bytes.ts";
import { hashLeaf, type Sha256 } from "../merkle/hash.ts";
import { encodeMerkleTreeLeaf, type SignedEntry } from "../rfc6962/entry.ts";
import { decodeSctList, type Sct } from "../rfc6962/sct.ts";
import { decodeDigitallySigned } from "../rfc6962/signature.ts";
import { parseCertificate } from "../x509/certificate.ts";
import { poisonOf, sctListOf, tbsWithoutSctList } from "../x509/precert.ts";
import { describeExtensions } from "./describe.ts";
import type { KnownLog } from "./log-list.ts";

/** An SCT from further ahead than this is refused: clocks differ. Milliseconds. */
const FUTURE_MS_MAX = 60_000;

/** What SCTs are checked with. */
export interface CheckMeans {
  /** A log's key from its SubjectPublicKeyInfo. @throws MalformedError `MALFORMED_KEY`. */
  readonly openKey: (publicKey: Uint8Array) => LogKey;
  readonly sha256: Sha256;
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: number;
}

/** What is checked, and with what. */
export interface CertificateCheck extends CheckMeans {
  /** DER; a stranger's. */
  readonly certificate: Uint8Array;
  /** DER of the certificate that issued it. */
  readonly issuer: Uint8Array;
  /** Where logs are looked up; of one that stands twice the first counts. */
  readonly logs: readonly KnownLog[];
}

/** One SCT. */
export interface CheckedSct {
  readonly sct: Sct;
  /** The log that it names; undefined if no list has it. */
  readonly log: KnownLog | undefined;
  /** Whether the log signed this certificate; undefined if its key is not known. */
  readonly isValid: boolean | undefined;
  /** Why it is not valid; empty if it is, or if nobody could tell. */
  readonly problem: string;
  /** What a program might object to in a valid one. */
  readonly warnings: readonly string[];
  /** Leaf hash of its entry; 32 bytes. */
  readonly leafHash: Uint8Array;
}

/** A certificate's SCTs. */
export interface CheckedCertificate {
  /** What its logs signed. */
  readonly entry: SignedEntry;
  /** In the order of the certificate; at least one. */
  readonly scts: readonly CheckedSct[];
}

/**
 * Checks every SCT that a certificate carries.
 * @throws MalformedError `MALFORMED_CERTIFICATE` if it carries none, if it or its issuer do not
 *   parse, or if the issuer is another; `MALFORMED_TLS` for a list that does not decode.
 */
export function checkCertificate(check: CertificateCheck): CheckedCertificate {
  const certificate = parseCertificate(check.certificate);
  const issuer = parseCertificate(check.issuer);
  const list = sctListOf(certificate);
  if (list === undefined) {
    throw malformed(
      poisonOf(certificate).count > 0
        ? "this is a precertificate: SCTs stand in the final certificate"
        : "the certificate carries no SCTs",
    );
  }
  if (!equalBytes(certificate.issuer, issuer.subject)) {
    throw malformed("the second certificate is not the issuer: its subject is another name");
  }
  const entry: SignedEntry = {
    type: "precert",
    issuerKeyHash: check.sha256(issuer.spki),
    tbs: tbsWithoutSctList(certificate),
  };
  const logs = new Map<string, KnownLog>();
  for (const log of check.logs) {
    const key = bytesKey(log.logId);
    if (!logs.has(key)) logs.set(key, log);
  }
  const { notAfterMs } = certificate;
  const scts = decodeSctList(list).map((sct) =>
    checkSct(check, { entry, notAfterMs }, sct, logs.get(bytesKey(sct.logId))),
  );
  return { entry, scts };
}

/** What an SCT is held against. */
export interface SctSubject {
  /** What its log had to sign. */
  readonly entry: SignedEntry;
  /** When the certificate expires; milliseconds since the Unix epoch; undefined: nobody asks. */
  readonly notAfterMs: number | undefined;
}

/**
 * Checks one SCT.
 * @param log The log that it names; undefined if nobody knows it.
 * @throws MalformedError `MALFORMED_KEY` for a log whose key cannot be used.
 */
export function checkSct(
  check: CheckMeans,
  { entry, notAfterMs }: SctSubject,
  sct: Sct,
  log: KnownLog | undefined,
): CheckedSct {
  const { timestampMs, extensions } = sct;
  const leaf = encodeMerkleTreeLeaf({ timestampMs, entry, extensions });
  const common = { sct, log, leafHash: hashLeaf(check.sha256, leaf) };
  if (log === undefined) {
    return { ...common, isValid: undefined, problem: "", warnings: [] };
  }
  const problem = problemOf(check, entry, sct, log);
  const warnings = warningsOf(notAfterMs, sct, log);
  return { ...common, isValid: problem === "", problem, warnings };
}

/** Why the log did not sign this; empty if it did. */
function problemOf(check: CheckMeans, entry: SignedEntry, sct: Sct, log: KnownLog): string {
  const key = check.openKey(log.publicKey);
  const signed = decodeDigitallySigned(sct.signature);
  const isSigned = (extensions: Uint8Array): boolean => {
    const { timestampMs } = sct;
    return key.isSignature(encodeMerkleTreeLeaf({ timestampMs, entry, extensions }), signed);
  };
  if (isSigned(sct.extensions)) {
    if (sct.timestampMs <= check.nowMs + FUTURE_MS_MAX) return "";
    return `the SCT is ${sct.timestampMs - check.nowMs} ms in the future`;
  }
  const { decoded } = describeExtensions(sct.extensions);
  if (decoded !== undefined && isSigned(decoded)) {
    return "with the extensions decoded from base64 it would verify: they were copied as text";
  }
  const isBare = sct.extensions.length === 0;
  const hint = isBare ? "; it has no extensions: if the log gave some, they were dropped" : "";
  return `the signature is not the log's over this certificate, time and extensions${hint}`;
}

function warningsOf(
  notAfterMs: number | undefined,
  sct: Sct,
  { window, state }: KnownLog,
): readonly string[] {
  const warnings: string[] = [];
  const isOutside =
    window !== undefined &&
    notAfterMs !== undefined &&
    (notAfterMs < window.startMs || notAfterMs >= window.limitMs);
  if (isOutside) {
    warnings.push("the certificate's NotAfter is outside the log's interval");
  }
  if (state === undefined) return warnings;
  const { name, sinceMs } = state;
  if (name === "pending" || name === "rejected") {
    warnings.push(`the list has the log as ${name}: its SCTs do not count`);
  }
  if (name === "retired" && (sinceMs === undefined || sct.timestampMs >= sinceMs)) {
    warnings.push("the log was retired before this SCT: it does not count");
  }
  return warnings;
}

function malformed(message: string): MalformedError {
  return new MalformedError("MALFORMED_CERTIFICATE", message);
}
