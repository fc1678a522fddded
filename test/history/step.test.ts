import assert from "node:assert/strict";
import { test } from "node:test";
import type { Sample } from "../../src/history/sample.ts";
import {
  byLabel,
  forecast,
  mergeGauges,
  quantile,
  stepBetween,
  sumSteps,
  totalOf,
} from "../../src/history/step.ts";

const HOUR_MS = 3_600_000;

function sample(timeMs: number, more: Partial<Sample> = {}): Sample {
  return { timeMs, runMs: 1_000, counts: {}, buckets: {}, gauges: {}, issuers: {}, ...more };
}

test("stepBetween() of two looks of a run is what came between them", () => {
  const before = sample(10_000, {
    counts: { accepted: 3, "refused A": 1 },
    buckets: { latency: { "0.5": 2, "1": 1 }, merge: { "1": 4 } },
    issuers: { "accepted X": 3 },
  });
  const after = sample(20_000, {
    counts: { accepted: 10, "refused A": 1, "refused B": 2 },
    buckets: { latency: { "0.5": 2, "1": 5 }, merge: { "1": 4 } },
    issuers: { "accepted X": 9 },
    gauges: { poolEntries: 4 },
  });
  assert.deepEqual(stepBetween(before, after), {
    startMs: 10_000,
    endMs: 20_000,
    counts: { accepted: 7, "refused B": 2 },
    buckets: { latency: { "0.5": 0, "1": 4 } },
    issuers: { "accepted X": 6 },
    gauges: { poolEntries: 4 },
  });
});

test("stepBetween() of another run begins with its start and nothing counted", () => {
  const before = sample(10_000, { counts: { accepted: 300 } });
  const after = sample(30_000, { runMs: 25_000, counts: { accepted: 5 } });
  const step = stepBetween(before, after);
  assert.deepEqual([step.startMs, step.endMs, step.counts], [25_000, 30_000, { accepted: 5 }]);
  assert.equal(stepBetween(undefined, after).startMs, 25_000);
});

test("stepBetween() never counts backwards, nor issuers that one of two rows had no room for", () => {
  const before = sample(10_000, { counts: { accepted: 9 }, issuers: undefined });
  const after = sample(20_000, { counts: { accepted: 4 }, issuers: { "accepted X": 50 } });
  const step = stepBetween(before, after);
  assert.deepEqual([step.counts, step.issuers], [{}, {}]);
  assert.deepEqual(stepBetween(after, { ...before, timeMs: 30_000 }).issuers, {});
});

test("sumSteps() adds up, and keeps the last gauges", () => {
  const looks = [
    sample(2_000, { counts: { accepted: 2 }, buckets: { latency: { "1": 1 } } }),
    sample(3_000, { counts: { accepted: 5 }, buckets: { latency: { "1": 2 } }, gauges: { a: 1 } }),
    sample(9_000, { counts: { accepted: 5 }, buckets: { latency: { "1": 4 } }, gauges: { a: 7 } }),
  ];
  const steps = looks.map((look, index) => stepBetween(looks[index - 1], look));
  const sum = sumSteps(steps);
  assert.deepEqual(sum, {
    startMs: 1_000,
    endMs: 9_000,
    counts: { accepted: 5 },
    buckets: { latency: { "1": 4 } },
    issuers: {},
    gauges: { a: 7 },
  });
  assert.equal(sumSteps([]), undefined);
});

test("mergeGauges() keeps the peak of a pool and the last of a disk", () => {
  const merged = mergeGauges(
    { poolEntries: 90, "free data": 9 },
    { poolEntries: 2, "free data": 5 },
  );
  assert.deepEqual(merged, { poolEntries: 90, "free data": 5 });
  assert.deepEqual(mergeGauges({}, { "free data": 5 }), { "free data": 5 });
});

test("byLabel() sorts by count, totalOf() adds", () => {
  const counts = { "refused A": 1, "refused B": 5, refusedless: 9, accepted: 3 };
  assert.deepEqual(byLabel(counts, "refused"), [
    ["B", 5],
    ["A", 1],
  ]);
  assert.equal(totalOf(counts, "refused"), 6);
});

test("quantile() is Prometheus's: even within a bucket", () => {
  // histogram_quantile() of the same, cumulative: 10 up to 0.5, 20 up to 1.
  const buckets = { "0.25": 0, "0.5": 10, "1": 10, "2": 0, "+Inf": 0 };
  assert.deepEqual(quantile(buckets, 0.5), { seconds: 0.5, isAtLeast: false });
  assert.deepEqual(quantile(buckets, 0.25), { seconds: 0.375, isAtLeast: false });
  assert.deepEqual(quantile(buckets, 0.75), { seconds: 0.75, isAtLeast: false });
  assert.deepEqual(quantile({ "1": 4, "+Inf": 0 }, 0.5), { seconds: 0.5, isAtLeast: false });
});

test("quantile() beyond all bounds says so; of nothing there is none", () => {
  assert.deepEqual(quantile({ "5": 1, "+Inf": 9 }, 0.99), { seconds: 5, isAtLeast: true });
  assert.equal(quantile({ "5": 0, "+Inf": 0 }, 0.99), undefined);
  assert.equal(quantile(undefined, 0.99), undefined);
});

/** Looks every 5 minutes for `hours`. */
function disk(hours: number, freeAt: (hours: number) => number) {
  return Array.from({ length: Math.round(hours * 12) + 1 }, (_, index) => ({
    timeMs: index * 300_000,
    freeBytes: freeAt(index / 12),
  }));
}

test("forecast() of a straight line is exact", () => {
  const found = forecast(disk(12, (hours) => 1_000 - 10 * hours));
  assert.ok(found.kind === "filling");
  assert.ok(Math.abs(found.bytesPerDay - 240) < 1e-6);
  // 880 are left, 10 an hour.
  assert.ok(Math.abs(found.daysLeft - 880 / 240) < 1e-9);
  assert.equal(found.hours, 12);
});

test("forecast() looks through unrest, and at points in any order", () => {
  const points = disk(24, (hours) => 1e9 - 1e6 * hours + 1e5 * Math.sin(hours * 20)).toReversed();
  const found = forecast(points);
  assert.ok(found.kind === "filling");
  assert.ok(Math.abs(found.daysLeft - (1e9 - 24e6) / 24e6) < 0.5, String(found.daysLeft));
});

test("forecast() of a disk that empties or hardly fills is steady", () => {
  assert.equal(forecast(disk(5, (hours) => 1_000 + hours)).kind, "steady");
  assert.equal(forecast(disk(5, () => 1_000)).kind, "steady");
  assert.equal(forecast(disk(5, (hours) => 1e12 - hours)).kind, "steady");
});

test("forecast() says when there is too little", () => {
  assert.deepEqual(forecast([]), { kind: "unknown", hours: 0 });
  assert.equal(forecast(disk(0.9, (hours) => 1_000 - hours)).kind, "unknown");
  const two = [
    { timeMs: 0, freeBytes: 9 },
    { timeMs: 20 * HOUR_MS, freeBytes: 1 },
  ];
  assert.equal(forecast(two).kind, "unknown", "two points are no line");
});
