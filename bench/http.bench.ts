/**
 * The HTTP layer alone: a request through real sockets, Fastify, parsing and formatting, over a
 * log that answers at once, and beside it a bare server of node:http that answers the same
 * bytes. CPU of the server's thread; the requests come from another one.
 * `BENCH=real scripts/node24 --test bench/http.bench.ts`.
 * @module
 */
import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import { after } from "node:test";
import { Worker } from "node:worker_threads";
import { systemClock } from "../src/clock/system.ts";
import { buildApp } from "../src/http/app.ts";
import { drain, listen } from "../src/http/listen.ts";
import { TrafficCounter } from "../src/http/traffic.ts";
import type { Log } from "../src/log/log.ts";
import { formatChainJson, formatSctJson, formatTreeHeadJson } from "../src/rfc6962/json.ts";
import { encodeLeafIndexExtension } from "../src/static-ct/extensions.ts";
import { metricsObserver } from "../src/telemetry/metrics.ts";
import { deriveAuthority, PrecertificateTemplate } from "./certificates.ts";
import { seededBytes } from "./keys.ts";
import { WIDE_LIMITS } from "./limits.ts";
import type { RequestsAnswer, RequestsTask } from "./requests-worker.ts";
import { declareWaitingStage, printStageHead } from "./stage.ts";

printStageHead();

const SEED = 42;
const NOW_MS = Date.UTC(2026, 10, 15);
const SHARD = "bench2027";
const CONNECTIONS = 64;
const REQUESTS = 500;

const sct = {
  logId: seededBytes(SEED, "log ID", 32),
  timestampMs: NOW_MS,
  extensions: encodeLeafIndexExtension(1),
  signature: seededBytes(SEED, "signature", 76),
};
const head = {
  treeSize: 1_000_000,
  timestampMs: NOW_MS,
  rootHash: seededBytes(SEED, "root", 32),
  signature: seededBytes(SEED, "signature", 76),
};

/** What these requests ask of a log; nothing else of it is there. */
const log = {
  identity: { name: SHARD, logId: sct.logId, notAfterStartMs: 0, notAfterLimitMs: NOW_MS },
  publicKey: new Uint8Array(0),
  refusalOf: () => undefined,
  recall: () => ({ bodyKey: "", sct: undefined }),
  submit: async () => sct,
  head: () => head,
  status: () => ({ state: "open", isReady: true, reason: "", headAgeMs: 0 }),
} as unknown as Log;

const prefix = `http://127.0.0.1/${SHARD}`;
const site = { submissionUrl: prefix, monitoringUrl: prefix, listed: {} };
const app = buildApp({
  logs: new Map([[SHARD, log]]),
  sites: new Map([[SHARD, site]]),
  operator: { name: "bench", emails: [] },
  software: { name: "stratus", version: "0" },
  pages: undefined,
  clock: systemClock,
  observer: metricsObserver(() => systemClock.nowMs(), "frontend").observer,
  limits: WIDE_LIMITS,
  compress: false,
  traffic: new TrafficCounter(systemClock, []),
});
const { port } = await listen(app, { host: "127.0.0.1", port: 0 });

const answers = { POST: formatSctJson(sct), GET: formatTreeHeadJson(head) };
const bare = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const body = Buffer.concat(chunks).length > 0 ? answers.POST : answers.GET;
    response.writeHead(200, {
      "Content-Type": "application/json",
      "Content-Length": String(Buffer.byteLength(body)),
    });
    response.end(body);
  });
});
const barePort = await listenBare(bare);
const worker = new Worker(new URL("./requests-worker.ts", import.meta.url));
after(async () => {
  await worker.terminate();
  await drain(app, systemClock, 0);
  bare.closeAllConnections();
  bare.close();
});

const authority = deriveAuthority("rsa2048", SEED);
const template = new PrecertificateTemplate(authority, SEED);
const certificate = template.assemble(0, authority.issuerKey.sign(template.poisonedTbs(0)));
const body = formatChainJson([certificate, authority.intermediate]);
const host = "Host: 127.0.0.1\r\n";
const post = `POST /${SHARD}/ct/v1/add-pre-chain HTTP/1.1\r\n${host}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const get = `GET /${SHARD}/ct/v1/get-sth HTTP/1.1\r\n${host}Accept: */*\r\n\r\n`;

for (const [name, target, request, answer] of [
  [
    "HTTP: add-pre-chain with JSON and base64, over a log that answers at once",
    port,
    post,
    answers.POST,
  ],
  ["limit: bare node:http, the same body read, a constant SCT", barePort, post, answers.POST],
  ["HTTP: get-sth, over a log that answers at once", port, get, answers.GET],
  ["limit: bare node:http, a constant tree head", barePort, get, answers.GET],
] as const) {
  declareWaitingStage({
    name,
    realCount: 6,
    thingsPerRun: REQUESTS,
    cpu: "thread",
    run: async () => {
      const task = { host: "127.0.0.1", port: target, request };
      const done = await ask({ ...task, connections: CONNECTIONS, count: REQUESTS });
      assert.deepEqual([done.okCount, done.failure], [REQUESTS, ""]);
      return done.body;
    },
    check: (_at, result) => {
      assert.deepEqual(JSON.parse(Buffer.from(result).toString()), JSON.parse(answer));
    },
  });
}

function ask(task: RequestsTask): Promise<RequestsAnswer> {
  return new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
    worker.postMessage(task);
  });
}

function listenBare(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      resolve(Number(Reflect.get(Object(server.address()), "port")));
    });
  });
}
