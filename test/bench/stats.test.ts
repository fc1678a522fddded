import assert from "node:assert/strict";
import { test } from "node:test";
import { medianAndSpread, medianOf, quantilesOf, seededRandom } from "../../bench/stats.ts";

test("quantilesOf() takes the nearest rank", () => {
  const thousand = Array.from({ length: 1_000 }, (_, index) => 1_000 - index);
  assert.deepEqual(quantilesOf(thousand), {
    count: 1_000,
    p50: 500,
    p99: 990,
    p999: 999,
    max: 1_000,
  });
  assert.deepEqual(quantilesOf([7]), { count: 1, p50: 7, p99: 7, p999: 7, max: 7 });
  assert.deepEqual(quantilesOf([]), { count: 0, p50: 0, p99: 0, p999: 0, max: 0 });
});

test("medianAndSpread() relates the range to the median", () => {
  assert.deepEqual(medianAndSpread([4, 2, 3]), { median: 3, spread: 2 / 3 });
  assert.deepEqual(medianAndSpread([]), { median: 0, spread: 0 });
});

test("seededRandom() repeats itself, differs by seed, and stays below its limit", () => {
  const draw = (seed: number) => {
    const random = seededRandom(seed);
    return Array.from({ length: 2_000 }, () => random(10));
  };
  assert.deepEqual(draw(42), draw(42));
  assert.notDeepEqual(draw(42), draw(43));
  const counts = new Array<number>(10).fill(0);
  for (const value of draw(42)) counts[value] = (counts[value] ?? 0) + 1;
  assert(counts.length === 10 && counts.every((count) => count > 120 && count < 280), `${counts}`);
});

test("medianOf() of an even count is the mean of the two in the middle", () => {
  assert.equal(medianOf([9, 1, 5, 3]), 4);
  assert.equal(medianOf([2, 8, 4]), 4);
  assert.equal(medianOf([7]), 7);
  assert(Number.isNaN(medianOf([])));
});
