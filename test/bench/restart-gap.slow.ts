import assert from "node:assert/strict";
import { test } from "node:test";
import { measureRestarts } from "../../bench/restart-gap.ts";

test("measureRestarts() sees the time between the last answer before and the first one after", async () => {
  const gaps = await measureRestarts({
    entries: 256,
    restarts: 1,
    betweenMs: 300,
    submissions: 5_000,
    log: () => {},
  });
  const [gap] = gaps;
  assert.ok(gap !== undefined && gaps.length === 1);
  // Nobody accepts anything between the end of one process and the head of the next.
  assert.ok(gap.gapMs > gap.startMs / 2, JSON.stringify(gap));
  assert.ok(gap.refused + gap.failed > 0, JSON.stringify(gap));
});
