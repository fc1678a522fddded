/**
 * What a visitor typed or pasted to find an entry by, told apart by its form.
 * @module
 */
import { MalformedError } from "../../base/errors.ts";
import { parseLaxBase64 } from "../../encoding/base64.ts";
import { parseHex } from "../../encoding/hex.ts";
import { encodeUtf8 } from "../../encoding/utf8.ts";
import { HASH_BYTES } from "../../merkle/hash.ts";
import type { Sct } from "../../rfc6962/sct.ts";
import { findScts } from "../../sct/find.ts";
import { parseCertificate } from "../../x509/certificate.ts";
import { parsePem } from "../../x509/roots.ts";

/** Characters of a hash in base64. */
const HASH_BASE64_LENGTH = 44;

/** What it is. */
export type Search =
  | { readonly kind: "index"; readonly leafIndex: number }
  | { readonly kind: "hash"; readonly hash: Uint8Array }
  | {
      readonly kind: "scts";
      readonly scts: readonly Sct[];
      /** The certificate that carries them; undefined where they came alone. */
      readonly certificate: Uint8Array | undefined;
    }
  /** A certificate without SCTs, or a precertificate. */
  | { readonly kind: "certificate"; readonly certificate: Uint8Array }
  | { readonly kind: "unknown"; readonly message: string };

/** Tells what `text` is; a stranger's. */
export function parseSearch(text: string): Search {
  const trimmed = text.trim();
  if (/^[0-9]{1,13}$/.test(trimmed)) return { kind: "index", leafIndex: Number(trimmed) };
  const hash = hashOf(trimmed);
  if (hash !== undefined) return { kind: "hash", hash };
  const certificate = certificateOf(trimmed);
  try {
    const { scts } = findScts(encodeUtf8(trimmed));
    return { kind: "scts", scts, certificate };
  } catch (thrown) {
    if (!(thrown instanceof MalformedError)) throw thrown;
    if (certificate !== undefined) return { kind: "certificate", certificate };
    return { kind: "unknown", message: `This is none of these: ${thrown.message}.` };
  }
}

/** A hash in hex, with colons or without, or in base64; undefined for anything else. */
export function hashOf(text: string): Uint8Array | undefined {
  const plain = text.replaceAll(/[\s:]/g, "");
  if (/^[0-9a-fA-F]{64}$/.test(plain)) return parseHex(plain.toLowerCase());
  // A plus that was not escaped in a query comes as a space.
  const spaced = text.length === HASH_BASE64_LENGTH ? text.replaceAll(" ", "+") : text.trim();
  const bytes = bytesOf(spaced);
  return bytes?.length === HASH_BYTES ? bytes : undefined;
}

/** The certificate that `text` is, in PEM, base64 or hex; of several the first. */
export function certificateOf(text: string): Uint8Array | undefined {
  try {
    const plain = text.replaceAll(/\s/g, "");
    const der = text.includes("-----BEGIN")
      ? parsePem(text)[0]
      : /^(?:[0-9a-f]{2})+$/i.test(plain)
        ? parseHex(plain.toLowerCase())
        : bytesOf(plain);
    if (der === undefined) return undefined;
    parseCertificate(der);
    return der;
  } catch (thrown) {
    if (thrown instanceof MalformedError) return undefined;
    throw thrown;
  }
}

function bytesOf(base64: string): Uint8Array | undefined {
  try {
    return parseLaxBase64(base64);
  } catch (thrown) {
    if (thrown instanceof MalformedError) return undefined;
    throw thrown;
  }
}
