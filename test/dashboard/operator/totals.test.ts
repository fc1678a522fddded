import assert from "node:assert/strict";
import { test } from "node:test";
import { drawPicture } from "../../../src/dashboard/operator/picture.ts";
import {
  formatLarge,
  formatRate,
  formatSeconds,
  SHARD_PLOTS,
} from "../../../src/dashboard/operator/plots.ts";
import { diskWords } from "../../../src/dashboard/operator/shard-view.ts";
import { courseOf, totalsOf } from "../../../src/dashboard/operator/totals.ts";
import type { Step } from "../../../src/history/step.ts";

function step(startMs: number, endMs: number, more: Partial<Step> = {}): Step {
  return { startMs, endMs, counts: {}, buckets: {}, issuers: {}, gauges: {}, ...more };
}

test("totalsOf() adds up an hour", () => {
  const steps = [
    step(0, 10_000, {
      counts: { accepted: 5, "refused A": 1, batches: 3, idleBatches: 1, batchEntries: 5 },
      buckets: { latency: { "0.5": 98, "1": 0, "2": 1, "+Inf": 0 } },
      issuers: { "accepted X": 5, "refused Y": 1 },
    }),
    step(10_000, 20_000, {
      counts: { duplicate: 2, "refused A": 1, "refused B": 4, requests: 9, unavailable: 2 },
      buckets: { latency: { "0.5": 0, "1": 0, "2": 0, "+Inf": 1 } },
      issuers: { "duplicate X": 2, "refused Y": 5 },
    }),
  ];
  const totals = totalsOf(steps);
  assert.equal(totals.recordedSeconds, 20);
  assert.deepEqual([totals.accepted, totals.duplicate, totals.refused], [5, 2, 6]);
  assert.deepEqual(totals.reasons, [
    { code: "B", count: 4 },
    { code: "A", count: 2 },
  ]);
  assert.deepEqual(totals.issuers, [
    { issuer: "Y", accepted: 0, duplicate: 0, refused: 6 },
    { issuer: "X", accepted: 5, duplicate: 2, refused: 0 },
  ]);
  assert.equal(totals.timed, 100);
  assert.deepEqual(totals.latencyOver, [
    { seconds: 0.5, count: 2 },
    { seconds: 1, count: 2 },
    { seconds: 2, count: 1 },
  ]);
  assert.deepEqual(totals.latency, { p50: 0.2551, p99: 2, isP99AtLeast: false });
  assert.deepEqual(totals.mergeDelay, { p50: null, p99: null, isP99AtLeast: false });
  assert.deepEqual([totals.requests, totals.unavailable], [9, 2]);
});

test("totalsOf() of nothing is nothing", () => {
  const totals = totalsOf([]);
  assert.deepEqual([totals.accepted, totals.recordedSeconds, totals.timed], [0, 0, 0]);
  assert.equal(totals.latency.p99, null);
});

test("courseOf() tells rates, quantiles and gauges, and breaks where no process looked", () => {
  const course = courseOf([
    step(0, 10_000, { counts: { accepted: 5 }, gauges: { poolEntries: 2 } }),
    step(60_000, 70_000, { counts: { "refused A": 1, "refused B": 2 } }),
  ]);
  assert.deepEqual(course.timesMs, [10_000, 60_000, 70_000]);
  assert.deepEqual(course.lines.accepted, [0.5, null, 0]);
  assert.deepEqual(course.lines.refused, [0, null, 0.3]);
  assert.deepEqual(course.lines.poolEntries, [2, null, null]);
  assert.equal(course.lines.latencyP50, undefined);
});

test("drawPicture() breaks its line where nothing is known, and leaves out what is empty", () => {
  const [submissions, latency] = SHARD_PLOTS;
  assert.ok(submissions !== undefined && latency !== undefined);
  const course = { timesMs: [0, 50, 100], lines: { accepted: [1, null, 2] } };
  const range = { startMs: 0, endMs: 100 };
  const svg = String(drawPicture(submissions, course, range));
  assert.equal(svg.match(/M/g)?.length, 2);
  assert.match(svg, /at most 2</);
  assert.equal(drawPicture(latency, course, range), undefined);
});

test("figures are told in the units that people use", () => {
  const seconds = [0, 0.000_25, 0.0038, 0.35, 1.256, 30].map(formatSeconds);
  const shown = ["0", "0.25 ms", "3.8 ms", "350 ms", "1.26 s", "30 s"];
  assert.deepEqual(
    seconds,
    shown.map((text) => text.replace(" ", "\u00a0")),
  );
  assert.deepEqual([0, 0.254, 12.5, 1_234].map(formatRate), ["0", "0.25", "12.5", "1\u00a0234"]);
  assert.deepEqual([76e9, 1.92e12].map(formatLarge), ["76.0\u00a0GB", "1.92\u00a0TB"]);
});

test("diskWords() forecasts, or says why not", () => {
  const disk = { place: "data", freeBytes: 30e9, totalBytes: 100e9 };
  const words = (forecast: Parameters<typeof diskWords>[0]["forecast"]) =>
    diskWords({ ...disk, forecast }).replaceAll("\u00a0", " ");
  const start = "30.0 GB free of 100.0 GB (30 %)";
  assert.equal(
    words({ kind: "filling", hours: 6, bytesPerDay: 10e9, daysLeft: 3 }),
    `${start}; full in 3.0 days at 10.0 GB a day, by 6.0 h on record`,
  );
  assert.equal(
    words({ kind: "steady", hours: 6 }),
    `${start}; it does not fill, by 6.0 h on record`,
  );
  assert.match(words({ kind: "unknown", hours: 0.4 }), /too little on record.*0\.4 h on record/);
});
