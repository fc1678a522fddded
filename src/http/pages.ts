/**
 * Pages for people, behind both APIs: a request comes here only if no route of an API took it.
 * What a page shows is made elsewhere; here it becomes an answer, as HTML or as JSON.
 * @module
 */
import { gzipWish } from "./accept-encoding.ts";
import { type Answer, ok, prefersJson, refusal, type WholeAnswer } from "./answer.ts";
import type { HttpRequest } from "./exchange.ts";
import { parseQuery, pathOf } from "./query.ts";
import type { Handler } from "./responder.ts";

/** A page, as data and as a document; or where to go. */
export type PageAnswer =
  | { readonly status: number; readonly data: object; html(): string }
  | { readonly status: 303; readonly location: string };

/** A file that pages load; its name changes with its content. */
export interface PageFile {
  readonly contentType: string;
  readonly bytes: Uint8Array;
  readonly gzip: Uint8Array;
}

/** Pages that are looked at. Paths are those sent, without query. */
export interface ShownPages {
  /** Whether there may be a page or file. */
  has(path: string): boolean;
  page(path: string, query: (name: string) => string): Promise<PageAnswer | undefined>;
  asset(path: string): PageFile | undefined;
}

/** The pages of a server, and what may be posted to them. */
export interface Pages extends ShownPages {
  /** Whether a form may be posted to a path. */
  takes(path: string): boolean;
  /** What answers a form. @param field A field of it; empty if absent. */
  posted(path: string, field: (name: string) => string): Promise<PageAnswer | undefined>;
}

/**
 * No inline script or style, nobody else's anything, no frame around it: what a stranger's
 * certificate says cannot become code, even if a template failed.
 */
const POLICY: string = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

const SAFETY: readonly string[] = [
  ...["Content-Security-Policy", POLICY],
  ...["X-Content-Type-Options", "nosniff"],
  ...["Referrer-Policy", "no-referrer"],
  ...["Cross-Origin-Opener-Policy", "same-origin"],
];

const PAGE_HEADERS = ["Cache-Control", "no-cache", "Vary", "Accept", ...SAFETY];
const FILE_HEADERS = [
  ...["Cache-Control", "public, max-age=31536000, immutable"],
  ...["Vary", "Accept-Encoding"],
  ...SAFETY,
];

/** The handler of a page's path; undefined where `pages` has none. */
export function pageHandler(pages: ShownPages, request: HttpRequest): Handler | undefined {
  if (request.method !== "GET" && request.method !== "HEAD") return undefined;
  const path = pathOf(request.url ?? "");
  if (!pages.has(path)) return undefined;
  return async () => {
    const file = pages.asset(path);
    if (file !== undefined) return fileAnswer(file, request);
    return pageAnswer(await pages.page(path, parseQuery(request.url ?? "")), request);
  };
}

/** A page as the answer to a request. */
export function pageAnswer(page: PageAnswer | undefined, request: HttpRequest): WholeAnswer {
  if (page === undefined) return refusal(404, "REJECTED_NOT_FOUND", "not found");
  if ("location" in page) {
    const headers = ["Location", page.location, ...PAGE_HEADERS];
    return { status: page.status, headers, body: "" };
  }
  const isNamed = pathOf(request.url ?? "").endsWith(".json");
  const isJson = isNamed || prefersJson(request.headers.accept ?? "", "text/html");
  const contentType = isJson ? "application/json" : "text/html; charset=utf-8";
  const text = isJson ? `${JSON.stringify(page.data, undefined, 2)}\n` : page.html();
  const headers = ["Content-Type", contentType, ...PAGE_HEADERS];
  return { status: page.status, headers, body: Buffer.from(text, "utf8") };
}

function fileAnswer(file: PageFile, request: HttpRequest): Answer {
  const accepted = request.headers["accept-encoding"];
  const isGzip = typeof accepted === "string" && gzipWish(accepted) === "accepted";
  const headers = ["Content-Type", file.contentType, ...FILE_HEADERS];
  return isGzip ? ok([...headers, "Content-Encoding", "gzip"], file.gzip) : ok(headers, file.bytes);
}
