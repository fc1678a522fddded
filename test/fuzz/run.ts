/**
 * `npm run fuzz -- [seconds] [seed]`: every target of `*.fuzz.ts` in turn, until the time is
 * over. Also by environment: `FUZZ_SECONDS`, `FUZZ_SEED`. Prints the seed, by which a find is
 * replayed; a find ends the run with exit code 1 and goes to test/vectors with its mend.
 *
 * - `--target TEXT`: only targets whose name has it.
 * - `--inputs N`: so many inputs, over all targets in turns, instead of a time.
 * - `--memory` (with `--inputs`): anonymous memory after all inputs is at most 20 MB above
 *   that after a tenth of them.
 * - `--growth`: no random inputs, but whether four times the length takes more than nine times as long.
 * @module
 */
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";
import { FuzzRun, type FuzzTarget, fuzz } from "./fuzz.ts";
import { findGrowth } from "./growth.ts";
import { anonymousBytes } from "./memory.ts";
import { HAS_CORPUS } from "./samples.ts";
import { loadTargets } from "./targets.ts";

/** Inputs of a target before the next one's turn. */
const TURN_INPUTS = 100;

/** By how much anonymous memory may grow. */
const GROWTH_BYTES_MAX = 20_000_000;

/** Half of the young generation under `--memory`. */
const SEMI_SPACE_MIB = 2;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    target: { type: "string", default: "" },
    inputs: { type: "string" },
    memory: { type: "boolean", default: false },
    growth: { type: "boolean", default: false },
    seed: { type: "string" },
  },
});
const seconds = Number(positionals[0] ?? process.env["FUZZ_SECONDS"] ?? 10);
const seed = Number(
  values.seed ?? positionals[1] ?? process.env["FUZZ_SEED"] ?? Date.now() % 2 ** 32,
);
const inputs = Number(values.inputs ?? 0);
if (!(seconds > 0) || !Number.isSafeInteger(seed) || !Number.isSafeInteger(inputs)) {
  say("usage: npm run fuzz -- [seconds] [seed] [--target TEXT] [--inputs N [--memory]] [--growth]");
  process.exit(2);
}

const targets = (await loadTargets()).filter(({ name }) => name.includes(values.target));
const corpus = HAS_CORPUS ? "with" : "without";
if (!values.memory || process.execArgv.length > 0)
  say(`fuzz: ${targets.length} targets, seed ${seed}, ${corpus} ../shared/corpus`);
if (values.memory && process.execArgv.length === 0) process.exitCode = runWithFixedYoung();
else if (values.growth) await runGrowth();
else if (inputs > 0) await runInputs();
else await runSeconds();

/**
 * This run again in a process whose young generation cannot grow: V8 else gives it up to 100 MB
 * step by step, whenever a target allocates fast, and a leak could not be told from that. The
 * C library's allocator is kept just as short: what V8 compiles in goes back page by page, and not
 * only once nothing newer lies behind it.
 */
function runWithFixedYoung(): number {
  const args = [`--max-semi-space-size=${SEMI_SPACE_MIB}`, ...process.argv.slice(1)];
  const { status } = spawnSync(process.execPath, [...args, "--seed", String(seed)], {
    stdio: "inherit",
    // Freed memory goes back at once, and few threads keep some for themselves.
    env: {
      ...process.env,
      MALLOC_ARENA_MAX: "1",
      MALLOC_TRIM_THRESHOLD_: "65536",
      MALLOC_MMAP_THRESHOLD_: "65536",
    },
  });
  return status ?? 1;
}

async function runSeconds(): Promise<void> {
  for (const target of targets) {
    const end = performance.now() + (seconds * 1000) / targets.length;
    report(target, await fuzz(target, seed, () => performance.now() >= end));
  }
}

async function runInputs(): Promise<void> {
  const runs = targets.map((target) => new FuzzRun(target, seed));
  for (const run of runs) await run.start();
  const measured: (number | undefined)[] = [];
  for (let tenth = 1; tenth <= 10; tenth += 1) {
    await stepAll(runs, Math.ceil((inputs * tenth) / 10));
    if (values.memory) measured.push(anonymousBytes());
  }
  for (const run of runs) report(run.target, run);
  if (!values.memory) return;
  const [before, after] = [measured[0], measured.at(-1)];
  if (before === undefined || after === undefined) {
    say("memory: not told here (/proc/self/status has no RssAnon)");
    return;
  }
  const megabytes = measured.map((bytes) => ((bytes ?? 0) / 1e6).toFixed(1));
  say(`memory: MB anonymous after each tenth of the inputs: ${megabytes.join(" ")}`);
  say(`memory: ${(process.memoryUsage().heapUsed / 1e6).toFixed(1)} MB of it in use on the heap`);
  if (after - before > GROWTH_BYTES_MAX) {
    say(`memory grew by more than ${GROWTH_BYTES_MAX / 1e6} MB`);
    process.exitCode = 1;
  }
}

/** Goes on, target by target, until all together had `count` inputs. */
async function stepAll(runs: readonly FuzzRun[], count: number): Promise<void> {
  let done = runs.reduce((sum, run) => sum + run.inputCount, 0);
  while (done < count) {
    for (const run of runs) {
      const turn = Math.min(TURN_INPUTS, count - done);
      for (let step = 0; step < turn; step += 1) await run.step();
      done += turn;
    }
  }
}

async function runGrowth(): Promise<void> {
  for (const target of targets) {
    const found = await findGrowth(target, seed);
    say(`${target.name}: ${found.length === 0 ? "grows with its input" : "GROWS FASTER"}`);
    for (const { shape, firstMs, secondMs } of found) {
      say(
        `  ${shape}: ${firstMs.toFixed(1)} ms, at four times the length ${secondMs.toFixed(1)} ms`,
      );
      process.exitCode = 1;
    }
  }
}

function report(
  { name }: FuzzTarget,
  run: { readonly inputCount: number; readonly acceptedCount: number },
): void {
  say(`${name}: ${run.inputCount} inputs, ${run.acceptedCount} accepted`);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
