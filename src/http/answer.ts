/**
 * Answers as values: status, headers, body. Errors have one envelope, that of Go's
 * `http.Error` as CTFE fills it: the status text, a line of detail, `text/plain`. A client
 * that asks for JSON gets the same as `{ code, message, detail }`.
 * @module
 */
import { CtError, type ErrorCode, FatalError, UnavailableError } from "../base/errors.ts";
import { BodyStream, type WholeBody } from "./body-stream.ts";
import { etagOf, isKnownEtag } from "./etag.ts";
import { STATUS, STATUS_TEXT } from "./status.ts";

/** What a handler gives back. */
export type Answer = WholeAnswer | StreamedAnswer;

interface AnswerHead {
  readonly status: number;
  /** Names and values in turn, without Content-Length. */
  readonly headers: readonly string[];
  /** Among the headers too: a client that has it gets 304. */
  readonly etag?: string;
  /** Of a refusal: what it says to a client that asks for JSON. */
  readonly problem?: Problem;
}

/** One whose body is made. */
export interface WholeAnswer extends AnswerHead {
  readonly body: WholeBody;
}

/** One whose body is made while it is sent; no refusal, and without tag. */
export interface StreamedAnswer extends AnswerHead {
  readonly body: BodyStream;
}

/** Which of the two it is. */
export function isStreamed(answer: Answer): answer is StreamedAnswer {
  return answer.body instanceof BodyStream;
}

/** A refusal in JSON. */
export interface Problem {
  /** As in docs/ERRORS.md; `BUG` for a mistake of ours. */
  readonly code: ErrorCode | "BUG";
  /** What the text envelope says behind the status text, in CTFE's words. */
  readonly message: string;
  /** What was found, without the endpoint's words around it. */
  readonly detail: string;
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

const ERROR_HEADERS: readonly string[] = [
  "Content-Type",
  "text/plain; charset=utf-8",
  "X-Content-Type-Options",
  "nosniff",
  "Cache-Control",
  "no-store",
  ...CORS,
];

/** {@link ERROR_HEADERS} of a refusal in JSON. */
const PROBLEM_HEADERS: readonly string[] = ["Content-Type", "application/json"].concat(
  ERROR_HEADERS.slice(2),
);

/** 200 with a body. */
export function ok(headers: readonly string[], body: WholeBody): WholeAnswer {
  return { status: 200, headers, body };
}

/** 200 with a body under its entity tag; see etag.ts. */
export function okTagged(headers: readonly string[], body: Uint8Array): WholeAnswer {
  const etag = etagOf(body);
  return { status: 200, headers: [...headers, "ETag", etag], body, etag };
}

/** `answer`, or 304 if the client's If-None-Match has it already: RFC 9110, section 15.4.5. */
export function inNewsOf(answer: WholeAnswer, ifNoneMatch: string | undefined): WholeAnswer {
  if (answer.etag === undefined || !isKnownEtag(answer.etag, ifNoneMatch)) return answer;
  // The headers that 200 would have, but for those that describe a body.
  const headers: string[] = [];
  for (let index = 0; index < answer.headers.length; index += 2) {
    const [name = "", value = ""] = answer.headers.slice(index, index + 2);
    if (!name.startsWith("Content-")) headers.push(name, value);
  }
  return { status: 304, headers, body: "" };
}

/** 200 with a value for an operator, or for a program of theirs; not for browsers of others. */
export function operatorJson(value: object): Answer {
  const headers = ["Content-Type", "application/json", "Cache-Control", "no-store"];
  return ok(headers, Buffer.from(`${JSON.stringify(value, undefined, 2)}\n`, "utf8"));
}

/**
 * The error envelope: `<status text>\n<message>\n`.
 * @param detail The problem's detail, where it is not the message.
 */
export function refusal(
  status: number,
  code: Problem["code"],
  message: string,
  extraHeaders: readonly string[] = [],
  detail: string = message,
): WholeAnswer {
  const text = `${STATUS_TEXT[status] ?? "Error"}\n${message}\n`;
  const headers = extraHeaders.length === 0 ? ERROR_HEADERS : [...ERROR_HEADERS, ...extraHeaders];
  return { status, headers, body: Buffer.from(text, "utf8"), problem: { code, message, detail } };
}

/** `answer` in the form that a client asks for: a refusal as JSON if it accepts that rather. */
export function inFormOf(answer: WholeAnswer, accept: string | undefined): WholeAnswer {
  const { problem } = answer;
  // In an overload most answers come here: what does not even say it is told apart at once.
  if (problem === undefined || accept === undefined || !/json/i.test(accept)) return answer;
  if (!prefersJson(accept, "text/plain")) return answer;
  const { code, message, detail } = problem;
  const headers = [...PROBLEM_HEADERS, ...answer.headers.slice(ERROR_HEADERS.length)];
  const body = Buffer.from(JSON.stringify({ code, message, detail }), "utf8");
  return { status: answer.status, headers, body };
}

/**
 * Whether an Accept header names `application/json` and does not want `otherType` more: `*`
 * alone, as most clients of logs send it, asks for the other one.
 */
export function prefersJson(accept: string, otherType: string): boolean {
  const json = qualityOf(accept, "application/json");
  return json > 0 && json >= qualityOf(accept, otherType);
}

/** The quality of a media type that an Accept header names: RFC 9110, section 12.5.1; else 0. */
function qualityOf(accept: string, type: string): number {
  for (const range of accept.split(",", RANGES_MAX)) {
    const [name = "", ...parameters] = range.split(";");
    if (name.trim().toLowerCase() !== type) continue;
    const quality = /^\s*q\s*=\s*([01](?:\.[0-9]{0,3})?)\s*$/i;
    const [given] = parameters.flatMap((parameter) => quality.exec(parameter)?.[1] ?? []);
    return given === undefined ? 1 : Number(given);
  }
  return 0;
}

/** Media types of an Accept header that are looked at. */
const RANGES_MAX = 32;

/** Answer to a CORS preflight. @param methods As in the Allow header. */
export function preflight(methods: string): WholeAnswer {
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
): WholeAnswer {
  if (!(thrown instanceof CtError)) return refusal(500, "BUG", "internal error");
  const error: CtError = thrown;
  const { code } = error;
  const status = STATUS[code];
  if (error instanceof FatalError) {
    const seconds = retryAfter(FATAL_RETRY_MS);
    return refusal(status, code, "the log is recovering", ["Retry-After", String(seconds)]);
  }
  const headers: string[] = [];
  if (error instanceof UnavailableError) {
    headers.push("Retry-After", String(retryAfter(error.retryAfterMs)));
  }
  return refusal(status, code, detailOf(error), headers, error.message);
}

/** A shard reloads from its store within seconds. */
const FATAL_RETRY_MS = 5_000;
