/**
 * The chain out of the body of a submission: RFC 6962, section 4.1, as `parseChainJson` reads it.
 * Bodies as Go writes them, which almost all are, are cut where their quotes stand: no text of
 * the whole body is made, and no JSON of it.
 * @module
 */
import { parseChainJson } from "../rfc6962/json.ts";
import { parseNativeBase64 } from "./base64.ts";

const HEAD = Buffer.from('{"chain":["', "latin1");
const TAIL = Buffer.from('"]}', "latin1");

const QUOTE = 0x22;
const COMMA = 0x2c;
const EQUALS = 0x3d;

/** Characters that Node's decoder takes for `+` and `/`, and we do not. */
const HYPHEN = 0x2d;
const UNDERSCORE = 0x5f;

/** Characters that are made text and decoded at a time: fresh memory for more costs its pages. */
const PIECE_CHARACTERS = 32_768;

/**
 * The certificates of a body, none empty; the body is an attacker's.
 * @throws MalformedError `MALFORMED_BODY`, as `parseChainJson`.
 */
export function parseChainBody(body: Buffer): readonly Uint8Array[] {
  return parsePlainBody(body) ?? parseChainJson(body.toString("utf8"), parseNativeBase64);
}

/** Of a body that is `{"chain":["` base64 `","` base64 ... `"]}` and no more; else undefined. */
function parsePlainBody(body: Buffer): readonly Uint8Array[] | undefined {
  const end = body.length - TAIL.length;
  if (end < HEAD.length) return undefined;
  if (body.compare(HEAD, 0, HEAD.length, 0, HEAD.length) !== 0) return undefined;
  if (body.compare(TAIL, 0, TAIL.length, end) !== 0) return undefined;
  if (body.includes(HYPHEN) || body.includes(UNDERSCORE)) return undefined;
  const chain: Uint8Array[] = [];
  for (let start = HEAD.length; ; ) {
    const quote = body.indexOf(QUOTE, start);
    const certificate = decodeBase64(body, start, quote);
    if (certificate === undefined) return undefined;
    chain.push(certificate);
    if (quote === end) return chain;
    if (body[quote + 1] !== COMMA || body[quote + 2] !== QUOTE) return undefined;
    start = quote + 3;
  }
}

/**
 * The bytes of standard padded base64 without line ends, at least one; else undefined. Node's
 * decoder skips what it does not know: then it gives less than the length promises.
 */
function decodeBase64(body: Buffer, start: number, end: number): Uint8Array | undefined {
  const length = end - start;
  if (length <= 0 || length % 4 !== 0) return undefined;
  const padding = body[end - 1] !== EQUALS ? 0 : body[end - 2] !== EQUALS ? 1 : 2;
  const bytes = Buffer.allocUnsafe((length / 4) * 3 - padding);
  let written = 0;
  for (let at = start; at < end; at += PIECE_CHARACTERS) {
    const text = body.toString("latin1", at, Math.min(end, at + PIECE_CHARACTERS));
    written += bytes.write(text, written, "base64");
    // Only the last piece may end within a group of four.
    if (at + PIECE_CHARACTERS < end && written !== ((at + PIECE_CHARACTERS - start) / 4) * 3) {
      return undefined;
    }
  }
  return written === bytes.length ? bytes : undefined;
}
