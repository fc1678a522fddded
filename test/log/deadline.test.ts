import assert from "node:assert/strict";
import { test } from "node:test";
import { Deadlines } from "../../src/log/deadline.ts";
import { ManualClock } from "../support/manual-clock.ts";

test("Deadlines calls each at its time, not before, and none that was taken back", async () => {
  const clock = new ManualClock();
  const deadlines = new Deadlines(clock, 100);
  const called: string[] = [];
  deadlines.add(() => called.push("a"));
  const cancelB = deadlines.add(() => called.push("b"));
  await clock.advance(60);
  deadlines.add(() => called.push("c"));
  cancelB();
  cancelB();
  await clock.advance(39);
  assert.deepEqual(called, []);
  await clock.advance(1);
  assert.deepEqual(called, ["a"]);
  await clock.advance(59);
  assert.deepEqual(called, ["a"]);
  await clock.advance(1);
  assert.deepEqual(called, ["a", "c"]);
});

test("Deadlines has one timer for all, and none when nothing waits", async () => {
  const clock = new ManualClock();
  let armed = 0;
  const deadlines = new Deadlines(
    {
      nowMs: () => clock.nowMs(),
      monotonicMs: () => clock.monotonicMs(),
      after(delayMs, run) {
        armed += 1;
        const cancel = clock.after(delayMs, () => {
          armed -= 1;
          run();
        });
        return () => {
          armed -= 1;
          cancel();
        };
      },
    },
    100,
  );
  const cancels = Array.from({ length: 50 }, () => deadlines.add(() => assert.fail("cancelled")));
  assert.equal(armed, 1);
  for (const cancel of cancels) cancel();
  assert.equal(armed, 0);
  let isCalled = false;
  deadlines.add(() => {
    isCalled = true;
    deadlines.add(() => {});
  });
  await clock.advance(100);
  assert.deepEqual([isCalled, armed], [true, 1]);
});
