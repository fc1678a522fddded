/**
 * Certificates that the operator has blocked, by the SHA-256 of their DER.
 * @module
 */
import { readFile } from "node:fs/promises";
import { MalformedError, messageOf, quote } from "../base/errors.ts";

/**
 * The fingerprints of a text: one a line, 64 hexadecimal digits of either case, with or without
 * colons; what follows `#` is for people.
 * @returns 64 lower-case digits each, in order, each once.
 * @throws MalformedError `MALFORMED_HEX`, which names the line.
 */
export function parseBlocklist(text: string): readonly string[] {
  const found = new Set<string>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const words = line.replace(/#.*/, "").trim();
    if (words === "") continue;
    const fingerprint = words.replaceAll(":", "").toLowerCase();
    if (!/^[0-9a-f]{64}$/.test(fingerprint)) {
      const message = `line ${index + 1}: expected a SHA-256 of 64 digits, got ${quote(words)}`;
      throw new MalformedError("MALFORMED_HEX", message);
    }
    found.add(fingerprint);
  }
  return [...found];
}

/** Reads a file of fingerprints. @throws MalformedError `MALFORMED_HEX`, which names the file. */
export async function readBlocklist(path: string): Promise<readonly string[]> {
  try {
    return parseBlocklist(await readFile(path, "utf8"));
  } catch (cause) {
    const message = `blocked certificates from ${path}: ${messageOf(cause)}`;
    throw new MalformedError("MALFORMED_HEX", message, { cause });
  }
}
