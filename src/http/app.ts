/**
 * The public server: both APIs of every shard, on explicit routes. The lane takes usual requests,
 * Fastify all others and their connections; responder.ts answers. Paths are matched as they were sent: another spelling of a
 * known path is 404, never a redirect.
 * @module
 */
import fastify, { type FastifyInstance } from "fastify";
import type { Log } from "../log/log.ts";
import type { Observer } from "../telemetry/observer.ts";
import { AccessLog, type AccessOutput } from "./access-log.ts";
import { type Answer, preflight, refusal } from "./answer.ts";
import { BodiesInFlight } from "./body.ts";
import { ClientLimits, type ClientRates } from "./client-limits.ts";
import { CompressedEntries } from "./compressed-entries.ts";
import { COMPRESSED_BYTES_MAX, CompressedTiles } from "./compressed-tiles.ts";
import { handleServerEvents, makeLane, serverOptions } from "./connection.ts";
import { type Description, getLogJsonHandler, getLogsJsonHandler } from "./describe.ts";
import type { HttpRequest, HttpResponse, StreamedRequest } from "./exchange.ts";
import { HeadFeed } from "./head-feed.ts";
import { HeavyReads } from "./heavy-reads.ts";
import type { Lane } from "./lane.ts";
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
import { type Endpoint, type Handler, Responder, type Unrouted } from "./responder.ts";
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
  /** Where it writes how long submissions wait to be judged; see `FrontendLoad`. */
  readonly load?: Int32Array;
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
  const lane = makeLane(clock);

  const read = (shard: string, name: RouteName, unlimited: Handler): void => {
    const path = routePath(name, shard);
    const handler = clients.limited("reads", unlimited);
    const endpoint = { shard, name };
    // What waits on purpose must not look like a slow answer.
    const waiting = { shard, name: `${name}-wait` };
    const isWaiting = name === "checkpoint" ? isWait : () => false;
    const serve: Serve = (request, response) => {
      traffic.count("reads", request);
      const asked = isWaiting(request.url ?? "") ? waiting : endpoint;
      responder.serve(asked, request, response, handler);
    };
    paths.set(path, READ);
    routeReads({ app, lane }, path, serve);
  };
  const submit = (shard: string, name: RouteName, handler: Handler): void => {
    const path = routePath(name, shard);
    const endpoint = { shard, name };
    const serve: Serve = (request, response) => {
      traffic.count("submissions", request);
      heavy.submissionCame();
      responder.serve(endpoint, request, response, handler);
    };
    paths.set(path, SUBMIT);
    routePosts({ app, lane }, path, serve);
  };

  read("", "logs.json", getLogsJsonHandler(options));
  read("", "openapi.json", getOpenApiHandler());
  const compressed = new CompressedTiles(COMPRESSED_BYTES_MAX);
  const feed = new HeadFeed(clock, limits.connectionsMax);
  responder.onClosing(() => feed.close());
  const pages = new CompressedEntries();
  const compress = options.compress ? (handler: Handler) => pages.compress(handler) : same;
  const means = { compressed, buffers: new TileBuffers(), heavy, feed, clients, compress };
  const turns = new SubmissionTurns(clock, options.load);
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
  const unrouted: Unrouted = (request, response) => {
    traffic.count("reads", request);
    const page =
      options.pages &&
      (pageHandler(options.pages, request) ?? formHandler(options.pages, request, surroundings));
    if (page !== undefined && request.headers.host !== undefined) {
      responder.serve(PAGE, request, response, clients.limited("pages", page));
      return;
    }
    responder.serve(NOWHERE, request, response, () => answerUnrouted(paths, options, request));
  };
  handleServerEvents(app, responder, clock, unrouted, lane);
  return app;
}

/** What takes requests: the lane, and Fastify all that the lane gives away. */
interface Routers {
  readonly app: FastifyInstance;
  readonly lane: Lane;
}

type Serve = (request: HttpRequest, response: HttpResponse) => void;

function routeReads({ app, lane }: Routers, path: string, serve: Serve): void {
  lane.route("GET", path, (exchange) => serve(exchange, exchange));
  app.route({
    method: ["GET", "HEAD"],
    url: path,
    handler: ({ raw }, reply) => {
      reply.hijack();
      serve(raw, reply.raw);
    },
  });
}

function routePosts({ app, lane }: Routers, path: string, serve: Serve): void {
  lane.route("POST", path, (exchange) => serve(exchange, exchange));
  app.route({
    method: "POST",
    url: path,
    // Before Fastify looks at the Content-Type or the body: any type is taken.
    onRequest: ({ raw }, reply) => {
      reply.hijack();
      serve(raw, reply.raw);
    },
    handler: () => undefined,
  });
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
  request: StreamedRequest,
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
