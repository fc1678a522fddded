/**
 * Micro-benchmarks: one stage of a submission, repeated. Without `BENCH=real` a stage runs a
 * few times inside `npm test`, so that it cannot rot, and its results are checked; nothing
 * ever asserts a time.
 * @module
 */
import { createHash } from "node:crypto";
import { test } from "node:test";
import { describeMachine } from "./machine.ts";
import { medianAndSpread } from "./stats.ts";

/** Whether times are measured. */
export const IS_REAL: boolean = process.env["BENCH"] === "real";

/** One stage. */
export interface Stage {
  readonly name: string;
  /** Runs of a round when measuring; a round should take some 100 ms. */
  readonly realCount: number;
  /** Things that one run does: times are given for each. */
  readonly thingsPerRun?: number;
  /** Whether results differ from time to time: they are checked, but their hash says nothing. */
  readonly isRandom?: boolean;
  /** Run number `at`; its result, in bytes, is what is hashed. */
  run(at: number): Uint8Array;
  /** @throws AssertionError unless `result` is right for run `at`. */
  check(at: number, result: Uint8Array): void;
}

/** What was measured. */
export interface StageResult {
  /** CPU of the thread for each thing, microseconds: median of {@link ROUNDS} rounds. */
  readonly us: number;
  /** The same of the fastest round: the machine in its best hour. */
  readonly bestUs: number;
  /** (max - min) / median of the rounds. */
  readonly spread: number;
  /** SHA-256 of the results of the first {@link CHECKED} runs. */
  readonly hash: string;
}

/** Rounds of a measurement, after one to warm up. */
export const ROUNDS = 9;

/** Runs whose results are checked and hashed; the same in smoke and real mode. */
export const CHECKED = 16;

/** Declares the stage as a test: checks its results, and measures it with `BENCH=real`. */
export function declareStage(stage: Stage): void {
  test(`bench: ${stage.name}`, () => {
    const digest = createHash("sha256");
    for (let at = 0; at < CHECKED; at += 1) {
      const result = stage.run(at);
      stage.check(at, result);
      digest.update(result);
    }
    const hash = digest.digest("hex");
    if (!IS_REAL) return;
    const { us, bestUs, spread } = measure(stage);
    console.log(
      `| ${stage.name} | ${us.toFixed(1)} us | ${bestUs.toFixed(1)} us | ${(100 * spread).toFixed(0)} % | ${stage.isRandom === true ? "random" : `\`${hash.slice(0, 16)}\``} | |`,
    );
  });
}

function measure(stage: Stage): Omit<StageResult, "hash"> {
  const times: number[] = [];
  let consumed = 0;
  for (let round = 0; round <= ROUNDS; round += 1) {
    // Its own CPU time, not the wall's: what else runs here must not count.
    const before = process.threadCpuUsage();
    for (let at = 0; at < stage.realCount; at += 1) consumed += stage.run(at).length;
    const after = process.threadCpuUsage();
    const us = after.user + after.system - before.user - before.system;
    if (round > 0) times.push(us / stage.realCount / (stage.thingsPerRun ?? 1));
  }
  if (consumed === 0) throw new Error("the stage has no result");
  const { median, spread } = medianAndSpread(times);
  return { us: median, bestUs: Math.min(...times), spread };
}

/** A stage that waits for network or disk. */
export interface WaitingStage {
  readonly name: string;
  /** Runs of a round when measuring. */
  readonly realCount: number;
  /** Things that one run does: times are given for each. */
  readonly thingsPerRun: number;
  /** Whose CPU time: this thread's, or that of all threads of the process. */
  readonly cpu: "thread" | "process";
  /** Before each round, and before the runs that are checked: not measured. */
  prepare?(count: number): void;
  /** Run number `at` of those prepared for; its result, in bytes, is what is hashed. */
  run(at: number): Promise<Uint8Array>;
  /** @throws AssertionError unless `result` is right for run `at`. */
  check(at: number, result: Uint8Array): Promise<void> | void;
  /** What else is to be said in the last column, once all is done. */
  note?(): string;
}

/** Runs of a waiting stage whose results are checked and hashed. */
const WAITING_CHECKED = 2;

/** As {@link declareStage}; the wall's time of a thing is printed beside its CPU. */
export function declareWaitingStage(stage: WaitingStage): void {
  test(`bench: ${stage.name}`, async () => {
    const digest = createHash("sha256");
    stage.prepare?.(WAITING_CHECKED);
    for (let at = 0; at < WAITING_CHECKED; at += 1) {
      const result = await stage.run(at);
      await stage.check(at, result);
      digest.update(result);
    }
    const hash = digest.digest("hex").slice(0, 16);
    if (!IS_REAL) return;
    const { us, bestUs, spread, wallUs } = await measureWaiting(stage);
    const note = stage.note?.() ?? "";
    console.log(
      `| ${stage.name} | ${us.toFixed(1)} us | ${bestUs.toFixed(1)} us | ${(100 * spread).toFixed(0)} % | \`${hash}\` | ${wallUs.toFixed(1)} us of the wall${note} |`,
    );
  });
}

async function measureWaiting(
  stage: WaitingStage,
): Promise<Omit<StageResult, "hash"> & { readonly wallUs: number }> {
  const cpuNow = () => (stage.cpu === "thread" ? process.threadCpuUsage() : process.cpuUsage());
  const times: number[] = [];
  const walls: number[] = [];
  for (let round = 0; round <= ROUNDS; round += 1) {
    stage.prepare?.(stage.realCount);
    const before = cpuNow();
    const started = performance.now();
    for (let at = 0; at < stage.realCount; at += 1) await stage.run(at);
    const wallUs = 1_000 * (performance.now() - started);
    const after = cpuNow();
    if (round === 0) continue;
    const things = stage.realCount * stage.thingsPerRun;
    times.push((after.user + after.system - before.user - before.system) / things);
    walls.push(wallUs / things);
  }
  const { median, spread } = medianAndSpread(times);
  const wall = medianAndSpread(walls).median;
  return { us: median, bestUs: Math.min(...times), spread, wallUs: wall };
}

/** Prints the head of a file's table, with the machine's primitives measured now. */
export function printStageHead(): void {
  if (!IS_REAL) return;
  console.log(`${describeMachine()}\n`);
  console.log("| stage | median | fastest | spread | hash | |\n|---|---|---|---|---|---|");
}
