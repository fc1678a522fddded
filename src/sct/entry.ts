/**
 * What a log has to sign about a chain, rebuilt from the certificates themselves, never taken
 * from an answer: RFC 6962, sections 3.1 and 3.2. For submitters, and for whoever checks SCTs.
 * @module
 */
import { MalformedError } from "../base/errors.ts";
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

/** The certificate at a place of a chain. @throws MalformedError if there is none, or it does not parse. */
export function certificateAt(chain: readonly Uint8Array[], index: number): Certificate {
  const der = chain[index];
  if (der !== undefined) return parseCertificate(der);
  throw new MalformedError(
    "MALFORMED_CERTIFICATE",
    index === 0 ? "the chain is empty" : "the issuer of the precertificate is missing in the chain",
  );
}
