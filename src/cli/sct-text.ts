/**
 * An SCT for people: decoded, as JSON and as TLS bytes.
 * @module
 */
import { messageOf } from "../base/errors.ts";
import { formatBase64 } from "../encoding/base64.ts";
import { formatHex } from "../encoding/hex.ts";
import { formatSctJson } from "../rfc6962/json.ts";
import { encodeSct, type Sct } from "../rfc6962/sct.ts";
import { decodeDigitallySigned } from "../rfc6962/signature.ts";
import { decodeLeafIndexExtension } from "../static-ct/extensions.ts";

/** Lines that show every field of `sct`. */
export function describeSct(sct: Sct): readonly string[] {
  const { algorithm, signature } = decodeDigitallySigned(sct.signature);
  return [
    `  log ID      ${formatBase64(sct.logId)}`,
    `  timestamp   ${formatTime(sct.timestampMs)} (${sct.timestampMs})`,
    `  leaf index  ${formatLeafIndex(sct)}`,
    `  extensions  ${formatHex(sct.extensions)}`,
    `  signature   ${algorithm.toUpperCase()} with SHA-256: ${formatHex(signature)}`,
    `  JSON        ${formatSctJson(sct)}`,
    `  TLS         ${formatBase64(encodeSct(sct))}`,
  ];
}

/** RFC 3339 in UTC with milliseconds; the number itself where no calendar reaches. */
export function formatTime(timestampMs: number): string {
  return timestampMs <= 8.64e15 ? new Date(timestampMs).toISOString() : String(timestampMs);
}

function formatLeafIndex(sct: Sct): string {
  try {
    return String(decodeLeafIndexExtension(sct.extensions));
  } catch (thrown) {
    return `none (${messageOf(thrown)})`;
  }
}
