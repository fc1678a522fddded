/**
 * The headers that every answer of a kind carries.
 * @module
 */
import assert from "node:assert/strict";
import type { Reply } from "./http-call.ts";

/** A refusal: never cached, readable from any page. */
export function requireRefusal(reply: Reply): void {
  assert.equal(reply.headers["content-type"], "text/plain; charset=utf-8");
  assert.equal(reply.headers["x-content-type-options"], "nosniff");
  assert.equal(reply.headers["cache-control"], "no-store");
  assert.equal(reply.headers["access-control-allow-origin"], "*");
}

/** What never changes under its name. */
export function requireImmutable(reply: Reply, type: string): void {
  assert.equal(reply.headers["content-type"], type);
  assert.equal(reply.headers["cache-control"], "public, max-age=604800, immutable");
  assert.equal(reply.headers["access-control-allow-origin"], "*");
}
