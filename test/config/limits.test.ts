import assert from "node:assert/strict";
import { test } from "node:test";
import { mistakesOf, ONE_SHARD, parse } from "./support.ts";

test("parseConfig() limits no client of an API unless told, and bounds the process always", () => {
  assert.deepEqual(parse(ONE_SHARD).limits, {
    trustedProxies: [],
    pages: { perSecond: 20, burst: 200 },
    connectionsMax: 10_000,
    bodiesInFlightBytesMax: 67_108_864,
    lowPriorityAfterMs: 86_400_000,
  });
});

test("parseConfig() takes every field of limits", () => {
  const limits = {
    trustedProxies: ["10.0.0.0/8", "::1", "192.0.2.1"],
    reads: { perSecond: 100, burst: 1_000 },
    addChain: { perSecond: 1, burst: 1 },
    addPreChain: { perSecond: 50, burst: 200 },
    pages: { perSecond: 5, burst: 10 },
    connectionsMax: 16,
    bodiesInFlightBytesMax: 1_048_576,
    lowPriorityAfterMs: 60_000,
  };
  assert.deepEqual(parse(`${ONE_SHARD}limits: ${JSON.stringify(limits)}\n`).limits, limits);
});

test("parseConfig() places what is wrong in limits", () => {
  const [line] = mistakesOf(`${ONE_SHARD}limits:\n  trustedProxies: [10.0.0.0/33]\n`);
  assert.match(line ?? "", /limits\.trustedProxies\[0\].*network.*10\.0\.0\.0\/8/);
  const lines = mistakesOf(
    `${ONE_SHARD}limits:\n  reads: { perSecond: 0, burst: 1 }\n  addChain: { perSecond: 1 }\n  writes: 1\n`,
  );
  assert.equal(lines.length, 3, lines.join("\n"));
});
