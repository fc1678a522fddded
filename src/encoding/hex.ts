/**
 * Lowercase hexadecimal.
 * @module
 */
import { MalformedError, quote } from "../base/errors.ts";

const DIGITS: readonly string[] = Array.from({ length: 256 }, (_, value) =>
  value.toString(16).padStart(2, "0"),
);

/** Two lowercase digits for each byte. */
export function formatHex(bytes: Uint8Array): string {
  let out = "";
  for (const byte of bytes) out += DIGITS[byte] ?? "";
  return out;
}

/** The bytes of lowercase hex. @throws MalformedError `MALFORMED_HEX` for anything else. */
export function parseHex(text: string): Uint8Array {
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/.test(text)) {
    throw new MalformedError("MALFORMED_HEX", `expected lowercase hex, got ${quote(text)}`);
  }
  const out = new Uint8Array(text.length / 2);
  for (let index = 0; index < out.length; index += 1) {
    out[index] = Number.parseInt(text.slice(2 * index, 2 * index + 2), 16);
  }
  return out;
}
