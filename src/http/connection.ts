/**
 * What HTTP itself refuses, and the limits of connections: timeouts, header size, malformed
 * requests. Every such answer wears the same envelope.
 * @module
 */
import type { Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { FastifyHttpOptions, FastifyInstance } from "fastify";
import type { Clock } from "../clock/clock.ts";
import { answerError, refusal } from "./answer.ts";
import { DRAIN_BYTES_MAX, DRAIN_MS_MAX } from "./body.ts";
import { Lane } from "./lane.ts";
import { plainTarget } from "./path.ts";
import { formatRawRefusal, type Responder, type Unrouted } from "./responder.ts";

/** Until the headers of a request are there, in milliseconds; also for a connection's first. */
const HEADERS_MS_MAX = 10_000;

/** Until a whole request is there: headers, then 30 s of body. */
const REQUEST_MS_MAX = 40_000;

/** How long a connection may stay without a request. */
const IDLE_MS_MAX = 120_000;

/** How often the two limits above are looked at. */
const CHECK_MS = 1_000;

const HEADER_BYTES_MAX = 16_384;

/**
 * Between the wish to close and the end of listening: what clients have sent by then is read
 * and answered, not reset. It ends after turns of the event loop in which no connection came
 * (Node accepts one a turn), or after the maximum.
 */
const LINGER_TURN_MS = 20;
const LINGER_QUIET_TURNS = 3;
const LINGER_TURNS_MAX = 50;

/** Options of both servers. The number of requests on one connection is not limited. */
export function serverOptions(clock: Clock): FastifyHttpOptions<Server> {
  return {
    logger: false,
    exposeHeadRoutes: false,
    return503OnClosing: false,
    keepAliveTimeout: IDLE_MS_MAX,
    requestTimeout: REQUEST_MS_MAX,
    http: {
      headersTimeout: HEADERS_MS_MAX,
      requestTimeout: REQUEST_MS_MAX,
      connectionsCheckingInterval: CHECK_MS,
      maxHeaderSize: HEADER_BYTES_MAX,
      requireHostHeader: false,
      noDelay: true,
    },
    routerOptions: { querystringParser: () => ({}) },
    rewriteUrl: (request) => plainTarget(request.url ?? ""),
    clientErrorHandler: (error, socket) => refuseConnection(error.code, socket, clock),
  };
}

/** The lane of a server with {@link serverOptions}; it takes nothing before it has routes. */
export function makeLane(clock: Clock): Lane {
  const requestMs = REQUEST_MS_MAX;
  const limits = { firstMs: HEADERS_MS_MAX, idleMs: IDLE_MS_MAX, requestMs, checkMs: CHECK_MS };
  return new Lane(clock, limits);
}

/**
 * Routes all that has no route of its own to `unrouted`, and words what Fastify refuses.
 * @param lane What stands before it.
 */
export function handleServerEvents(
  app: FastifyInstance,
  responder: Responder,
  clock: Clock,
  unrouted: Unrouted,
  lane?: Lane,
): void {
  const { server } = app;
  lane?.standBefore(server, (socket) => {
    refuseConnection("ERR_HTTP_REQUEST_TIMEOUT", socket, clock);
  });
  const linger = trackConnections(server, clock);
  app.addHook("preClose", (done) => {
    responder.beginClosing();
    linger(() => {
      lane?.closeIdle();
      done();
    });
  });
  app.addHook("onRequest", (request, reply, done) => {
    const { headers } = request.raw;
    const lacksHost = headers.host === undefined && request.raw.httpVersion === "1.1";
    if (!request.is404 && !lacksHost) {
      done();
      return;
    }
    reply.hijack();
    unrouted(request.raw, reply.raw);
  });
  app.setNotFoundHandler(() => undefined);
  app.setErrorHandler((error, request, reply) => {
    reply.hijack();
    responder.serve(FRAMEWORK, request.raw, reply.raw, () => {
      responder.reportBug(FRAMEWORK, error);
      return answerError(error, responder.retryAfter);
    });
  });
  // A body is only asked for once the headers did not refuse it: see submit.ts.
  app.server.on("checkContinue", (request, response) => {
    app.server.emit("request", request, response);
  });
  app.server.on("checkExpectation", (request, response) => {
    responder.serve(FRAMEWORK, request, response, () =>
      refusal(417, "MALFORMED_HTTP", "expected Expect: 100-continue"),
    );
  });
}

const tracked = new WeakMap<Server, ReadonlySet<Socket>>();

/** Cuts off whoever is connected to a server. */
export function cutConnections(server: Server): void {
  for (const socket of tracked.get(server) ?? []) socket.destroy();
}

/** @returns Waits until no client is coming any more, then calls `done`. */
function trackConnections(server: Server, clock: Clock): (done: () => void) => void {
  const connections = new Set<Socket>();
  tracked.set(server, connections);
  let comeCount = 0;
  server.on("connection", (socket) => {
    comeCount += 1;
    connections.add(socket);
    socket.once("close", () => connections.delete(socket));
  });

  function wait(turnsLeft: number, quietTurns: number, done: () => void): void {
    if (turnsLeft > 0 && quietTurns < LINGER_QUIET_TURNS && server.listening) {
      const before = comeCount;
      clock.after(LINGER_TURN_MS, () =>
        wait(turnsLeft - 1, comeCount === before ? quietTurns + 1 : 0, done),
      );
      return;
    }
    // Node closes idle connections, but one that never sent a byte is not idle to it.
    for (const socket of connections) if (socket.bytesRead === 0) socket.destroy();
    done();
  }
  return (done) => wait(LINGER_TURNS_MAX, 0, done);
}

const FRAMEWORK = { shard: "", name: "other" };

/** Connections whose end is settled, and how many bytes had come until then. */
const refused = new WeakMap<Socket, number>();

/**
 * Answers what is no HTTP request, after the answers that are still due on the connection.
 * Node calls this again for whatever else arrives.
 */
function refuseConnection(code: string, socket: Socket, clock: Clock): void {
  const bytesBefore = refused.get(socket);
  if (bytesBefore === undefined) {
    refused.set(socket, socket.bytesRead);
    refuseInTurn(code, socket, clock);
  } else if (socket.bytesRead - bytesBefore > DRAIN_BYTES_MAX) {
    socket.destroy();
  }
}

function refuseInTurn(code: string, socket: Socket, clock: Clock): void {
  const due = dueResponse(socket);
  if (code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
  } else if (due === undefined || !(due.headersSent || due.req.complete)) {
    socket.end(formatRawRefusal(...refusalOf(code)));
    const cancel = clock.after(DRAIN_MS_MAX, () => socket.destroy());
    socket.once("close", cancel);
  } else if (due.req.complete) {
    // A whole request waits for its answer: what is malformed came behind it.
    due.once("finish", () => refuseInTurn(code, socket, clock));
  } else {
    socket.destroy();
  }
}

function refusalOf(code: string): [status: number, detail: string] {
  switch (code) {
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return [408, "the request took too long"];
    case "HPE_HEADER_OVERFLOW":
      return [431, `more than ${HEADER_BYTES_MAX} bytes of headers`];
    case "HPE_CHUNK_EXTENSIONS_OVERFLOW":
      return [413, "chunk extensions too large"];
    default:
      return [400, "malformed HTTP request"];
  }
}

/** The response that is first in turn on a connection. Node keeps it in `_httpMessage`. */
function dueResponse(socket: Socket): ServerResponse | undefined {
  const response: unknown = Reflect.get(socket, "_httpMessage");
  return isResponse(response) ? response : undefined;
}

function isResponse(value: unknown): value is ServerResponse {
  return typeof value === "object" && value !== null && "headersSent" in value && "req" in value;
}
