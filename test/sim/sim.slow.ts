import { test } from "node:test";
import { runSeed } from "./driver.ts";

/** Seeds of this test; `SIM_SEEDS` sets another number. */
const SEEDS = Number(process.env["SIM_SEEDS"] ?? 100);

test(`runSeed() of ${SEEDS} seeds: what was promised holds through every fault`, async (t) => {
  let stepCount = 0;
  let sctCount = 0;
  for (let seed = 1_000; seed < 1_000 + SEEDS; seed += 1) {
    const result = await runSeed(seed);
    stepCount += result.stepCount;
    sctCount += result.sctCount;
  }
  t.diagnostic(`${stepCount} steps, ${sctCount} SCTs`);
});
