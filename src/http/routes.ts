/**
 * Every path of the public server, once: the server routes by this table, and the OpenAPI
 * document is made from it.
 * @module
 */
import type { SchemaName } from "./openapi-schemas.ts";

/** A parameter of a path or query. */
export interface RouteParameter {
  readonly name: string;
  readonly in: "path" | "query";
  readonly isRequired: boolean;
  readonly description: string;
  readonly schema: object;
  /** One that works where there is an entry. */
  readonly example: string | number;
}

/** A route. */
export interface Route {
  readonly method: "get" | "post";
  /** Paths as OpenAPI writes them; `{shard}` is the name of a shard. */
  readonly paths: readonly string[];
  /** What the router is told after the shard, where that differs from the first path. */
  readonly pattern?: string;
  readonly summary: string;
  /** Where it is specified. */
  readonly source: string;
  readonly parameters: readonly RouteParameter[];
  /** What 200 answers: a JSON schema, or a media type. */
  readonly answer: { readonly schema: SchemaName } | { readonly mediaType: string };
  /** Whether it has an ETag, and 304 for a client that has it. */
  readonly isTagged?: true;
  /** Statuses other than 200 and those of every route. */
  readonly refusals: readonly number[];
}

const hash = { type: "string", pattern: "^[A-Za-z0-9+/]{43}=$" };
const count = { type: "integer", minimum: 0 };

const query = (
  name: string,
  description: string,
  schema: object,
  example: string | number,
): RouteParameter => ({ name, in: "query", isRequired: true, description, schema, example });

const path = (
  name: string,
  description: string,
  schema: object,
  example: string | number,
): RouteParameter => ({ name, in: "path", isRequired: true, description, schema, example });

const ENDPOINT: RouteParameter = {
  name: "endpoint",
  in: "query",
  isRequired: false,
  description:
    "Whose rules: without it those of add-pre-chain if the first certificate carries the poison, else of add-chain.",
  schema: { type: "string", enum: ["add-chain", "add-pre-chain"] },
  example: "add-chain",
};

const WAIT: RouteParameter = {
  name: "wait",
  in: "query",
  isRequired: false,
  description:
    "Seconds to wait for news, at most 60: a tree of more than size entries; without size another head than If-None-Match names, or than the newest. Then, or when time is up, the newest head is answered.",
  schema: count,
  example: 0,
};

const SIZE: RouteParameter = {
  name: "size",
  in: "query",
  isRequired: false,
  description: "With wait: the tree size that the client has.",
  schema: count,
  example: 0,
};

const LEVEL = path("level", "0 to 5, or data.", { type: "string", pattern: "^([0-5]|data)$" }, "0");

const INDEX = path(
  "index",
  "Groups of three digits with x before all but the last, as x001/x234/067: slashes are part of it.",
  { type: "string", pattern: "^(x[0-9]{3}/)*[0-9]{3}$" },
  "000",
);

const SUBMISSION = [400, 403, 410, 413, 429, 503] as const;
const READ = [400, 429, 503] as const;

/** Name of a route; also the endpoint's label in metrics. */
export type RouteName =
  | "logs.json"
  | "openapi.json"
  | "add-chain"
  | "add-pre-chain"
  | "validate"
  | "get-roots"
  | "get-sth"
  | "get-sth-consistency"
  | "get-proof-by-hash"
  | "get-entries"
  | "get-entry-and-proof"
  | "checkpoint"
  | "tile"
  | "issuer"
  | "log.v3.json";

/** The routes by name. */
const ROUTES: Readonly<Record<RouteName, Route>> = {
  "logs.json": {
    method: "get",
    paths: ["/logs.json"],
    summary: "All shards as a log list.",
    source: "log list schema v3",
    parameters: [],
    answer: { schema: "LogList" },
    refusals: READ,
  },
  "openapi.json": {
    method: "get",
    paths: ["/openapi.json"],
    summary: "This document.",
    source: "OpenAPI 3.1",
    parameters: [],
    answer: { mediaType: "application/json" },
    refusals: READ,
  },
  "add-chain": {
    method: "post",
    paths: ["/{shard}/ct/v1/add-chain"],
    summary: "Logs a certificate. The SCT carries extensions: pass them on.",
    source: "RFC 6962, section 4.1",
    parameters: [],
    answer: { schema: "Sct" },
    refusals: SUBMISSION,
  },
  "add-pre-chain": {
    method: "post",
    paths: ["/{shard}/ct/v1/add-pre-chain"],
    summary: "Logs a precertificate. The SCT carries extensions: pass them on.",
    source: "RFC 6962, section 4.2",
    parameters: [],
    answer: { schema: "Sct" },
    refusals: SUBMISSION,
  },
  validate: {
    method: "post",
    paths: ["/{shard}/stratus/v1/validate"],
    summary: "Says what add-chain or add-pre-chain would, and logs nothing.",
    source: "Stratus",
    parameters: [ENDPOINT],
    answer: { schema: "Verdict" },
    refusals: [400, 413, 429, 503],
  },
  "get-roots": {
    method: "get",
    paths: ["/{shard}/ct/v1/get-roots"],
    summary: "The accepted roots.",
    source: "RFC 6962, section 4.7",
    parameters: [],
    answer: { schema: "Roots" },
    isTagged: true,
    refusals: READ,
  },
  "get-sth": {
    method: "get",
    paths: ["/{shard}/ct/v1/get-sth"],
    summary: "The newest signed tree head.",
    source: "RFC 6962, section 4.3",
    parameters: [],
    answer: { schema: "TreeHead" },
    isTagged: true,
    refusals: READ,
  },
  "get-sth-consistency": {
    method: "get",
    paths: ["/{shard}/ct/v1/get-sth-consistency"],
    summary: "Proves that one tree is a prefix of another.",
    source: "RFC 6962, section 4.4",
    parameters: [
      query("first", "The smaller tree size.", count, 1),
      query("second", "The larger tree size, not beyond the newest head.", count, 2),
    ],
    answer: { schema: "Consistency" },
    refusals: READ,
  },
  "get-proof-by-hash": {
    method: "get",
    paths: ["/{shard}/ct/v1/get-proof-by-hash"],
    summary: "Finds an entry by its leaf hash and proves that it is in the tree.",
    source: "RFC 6962, section 4.5",
    parameters: [
      query("hash", "The leaf hash in base64; a + is written %2B.", hash, ""),
      query("tree_size", "The tree to prove it in.", { type: "integer", minimum: 1 }, 2),
    ],
    answer: { schema: "Inclusion" },
    refusals: [...READ, 404],
  },
  "get-entries": {
    method: "get",
    paths: ["/{shard}/ct/v1/get-entries"],
    summary:
      "Entries from start to end, both included; at most 1,024 and 32 MB, fewer at the end of the tree. A page that is cut ends on a multiple of 256.",
    source: "RFC 6962, section 4.6",
    parameters: [
      query("start", "The first entry.", count, 0),
      query("end", "The last entry.", count, 1),
    ],
    answer: { schema: "Entries" },
    refusals: READ,
  },
  "get-entry-and-proof": {
    method: "get",
    paths: ["/{shard}/ct/v1/get-entry-and-proof"],
    summary: "One entry and its audit path.",
    source: "RFC 6962, section 4.8",
    parameters: [
      query("leaf_index", "The entry.", count, 0),
      query("tree_size", "The tree to prove it in.", { type: "integer", minimum: 1 }, 2),
    ],
    answer: { schema: "EntryAndProof" },
    refusals: READ,
  },
  checkpoint: {
    method: "get",
    paths: ["/{shard}/checkpoint"],
    summary:
      "The newest head as a checkpoint; with wait, once there is a newer one than the client's.",
    source: "c2sp.org/static-ct-api#checkpoints; wait and size: Stratus",
    parameters: [WAIT, SIZE],
    answer: { mediaType: "text/plain" },
    isTagged: true,
    refusals: READ,
  },
  tile: {
    method: "get",
    paths: ["/{shard}/tile/{level}/{index}", "/{shard}/tile/{level}/{index}.p/{width}"],
    pattern: "tile/*",
    summary: "A hash tile, or a data tile (level data), full or of its first entries.",
    source: "c2sp.org/static-ct-api#merkle-tree and #log-entries",
    parameters: [
      LEVEL,
      INDEX,
      path("width", "Entries: 1 to 255.", { type: "integer", minimum: 1, maximum: 255 }, 2),
    ],
    answer: { mediaType: "application/octet-stream" },
    refusals: [...READ, 404],
  },
  issuer: {
    method: "get",
    paths: ["/{shard}/issuer/{fingerprint}"],
    pattern: "issuer/*",
    summary: "A certificate that entries name as issuer.",
    source: "c2sp.org/static-ct-api#issuers",
    parameters: [
      path(
        "fingerprint",
        "SHA-256 in lowercase hex.",
        { type: "string", pattern: "^[0-9a-f]{64}$" },
        "",
      ),
    ],
    answer: { mediaType: "application/pkix-cert" },
    refusals: [...READ, 404],
  },
  "log.v3.json": {
    method: "get",
    paths: ["/{shard}/log.v3.json"],
    summary: "What the shard states of itself: key, URLs, range, MMD, state.",
    source: "log list schema v3",
    parameters: [],
    answer: { schema: "Log" },
    isTagged: true,
    refusals: READ,
  },
};

/** All of them. */
export const ALL_ROUTES: readonly (readonly [name: RouteName, route: Route])[] = Object.entries(
  ROUTES,
) as [RouteName, Route][];

/** What the router is told. @param shard Empty for a route that belongs to none. */
export function routePath(name: RouteName, shard: string): string {
  const { pattern, paths } = ROUTES[name];
  if (pattern !== undefined) return `/${shard}/${pattern}`;
  return (paths[0] ?? "").replace("{shard}", shard);
}
