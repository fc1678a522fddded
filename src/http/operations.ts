/**
 * The operations port: the dashboard, metrics, health, the ledger of roots, who asks most, and the
 * level of the logs. Never the public one.
 * @module
 */
import fastify, { type FastifyInstance } from "fastify";
import type { Clock } from "../clock/clock.ts";
import type { Log, LogStatus } from "../log/log.ts";
import type { Observer } from "../telemetry/observer.ts";
import { type Answer, ok, operatorJson, preflight, refusal } from "./answer.ts";
import { watchConditions } from "./conditions.ts";
import { handleServerEvents, serverOptions } from "./connection.ts";
import { changeLevel, type Levels, showLevel } from "./log-level.ts";
import { pageHandler, type ShownPages } from "./pages.ts";
import { knownMethods, READ } from "./path.ts";
import { type Handler, Responder } from "./responder.ts";

/** What the operations port tells. */
export interface OperationsOptions {
  readonly logs: ReadonlyMap<string, Log>;
  /** Names of the shards that were never created, and are not served. */
  readonly left: readonly string[];
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
  /** The accepted roots and what became of them, for JSON. */
  readonly roots: () => object;
  /** Who asks most, for JSON. */
  readonly traffic: () => Promise<object>;
  readonly levels: Levels;
  /** The dashboard. */
  readonly pages: ShownPages;
  readonly clock: Clock;
  readonly observer: Observer;
}

const TEXT_HEADERS = ["Content-Type", "text/plain; charset=utf-8", "Cache-Control", "no-store"];

/** Builds the server; it does not listen. */
export function buildOperationsApp(options: OperationsOptions): FastifyInstance {
  const tellConditions = watchConditions(options);
  const responder = new Responder(options);
  const app = fastify(serverOptions(options.clock));
  const paths = new Map<string, string>();
  const read = (name: string, path: string, handler: Handler): void => {
    paths.set(path, READ);
    app.route({
      method: ["GET", "HEAD"],
      url: path,
      handler: (request, reply) => {
        reply.hijack();
        responder.serve({ shard: "", name }, request.raw, reply.raw, handler);
      },
    });
  };
  read("livez", "/livez", () => text(200, "live\n"));
  read("readyz", "/readyz", () => readiness(options));
  for (const [shard, log] of options.logs) {
    read("readyz", `/readyz/${shard}`, () => {
      const status = log.status();
      return text(status.isReady ? 200 : 503, `${describe(status)}\n`);
    });
  }
  read("metrics", "/metrics", async () => {
    tellConditions();
    const metrics = await options.metrics();
    const headers = ["Content-Type", metrics.contentType, "Cache-Control", "no-store"];
    return ok(headers, Buffer.from(metrics.text, "utf8"));
  });
  read("roots", "/roots", () => operatorJson(options.roots()));
  read("traffic", "/traffic", async () => operatorJson(await options.traffic()));
  read("log-level", "/log-level", () => showLevel(options.levels));
  paths.set("/log-level", `${READ}, PUT, POST`);
  app.route({
    method: ["PUT", "POST"],
    url: "/log-level",
    onRequest: (request, reply) => {
      reply.hijack();
      const endpoint = { shard: "", name: "log-level" };
      responder.serve(endpoint, request.raw, reply.raw, (raw) => changeLevel(options.levels, raw));
    },
    handler: () => undefined,
  });
  for (const path of ["/", "/dashboard.json"]) paths.set(path, READ);
  handleServerEvents(app, responder, options.clock, (request, response) => {
    const page = pageHandler(options.pages, request);
    if (page !== undefined) {
      responder.serve({ shard: "", name: "dashboard" }, request, response, page);
      return;
    }
    responder.serve({ shard: "", name: "other" }, request, response, () => {
      const methods = knownMethods(paths, NO_SHARDS, request.url ?? "");
      if (methods === undefined) return refusal(404, "REJECTED_NOT_FOUND", "not found");
      if (request.method === "OPTIONS") return preflight(methods);
      return refusal(405, "REJECTED_METHOD", `method not allowed: ${request.method}`, [
        "Allow",
        methods,
      ]);
    });
  });
  return app;
}

const NO_SHARDS: ReadonlySet<string> = new Set();

/** 503 only if no shard can serve: one that is ill must not take the others out of service. */
function readiness({ logs, left }: OperationsOptions): Answer {
  let isAnyReady = false;
  let lines = "";
  for (const [shard, log] of logs) {
    const status = log.status();
    isAnyReady ||= status.isReady;
    lines += `${shard}: ${describe(status)}\n`;
  }
  for (const shard of left) lines += `${shard}: not created: 'stratus shard next' does it\n`;
  return text(isAnyReady ? 200 : 503, lines);
}

/** Damage elsewhere does not take a shard out of service, but the operator must see it. */
function describe({ isReady, phase, reason, damage }: LogStatus): string {
  const life = phase === undefined || phase === "open" ? "" : ` (${phase})`;
  const state = isReady ? `ready${life}` : reason;
  return damage === undefined ? state : `${state}; damaged: ${damage}`;
}

function text(status: number, body: string): Answer {
  return { status, headers: TEXT_HEADERS, body: Buffer.from(body, "utf8") };
}
