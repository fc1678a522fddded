/**
 * Base64, RFC 4648, section 4: standard alphabet, padding required. What we emit is
 * canonical; what clients send may carry CR, LF and non-zero pad bits, as Go takes it.
 * @module
 */
import { MalformedError, quote } from "../base/errors.ts";
import { byteAt } from "./bytes.ts";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const VALUES: Uint8Array = new Uint8Array(128).fill(0xff);
for (let value = 0; value < 64; value += 1) VALUES[ALPHABET.charCodeAt(value)] = value;

/** Canonical base64 of `bytes`. */
export function formatBase64(bytes: Uint8Array): string {
  let out = "";
  for (let index = 0; index < bytes.length; index += 3) {
    const left = bytes.length - index;
    const bits =
      byteAt(bytes, index) * 0x10000 + (bytes[index + 1] ?? 0) * 0x100 + (bytes[index + 2] ?? 0);
    out += ALPHABET.charAt(bits >>> 18) + ALPHABET.charAt((bits >>> 12) & 63);
    out += left > 1 ? ALPHABET.charAt((bits >>> 6) & 63) : "=";
    out += left > 2 ? ALPHABET.charAt(bits & 63) : "=";
  }
  return out;
}

/** The bytes of canonical base64. @throws MalformedError `MALFORMED_BASE64` for any other spelling. */
export function parseBase64(text: string): Uint8Array {
  const bytes = decode(text);
  if (formatBase64(bytes) !== text) throw malformed(text);
  return bytes;
}

/**
 * The bytes of base64 that a client sent: CR and LF are skipped and pad bits may be
 * non-zero; anything else that is not standard padded base64 is refused.
 * @throws MalformedError `MALFORMED_BASE64`.
 */
export function parseLaxBase64(text: string): Uint8Array {
  return decode(/[\r\n]/.test(text) ? text.replaceAll(/[\r\n]/g, "") : text);
}

function decode(text: string): Uint8Array {
  if (text.length % 4 !== 0) throw malformed(text);
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  const out = new Uint8Array((text.length / 4) * 3 - padding);
  const digits = text.length - padding;
  let bits = 0;
  let written = 0;
  for (let index = 0; index < text.length; index += 1) {
    const value = index < digits ? (VALUES[text.charCodeAt(index)] ?? 0xff) : 0;
    if (value === 0xff) throw malformed(text);
    bits = ((bits << 6) | value) & 0xffffff;
    if (index % 4 === 3) {
      for (let shift = 16; shift >= 0 && written < out.length; shift -= 8) {
        out[written] = (bits >>> shift) & 0xff;
        written += 1;
      }
    }
  }
  return out;
}

function malformed(text: string): MalformedError {
  return new MalformedError("MALFORMED_BASE64", `expected standard base64, got ${quote(text)}`);
}
