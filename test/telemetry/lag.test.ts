import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { LagWatch } from "../../src/telemetry/lag.ts";

test("LagWatch tells how long the thread was held, however often it is asked", async () => {
  using watch = new LagWatch();
  await delay(30);
  const endMs = performance.now() + 150;
  while (performance.now() < endMs);
  while (watch.worstSeconds() < 0.1) await delay(5);
  const worst = watch.worstSeconds();
  assert.ok(worst >= 0.1);
  assert.ok(watch.worstSeconds() >= worst);
});
