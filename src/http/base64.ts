/**
 * Base64 by the runtime's own code, with the results of encoding/base64.ts.
 * @module
 */
import { parseLaxBase64 } from "../encoding/base64.ts";

/** As `formatBase64`. */
export function formatNativeBase64(bytes: Uint8Array): string {
  return bufferOf(bytes).toString("base64");
}

/**
 * As `parseLaxBase64`. The runtime's decoder skips what it does not know and cuts characters
 * to their low byte; so only text that is what its result encodes to is taken from it.
 * @throws MalformedError `MALFORMED_BASE64`.
 */
export function parseNativeBase64(text: string): Uint8Array {
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? bytes : parseLaxBase64(text);
}

/** A view as `Buffer`. */
export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
