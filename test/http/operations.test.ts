import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../src/clock/system.ts";
import { drain } from "../../src/http/listen.ts";
import { buildOperationsApp } from "../../src/http/operations.ts";
import { metricsObserver } from "../../src/telemetry/metrics.ts";
import { FakeLog } from "../support/fake-log.ts";

const NOT_READY = { isReady: false, reason: "the guard is ahead of the store by 3 entries" };

function start() {
  const ill = new FakeLog("nimbus2026");
  const well = new FakeLog("nimbus2027");
  const app = buildOperationsApp({
    logs: new Map([
      ["nimbus2026", ill],
      ["nimbus2027", well],
    ]),
    left: ["nimbus2031"],
    metrics: async () => ({ contentType: "text/plain; version=0.0.4", text: "up 1\n" }),
    roots: () => ({ shards: { nimbus2027: { count: 3 } } }),
    clock: systemClock,
    observer: () => undefined,
  });
  return { app, ill, well, [Symbol.asyncDispose]: () => drain(app, systemClock, 100) };
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
    clock: systemClock,
    observer,
  });
  await using _closing = { [Symbol.asyncDispose]: () => drain(app, systemClock, 100) };
  log.condition = { ...log.condition, poolEntryCount: 7, poolBytes: 1_234 };
  const full = await app.inject("/metrics");
  assert.match(full.body, /^stratus_pool_entries\{shard="nimbus2026"\} 7$/m);
  assert.match(full.body, /^stratus_pool_bytes\{shard="nimbus2026"\} 1234$/m);
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
