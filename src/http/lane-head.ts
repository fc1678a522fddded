/**
 * Heads of requests in the one plain form that the lane takes: RFC 9112 as every usual client
 * writes it. What is spelled in any other way, right or wrong, is not read here: node:http judges.
 * @module
 */
import type { IncomingHttpHeaders } from "node:http";

/** A request line with its headers is at most so long, in bytes. */
export const PLAIN_HEAD_BYTES_MAX = 2_048;

/** A body is at most so long, in bytes: chains of usual size have some 10 kB. */
export const PLAIN_BODY_BYTES_MAX = 16_384;

/** Blocks of headers that are remembered: the requests of a client have the same ones. */
export const BLOCKS_MAX = 256;

/** What the headers of a request say. */
export interface PlainHeaders {
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  /** Bytes of the body; 0 without a Content-Length. */
  readonly contentLength: number;
}

/** A request's head. */
export interface PlainHead extends PlainHeaders {
  readonly method: "GET" | "POST";
  readonly target: string;
  /** Method and path, as `GET /shard/checkpoint`. */
  readonly key: string;
  /** Bytes of the head. */
  readonly length: number;
}

/** No control characters, nothing beyond ASCII; `%` and `#` are for routers to refuse. */
const REQUEST_LINE = /^(GET|POST) (\/[!-"$&->@-~]*)(\?[!-"$-~]*)? HTTP\/1\.1$/;

/** One header: a token, then visible text without spaces around it. RFC 9110, section 5. */
const FIELD = /^([\w!#$%&'*+.^`|~-]+):[ \t]*([!-~](?:[ -~\t]*[!-~])?)?[ \t]*$/;

/** What changes how the message is read, or what is to be answered before it. */
const OTHERS = new Set(["transfer-encoding", "expect", "upgrade", "trailer", "te", "__proto__"]);

const DIGITS = /^[0-9]{1,5}$/;

/** Reads heads. */
export class PlainHeads {
  /** By the block of headers as it was sent; undefined: not plain. */
  readonly #blocks = new Map<string, PlainHeaders | undefined>();

  /**
   * The head that `bytes` begin with.
   * @returns undefined if it is not whole, or not plain.
   */
  read(bytes: Buffer): PlainHead | undefined {
    const text = bytes.toString("latin1", 0, Math.min(bytes.length, PLAIN_HEAD_BYTES_MAX));
    const end = text.indexOf("\r\n\r\n");
    const lineEnd = text.indexOf("\r\n");
    if (end === -1 || lineEnd === end) return undefined;
    const [, method, path, query = ""] = REQUEST_LINE.exec(text.slice(0, lineEnd)) ?? [];
    if ((method !== "GET" && method !== "POST") || path === undefined) return undefined;
    const said = this.#headersOf(text.slice(lineEnd + 2, end));
    if (said === undefined) return undefined;
    const { headers, rawHeaders, contentLength } = said;
    if (method === "GET" && contentLength > 0) return undefined;
    if (method === "POST" && headers["content-length"] === undefined) return undefined;
    const [target, key] = [path + query, `${method} ${path}`];
    return { method, target, key, headers, rawHeaders, contentLength, length: end + 4 };
  }

  #headersOf(block: string): PlainHeaders | undefined {
    let said = this.#blocks.get(block);
    if (said === undefined && !this.#blocks.has(block)) {
      said = parseHeaders(block);
      if (this.#blocks.size >= BLOCKS_MAX) this.#blocks.clear();
      this.#blocks.set(block, said);
    }
    return said;
  }
}

function parseHeaders(block: string): PlainHeaders | undefined {
  const headers: IncomingHttpHeaders = {};
  const rawHeaders: string[] = [];
  for (const line of block.split("\r\n")) {
    const [, name, value = ""] = FIELD.exec(line) ?? [];
    if (name === undefined) return undefined;
    const lower = name.toLowerCase();
    // Whether two of a name are one list is another's to know.
    if (OTHERS.has(lower) || Object.hasOwn(headers, lower)) return undefined;
    headers[lower] = value;
    rawHeaders.push(name, value);
  }
  const { host, connection } = headers;
  if (host === undefined) return undefined;
  if (connection !== undefined && connection.toLowerCase() !== "keep-alive") return undefined;
  const length = headers["content-length"] ?? "0";
  const contentLength = Number(length);
  if (!DIGITS.test(length) || contentLength > PLAIN_BODY_BYTES_MAX) return undefined;
  return { headers, rawHeaders, contentLength };
}
