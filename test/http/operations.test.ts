import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../src/clock/system.ts";
import { drain } from "../../src/http/listen.ts";
import type { Levels } from "../../src/http/log-level.ts";
import { buildOperationsApp } from "../../src/http/operations.ts";
import type { ShownPages } from "../../src/http/pages.ts";
import { metricsObserver } from "../../src/telemetry/metrics.ts";
import { FakeLog } from "../support/fake-log.ts";

const NOT_READY = { isReady: false, reason: "the guard is ahead of the store by 3 entries" };

/** Levels that remember what they were set to. */
class FakeLevels implements Levels {
  readonly names = ["debug", "info"];
  readonly forMsMax = 60_000;
  current: { level: string; untilMs: number | undefined } = { level: "info", untilMs: undefined };

  state() {
    return { ...this.current, configured: "info" };
  }

  set(level: string, forMs: number | undefined): void {
    this.current = { level, untilMs: forMs };
  }
}

const NO_PAGES: ShownPages = {
  has: (path) => path === "/" || path === "/dashboard.json",
  page: async () => ({ status: 200, data: { shown: true }, html: () => "<p>shown</p>" }),
  asset: () => undefined,
};

function start() {
  const ill = new FakeLog("nimbus2026");
  const well = new FakeLog("nimbus2027");
  const levels = new FakeLevels();
  const app = buildOperationsApp({
    logs: new Map([
      ["nimbus2026", ill],
      ["nimbus2027", well],
    ]),
    left: ["nimbus2031"],
    metrics: async () => ({ contentType: "text/plain; version=0.0.4", text: "up 1\n" }),
    roots: () => ({ shards: { nimbus2027: { count: 3 } } }),
    traffic: async () => ({ seconds: 7 }),
    levels,
    pages: NO_PAGES,
    clock: systemClock,
    observer: () => undefined,
  });
  return { app, ill, well, levels, [Symbol.asyncDispose]: () => drain(app, systemClock, 100) };
}

test("/livez is 200 whatever the shards do", async () => {
  await using operations = start();
  operations.ill.condition = { ...operations.ill.condition, ...NOT_READY };
  operations.well.condition = { ...operations.well.condition, ...NOT_READY };
  assert.equal((await operations.app.inject("/livez")).statusCode, 200);
});

test("/readyz/<shard> speaks for one shard and says why not", async () => {
  await using operations = start();
  operations.ill.condition = { ...operations.ill.condition, ...NOT_READY };
  const ill = await operations.app.inject("/readyz/nimbus2026");
  assert.equal(ill.statusCode, 503);
  assert.equal(ill.body, `${NOT_READY.reason}\n`);
  assert.equal(ill.headers["cache-control"], "no-store");
  const well = await operations.app.inject("/readyz/nimbus2027");
  assert.deepEqual([well.statusCode, well.body], [200, "ready\n"]);
  operations.well.condition = { ...operations.well.condition, phase: "retired" };
  assert.equal((await operations.app.inject("/readyz/nimbus2027")).body, "ready (retired)\n");
  assert.equal((await operations.app.inject("/readyz/nimbus2028")).statusCode, 404);
});

test("/readyz is 503 only when no shard can serve, and lists each", async () => {
  await using operations = start();
  operations.ill.condition = { ...operations.ill.condition, ...NOT_READY };
  const some = await operations.app.inject("/readyz");
  assert.equal(some.statusCode, 200);
  const ahead = "nimbus2031: not created: 'stratus shard next' does it\n";
  assert.equal(some.body, `nimbus2026: ${NOT_READY.reason}\nnimbus2027: ready\n${ahead}`);
  operations.well.condition = { ...operations.well.condition, ...NOT_READY };
  assert.equal((await operations.app.inject("/readyz")).statusCode, 503);
});

test("/metrics says how full each pool is now, and whether each shard is ready", async () => {
  const { observer, read } = metricsObserver(() => 0, "main");
  const log = new FakeLog("nimbus2026");
  const logs = new Map([["nimbus2026", log]]);
  const metrics = () => read([]);
  const app = buildOperationsApp({
    logs,
    left: [],
    metrics,
    roots: () => ({}),
    traffic: async () => ({}),
    levels: new FakeLevels(),
    pages: NO_PAGES,
    clock: systemClock,
    observer,
  });
  await using _closing = { [Symbol.asyncDispose]: () => drain(app, systemClock, 100) };
  const guardHead = { treeSize: 9, timestampMs: -4_000, rootHash: new Uint8Array(32) };
  log.condition = { ...log.condition, poolEntryCount: 7, poolBytes: 1_234, guardHead };
  const full = await app.inject("/metrics");
  assert.match(full.body, /^stratus_pool_entries\{shard="nimbus2026"\} 7$/m);
  assert.match(full.body, /^stratus_pool_bytes\{shard="nimbus2026"\} 1234$/m);
  assert.match(full.body, /^stratus_guard_tree_size\{shard="nimbus2026"\} 9$/m);
  assert.match(full.body, /^stratus_guard_age_seconds\{shard="nimbus2026"\} 4$/m);
  assert.match(full.body, /^stratus_clock_drift_seconds -?[0-9.e-]+$/m);
  log.condition = { ...log.condition, poolEntryCount: 0, poolBytes: 0 };
  const empty = await app.inject("/metrics");
  assert.match(empty.body, /^stratus_pool_entries\{shard="nimbus2026"\} 0$/m);
  assert.match(empty.body, /^stratus_shard_ready\{shard="nimbus2026"\} 1$/m);
  log.condition = { ...log.condition, ...NOT_READY };
  const ill = await app.inject("/metrics");
  assert.match(ill.body, /^stratus_shard_ready\{shard="nimbus2026"\} 0$/m);
});

test("/roots is JSON, asked afresh each time", async () => {
  await using operations = start();
  const answer = await operations.app.inject("/roots");
  assert.equal(answer.headers["content-type"], "application/json");
  assert.equal(answer.headers["cache-control"], "no-store");
  assert.deepEqual(JSON.parse(answer.body), { shards: { nimbus2027: { count: 3 } } });
});

test("/traffic is JSON, asked afresh each time", async () => {
  await using operations = start();
  const answer = await operations.app.inject("/traffic");
  assert.equal(answer.headers["content-type"], "application/json");
  assert.equal(answer.headers["cache-control"], "no-store");
  assert.equal(answer.headers["access-control-allow-origin"], undefined);
  assert.deepEqual(JSON.parse(answer.body), { seconds: 7 });
});

test("/log-level shows the level, and PUT and POST set it", async () => {
  await using operations = start();
  const { app, levels } = operations;
  const shown = async () => JSON.parse((await app.inject("/log-level")).body);
  const first = { level: "info", configured: "info", until: null, levels: ["debug", "info"] };
  assert.deepEqual(await shown(), first);
  const put = await app.inject({ method: "PUT", url: "/log-level?level=debug" });
  assert.deepEqual(JSON.parse(put.body), { ...first, level: "debug" });
  assert.deepEqual(levels.current, { level: "debug", untilMs: undefined });
  const url = "/log-level?level=debug&seconds=60";
  await app.inject({ method: "POST", url, headers: { origin: "http://localhost:80" } });
  assert.deepEqual(levels.current, { level: "debug", untilMs: 60_000 });
  assert.deepEqual(await shown(), { ...first, level: "debug", until: "1970-01-01T00:01:00.000Z" });
});

test("/log-level refuses what is no level or duration, other methods, and foreign pages", async () => {
  await using operations = start();
  const { app, levels } = operations;
  const before = levels.current;
  const put = (url: string, origin?: string) =>
    app.inject({ method: "PUT", url, headers: origin === undefined ? {} : { origin } });
  for (const query of ["", "?level=loud", "?level=debug&seconds=0", "?level=debug&seconds=61"]) {
    assert.equal((await put(`/log-level${query}`)).statusCode, 400, query);
  }
  for (const origin of ["https://evil.example", "null", "http://localhost:1"]) {
    assert.equal((await put("/log-level?level=debug", origin)).statusCode, 403, origin);
  }
  const deleted = await app.inject({ method: "DELETE", url: "/log-level?level=debug" });
  assert.equal(deleted.statusCode, 405);
  assert.equal(deleted.headers["allow"], "GET, HEAD, OPTIONS, PUT, POST");
  assert.equal(levels.current, before);
});

test("/metrics is the text of the metrics with their type", async () => {
  await using operations = start();
  const answer = await operations.app.inject("/metrics");
  assert.equal(answer.body, "up 1\n");
  assert.equal(answer.headers["content-type"], "text/plain; version=0.0.4");
  assert.equal(answer.headers["cache-control"], "no-store");
});

test("the operations port knows GET and HEAD of its own paths only", async () => {
  await using operations = start();
  assert.equal((await operations.app.inject({ method: "HEAD", url: "/metrics" })).body, "");
  assert.equal((await operations.app.inject({ method: "POST", url: "/livez" })).statusCode, 405);
  assert.equal((await operations.app.inject("/nimbus2026/checkpoint")).statusCode, 404);
});

test("/ is the dashboard, as a page under a strict policy or as JSON", async () => {
  await using operations = start();
  const page = await operations.app.inject({ url: "/", headers: { host: "a" } });
  assert.deepEqual([page.statusCode, page.body], [200, "<p>shown</p>"]);
  assert.match(
    String(page.headers["content-security-policy"]),
    /default-src 'none'.*script-src 'self'/,
  );
  const headers = { host: "a", accept: "application/json" };
  const asked = await operations.app.inject({ url: "/", headers });
  assert.deepEqual(asked.json(), { shown: true });
  const named = await operations.app.inject("/dashboard.json?range=day");
  assert.deepEqual(named.json(), { shown: true });
  const posted = await operations.app.inject({ method: "POST", url: "/" });
  assert.deepEqual([posted.statusCode, posted.headers.allow], [405, "GET, HEAD, OPTIONS"]);
});
