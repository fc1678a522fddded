/**
 * Whether a logged TBSCertificate is its precertificate's: RFC 6962, section 3.2. The check
 * before signing and every audit share it.
 * @module
 */
import { equalBytes } from "../encoding/bytes.ts";
import { parseCertificate } from "./certificate.ts";
import { buildPrecertTbs, isPrecertificateSigningCertificate, isPrecertTbs } from "./precert.ts";

/** What a log recorded of a precertificate. */
export interface LoggedPrecert {
  /** DER as submitted. */
  readonly precertificate: Uint8Array;
  /** The TBSCertificate that was logged. */
  readonly tbs: Uint8Array;
}

/**
 * Throws unless the TBS is the one that the precertificate gives.
 *
 * @param readSigner The first certificate of its chain; asked for only where the precertificate
 *   alone does not give the TBS: that is a precertificate signing certificate's doing, or wrong.
 * @throws Error that says what differs; MalformedError if a certificate does not parse.
 */
export function verifyLoggedTbs(
  logged: LoggedPrecert,
  readSigner: () => Promise<Uint8Array | undefined>,
): void | Promise<void> {
  // The usual case needs no issuer: without a PSC the TBS keeps the precertificate's issuer.
  if (isPrecertTbs(logged.precertificate, logged.tbs)) return undefined;
  return verifyWithSigner(logged, readSigner);
}

async function verifyWithSigner(
  { precertificate, tbs }: LoggedPrecert,
  readSigner: () => Promise<Uint8Array | undefined>,
): Promise<void> {
  const der = await readSigner();
  if (der === undefined) throw new Error("the issuer of a precertificate is not stored");
  const signer = parseCertificate(der);
  if (
    !isPrecertificateSigningCertificate(signer) ||
    !equalBytes(buildPrecertTbs(parseCertificate(precertificate), signer), tbs)
  ) {
    throw new Error("the logged TBS is not the precertificate's");
  }
}
