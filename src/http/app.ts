/**
 * The public server: both APIs of every shard, on explicit routes. Fastify routes and owns the
 * connections; responder.ts writes. Paths are matched as they were sent: another spelling of a
 * known path is 404, never a redirect.
 * @module
 */
import type { IncomingMessage } from "node:http";
import fastify, { type FastifyInstance } from "fastify";
import type { Log } from "../log/log.ts";
import type { Observer } from "../telemetry/observer.ts";
import { AccessLog, type AccessOutput } from "./access-log.ts";
import { type Answer, preflight, refusal } from "./answer.ts";
import { BodiesInFlight } from "./body.ts";
import { ClientLimits, type ClientRates } from "./client-limits.ts";
import { CompressedEntries } from "./compressed-entries.ts";
import { COMPRESSED_BYTES_MAX, CompressedTiles } from "./compressed-tiles.ts";
import { handleServerEvents, serverOptions } from "./connection.ts";
import { type Description, getLogJsonHandler, getLogsJsonHandler } from "./describe.ts";
import { HeadFeed } from "./head-feed.ts";
import { HeavyReads } from "./heavy-reads.ts";
import { getOpenApiHandler } from "./openapi.ts";
import { FORM, formHandler } from "./page-form.ts";
import { type Pages, pageHandler } from "./pages.ts";
import { knownMethods, READ, SUBMIT } from "./path.ts";
import { pathOf } from "./query.ts";
import { getCheckpointHandler, isWait } from "./read-checkpoint.ts";
import {
  getConsistencyHandler,
  getEntriesHandler,
  getEntryAndProofHandler,
  getProofHandler,
  getSthHandler,
} from "./read-rfc6962.ts";
import {
  getIssuerHandler,
  getRootsHandler,
  getTileHandler,
  type TileMeans,
} from "./read-static.ts";
import { type Endpoint, type Handler, Responder } from "./responder.ts";
import { type RouteName, routePath } from "./routes.ts";
import { SubmissionTurns } from "./submission-turns.ts";
import { submitHandler } from "./submit.ts";
import { TileBuffers } from "./tile-buffers.ts";
import type { TrafficCounter } from "./traffic.ts";
import { validateHandler } from "./validate.ts";

/** Bounds of a server; what has no field here has its bound beside its owner. */
export interface ServerLimits {
  readonly clients: ClientRates;
  /** Open connections; one more is closed at once. */
  readonly connectionsMax: number;
  /** See `BodiesInFlight`. */
  readonly bodiesInFlightBytesMax: number;
}

/** All that the public server needs. `sites` has an item for each of `logs`. */
export interface AppOptions extends Description {
  readonly observer: Observer;
  readonly limits: ServerLimits;
  /** Whether get-entries is compressed. */
  readonly compress: boolean;
  /** Where requests are written; closed with the server. Absent: nowhere. */
  readonly access?: AccessOutput | undefined;
  /** Is told of each request. */
  readonly traffic: TrafficCounter;
  /** Pages for people; undefined: there are none. */
  readonly pages: Pages | undefined;
}

/**
 * Builds the server; it does not listen (see listen.ts). Once `close()` is called, submissions
 * get 503, every answer closes its connection, and requests in flight are answered.
 */
export function buildApp(options: AppOptions): FastifyInstance {
  const { access, clock, limits, traffic } = options;
  const log = access && new AccessLog(access, limits.clients.trustedProxies, clock);
  const responder = new Responder(options, log);
  const app = fastify(serverOptions(clock));
  app.server.maxConnections = limits.connectionsMax;
  const clients = new ClientLimits(limits.clients, clock);
  const bodies = new BodiesInFlight(limits.bodiesInFlightBytesMax);
  const heavy = new HeavyReads(clock);
  const paths = new Map<string, string>();

  const read = (shard: string, name: RouteName, unlimited: Handler): void => {
    const path = routePath(name, shard);
    const handler = clients.limited("reads", unlimited);
    const endpoint = { shard, name };
    // What waits on purpose must not look like a slow answer.
    const waiting = { shard, name: `${name}-wait` };
    const isWaiting = name === "checkpoint" ? isWait : () => false;
    paths.set(path, READ);
    app.route({
      method: ["GET", "HEAD"],
      url: path,
      handler: ({ raw }, reply) => {
        reply.hijack();
        traffic.count("reads", raw);
        responder.serve(isWaiting(raw.url ?? "") ? waiting : endpoint, raw, reply.raw, handler);
      },
    });
  };
  const submit = (shard: string, name: RouteName, handler: Handler): void => {
    const path = routePath(name, shard);
    paths.set(path, SUBMIT);
    app.route({
      method: "POST",
      url: path,
      // Before Fastify looks at the Content-Type or the body: any type is taken.
      onRequest: (request, reply) => {
        reply.hijack();
        traffic.count("submissions", request.raw);
        heavy.submissionCame();
        responder.serve({ shard, name }, request.raw, reply.raw, handler);
      },
      handler: () => undefined,
    });
  };

  read("", "logs.json", getLogsJsonHandler(options));
  read("", "openapi.json", getOpenApiHandler());
  const compressed = new CompressedTiles(COMPRESSED_BYTES_MAX);
  const feed = new HeadFeed(clock, limits.connectionsMax);
  responder.onClosing(() => feed.close());
  const pages = new CompressedEntries();
  const compress = options.compress ? (handler: Handler) => pages.compress(handler) : same;
  const means = { compressed, buffers: new TileBuffers(), heavy, feed, clients, compress };
  const turns = new SubmissionTurns(clock);
  const surroundings = { responder, clients, bodies, turns };
  for (const [shard, log] of options.logs) {
    for (const name of ["add-chain", "add-pre-chain"] as const) {
      submit(shard, name, submitHandler(log, name, surroundings));
    }
    submit(shard, "validate", validateHandler(log, surroundings));
    for (const [name, handler] of readRoutes(shard, log, options, means)) {
      read(shard, name, handler);
    }
  }
  if (access !== undefined) app.addHook("onClose", () => access.close());
  handleServerEvents(app, responder, clock, (request, response) => {
    traffic.count("reads", request);
    const page =
      options.pages &&
      (pageHandler(options.pages, request) ?? formHandler(options.pages, request, surroundings));
    if (page !== undefined && request.headers.host !== undefined) {
      responder.serve(PAGE, request, response, clients.limited("pages", page));
      return;
    }
    responder.serve(NOWHERE, request, response, () => answerUnrouted(paths, options, request));
  });
  return app;
}

const same = (handler: Handler): Handler => handler;

const NOWHERE: Endpoint = { shard: "", name: "other" };
const PAGE: Endpoint = { shard: "", name: "page" };

/** What the reads of all shards share. */
interface ReadMeans extends TileMeans {
  readonly feed: HeadFeed;
  readonly clients: ClientLimits;
  /** Makes of get-entries what compresses its pages, if anything does. */
  readonly compress: (handler: Handler) => Handler;
}

function readRoutes(
  shard: string,
  log: Log,
  about: Description,
  means: ReadMeans,
): readonly (readonly [name: RouteName, handler: Handler])[] {
  return [
    ["get-roots", getRootsHandler(log)],
    ["get-sth", getSthHandler(log)],
    ["get-sth-consistency", getConsistencyHandler(log)],
    ["get-proof-by-hash", getProofHandler(log)],
    ["get-entries", means.compress(means.heavy.inTurn(getEntriesHandler(log, means)))],
    ["get-entry-and-proof", getEntryAndProofHandler(log)],
    ["checkpoint", getCheckpointHandler(log, means.feed, means.clients)],
    ["tile", getTileHandler(log, means)],
    ["issuer", getIssuerHandler(log)],
    ["log.v3.json", getLogJsonHandler(shard, about)],
  ];
}

/** What no route takes: a preflight, a wrong method, or no such path. */
function answerUnrouted(
  paths: ReadonlyMap<string, string>,
  { logs, pages }: Pick<AppOptions, "logs" | "pages">,
  request: IncomingMessage,
): Answer {
  if (request.headers.host === undefined && request.httpVersion === "1.1") {
    return refusal(400, "MALFORMED_HTTP", "missing required Host header");
  }
  const target = request.url ?? "";
  const path = pathOf(target);
  const ofPage = pages?.takes(path) ? FORM : pages?.has(path) ? READ : undefined;
  const methods = knownMethods(paths, logs, target) ?? ofPage;
  if (methods === undefined) return refusal(404, "REJECTED_NOT_FOUND", "not found");
  if (request.method === "OPTIONS") return preflight(methods);
  return refusal(405, "REJECTED_METHOD", `method not allowed: ${request.method}`, [
    "Allow",
    methods,
  ]);
}
