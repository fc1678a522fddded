/**
 * `npm run fuzz -- [seconds] [seed]`: every target of `*.fuzz.ts` in turn, until the time is
 * over. Also by environment: `FUZZ_SECONDS`, `FUZZ_SEED`. Prints the seed, by which a find is
 * replayed; a find ends the run with exit code 1 and goes to test/vectors with its mend.
 * @module
 */

import { ROOT, sourceFiles } from "../support/source.ts";
import { type FuzzTarget, fuzz } from "./fuzz.ts";

const seconds = Number(process.argv[2] ?? process.env["FUZZ_SECONDS"] ?? 10);
const seed = Number(process.argv[3] ?? process.env["FUZZ_SEED"] ?? Date.now() % 2 ** 32);
if (!(seconds > 0) || !Number.isSafeInteger(seed)) {
  process.stderr.write("usage: npm run fuzz -- [seconds] [seed]\n");
  process.exit(2);
}

const targets: FuzzTarget[] = [];
for (const file of sourceFiles("test/fuzz/*.fuzz.ts")) {
  const module: { readonly TARGETS: readonly FuzzTarget[] } = await import(`${ROOT}${file}`);
  targets.push(...module.TARGETS);
}

process.stdout.write(`fuzz: ${targets.length} targets, ${seconds} s, seed ${seed}\n`);
for (const target of targets) {
  const end = performance.now() + (seconds * 1000) / targets.length;
  const { inputCount, acceptedCount } = fuzz(target, seed, () => performance.now() >= end);
  process.stdout.write(`${target.name}: ${inputCount} inputs, ${acceptedCount} accepted\n`);
}
