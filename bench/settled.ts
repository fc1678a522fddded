/**
 * What a log's data take on the disk once it has settled: after what a load left behind was
 * compressed for good (sealed) and removed, which goes on for a while after the last answer.
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import { diskUsageBytes } from "./process.ts";

/** The gauge of entries of full tiles that are published and not sealed yet. */
const UNSEALED = /^stratus_unsealed_entries(?:\{[^}]*\})? ([0-9.e+]+)$/gm;

/** A settled disk, or one that did not settle in time. */
export interface Settled {
  /** Undefined: the log has no such metric, it seals nothing. */
  readonly unsealedEntries: number | undefined;
  readonly diskBytes: number;
  /** Whether both stood still for long enough. */
  readonly isSettled: boolean;
}

/** What is waited for, and how. */
export interface SettleOptions {
  /** Entries that are not sealed; undefined without the metric. */
  readonly readUnsealed: () => Promise<number | undefined>;
  readonly readDiskBytes: () => number;
  /** How long both must stand still; longer than the log's grace before it removes. */
  readonly stillMs: number;
  readonly msMax: number;
  readonly nowMs: () => number;
  readonly sleep: (ms: number) => Promise<unknown>;
}

const LOOK_MS = 1_000;

/** Segments that are sealed are removed after a minute. */
const STILL_MS = 75_000;
const SETTLE_MS_MAX = 600_000;

/** Waits for the disk of a Stratus to settle, some minutes at most. */
export function waitUntilSettled(operationsUrl: string, dataFolder: string): Promise<Settled> {
  return settle({
    readUnsealed: async () => {
      const response = await fetch(`${operationsUrl}/metrics`);
      return parseUnsealed(await response.text());
    },
    readDiskBytes: () => diskUsageBytes(dataFolder),
    stillMs: STILL_MS,
    msMax: SETTLE_MS_MAX,
    nowMs: () => performance.now(),
    sleep,
  });
}

/**
 * Waits until entries to be sealed and bytes on disk stand still (a segment that still grows is
 * not sealed, so the former need not end at 0). A log that seals nothing is not waited for.
 */
export async function settle(options: SettleOptions): Promise<Settled> {
  const { readUnsealed, readDiskBytes, nowMs } = options;
  const started = nowMs();
  let last = { unsealedEntries: await readUnsealed(), diskBytes: readDiskBytes() };
  if (last.unsealedEntries === undefined) return { ...last, isSettled: true };
  let since = started;
  while (nowMs() - started < options.msMax) {
    if (nowMs() - since >= options.stillMs) return { ...last, isSettled: true };
    await options.sleep(LOOK_MS);
    const now = { unsealedEntries: await readUnsealed(), diskBytes: readDiskBytes() };
    // LevelDB and idle heads write a little all the time.
    const isStill =
      now.unsealedEntries === last.unsealedEntries &&
      Math.abs(now.diskBytes - last.diskBytes) < 0.01 * last.diskBytes;
    if (isStill) continue;
    last = now;
    since = nowMs();
  }
  return { ...last, isSettled: false };
}

/** Sum over shards; undefined if the metric is not there. */
export function parseUnsealed(metrics: string): number | undefined {
  const values = [...metrics.matchAll(UNSEALED)].map(([, value]) => Number(value));
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0);
}
