/**
 * The check of a chain that is brought back from elsewhere: each certificate must have signed
 * the one before it, as in every chain that this log has accepted.
 * @module
 */
import { defined } from "../base/assert.ts";
import { bytesKey, equalBytes } from "../encoding/bytes.ts";
import type { TileLeaf } from "../static-ct/tile-leaf.ts";
import { type Certificate, parseCertificate } from "../x509/certificate.ts";
import type { VerifySignature } from "../x509/chain.ts";

/** Pairs and certificates remembered. */
const REMEMBERED_MAX = 16_384;

/**
 * Makes the check; it remembers which issuer signed which.
 * @returns Throws MalformedError or RejectedError that says which certificate is wrong.
 */
export function makeChainCheck(
  verifySignature: VerifySignature,
): (leaf: TileLeaf, chain: readonly Uint8Array[]) => void {
  const parsed = new Map<string, Certificate>();
  const verified = new Set<string>();
  const issuerOf = (fingerprint: string, der: Uint8Array): Certificate => {
    const known = parsed.get(fingerprint);
    if (known !== undefined) return known;
    if (parsed.size >= REMEMBERED_MAX) parsed.clear();
    const certificate = parseCertificate(der);
    parsed.set(fingerprint, certificate);
    return certificate;
  };
  return ({ entry, precertificate, chainFingerprints }, chain) => {
    const der = entry.type === "x509" ? entry.certificate : precertificate;
    let child = parseCertificate(defined(der, "a precertificate entry has one"));
    if (chainFingerprints.length === 0 && !equalBytes(child.issuer, child.subject)) {
      throw new Error("its chain is left out");
    }
    let childName: string | undefined;
    for (const [index, fingerprint] of chainFingerprints.entries()) {
      const name = bytesKey(fingerprint);
      const issuer = issuerOf(name, defined(chain[index], "a certificate for each fingerprint"));
      const pair = childName === undefined ? undefined : childName + name;
      if (pair === undefined || !verified.has(pair)) {
        if (!equalBytes(child.issuer, issuer.subject)) {
          throw new Error(
            `certificate ${index + 1} of its chain is not the issuer of the one before`,
          );
        }
        verifySignature(child, issuer);
        if (verified.size >= REMEMBERED_MAX) verified.clear();
        if (pair !== undefined) verified.add(pair);
      }
      child = issuer;
      childName = name;
    }
  };
}
