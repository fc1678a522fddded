/**
 * The chain that a submitter sends, completed by the one certificate that it may lack.
 * @module
 */
import { MalformedError, RejectedError } from "../base/errors.ts";
import { equalBytes } from "../encoding/bytes.ts";
import { certificateAt, isPrecertificateChain } from "../sct/entry.ts";
import { type Certificate, parseCertificate } from "../x509/certificate.ts";
import { isPrecertificateSigningCertificate } from "../x509/precert.ts";
import { verifySignature } from "../x509/verify.ts";

/**
 * `chain`, and the root that it ends below, if that is what `entryOfChain` lacks. Roots
 * come from the log, but only one whose key verifies the last certificate is taken.
 * @param readRoots Called only if an issuer is missing.
 */
export async function withMissingIssuer(
  chain: readonly Uint8Array[],
  readRoots: () => Promise<readonly Uint8Array[]>,
): Promise<readonly Uint8Array[]> {
  if (!isPrecertificateChain(chain) || chain.length > 2) return chain;
  const last = certificateAt(chain, chain.length - 1);
  if (chain.length === 2 && !isPrecertificateSigningCertificate(last)) return chain;
  for (const der of await readRoots()) {
    if (isIssuer(der, last)) return [...chain, der];
  }
  return chain;
}

function isIssuer(der: Uint8Array, child: Certificate): boolean {
  try {
    const issuer = parseCertificate(der);
    if (!equalBytes(issuer.subject, child.issuer)) return false;
    verifySignature(child, issuer);
    return true;
  } catch (thrown) {
    if (thrown instanceof MalformedError || thrown instanceof RejectedError) return false;
    throw thrown;
  }
}
