/**
 * HTTP as a reader of logs needs it: one bounded request over `fetch`, with a deadline for
 * the whole exchange. Connections are kept alive, redirects are never followed (no log sends
 * any, and a followed one could lead anywhere), and every answer but 200 is an error that
 * says which URL and which status. What a server sends is an attacker's.
 * @module
 */
import { messageOf } from "../base/errors.ts";
import { concatBytes } from "../encoding/bytes.ts";

/** One request. */
export interface HttpRequest {
  readonly url: string;
  /** JSON to POST; undefined for GET. */
  readonly json?: string;
  /** Largest body that is taken, after decompression. */
  readonly bytesMax: number;
  /** For the whole exchange, body included. */
  readonly timeoutMs: number;
  /** Gives the exchange up before that. */
  readonly signal?: AbortSignal | undefined;
  /** Is told how it ended. */
  readonly onExchange?: OnExchange | undefined;
}

/** A request that is over. */
export interface Exchange {
  readonly url: string;
  /** HTTP status; undefined if no answer came. */
  readonly status: number | undefined;
  /** Steady times of this process, body included; milliseconds. */
  readonly startMs: number;
  readonly endMs: number;
}

/** Takes each request that is over, answered or not. */
export type OnExchange = (exchange: Exchange) => void;

/** What is known of a failed request. */
export interface SourceFailure {
  /** HTTP status; undefined if no answer came. */
  readonly status?: number;
  /** The text of an answer that is not 200: at most 1,000 characters, without control characters. */
  readonly text?: string;
  /** The `Retry-After` header as it came; at most 64 characters, without control characters. */
  readonly retryAfter?: string;
  readonly cause?: unknown;
}

/** A log did not answer, refused, or answered what does not parse. The message names the URL. */
export class SourceError extends Error {
  override readonly name = "SourceError";
  readonly url: string;
  readonly status: number | undefined;
  readonly text: string | undefined;
  readonly retryAfter: string | undefined;
  constructor(url: string, message: string, failure: SourceFailure = {}) {
    super(`${url}: ${message}`, { cause: failure.cause });
    this.url = url;
    this.status = failure.status;
    this.text = failure.text;
    this.retryAfter = failure.retryAfter;
  }
}

/** At most this much of a refusal's body is read. */
const REFUSAL_BYTES_MAX = 4_096;

/** Default deadline of one exchange. */
export const TIMEOUT_MS = 30_000;

/** What answers a request: as {@link fetchBytes}. */
export type FetchBytes = (request: HttpRequest) => Promise<Uint8Array>;

/**
 * The body of the 200 that answers `request`.
 * @throws SourceError for anything else: another status, a redirect, a longer body, no answer in time.
 */
export async function fetchBytes(request: HttpRequest): Promise<Uint8Array> {
  const { url, onExchange } = request;
  const startMs = performance.now();
  let status: number | undefined;
  try {
    const bytes = await fetchBody(request);
    status = 200;
    return bytes;
  } catch (thrown) {
    if (thrown instanceof SourceError) status = thrown.status;
    throw thrown;
  } finally {
    onExchange?.({ url, status, startMs, endMs: performance.now() });
  }
}

async function fetchBody(request: HttpRequest): Promise<Uint8Array> {
  const { url, json, bytesMax, timeoutMs } = request;
  const deadline = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(url, {
      method: json === undefined ? "GET" : "POST",
      redirect: "manual",
      signal: request.signal ? AbortSignal.any([deadline, request.signal]) : deadline,
      headers: { "user-agent": "stratus", ...(json && { "content-type": "application/json" }) },
      ...(json === undefined ? {} : { body: json }),
    });
    if (response.status !== 200) throw await refusal(url, response);
    const { bytes, isWhole } = await readBody(response, bytesMax);
    if (!isWhole) throw new SourceError(url, `the answer is longer than ${bytesMax} bytes`);
    return bytes;
  } catch (cause) {
    if (cause instanceof SourceError) throw cause;
    throw new SourceError(url, reasonOf(cause, timeoutMs), { cause });
  }
}

/** As {@link fetchBytes}, for text. @throws SourceError also if the body is not UTF-8. */
export async function fetchText(request: HttpRequest): Promise<string> {
  const bytes = await fetchBytes(request);
  return parseAnswer(request.url, () =>
    new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes),
  );
}

/** What `parse` returns. @throws SourceError with the URL if it throws: the answer is malformed. */
export function parseAnswer<T>(url: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    if (cause instanceof SourceError) throw cause;
    throw new SourceError(url, `the answer does not parse: ${messageOf(cause)}`, { cause });
  }
}

/**
 * A URL prefix without trailing slash.
 * @throws TypeError unless it is http or https, without credentials, query and fragment.
 */
export function normalizePrefix(text: string): string {
  const url = URL.parse(text);
  if (url === null) throw new TypeError(`expected a URL, got ${JSON.stringify(text)}`);
  const isPlain = url.username + url.password + url.search + url.hash === "";
  if (!/^https?:$/.test(url.protocol) || !isPlain || /[?#]/.test(text)) {
    throw new TypeError(`expected http(s)://host/path, got ${JSON.stringify(text)}`);
  }
  return url.href.replace(/\/+$/, "");
}

/** Text of a stranger for a terminal: control and format characters out, lines kept, cut at `max`. */
export function cleanText(text: string, max: number): string {
  const clean = text.replaceAll(/[^\P{C}\n]/gu, " ").trim();
  return clean.length > max ? `${clean.slice(0, max)}…` : clean;
}

async function refusal(url: string, response: Response): Promise<SourceError> {
  const { status } = response;
  let text = "";
  try {
    const { bytes } = await readBody(response, REFUSAL_BYTES_MAX);
    text = cleanText(new TextDecoder().decode(bytes), 1_000);
  } catch {
    // The status alone says enough.
  }
  const retryAfter = cleanText(response.headers.get("retry-after") ?? "", 64);
  const isRedirect = status >= 300 && status < 400;
  const lines = text.replaceAll(/\s*\n\s*/g, ": ");
  const message = `answered ${status}${isRedirect ? ", a redirect, which is not followed" : ""}`;
  return new SourceError(url, lines === "" ? message : `${message}: ${lines}`, {
    status,
    text,
    ...(retryAfter === "" ? {} : { retryAfter }),
  });
}

/** At most `bytesMax` bytes of the body; the rest is not read. */
async function readBody(
  response: Response,
  bytesMax: number,
): Promise<{ readonly bytes: Uint8Array; readonly isWhole: boolean }> {
  if (response.body === null) return { bytes: new Uint8Array(0), isWhole: true };
  const chunks: Uint8Array[] = [];
  let left = bytesMax;
  // Leaving the loop early cancels the stream, and with it the connection.
  for await (const chunk of response.body) {
    chunks.push(chunk.subarray(0, left));
    if (chunk.length > left) return { bytes: concatBytes(...chunks), isWhole: false };
    left -= chunk.length;
  }
  return { bytes: concatBytes(...chunks), isWhole: true };
}

function reasonOf(thrown: unknown, timeoutMs: number): string {
  if (thrown instanceof Error && thrown.name === "TimeoutError") {
    return `no whole answer within ${timeoutMs} ms`;
  }
  const { cause } = thrown instanceof Error ? thrown : {};
  if (!(cause instanceof Error)) return `no answer: ${messageOf(thrown)}`;
  const code = "code" in cause && typeof cause.code === "string" ? cause.code : "";
  if (code === "ECONNREFUSED") return "no answer: nothing listens there (ECONNREFUSED)";
  return `no answer: ${cause.message || code}`;
}
