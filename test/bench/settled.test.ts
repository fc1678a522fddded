import assert from "node:assert/strict";
import { test } from "node:test";
import { parseUnsealed, settle } from "../../bench/settled.ts";

/** A log whose figures, second by second, are those; the last ones stay. */
function settleOver(
  steps: readonly (readonly [number | undefined, number])[],
  msMax: number = 60_000,
) {
  let nowMs = 0;
  const step = () => steps[Math.min(steps.length - 1, nowMs / 1_000)] ?? assert.fail("no steps");
  const done = settle({
    readUnsealed: async () => step()[0],
    readDiskBytes: () => step()[1],
    stillMs: 5_000,
    msMax,
    nowMs: () => nowMs,
    sleep: async (ms) => {
      nowMs += ms;
    },
  });
  return done.then((settled) => ({ ...settled, nowMs }));
}

test("settle() waits until sealing and disk stand still", async () => {
  const settled = await settleOver([
    [900, 9_000],
    [400, 9_500],
    [100, 9_700],
    [100, 9_700],
    [100, 9_700],
    [100, 3_000],
  ]);
  assert.deepEqual(settled, {
    unsealedEntries: 100,
    diskBytes: 3_000,
    isSettled: true,
    nowMs: 10_000,
  });
});

test("settle() does not wait for a log that seals nothing", async () => {
  const settled = await settleOver([[undefined, 5]]);
  assert.deepEqual(settled, {
    unsealedEntries: undefined,
    diskBytes: 5,
    isSettled: true,
    nowMs: 0,
  });
});

test("settle() gives up on a log that goes on", async () => {
  const steps = Array.from({ length: 100 }, (_, at) => [1_000 - at, 10] as const);
  const { isSettled, nowMs } = await settleOver(steps, 20_000);
  assert.equal(isSettled, false);
  assert.equal(nowMs, 20_000);
});

test("parseUnsealed() adds the shards up, and tells none from nothing", () => {
  const help = "# HELP stratus_unsealed_entries x\n# TYPE stratus_unsealed_entries gauge\n";
  const lines = 'stratus_unsealed_entries{shard="a"} 12\nstratus_unsealed_entries{shard="b"} 30\n';
  assert.equal(parseUnsealed(`${help}${lines}other 7\n`), 42);
  assert.equal(parseUnsealed("stratus_unsealed_entries 1.6e+4\n"), 16_000);
  assert.equal(parseUnsealed("stratus_other 3\n"), undefined);
});
