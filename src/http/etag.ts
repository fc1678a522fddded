/**
 * Entity tags: RFC 9110, sections 8.8.3 and 13.1.2. A tag is a hash of the very bytes that are
 * sent, so that the same answer has the same tag in every thread and after every restart, and
 * gzip another one than what it holds.
 * @module
 */
import { hash } from "node:crypto";

/** Tags of an If-None-Match header that are looked at. */
const TAGS_MAX = 32;

/** Characters of the hash that a tag has: 132 bits. */
const TAG_LENGTH = 22;

/** The strong tag of a body, with its quotes. */
export function etagOf(body: Uint8Array): string {
  return `"${hash("sha256", body, "base64url").slice(0, TAG_LENGTH)}"`;
}

/**
 * Whether an If-None-Match header names `etag`, by the weak comparison that it asks for: a proxy
 * that compresses on its way makes a strong tag weak.
 */
export function isKnownEtag(etag: string, ifNoneMatch: string | undefined): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch
    .split(",", TAGS_MAX)
    .map((tag) => tag.trim())
    .some((tag) => tag === "*" || tag === etag || tag === `W/${etag}`);
}
