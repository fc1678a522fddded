import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  CLOSING_MS,
  closesAtMs,
  isTaking,
  nextDateMs,
  phaseAt,
  SHARD_PHASES,
  type ShardDates,
} from "../../src/base/shard-life.ts";

const LIMIT = Date.UTC(2027, 0, 1);
const CLOSES = closesAtMs({ notAfterLimitMs: LIMIT });
const DATES: ShardDates = {
  opensAtMs: Date.UTC(2026, 0, 1),
  closesAtMs: CLOSES,
  retiresAtMs: Date.UTC(2027, 6, 1),
};

test("closesAtMs() is 7 days after NotAfterLimit", () => {
  assert.equal(CLOSES, Date.UTC(2027, 0, 8));
});

test("phaseAt() changes on each date, to the millisecond", () => {
  const changes = [
    [Date.UTC(2026, 0, 1), "planned", "open"],
    [CLOSES - CLOSING_MS, "open", "closing"],
    [CLOSES, "closing", "read-only"],
    [Date.UTC(2027, 6, 1), "read-only", "retired"],
  ] as const;
  for (const [timeMs, before, from] of changes) {
    assert.equal(phaseAt(DATES, timeMs - 1), before);
    assert.equal(phaseAt(DATES, timeMs), from);
  }
  assert.equal(phaseAt({ closesAtMs: CLOSES }, 0), "open");
  assert.equal(phaseAt({ closesAtMs: CLOSES }, Number.MAX_SAFE_INTEGER), "read-only");
});

test("phaseAt() never goes back as time goes on; isTaking() is open and closing", () => {
  const time = fc.integer({ min: 0, max: 4_000_000_000_000 });
  fc.assert(
    fc.property(time, time, time, time, (a, b, c, d) => {
      const [first = 0, second = 0] = [a, b].sort((x, y) => x - y);
      const dates = { opensAtMs: c, closesAtMs: d, retiresAtMs: d + 5_000 };
      const [before, after] = [phaseAt(dates, first), phaseAt(dates, second)];
      assert.ok(SHARD_PHASES.indexOf(before) <= SHARD_PHASES.indexOf(after));
      assert.equal(isTaking(before), before === "open" || before === "closing");
    }),
  );
});

test("nextDateMs() is the nearest date that lies ahead", () => {
  assert.equal(nextDateMs(DATES, 0), DATES.opensAtMs);
  assert.equal(nextDateMs(DATES, Date.UTC(2026, 0, 1)), CLOSES);
  assert.equal(nextDateMs(DATES, CLOSES), DATES.retiresAtMs);
  assert.equal(nextDateMs(DATES, Date.UTC(2027, 6, 1)), undefined);
});
