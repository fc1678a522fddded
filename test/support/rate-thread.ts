/**
 * A thread that takes tokens of one client from shared cells, as fast as it can, once all its
 * kind are there.
 * @module
 */
import { parentPort, workerData } from "node:worker_threads";
import { systemClock } from "../../src/clock/system.ts";
import { type Rate, RateLimiter } from "../../src/policy/rate-limit.ts";

/** What it is started with. */
export interface RateThreadData {
  readonly rate: Rate;
  readonly cells: SharedArrayBuffer;
  /** One word: how many threads, of two, are there. */
  readonly start: SharedArrayBuffer;
  readonly takes: number;
}

/** What it says. */
export interface RateThreadReport {
  readonly taken: number;
  readonly monotonicMs: number;
}

const { rate, cells, start, takes } = workerData as RateThreadData;
const limiter = new RateLimiter(rate, cells);
const there = new Int32Array(start);
if (Atomics.add(there, 0, 1) === 1) Atomics.notify(there, 0);
else Atomics.wait(there, 0, 1, 10_000);
let taken = 0;
for (let count = 0; count < takes; count += 1) if (limiter.take("client", 5_000) === 0) taken += 1;
const report: RateThreadReport = { taken, monotonicMs: systemClock.monotonicMs() };
parentPort?.postMessage(report);
