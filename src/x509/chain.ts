/**
 * The path from a submitted certificate to an accepted root: RFC 6962, section 3.1, as CTFE
 * finds it. Every submitted certificate must be used, in order; the root may be left out.
 *
 * An issuer counts if its subject is the child's issuer byte for byte, its key verifies the
 * child's signature, it may sign certificates (KeyUsage) and is a CA; a root of version 1 or
 * 2 has no BasicConstraints to say so and passes. Nothing else is asked: a log observes.
 * @module
 */
import { defined } from "../base/assert.ts";
import { RejectedError } from "../base/errors.ts";
import { bytesKey, equalBytes } from "../encoding/bytes.ts";
import { formatHex } from "../encoding/hex.ts";
import type { Certificate } from "./certificate.ts";
import {
  type IssuerCache,
  type KnownCertificate,
  readCopied,
  type Sha256,
  type VerifiedPairs,
} from "./known.ts";
import { formatName } from "./name.ts";
import type { RootSet } from "./roots.ts";

/** `crypto`'s verdict on one signature, as verify.ts gives it. @throws RejectedError. */
export type VerifySignature = (child: Certificate, issuer: Certificate) => void;

/** What paths are judged by. The caches belong to the caller. */
export interface ChainRules {
  readonly roots: RootSet;
  readonly issuers: IssuerCache;
  /** Clear it when `roots` changes. */
  readonly verified: VerifiedPairs;
  readonly verifySignature: VerifySignature;
  readonly sha256: Sha256;
}

/** Signatures that are checked for one submission at most, as in CTFE. */
export const SIGNATURE_CHECKS_MAX = 100;

/** The issuer that `der` is, parsed anew only if it is not known. @throws MalformedError `MALFORMED_CERTIFICATE`. */
export function readIssuer(der: Uint8Array, rules: ChainRules): KnownCertificate {
  return rules.roots.find(der) ?? rules.issuers.find(der) ?? readCopied(der, rules.sha256);
}

/**
 * The path of `leaf` over `issuers` to a root: what follows the leaf, the root included;
 * empty if the leaf is itself a root. Signatures are verified from the root down, so that no
 * key is used that is not an accepted one's.
 * @throws RejectedError `REJECTED_ISSUER_BLOCKED`, `REJECTED_ISSUER_UNKNOWN`,
 *   `REJECTED_CHAIN_INVALID`, `REJECTED_CHAIN_TOO_LONG`.
 */
export function buildPath(
  leaf: Certificate,
  issuers: readonly KnownCertificate[],
  rules: ChainRules,
): readonly KnownCertificate[] {
  if (issuers.length > SIGNATURE_CHECKS_MAX) throw tooLong();
  if (rules.roots.blockedKeys.size > 0) requireNotBlocked(leaf, issuers, rules);
  if (rules.roots.find(leaf.der) !== undefined) {
    if (issuers.length > 0) throw notCompliant("the first certificate is an accepted root itself");
    return [];
  }
  requireLinked(leaf, issuers, rules);
  const last = issuers.at(-1);
  const isRooted = last !== undefined && rules.roots.find(last.certificate.der) !== undefined;
  const budget = { left: SIGNATURE_CHECKS_MAX };
  const path = isRooted ? issuers : [...issuers, findRoot(leaf, issuers, rules, budget)];
  for (let index = issuers.length - 1; index >= 0; index -= 1) {
    const issuer = defined(issuers[index], "an index below the length");
    verifyLink(index === 0 ? leaf : issuers[index - 1], index, issuer, rules, budget);
  }
  for (const issuer of isRooted ? issuers.slice(0, -1) : issuers) rules.issuers.remember(issuer);
  return path;
}

/** What was submitted; roots that are blocked are not in the set that ends paths. */
function requireNotBlocked(
  leaf: Certificate,
  issuers: readonly KnownCertificate[],
  { roots, sha256 }: ChainRules,
): void {
  const fingerprint = sha256(leaf.der);
  const chain = [{ fingerprint, key: bytesKey(fingerprint) }, ...issuers];
  for (const [index, known] of chain.entries()) {
    if (!roots.isBlocked(known)) continue;
    const message = `certificate ${index} of the chain is blocked by the operator of this log: SHA-256 ${formatHex(known.fingerprint)}`;
    throw new RejectedError("REJECTED_ISSUER_BLOCKED", message);
  }
}

/** A child is the submitted certificate itself, which is not remembered, or a known one. */
type Child = Certificate | KnownCertificate;

function certificateOf(child: Child): Certificate {
  return "certificate" in child ? child.certificate : child;
}

/** Requires each certificate to name the next as its issuer, and each issuer to be one. */
function requireLinked(
  leaf: Certificate,
  issuers: readonly KnownCertificate[],
  rules: ChainRules,
): void {
  const seen = new Set<string>();
  let child = leaf;
  for (const [index, { certificate, key }] of issuers.entries()) {
    if (seen.has(key) || equalBytes(certificate.der, leaf.der)) {
      throw notCompliant(`certificate ${index + 1} repeats an earlier one`);
    }
    seen.add(key);
    if (!equalBytes(child.issuer, certificate.subject)) {
      throw unlinked(leaf, issuers, rules, `certificate ${index + 1} did not issue ${index}`);
    }
    const isAnchor = index === issuers.length - 1 && rules.roots.find(certificate.der);
    const objection = objectionTo(certificate, Boolean(isAnchor));
    if (objection !== undefined) throw invalid(`certificate ${index + 1} ${objection}`);
    child = certificate;
  }
}

/** Why a certificate cannot be an issuer; undefined if it can. */
function objectionTo(issuer: Certificate, isRoot: boolean): string | undefined {
  if (issuer.isCa === false) return "is not a CA";
  if (issuer.isCa === undefined && (!isRoot || issuer.version === 3)) {
    return "has no BasicConstraints that make it a CA";
  }
  const { keyUsage } = issuer;
  if (keyUsage.length > 0 && keyUsage[5] !== true) return "may not sign certificates (KeyUsage)";
  return undefined;
}

/** The root that issued the last submitted certificate: those with its key identifier first. */
function findRoot(
  leaf: Certificate,
  issuers: readonly KnownCertificate[],
  rules: ChainRules,
  budget: { left: number },
): KnownCertificate {
  const top = issuers.at(-1) ?? leaf;
  const { issuer, authorityKeyId } = certificateOf(top);
  const named = rules.roots.withSubject(issuer).filter((root) => !issuers.includes(root));
  if (named.length === 0) throw unlinked(leaf, issuers, rules, "the last one has no accepted root");
  const matches = ({ certificate: { subjectKeyId } }: KnownCertificate): boolean =>
    authorityKeyId !== undefined &&
    subjectKeyId !== undefined &&
    equalBytes(authorityKeyId, subjectKeyId);
  const candidates = [...named.filter(matches), ...named.filter((root) => !matches(root))];
  let reason = "";
  for (const root of candidates) {
    const objection = objectionTo(root.certificate, true);
    if (objection === undefined) {
      takeCheck(budget);
      try {
        verifyPair(top, root, rules);
        return root;
      } catch (error) {
        if (!(error instanceof RejectedError)) throw error;
      }
    }
    reason = objection ?? "did not make its signature";
  }
  throw unknownAuthority(issuer, `the accepted root of that name ${reason}`);
}

function verifyLink(
  child: Child | undefined,
  index: number,
  issuer: KnownCertificate,
  rules: ChainRules,
  budget: { left: number },
): void {
  takeCheck(budget);
  try {
    verifyPair(defined(child, "each issuer has a child"), issuer, rules);
  } catch (error) {
    if (!(error instanceof RejectedError)) throw error;
    throw invalid(`certificate ${index}, by certificate ${index + 1}: ${error.message}`, error);
  }
}

/** Verifies one signature, unless it is remembered as good. */
function verifyPair(child: Child, issuer: KnownCertificate, rules: ChainRules): void {
  if (!("certificate" in child)) {
    rules.verifySignature(child, issuer.certificate);
    return;
  }
  if (rules.verified.has(child, issuer)) return;
  rules.verifySignature(child.certificate, issuer.certificate);
  rules.verified.add(child, issuer);
}

function takeCheck(budget: { left: number }): void {
  if (budget.left === 0) throw tooLong();
  budget.left -= 1;
}

/**
 * The error for certificates that are not in a row: if the names do lead to a root in another
 * order, or with some left out, the order is wrong; otherwise an issuer is missing.
 */
function unlinked(
  leaf: Certificate,
  issuers: readonly KnownCertificate[],
  rules: ChainRules,
  reason: string,
): RejectedError {
  const nameKey = (name: Uint8Array): string => bytesKey(rules.sha256(name));
  const unvisited = Map.groupBy(issuers, ({ certificate }) => nameKey(certificate.subject));
  const visited = [leaf];
  for (const certificate of visited) {
    const isRoot = rules.roots.find(certificate.der) !== undefined;
    if (isRoot || rules.roots.withSubject(certificate.issuer).length > 0) {
      return notCompliant(reason);
    }
    const key = nameKey(certificate.issuer);
    for (const parent of unvisited.get(key) ?? []) visited.push(parent.certificate);
    unvisited.delete(key);
  }
  const { issuer } = visited.at(-1) ?? leaf;
  return unknownAuthority(issuer, "neither an accepted root nor a submitted certificate");
}

function unknownAuthority(issuer: Uint8Array, reason: string): RejectedError {
  const name = formatName(issuer);
  const shown = JSON.stringify(name.length > 200 ? `${name.slice(0, 200)}…` : name);
  return new RejectedError(
    "REJECTED_ISSUER_UNKNOWN",
    `x509: certificate signed by unknown authority: looked for ${shown}: ${reason}`,
  );
}

function notCompliant(reason: string): RejectedError {
  return invalid(`no RFC compliant path to root found when trying to validate chain: ${reason}`);
}

function invalid(message: string, cause?: unknown): RejectedError {
  return new RejectedError("REJECTED_CHAIN_INVALID", message, { cause });
}

function tooLong(): RejectedError {
  return new RejectedError(
    "REJECTED_CHAIN_TOO_LONG",
    `x509: signature check attempts limit reached: more than ${SIGNATURE_CHECKS_MAX} for one chain`,
  );
}
