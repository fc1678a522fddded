import assert from "node:assert/strict";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import { systemClock } from "../../src/clock/system.ts";
import { makeRateCells, RATE_CELLS, type Rate, RateLimiter } from "../../src/policy/rate-limit.ts";
import type { RateThreadData, RateThreadReport } from "../support/rate-thread.ts";

const limiterOf = (rate: Rate) => new RateLimiter(rate, makeRateCells(7));

test("RateLimiter gives a burst, then tells how long until the next token", () => {
  const limiter = limiterOf({ perSecond: 4, burst: 3 });
  assert.deepEqual(
    [1, 2, 3].map(() => limiter.take("a", 1_000)),
    [0, 0, 0],
  );
  assert.equal(limiter.take("a", 1_000), 250);
  assert.equal(limiter.take("a", 1_125), 125);
  assert.equal(limiter.take("a", 1_250), 0);
  assert.equal(limiter.take("a", 1_250), 250);
});

test("RateLimiter keeps clients apart", () => {
  const limiter = limiterOf({ perSecond: 1, burst: 1 });
  assert.equal(limiter.take("a", 0), 0);
  assert.equal(limiter.take("b", 0), 0);
  assert.equal(limiter.take("a", 0), 1_000);
});

test("RateLimiter.giveBack() undoes a take and never fills beyond the burst", () => {
  const limiter = limiterOf({ perSecond: 1, burst: 2 });
  limiter.take("a", 0);
  limiter.giveBack("a");
  limiter.giveBack("a");
  limiter.giveBack("unknown");
  assert.deepEqual([limiter.take("a", 0), limiter.take("a", 0)], [0, 0]);
  assert.notEqual(limiter.take("a", 0), 0);
});

test("RateLimiter keeps almost all of many clients apart, and a seed's cells are its own", () => {
  // Networks of clients, as `networkKey` names them: neighbours differ in one unit.
  const clients = Array.from({ length: 2_000 }, (_, index) =>
    String.fromCharCode(10, 0, Math.floor(index / 256), index % 256),
  );
  const shared = [1, 2].map((seed) => {
    const limiter = new RateLimiter({ perSecond: 1, burst: 1 }, makeRateCells(seed));
    return clients.filter((client) => limiter.take(client, 0) > 0);
  });
  // 2,000 * 1,999 / 2 / 262,144 is 8.
  for (const { length } of shared) assert(length < 30, `${length} of 2,000 share a cell`);
  assert.notDeepEqual(shared[0], shared[1]);
  assert.equal(RATE_CELLS, 262_144);
});

test("RateLimiters of several threads have one limit together, to the token", async () => {
  const burst = 1_000;
  const cells = makeRateCells(3);
  const start = new SharedArrayBuffer(4);
  const data: RateThreadData = { rate: { perSecond: 1, burst }, cells, start, takes: burst };
  const threads = [1, 2].map(() => {
    const script = new URL("../support/rate-thread.ts", import.meta.url);
    return new Worker(script, { workerData: data });
  });
  const reports = await Promise.all(
    threads.map(
      (thread) =>
        new Promise<RateThreadReport>((resolve, reject) => {
          thread.once("message", resolve);
          thread.once("error", reject);
        }),
    ),
  );
  assert.equal(
    reports.reduce((sum, { taken }) => sum + taken, 0),
    burst,
  );
  // Their clocks are one: what a thread calls now lies between two readings of another.
  for (const { monotonicMs } of reports) {
    assert(Math.abs(systemClock.monotonicMs() - monotonicMs) < 60_000, `${monotonicMs}`);
  }
});

test("property: RateLimiter lets through at most burst + rate x time, and that much", () => {
  const steps = fc.array(fc.nat(400), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(
      steps,
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 20 }),
      (waits, perSecond, burst) => {
        const limiter = limiterOf({ perSecond, burst });
        let nowMs = 5;
        let taken = 0;
        for (const wait of waits) {
          nowMs += wait;
          const waitMs = limiter.take("a", nowMs);
          if (waitMs === 0) taken += 1;
          else assert(waitMs >= 1 && waitMs <= 1_000 / perSecond + 1, `${waitMs}`);
        }
        assert(taken <= burst + ((nowMs - 5) * perSecond) / 1_000 + 1e-6, `${taken}`);
        assert(taken >= Math.min(waits.length, burst), `${taken}`);
      },
    ),
  );
});
