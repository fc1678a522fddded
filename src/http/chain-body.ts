/**
 * The body of a submission, from its bytes: RFC 6962, section 4.1.
 * @module
 */
import { parseChainJson } from "../rfc6962/json.ts";
import { parseNativeBase64 } from "./base64.ts";

/** How a body begins, and goes on, that was written without a space, as clients do. */
const OPENING: Buffer = Buffer.from('{"chain":["', "latin1");
const BETWEEN: Buffer = Buffer.from(',"', "latin1");
const CLOSING: Buffer = Buffer.from("]}", "latin1");
const QUOTE = 0x22;

/**
 * As `parseChainJson` of the body's text. The usual body is cut at its quotes, and the text of
 * the whole is never made: each certificate's must be canonical base64, so that no escape can
 * be in it. Whatever else a body is, JSON's own parser judges it.
 * @returns At least one certificate; none is empty; not views into `body`.
 * @throws MalformedError `MALFORMED_BODY`.
 */
export function parseChainBody(body: Buffer): readonly Uint8Array[] {
  return cutChain(body) ?? parseChainJson(body.toString("utf8"), parseNativeBase64);
}

function cutChain(body: Buffer): readonly Uint8Array[] | undefined {
  if (!startsWith(body, OPENING, 0)) return undefined;
  const chain: Uint8Array[] = [];
  let offset = OPENING.length;
  for (;;) {
    const end = body.indexOf(QUOTE, offset);
    if (end <= offset) return undefined;
    const text = body.toString("latin1", offset, end);
    const certificate = Buffer.from(text, "base64");
    if (certificate.toString("base64") !== text) return undefined;
    chain.push(certificate);
    offset = end + 1;
    if (startsWith(body, CLOSING, offset)) {
      return offset + CLOSING.length === body.length ? chain : undefined;
    }
    if (!startsWith(body, BETWEEN, offset)) return undefined;
    offset += BETWEEN.length;
  }
}

function startsWith(body: Buffer, part: Buffer, start: number): boolean {
  const end = start + part.length;
  return end <= body.length && body.compare(part, 0, part.length, start, end) === 0;
}
