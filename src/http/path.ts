/**
 * Request targets as they were sent, and which methods a path knows.
 * @module
 */
import { MalformedError } from "../base/errors.ts";
import { parseTilePath } from "../static-ct/tile-path.ts";
import { pathOf } from "./query.ts";

/** Allow header of what is read. */
export const READ = "GET, HEAD, OPTIONS";

/** Allow header of submissions. */
export const SUBMIT = "POST, OPTIONS";

/** A target that no route has. */
const NO_TARGET = "/-";

/**
 * The target that is routed: the one sent, or one without a route if its path is spelled in
 * any way but the plain one. Routers decode `%` and cut at `#`.
 */
export function plainTarget(target: string): string {
  const local = target.startsWith("/") ? target : localTarget(target);
  return /^\/[^?#%]*(\?[^#]*)?$/.test(local) ? local : NO_TARGET;
}

/** The methods of a known path, as in the Allow header; undefined for an unknown one. */
export function knownMethods(
  paths: ReadonlyMap<string, string>,
  shards: { has(shard: string): boolean },
  target: string,
): string | undefined {
  const path = pathOf(target);
  if (!path.includes("*") && paths.has(path)) return paths.get(path);
  const [, shard = "", rest = ""] = /^\/([^/]+)\/(.+)$/.exec(path) ?? [];
  if (!shards.has(shard)) return undefined;
  if (rest.startsWith("issuer/")) return isIssuerName(rest.slice(7)) ? READ : undefined;
  return isTilePath(rest) ? READ : undefined;
}

/** Whether this names an issuer: 64 lowercase hex digits. */
export function isIssuerName(name: string): boolean {
  return /^[0-9a-f]{64}$/.test(name);
}

/** Of `http://host/path` the path: RFC 9112, section 3.2.2. */
function localTarget(target: string): string {
  const [, path] = /^https?:\/\/[^/?#]+(.*)$/i.exec(target) ?? [];
  return path === undefined || path.startsWith("/") ? (path ?? "") : `/${path}`;
}

function isTilePath(path: string): boolean {
  try {
    parseTilePath(path);
    return true;
  } catch (thrown) {
    if (thrown instanceof MalformedError) return false;
    throw thrown;
  }
}
