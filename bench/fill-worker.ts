/**
 * Worker thread that makes the entries for `fill.ts`, one block after the other.
 * @module
 */
import { parentPort, workerData } from "node:worker_threads";
import { FillEntries } from "./fill-entries.ts";

/** A block that is asked for. */
export interface BlockTask {
  readonly start: number;
  readonly count: number;
  readonly timestampMs: number;
  /** Memory of an earlier block, to be used again. */
  readonly memory: ArrayBuffer | undefined;
}

const { seed }: { readonly seed: number } = workerData;
const entries = new FillEntries(seed);
parentPort?.on("message", ({ start, count, timestampMs, memory }: BlockTask) => {
  const block = entries.make(start, count, timestampMs, memory);
  const { bytes, leafHashes, dedupKeys } = block;
  parentPort?.postMessage(block, [bytes.buffer, leafHashes.buffer, dedupKeys.buffer] as never);
});
