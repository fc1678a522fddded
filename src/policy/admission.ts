/**
 * Whether a submission is taken, and what is logged for it: a pure function of the chain, the
 * accepted roots and a shard's rules. The checks come in CTFE's order, so that the first
 * objection is the one that clients of other logs know; http/submit.ts puts CTFE's words
 * around it.
 * @module
 */
import { MalformedError, RejectedError } from "../base/errors.ts";
import type { SignedEntry } from "../rfc6962/entry.ts";
import { type Certificate, parseCertificate } from "../x509/certificate.ts";
import { buildPath, type ChainRules, readIssuer } from "../x509/chain.ts";
import {
  hasExtendedKeyUsage,
  isAnyUsage,
  parseExtendedKeyUsage,
} from "../x509/extended-key-usage.ts";
import type { KnownCertificate } from "../x509/known.ts";
import { buildPrecertTbs, isPrecertificateSigningCertificate, poisonOf } from "../x509/precert.ts";
import { formatGoTime } from "../x509/time.ts";

/** Where a submission came in: RFC 6962, sections 4.1 and 4.2. */
export type Endpoint = "add-chain" | "add-pre-chain";

/** Which NotAfter a shard takes, in milliseconds since the Unix epoch. */
export interface Window {
  /** Inclusive; undefined for no bound. */
  readonly notAfterStartMs: number | undefined;
  /** Exclusive; undefined for no bound. */
  readonly notAfterLimitMs: number | undefined;
}

/** A shard's rules. */
export interface AdmissionPolicy extends Window {
  /**
   * Usages, by name (`serverAuth`) or OID, of which a certificate must name one itself.
   * Empty, or with `any` in it, for no filter.
   */
  readonly extendedKeyUsages: readonly string[];
  /** Whether a precertificate may be signed by a precertificate signing certificate. */
  readonly acceptPrecertificateSigningCertificates: boolean;
}

/** Another shard of this server, for telling a submitter where to go. */
export interface NamedWindow extends Window {
  readonly name: string;
}

/** What {@link admit} needs. */
export interface AdmissionOptions {
  readonly endpoint: Endpoint;
  readonly policy: AdmissionPolicy;
  readonly rules: ChainRules;
  /** Windows of other shards that take submissions; may be empty. */
  readonly otherShards: readonly NamedWindow[];
}

/** A chain whose certificates parse. */
export interface Submission {
  readonly leaf: Certificate;
  /** As submitted after the leaf. */
  readonly issuers: readonly KnownCertificate[];
}

/** A certificate of a path. */
export interface PathCertificate {
  /** SHA-256 of `der`; 32 bytes. */
  readonly fingerprint: Uint8Array;
  readonly der: Uint8Array;
}

/** A submission that is taken. Byte arrays may be views into the submitted ones. */
export interface Admitted {
  readonly entry: SignedEntry;
  /** The precertificate as submitted; undefined for a certificate. */
  readonly precertificate: Uint8Array | undefined;
  /** What follows the leaf, the root included; empty for a root alone. */
  readonly chain: readonly PathCertificate[];
  /** Of the leaf; milliseconds since the Unix epoch. */
  readonly notBeforeMs: number;
  /** Of the leaf; milliseconds since the Unix epoch. */
  readonly notAfterMs: number;
}

/**
 * Parses a submitted chain; nothing else is judged.
 * @throws MalformedError `MALFORMED_CERTIFICATE`, `MALFORMED_BODY` if it is empty.
 */
export function readSubmission(chain: readonly Uint8Array[], rules: ChainRules): Submission {
  const [first, ...rest] = chain;
  if (first === undefined) throw new MalformedError("MALFORMED_BODY", "cert chain was empty");
  let index = 0;
  try {
    const leaf = parseCertificate(first);
    const issuers = rest.map((der) => {
      index += 1;
      return readIssuer(der, rules);
    });
    return { leaf, issuers };
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    const message = `certificate ${index} of the chain: ${error.message}`;
    throw new MalformedError(error.code, message, { cause: error });
  }
}

/**
 * Judges a parsed submission: NotAfter window, extended key usages, path and signatures,
 * poison, endpoint, precertificate signing certificate; then builds what is logged.
 * @throws RejectedError, MalformedError `MALFORMED_PRECERTIFICATE`.
 */
export function judgeSubmission(submission: Submission, options: AdmissionOptions): Admitted {
  const { leaf, issuers } = submission;
  const { endpoint, policy, rules } = options;
  requireInWindow(leaf.notAfterMs, policy, options.otherShards);
  requireUsage(leaf, policy.extendedKeyUsages);
  const path = buildPath(leaf, issuers, rules);
  requireType(leaf, endpoint);
  const common = {
    chain: path.map(({ certificate, fingerprint }) => ({ fingerprint, der: certificate.der })),
    notBeforeMs: leaf.notBeforeMs,
    notAfterMs: leaf.notAfterMs,
  };
  if (endpoint === "add-chain") {
    const entry: SignedEntry = { type: "x509", certificate: leaf.der };
    return { entry, precertificate: undefined, ...common };
  }
  const entry = precertEntry(leaf, path, options);
  return { entry, precertificate: leaf.der, ...common };
}

/** Parses and judges a submitted chain. @throws what {@link readSubmission} and {@link judgeSubmission} throw. */
export function admit(chain: readonly Uint8Array[], options: AdmissionOptions): Admitted {
  return judgeSubmission(readSubmission(chain, options.rules), options);
}

/** Whether a NotAfter lies in `window`. */
export function isInWindow(notAfterMs: number, window: Window): boolean {
  const { notAfterStartMs = notAfterMs, notAfterLimitMs = Number.POSITIVE_INFINITY } = window;
  return notAfterStartMs <= notAfterMs && notAfterMs < notAfterLimitMs;
}

function requireInWindow(
  notAfterMs: number,
  window: Window,
  otherShards: readonly NamedWindow[],
): void {
  if (isInWindow(notAfterMs, window)) return;
  const { notAfterStartMs, notAfterLimitMs } = window;
  const isEarly = notAfterStartMs !== undefined && notAfterMs < notAfterStartMs;
  const bound = isEarly ? notAfterStartMs : notAfterLimitMs;
  const relation = isEarly ? "<" : ">=";
  const taker = otherShards.find((shard) => isInWindow(notAfterMs, shard));
  const hint = taker === undefined ? "" : `; shard ${JSON.stringify(taker.name)} takes it`;
  throw new RejectedError(
    "REJECTED_NOT_AFTER_OUT_OF_RANGE",
    `certificate NotAfter (${formatGoTime(notAfterMs)}) ${relation} ${formatGoTime(bound ?? 0)}${hint}`,
  );
}

function requireUsage(leaf: Certificate, names: readonly string[]): void {
  if (names.length === 0) return;
  const wanted = names.map(parseExtendedKeyUsage);
  if (wanted.some(isAnyUsage) || hasExtendedKeyUsage(leaf, wanted)) return;
  throw new RejectedError(
    "REJECTED_EXTENDED_KEY_USAGE",
    `rejecting certificate without EKU in [${names.join(" ")}]`,
  );
}

function requireType(leaf: Certificate, endpoint: Endpoint): void {
  const { state } = poisonOf(leaf);
  if (state === "invalid") {
    throw new RejectedError("REJECTED_POISON_INVALID", "CT poison ext is not critical or invalid");
  }
  const isPrecertificate = state === "valid";
  if (isPrecertificate === (endpoint === "add-pre-chain")) return;
  const [got, other] = isPrecertificate
    ? ["a precertificate", "add-pre-chain"]
    : ["a certificate without poison", "add-chain"];
  throw new RejectedError("REJECTED_TYPE_MISMATCH", `${got} belongs to ${other}`);
}

/** The precertificate entry: RFC 6962, section 3.2. */
function precertEntry(
  leaf: Certificate,
  path: readonly KnownCertificate[],
  { policy }: AdmissionOptions,
): SignedEntry {
  const [first, second] = path;
  if (first === undefined) {
    throw new MalformedError("MALFORMED_PRECERTIFICATE", "a precertificate needs an issuer");
  }
  if (!isPrecertificateSigningCertificate(first.certificate)) {
    const tbs = buildPrecertTbs(leaf);
    return { type: "precert", issuerKeyHash: first.keyHash, tbs };
  }
  if (!policy.acceptPrecertificateSigningCertificates) {
    throw new RejectedError(
      "REJECTED_PRECERTIFICATE_SIGNING_CERTIFICATE",
      "precertificate signing certificates are not accepted here",
    );
  }
  if (second === undefined) {
    throw new MalformedError(
      "MALFORMED_PRECERTIFICATE",
      "a precertificate signing certificate needs an issuer",
    );
  }
  const tbs = buildPrecertTbs(leaf, first.certificate);
  return { type: "precert", issuerKeyHash: second.keyHash, tbs };
}
