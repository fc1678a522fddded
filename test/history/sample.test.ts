import assert from "node:assert/strict";
import { test } from "node:test";
import { PROCESS, takeSamples } from "../../src/history/sample.ts";
import { addCounted, metricsObserver } from "../../src/telemetry/metrics.ts";
import type { LogEvent } from "../../src/telemetry/observer.ts";

const TIMES = { timeMs: 20_000, runMs: 5_000 };
const A = { shard: "a", endpoint: "add-chain" } as const;

const EVENTS: readonly LogEvent[] = [
  { type: "submission-answered", ...A, issuer: "CA", isDuplicate: false, durationMs: 30 },
  { type: "submission-answered", ...A, issuer: "CA", isDuplicate: true, durationMs: 700 },
  {
    type: "submission-answered",
    shard: "a",
    endpoint: "add-pre-chain",
    issuer: "CA",
    isDuplicate: false,
    durationMs: 9_000,
  },
  {
    type: "submission-refused",
    ...A,
    code: "REJECTED_ISSUER_UNKNOWN",
    issuer: "other",
    durationMs: 1,
  },
  { type: "request", shard: "a", endpoint: "add-chain", status: 200, durationMs: 1 },
  { type: "request", shard: "a", endpoint: "add-chain", status: 503, durationMs: 1 },
  { type: "request", shard: "a", endpoint: "add-chain", status: 400, durationMs: 1 },
  { type: "space", shard: "a", place: "data", freeBytes: 7, totalBytes: 9 },
  { type: "pool-size", shard: "a", entryCount: 3, bytes: 4_000 },
  { type: "shard-fatal", shard: "a", code: "FATAL_FSYNC", message: "" },
  {
    type: "batch-committed",
    shard: "a",
    treeSize: 2,
    entryCount: 2,
    entryBytes: 3_000,
    mergeDelayMs: 40,
    commitMs: 8,
    verifyMs: 2,
    signMs: 3,
  },
  { type: "head-published", shard: "a", treeSize: 2, timestampMs: 1 },
  { type: "frontend-ended", message: "" },
];

function observe(events: readonly LogEvent[]) {
  const metrics = metricsObserver(() => 0, "main");
  for (const event of events) metrics.observer(event);
  return metrics;
}

test("takeSamples() keeps what the dashboard tells, by shard and of the process", async () => {
  const metrics = observe(EVENTS);
  const samples = takeSamples(await metrics.all([]), TIMES);
  assert.deepEqual([...samples.keys()].sort(), [PROCESS, "a"]);
  const a = samples.get("a");
  assert.equal(a?.runMs, 5_000);
  assert.deepEqual(a.counts, {
    accepted: 2,
    duplicate: 1,
    "refused REJECTED_ISSUER_UNKNOWN": 1,
    requests: 3,
    unavailable: 1,
    "incident FATAL_FSYNC": 1,
    batches: 1,
    batchEntries: 2,
    idleBatches: 0,
    entryBytes: 3_000,
  });
  assert.deepEqual(a.issuers, { "accepted CA": 2, "duplicate CA": 1, "refused other": 1 });
  assert.equal(a.gauges["free data"], 7);
  assert.equal(a.gauges["poolEntries"], 3);
  assert.equal(a.gauges["treeSize"], 2);
  assert.equal(samples.get(PROCESS)?.counts["frontendsEnded"], 1);
});

test("takeSamples() tells buckets apart that metrics count up", async () => {
  const { buckets } = takeSamples(await observe(EVENTS).all([]), TIMES).get("a") ?? {};
  const { latency = {} } = buckets ?? {};
  const found = Object.entries(latency).filter(([, count]) => count > 0);
  // 30 ms, 700 ms, and 9 s beyond all bounds, of two endpoints.
  assert.deepEqual(Object.fromEntries(found), { "0.05": 1, "1": 1, "+Inf": 1 });
  assert.equal(Object.keys(latency).length, 13, "bounds without any are there");
  assert.equal(buckets?.["step commit"]?.["0.01"], 1);
  assert.equal(buckets?.["merge"]?.["0.05"], 1);
});

test("takeSamples() adds up what threads counted", async () => {
  const main = observe(EVENTS);
  const frontend = metricsObserver(() => 0, "frontend");
  for (const event of EVENTS.slice(0, 4)) frontend.observer(event);
  const gone = await addCounted(undefined, await frontend.counted());
  const both = takeSamples(await main.all([await frontend.counted(), gone]), TIMES).get("a");
  assert.equal(both?.counts["accepted"], 6);
  assert.equal(both.buckets["latency"]?.["1"], 3);
  assert.equal(both.issuers?.["refused other"], 3);
  assert.equal(both.gauges["poolEntries"], 3);
});
