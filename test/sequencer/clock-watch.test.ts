import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type ClockVerdict, ClockWatch } from "../../src/sequencer/clock-watch.ts";
import { CLOCK_START_MS, ManualClock } from "../support/manual-clock.ts";

function watchOf(steadyMs?: number): { clock: ManualClock; watch: ClockWatch } {
  const clock = new ManualClock();
  return { clock, watch: new ClockWatch(clock, steadyMs) };
}

function ready(verdict: ClockVerdict): ClockVerdict & { readonly state: "ready" } {
  assert.equal(verdict.state, "ready");
  return verdict as ClockVerdict & { readonly state: "ready" };
}

describe("ClockWatch.check()", () => {
  test("is ready once the clock is past the last head, waits up to 1 s, and holds beyond", () => {
    const { watch } = watchOf();
    assert.equal(ready(watch.check(0)).nowMs, CLOCK_START_MS);
    assert.equal(ready(watch.check(CLOCK_START_MS - 1)).nowMs, CLOCK_START_MS);
    assert.deepEqual(watch.check(CLOCK_START_MS), { state: "wait", waitMs: 1 });
    assert.deepEqual(watch.check(CLOCK_START_MS + 1_000), { state: "wait", waitMs: 1_001 });
    assert.equal(watch.check(CLOCK_START_MS + 1_001).state, "held");
  });

  for (const sign of [1, -1]) {
    test(`holds a jump of more than 1 s ${sign > 0 ? "forward" : "back"}, says by how much, and forgets it when it is back`, () => {
      const { clock, watch } = watchOf();
      clock.wallMs += sign * 1_000;
      ready(watch.check(0));
      clock.wallMs += sign;
      const verdict = watch.check(0);
      assert.match(verdict.state === "held" ? verdict.message : "", /by 1001 ms/);
      clock.wallMs -= sign * 1_001;
      ready(watch.check(0));
    });
  }

  test("holds a drift that adds up between two heads, and counts afresh from each head", async () => {
    const { clock, watch } = watchOf();
    for (let turn = 0; turn < 10; turn += 1) {
      await clock.advance(10_000);
      clock.wallMs += 400;
      watch.accept(ready(watch.check(0)));
    }
    for (let turn = 0; turn < 3; turn += 1) {
      await clock.advance(10_000);
      clock.wallMs += 400;
    }
    assert.equal(watch.check(0).state, "held");
  });

  test("believes a clock that stayed as it is for steadyMs, until its head is made", async () => {
    const { clock, watch } = watchOf(60_000);
    clock.wallMs += 3_600_000;
    assert.equal(watch.check(0).state, "held");
    await clock.advance(59_999);
    assert.equal(watch.check(0).state, "held");
    await clock.advance(1);
    ready(watch.check(0));
    watch.accept(ready(watch.check(0)));
    clock.wallMs += 3_600_000;
    assert.equal(watch.check(0).state, "held", "the next jump is a new one");
  });

  test("begins to count again when the clock jumps on", async () => {
    const { clock, watch } = watchOf(60_000);
    clock.wallMs += 3_600_000;
    watch.check(0);
    await clock.advance(50_000);
    clock.wallMs += 5_000;
    watch.check(0);
    await clock.advance(50_000);
    assert.equal(watch.check(0).state, "held");
    await clock.advance(10_000);
    ready(watch.check(0));
  });
});

test("ClockWatch.accept() takes the reading of the check, not the clock's at that moment", () => {
  const { clock, watch } = watchOf();
  const verdict = ready(watch.check(0));
  clock.wallMs += 5_000;
  watch.accept(verdict);
  assert.equal(watch.check(0).state, "held");
});

test("ClockWatch.trustedMs() follows steady time past a jump forward, and the wall back", async () => {
  const { clock, watch } = watchOf();
  await clock.advance(100);
  clock.wallMs += 50_000;
  assert.equal(watch.trustedMs(), CLOCK_START_MS + 100);
  clock.wallMs -= 60_000;
  assert.equal(watch.trustedMs(), CLOCK_START_MS + 100 - 10_000);
});
