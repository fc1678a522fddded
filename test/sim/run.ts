/**
 * `npm run sim [-- --seed N] [--start N] [--count N] [--steps N] [--from-commit]`: with a seed,
 * that one and its trace; with a start, consecutive ones from there; else some hundred, half of
 * them (or all) derived from the commit. Seeds that fail are named, and the rest still run.
 * @module
 */
import { execFileSync } from "node:child_process";
import { parseArgs } from "node:util";
import { runSeed } from "./driver.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    start: { type: "string" },
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
  const base = values.start === undefined ? seedOfCommit() : Number(values.start);
  let stepCount = 0;
  let sctCount = 0;
  let processCount = 0;
  let failureCount = 0;
  for (let index = 0; index < count; index += 1) {
    const seed = seedAt(index, base);
    try {
      const result = await runSeed(seed, { steps });
      stepCount += result.stepCount;
      sctCount += result.sctCount;
      processCount += result.processCount;
    } catch (error) {
      failureCount += 1;
      console.error(error instanceof Error ? error.message : error);
    }
  }
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  const verdict = failureCount === 0 ? "all hold" : `${failureCount} FAIL`;
  console.log(
    `${count} seeds (${values.start === undefined ? "those of the commit " : ""}from ${base} on), ` +
      `${stepCount} steps, ${processCount} processes, ${sctCount} SCTs: ${verdict}, in ${seconds} s`,
  );
  if (failureCount > 0) process.exitCode = 1;
}

function seedAt(index: number, base: number): number {
  // Half of the seeds are always the same, half are this commit's own, unless all are to be.
  const isMixed = values.start === undefined && !values["from-commit"];
  return isMixed && index % 2 === 0 ? index / 2 : base + index;
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
