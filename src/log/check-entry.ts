/**
 * The check of an entry that was read back: its TBS must be the one that its precertificate
 * gives, RFC 6962, section 3.2.
 * @module
 */
import { equalBytes } from "../encoding/bytes.ts";
import type { CheckEntry } from "../sequencer/verify.ts";
import { type Certificate, parseCertificate } from "../x509/certificate.ts";
import { buildPrecertTbs, isPrecertificateSigningCertificate } from "../x509/precert.ts";

/**
 * Throws unless the logged TBS is the precertificate's. An X.509 entry is its own proof.
 * @throws Error that says what differs; the caller makes it its shard's fatal error.
 */
export const checkEntry: CheckEntry = (leaf, readIssuer) => {
  if (leaf.entry.type === "x509") return undefined;
  if (leaf.precertificate === undefined) throw new Error("a precertificate entry without one");
  const { tbs } = leaf.entry;
  const precertificate = parseCertificate(leaf.precertificate);
  // The usual case needs no issuer: without a PSC the TBS keeps the precertificate's issuer.
  if (equalBytes(buildPrecertTbs(precertificate), tbs)) return undefined;
  const [fingerprint] = leaf.chainFingerprints;
  return checkWithSigner(precertificate, tbs, fingerprint && readIssuer(fingerprint));
};

async function checkWithSigner(
  precertificate: Certificate,
  tbs: Uint8Array,
  signerDer: Promise<Uint8Array | undefined> | undefined,
): Promise<void> {
  const der = await signerDer;
  if (der === undefined) throw new Error("the issuer of a precertificate is not stored");
  const signer = parseCertificate(der);
  if (
    !isPrecertificateSigningCertificate(signer) ||
    !equalBytes(buildPrecertTbs(precertificate, signer), tbs)
  ) {
    throw new Error("the logged TBS is not the precertificate's");
  }
}
