import assert from "node:assert/strict";
import { test } from "node:test";
import { runSeed } from "./driver.ts";
import { CALM } from "./world.ts";

test("runSeed() of a calm world logs what is submitted, in one process life and one after", async () => {
  const result = await runSeed(1, { knobs: CALM, steps: 300 });
  assert.equal(result.processCount, 2);
  assert.ok(result.sctCount >= 20, `${result.sctCount} SCTs`);
  assert.equal(result.treeSize, result.sctCount, "each entry once, each with an SCT");
});

test("runSeed() of the same seed takes the same steps", async () => {
  const traces = [];
  for (let turn = 0; turn < 2; turn += 1) {
    const lines: string[] = [];
    await runSeed(5, { steps: 200, trace: (line) => lines.push(line) });
    traces.push(lines);
  }
  assert.ok((traces[0]?.length ?? 0) > 200);
  assert.deepEqual(traces[0], traces[1]);
});

test("runSeed() of the first seeds: what was promised holds through every fault", async () => {
  for (let seed = 0; seed < 6; seed += 1) await runSeed(seed);
});
