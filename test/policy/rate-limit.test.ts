import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { RateLimiter } from "../../src/policy/rate-limit.ts";

test("RateLimiter gives a burst, then tells how long until the next token", () => {
  const limiter = new RateLimiter({ perSecond: 4, burst: 3 }, 10);
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
  const limiter = new RateLimiter({ perSecond: 1, burst: 1 }, 10);
  assert.equal(limiter.take("a", 0), 0);
  assert.equal(limiter.take("b", 0), 0);
  assert.equal(limiter.take("a", 0), 1_000);
});

test("RateLimiter.giveBack() undoes a take and never fills beyond the burst", () => {
  const limiter = new RateLimiter({ perSecond: 1, burst: 2 }, 10);
  limiter.take("a", 0);
  limiter.giveBack("a");
  limiter.giveBack("a");
  limiter.giveBack("unknown");
  assert.deepEqual([limiter.take("a", 0), limiter.take("a", 0)], [0, 0]);
  assert.notEqual(limiter.take("a", 0), 0);
  assert.equal(limiter.clientCount, 1);
});

test("RateLimiter forgets the idlest client, not the one it just refused", () => {
  const limiter = new RateLimiter({ perSecond: 1, burst: 1 }, 2);
  limiter.take("busy", 0);
  limiter.take("idle", 0);
  limiter.take("busy", 0);
  limiter.take("new", 0);
  assert.equal(limiter.clientCount, 2);
  assert.notEqual(limiter.take("busy", 0), 0);
  assert.equal(limiter.take("idle", 0), 0);
});

test("property: RateLimiter lets through at most burst + rate x time, and that much", () => {
  const steps = fc.array(fc.nat(400), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(
      steps,
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 20 }),
      (waits, perSecond, burst) => {
        const limiter = new RateLimiter({ perSecond, burst }, 4);
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
