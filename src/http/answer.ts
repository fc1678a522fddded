/**
 * Answers as values: status, headers, body. Errors have one envelope, that of Go's
 * `http.Error` as CTFE fills it: the status text, a line of detail, `text/plain`.
 * @module
 */
import { CtError, FatalError, UnavailableError } from "../base/errors.ts";
import { STATUS, STATUS_TEXT } from "./status.ts";

/** Text is ASCII, and may come in pieces; anything else comes as bytes. */
export type Body = string | readonly string[] | Uint8Array;

/** Bytes of a body. */
export function bodyLength(body: Body): number {
  if (typeof body === "string" || body instanceof Uint8Array) return body.length;
  let length = 0;
  for (const piece of body) length += piece.length;
  return length;
}

/** What a handler gives back. */
export interface Answer {
  readonly status: number;
  /** Names and values in turn, without Content-Length. */
  readonly headers: readonly string[];
  readonly body: Body;
}

const CORS = ["Access-Control-Allow-Origin", "*"];

/** JSON that says nothing of caching. */
export const JSON_HEADERS: readonly string[] = ["Content-Type", "application/json", ...CORS];

/** JSON that is cached for `seconds`. */
export function cachedJsonHeaders(seconds: number): readonly string[] {
  return [...JSON_HEADERS, "Cache-Control", `public, max-age=${seconds}`];
}

/** What never changes under its name, of this type. */
export function immutableHeaders(contentType: string): readonly string[] {
  const cache = ["Cache-Control", "public, max-age=604800, immutable"];
  return ["Content-Type", contentType, ...cache, ...CORS];
}

/** The checkpoint: always asked for afresh. */
export const CHECKPOINT_HEADERS: readonly string[] = [
  "Content-Type",
  "text/plain; charset=utf-8",
  "Cache-Control",
  "no-store",
  ...CORS,
];

/** A page for people. */
export const HTML_HEADERS: readonly string[] = [
  "Content-Type",
  "text/html; charset=utf-8",
  "X-Content-Type-Options",
  "nosniff",
  ...CORS,
];

const ERROR_HEADERS: readonly string[] = [
  "Content-Type",
  "text/plain; charset=utf-8",
  "X-Content-Type-Options",
  "nosniff",
  "Cache-Control",
  "no-store",
  ...CORS,
];

/** 200 with a body. */
export function ok(headers: readonly string[], body: Body): Answer {
  return { status: 200, headers, body };
}

/** The error envelope: `<status text>\n<detail>\n`. */
export function refusal(
  status: number,
  detail: string,
  extraHeaders: readonly string[] = [],
): Answer {
  const text = `${STATUS_TEXT[status] ?? "Error"}\n${detail}\n`;
  const headers = extraHeaders.length === 0 ? ERROR_HEADERS : [...ERROR_HEADERS, ...extraHeaders];
  return { status, headers, body: Buffer.from(text, "utf8") };
}

/** Answer to a CORS preflight. @param methods As in the Allow header. */
export function preflight(methods: string): Answer {
  const allow = ["Allow", methods, "Access-Control-Allow-Methods", methods];
  const rest = ["Access-Control-Allow-Headers", "*", "Access-Control-Max-Age", "86400"];
  return {
    status: 204,
    headers: [...CORS, ...allow, ...rest, "Cache-Control", "no-store"],
    body: "",
  };
}

/** Seconds for Retry-After, whole, at least 1, spread so that clients do not return as one. */
export type RetryAfter = (retryAfterMs: number) => number;

/**
 * Spreads over [delay, 2 * delay + 1) by the golden ratio: evener than chance, and any run of
 * refusals repeats exactly.
 */
export function spreadRetryAfter(): RetryAfter {
  let phase = 0;
  return (retryAfterMs) => {
    phase = (phase + 0.618_033_988_749_895) % 1;
    const seconds = Math.max(1, Math.ceil(retryAfterMs / 1000));
    return seconds + Math.floor(phase * (seconds + 1));
  };
}

/**
 * The answer to anything thrown. What is no `CtError` is a bug: 500 that says nothing.
 * @param detailOf How the endpoint words an error of the sender's.
 */
export function answerError(
  thrown: unknown,
  retryAfter: RetryAfter,
  detailOf: (error: CtError) => string = (error) => error.message,
): Answer {
  if (!(thrown instanceof CtError)) return refusal(500, "internal error");
  const error: CtError = thrown;
  const status = STATUS[error.code];
  if (error instanceof FatalError) {
    const seconds = retryAfter(FATAL_RETRY_MS);
    return refusal(status, "the log is recovering", ["Retry-After", String(seconds)]);
  }
  if (error instanceof UnavailableError) {
    const seconds = retryAfter(error.retryAfterMs);
    return refusal(status, detailOf(error), ["Retry-After", String(seconds)]);
  }
  return refusal(status, detailOf(error));
}

/** A shard reloads from its store within seconds. */
const FATAL_RETRY_MS = 5_000;
