/**
 * Files that were dropped, as text to paste: PEM and JSON as they are, certificates in DER as
 * PEM, other bytes in base64.
 * @module
 */
import { MalformedError } from "../../base/errors.ts";
import { formatBase64 } from "../../encoding/base64.ts";
import { decodeUtf8 } from "../../encoding/utf8.ts";
import { parseCertificate } from "../../x509/certificate.ts";
import { formatPem } from "../../x509/roots.ts";

/** Bytes of a file at most: more is no submission. */
export const FILE_BYTES_MAX = 512_000;

/** Text has no characters below the tabulator. */
const CONTROL_END = 9;

/** The text of a file; a stranger's. */
export function textOfFile(bytes: Uint8Array): string {
  try {
    parseCertificate(bytes);
    return formatPem(bytes);
  } catch (thrown) {
    if (!(thrown instanceof MalformedError)) throw thrown;
  }
  // Bytes of an SCT begin with a zero.
  if (bytes.some((byte) => byte < CONTROL_END)) return formatBase64(bytes);
  try {
    return decodeUtf8(bytes);
  } catch (thrown) {
    if (!(thrown instanceof MalformedError)) throw thrown;
    return formatBase64(bytes);
  }
}
