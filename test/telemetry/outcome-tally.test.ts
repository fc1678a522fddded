import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { AggregatorRegistry, Counter, Histogram, Registry } from "prom-client";
import { OutcomeTally } from "../../src/telemetry/outcome-tally.ts";

const BOUNDS = [0.001, 0.5, 1, 5];
const COUNT = { name: "one_total", help: "Ones." };
const TIMES = { name: "one_seconds", help: "Their times." };

type Request = readonly [
  shard: string,
  endpoint: string,
  status: number,
  seconds: number | undefined,
];

/** What prom-client's own metrics count. */
async function countedByLibrary(requests: readonly Request[]): Promise<object[]> {
  const registry = new Registry();
  const count = new Counter({
    ...COUNT,
    labelNames: ["shard", "endpoint", "status"],
    registers: [registry],
  });
  const duration = new Histogram({
    ...TIMES,
    labelNames: ["shard", "endpoint"],
    buckets: BOUNDS,
    registers: [registry],
  });
  for (const [shard, endpoint, status, seconds] of requests) {
    count.inc({ shard, endpoint, status });
    if (seconds !== undefined) duration.observe({ shard, endpoint }, seconds);
  }
  return registry.getMetricsAsJSON();
}

/** The lines of the Prometheus format, of two threads that counted the same, in any order. */
async function linesOf(counted: object[]): Promise<readonly string[]> {
  const text = await AggregatorRegistry.aggregate([counted, counted]).metrics();
  return text.split("\n").sort();
}

test("property: OutcomeTally counts as prom-client's own metrics do", async () => {
  const request = fc.tuple(
    fc.constantFrom("", "a", "b"),
    fc.constantFrom("get-sth", "tile"),
    fc.constantFrom(200, 404, 499),
    fc.oneof(fc.constantFrom(0, undefined, ...BOUNDS), fc.double({ min: 0, max: 9, noNaN: true })),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(request), async (requests) => {
      const tally = new OutcomeTally({
        labels: ["endpoint", "status"],
        count: COUNT,
        times: { ...TIMES, bounds: BOUNDS },
      });
      for (const one of requests) tally.add(...one);
      const expected = await linesOf(await countedByLibrary(requests));
      assert.deepEqual(await linesOf([...tally.counted()]), expected);
    }),
  );
});
