/**
 * What a log has to sign about a chain, rebuilt by the submitter from what it sends, never
 * taken from an answer: RFC 6962, sections 3.1 and 3.2.
 * @module
 */
import { MalformedError, RejectedError } from "../base/errors.ts";
import { equalBytes } from "../encoding/bytes.ts";
import type { Sha256 } from "../merkle/hash.ts";
import type { SignedEntry } from "../rfc6962/entry.ts";
import { decodeSctList, type Sct } from "../rfc6962/sct.ts";
import { type Certificate, parseCertificate } from "../x509/certificate.ts";
import {
  buildPrecertTbs,
  isPrecertificateSigningCertificate,
  poisonOf,
  sctListOf,
  tbsWithoutSctList,
} from "../x509/precert.ts";
import { verifySignature } from "../x509/verify.ts";

/** Whether the first certificate carries the poison. @throws MalformedError if it does not parse. */
export function isPrecertificateChain(chain: readonly Uint8Array[]): boolean {
  return poisonOf(certificateAt(chain, 0)).count > 0;
}

/**
 * The entry of a certificate, or, if it is poisoned, of a precertificate. For the latter its
 * issuer must follow, and that one's issuer if it is a precertificate signing certificate.
 * @param chain DER, leaf first.
 * @throws MalformedError if a certificate does not parse or an issuer is missing.
 */
export function entryOfChain(sha256: Sha256, chain: readonly Uint8Array[]): SignedEntry {
  const leaf = certificateAt(chain, 0);
  if (poisonOf(leaf).count === 0) return { type: "x509", certificate: leaf.der };
  const issuer = certificateAt(chain, 1);
  const isSigner = isPrecertificateSigningCertificate(issuer);
  const finalIssuer = isSigner ? certificateAt(chain, 2) : issuer;
  return {
    type: "precert",
    issuerKeyHash: sha256(finalIssuer.spki),
    tbs: buildPrecertTbs(leaf, isSigner ? issuer : undefined),
  };
}

/**
 * The entry that the SCTs embedded in a certificate were made for: RFC 6962, section 3.2.
 * @param issuer The certificate's issuer, DER.
 * @throws MalformedError if one does not parse, or there is not exactly one SCT list.
 */
export function entryOfEmbedded(
  sha256: Sha256,
  certificate: Uint8Array,
  issuer: Uint8Array,
): SignedEntry {
  const tbs = tbsWithoutSctList(parseCertificate(certificate));
  return { type: "precert", issuerKeyHash: sha256(parseCertificate(issuer).spki), tbs };
}

/** The SCTs embedded in a certificate; none without the extension. @throws MalformedError. */
export function embeddedScts(certificate: Uint8Array): readonly Sct[] {
  const list = sctListOf(parseCertificate(certificate));
  return list === undefined ? [] : decodeSctList(list);
}

/**
 * `chain`, and the root that it ends below, if that is what {@link entryOfChain} lacks. Roots
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

function certificateAt(chain: readonly Uint8Array[], index: number): Certificate {
  const der = chain[index];
  if (der !== undefined) return parseCertificate(der);
  throw new MalformedError(
    "MALFORMED_CERTIFICATE",
    index === 0 ? "the chain is empty" : "the issuer of the precertificate is missing in the chain",
  );
}
