/**
 * The waiting of a loop.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Sleeper } from "../../src/base/sleeper.ts";

/** A timer that is moved by hand; `due` holds what waits. */
function makeTimer() {
  const due = new Set<() => void>();
  const after = (_: number, act: () => void) => {
    due.add(act);
    return () => void due.delete(act);
  };
  return { due, after };
}

const settled = async (sleep: Promise<void>) => {
  const later = new Promise<string>((resolve) => setImmediate(() => resolve("asleep")));
  return Promise.race([sleep.then(() => "awake"), later]);
};

test("a sleep ends with its time", async () => {
  const timer = makeTimer();
  const sleep = new Sleeper(timer).sleep(5);
  assert.equal(await settled(sleep), "asleep");
  for (const act of timer.due) act();
  assert.equal(await settled(sleep), "awake");
});

test("wake() ends a light sleep alone, interrupt() any; the timer is taken back", async () => {
  for (const [isLight, act, after] of [
    [true, "wake", "awake"],
    [false, "wake", "asleep"],
    [true, "interrupt", "awake"],
    [false, "interrupt", "awake"],
  ] as const) {
    const timer = makeTimer();
    const sleeper = new Sleeper(timer);
    const sleep = sleeper.sleep(5, isLight);
    sleeper[act]();
    assert.equal(await settled(sleep), after);
    assert.equal(timer.due.size, after === "awake" ? 0 : 1);
  }
});

test("a sleeper that was woken light sleeps on the next time", async () => {
  const timer = makeTimer();
  const sleeper = new Sleeper(timer);
  sleeper.wake();
  void sleeper.sleep(5, true);
  sleeper.wake();
  const next = sleeper.sleep(5);
  sleeper.wake();
  assert.equal(await settled(next), "asleep");
});
