/**
 * `npm run sim [-- --seed N] [--count N] [--steps N] [--from-commit]`: without a seed, some
 * hundred, half of them (or all) derived from the commit; with one, that one with its trace.
 * @module
 */
import { execFileSync } from "node:child_process";
import { parseArgs } from "node:util";
import { runSeed } from "./driver.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    count: { type: "string", default: "300" },
    steps: { type: "string", default: "400" },
    "from-commit": { type: "boolean", default: false },
  },
});
const steps = Number(values.steps);

if (values.seed !== undefined) {
  const result = await runSeed(Number(values.seed), { steps, trace: (line) => console.log(line) });
  console.log(result);
} else {
  await runMany(Number(values.count));
}

async function runMany(count: number): Promise<void> {
  const startMs = performance.now();
  const base = seedOfCommit();
  let stepCount = 0;
  let sctCount = 0;
  let processCount = 0;
  for (let index = 0; index < count; index += 1) {
    // Half of the seeds are always the same, half are this commit's own, unless all are to be.
    const isFixed = index % 2 === 0 && !values["from-commit"];
    const seed = isFixed ? index / 2 : base + index;
    const result = await runSeed(seed, { steps });
    stepCount += result.stepCount;
    sctCount += result.sctCount;
    processCount += result.processCount;
  }
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  console.log(
    `${count} seeds (those of the commit from ${base} on), ${stepCount} steps, ` +
      `${processCount} processes, ${sctCount} SCTs: all hold, in ${seconds} s`,
  );
}

/** A number of the commit that is checked out; 0 where there is none. */
function seedOfCommit(): number {
  try {
    const stdio: ["ignore", "pipe", "ignore"] = ["ignore", "pipe", "ignore"];
    const commit = execFileSync("git", ["rev-parse", "--short=7", "HEAD"], { stdio }).toString();
    return Number.parseInt(commit, 16);
  } catch {
    return 0;
  }
}
