/**
 * What a visitor pasted or dropped to have it checked: a chain, SCTs, or both; and what SCTs of
 * it can have been signed over. The text is a stranger's.
 * @module
 */
import { MalformedError } from "../../base/errors.ts";
import { equalBytes } from "../../encoding/bytes.ts";
import { parseJsonObject } from "../../encoding/json.ts";
import { encodeUtf8 } from "../../encoding/utf8.ts";
import type { Sha256 } from "../../merkle/hash.ts";
import { parseChainJson, parseSctJson } from "../../rfc6962/json.ts";
import type { Sct } from "../../rfc6962/sct.ts";
import type { SctSubject } from "../../sct/check.ts";
import { embeddedScts, entryOfChain, entryOfEmbedded } from "../../sct/entry.ts";
import { findScts } from "../../sct/find.ts";
import { type Certificate, parseCertificate } from "../../x509/certificate.ts";
import { hasSctList, isPrecertTbs, poisonOf, tbsWithoutSctList } from "../../x509/precert.ts";
import { parsePem } from "../../x509/roots.ts";
import { certificateOf } from "./search.ts";

/** SCTs that are looked at; a certificate has two or three. */
export const SCTS_MAX = 16;

/** Certificates of a chain that are shown. */
export const CERTIFICATES_MAX = 10;

/** An SCT, and where it was found. */
export interface PastedSct {
  readonly sct: Sct;
  readonly isEmbedded: boolean;
}

/** What was pasted. */
export interface Pasted {
  /** DER, in order; the first one parses. Empty where SCTs came alone. */
  readonly chain: readonly Uint8Array[];
  readonly scts: readonly PastedSct[];
  /** SCTs beyond {@link SCTS_MAX}. */
  readonly passedOver: number;
}

/**
 * Reads it.
 * @throws MalformedError in words for the visitor: `MALFORMED_PEM`, `MALFORMED_CERTIFICATE`,
 *   `MALFORMED_JSON`, `MALFORMED_BODY`, `MALFORMED_TLS`.
 */
export function parsePasted(text: string): Pasted {
  const trimmed = text.trim();
  if (trimmed === "") throw new MalformedError("MALFORMED_PEM", "there is nothing to check");
  const { chain, beside } = read(trimmed);
  const [first] = chain;
  const all: PastedSct[] = [];
  if (first !== undefined) {
    for (const sct of embeddedScts(first)) all.push({ sct, isEmbedded: true });
  }
  for (const sct of beside) {
    requireEncodable(sct);
    all.push({ sct, isEmbedded: false });
  }
  const scts = all.slice(0, SCTS_MAX);
  return { chain, scts, passedOver: all.length - scts.length };
}

/** JSON can hold more than the structure of RFC 6962, section 3.2, has room for. */
function requireEncodable({ extensions, signature }: Sct): void {
  if (extensions.length < 0x10000 && signature.length < 0x10004) return;
  throw new MalformedError("MALFORMED_JSON", "an SCT has no room for such long fields");
}

interface Read {
  readonly chain: readonly Uint8Array[];
  readonly beside: readonly Sct[];
}

function read(text: string): Read {
  if (text.includes("-----BEGIN")) {
    const chain = parsePem(text);
    if (chain.length === 0) {
      throw new MalformedError("MALFORMED_PEM", "there is no CERTIFICATE block in it");
    }
    return { chain, beside: sctsAround(text) };
  }
  if (text.startsWith("{")) {
    const body = parseJsonObject(text);
    if (body.has("chain")) return { chain: parseChainJson(text), beside: [] };
    return { chain: [], beside: [parseSctJson(text)] };
  }
  const certificate = certificateOf(text);
  if (certificate !== undefined) return { chain: [certificate], beside: [] };
  try {
    return { chain: [], beside: findScts(encodeUtf8(text)).scts };
  } catch (cause) {
    if (!(cause instanceof MalformedError) || cause.code !== "MALFORMED_BASE64") throw cause;
    const message =
      "expected certificates in PEM, an SCT as JSON, or base64 or hex of a certificate, an SCT or a list of them";
    throw new MalformedError("MALFORMED_PEM", message, { cause });
  }
}

/** An SCT that stands beside PEM blocks; other text there, such as names of files, is passed over. */
function sctsAround(text: string): readonly Sct[] {
  const rest = text.replaceAll(/-----BEGIN ([^-]*)-----[\s\S]*?-----END \1-----/g, " ").trim();
  const json = /\{[^{}]*"sct_version"[^{}]*\}/.exec(rest)?.[0];
  if (json !== undefined) return [parseSctJson(json)];
  const isEncoded = rest.length >= 100 && /^[A-Za-z0-9+/\s]+=*$/.test(rest);
  return isEncoded ? findScts(encodeUtf8(rest)).scts : [];
}

/** One reading of a chain: what an SCT about it signs. */
export interface Claim extends SctSubject {
  /** In words, behind "over". */
  readonly what: string;
}

/** What SCTs about a chain can have been signed over; the likeliest first. */
export function claimsOf(sha256: Sha256, chain: readonly Uint8Array[]): readonly Claim[] {
  const [der, issuer] = chain;
  if (der === undefined) return [];
  const leaf = parseCertificate(der);
  const { notAfterMs } = leaf;
  const claims: Claim[] = [];
  const add = (what: string, entryOf: () => Claim["entry"]): void => {
    try {
      claims.push({ what, notAfterMs, entry: entryOf() });
    } catch (thrown) {
      // Without its issuer, or as it stands, it makes no entry.
      if (!(thrown instanceof MalformedError)) throw thrown;
    }
  };
  if (poisonOf(leaf).count > 0) {
    add("this precertificate without its poison", () => entryOfChain(sha256, chain));
    return claims;
  }
  if (hasSctList(leaf) && issuer !== undefined && isIssuer(issuer, leaf)) {
    add("this certificate without its SCTs", () => entryOfEmbedded(sha256, der, issuer));
  }
  add("this certificate as it stands", () => entryOfChain(sha256, [der]));
  return claims;
}

/**
 * As {@link claimsOf}, for a chain that ends below a root which was left out: each of `roots`
 * that has the right name is tried.
 */
export function claimsUnderRoots(
  sha256: Sha256,
  chain: readonly Uint8Array[],
  roots: readonly Uint8Array[],
): readonly Claim[] {
  const last = chain.at(-1);
  if (last === undefined) return [];
  const child = parseCertificate(last);
  return roots
    .filter((root) => isIssuer(root, child))
    .flatMap((root) => claimsOf(sha256, [...chain, root]))
    .filter(({ entry }) => entry.type === "precert");
}

/** Whether an entry is of this certificate; undefined where only its issuer could tell. */
export function isEntryOf(
  entry: Claim["entry"],
  [der]: readonly Uint8Array[],
): boolean | undefined {
  if (der === undefined) return undefined;
  if (entry.type === "x509") return equalBytes(entry.certificate, der);
  const leaf = parseCertificate(der);
  if (hasSctList(leaf)) return equalBytes(entry.tbs, tbsWithoutSctList(leaf));
  if (poisonOf(leaf).count === 0) return false;
  // A precertificate signing certificate's own issuer stands in the entry.
  return isPrecertTbs(der, entry.tbs) || undefined;
}

function isIssuer(der: Uint8Array, child: Certificate): boolean {
  try {
    return equalBytes(parseCertificate(der).subject, child.issuer);
  } catch (thrown) {
    if (thrown instanceof MalformedError) return false;
    throw thrown;
  }
}
