/**
 * Seals all that a fill has left, without the rests that a served shard's sealer takes.
 * @module
 */
import { systemClock } from "../src/clock/system.ts";
import type { LevelStore } from "../src/storage/level/level-store.ts";
import { Sealer, SealingTurn } from "../src/storage/level/sealer.ts";

const LOG_EVERY_ENTRIES = 65_536;

/**
 * Seals every whole segment and waits until the committed ones are removed, a minute later.
 * @returns Seconds and CPU of this process, in microseconds an entry, of the sealing itself.
 * @throws Error if a segment cannot be sealed.
 */
export async function sealFilled(
  store: LevelStore,
  treeSize: number,
  log: (line: string) => void,
): Promise<{ readonly entries: number; readonly seconds: number; readonly cpuUsPerEntry: number }> {
  const startedMs = systemClock.monotonicMs();
  const cpuBefore = process.cpuUsage();
  const { segmentEntries } = store.sealing;
  const tail = treeSize % segmentEntries;
  let logged = Number.POSITIVE_INFINITY;
  let first: number | undefined;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const sealer = new Sealer({
    store: store.sealing,
    publishedSize: () => treeSize,
    isBusy: () => false,
    lagEntriesMax: -1,
    turn: new SealingTurn(),
    nowMs: () => systemClock.monotonicMs(),
    after: (delayMs, act) => systemClock.after(delayMs, act),
    progress: (unsealed) => {
      first ??= unsealed;
      if (unsealed <= tail) resolve();
      if (logged - unsealed < LOG_EVERY_ENTRIES) return;
      logged = unsealed;
      log(`${unsealed} entries to seal`);
    },
    failed: (message) => reject(new Error(message)),
  });
  if (treeSize > tail) {
    sealer.start();
    sealer.notice(treeSize);
    await promise;
  }
  const seconds = (systemClock.monotonicMs() - startedMs) / 1_000;
  const cpu = process.cpuUsage(cpuBefore);
  while ((await store.sealing.places().entries.list()).length > REST_SEGMENTS_MAX) {
    if (systemClock.monotonicMs() - startedMs > 1_000 * seconds + REMOVAL_MS_MAX) {
      throw new Error("the sealed segments are not removed");
    }
    await new Promise<void>((next) => systemClock.after(1_000, next));
  }
  await sealer.stop();
  const entries = Math.max(0, (first ?? 0) - tail);
  const cpuUsPerEntry = (cpu.user + cpu.system) / Math.max(1, entries);
  return { entries, seconds, cpuUsPerEntry };
}

/** The growing segment, and the one made ahead. */
const REST_SEGMENTS_MAX = 2;

/** The grace period, and a last look at each that is removed. */
const REMOVAL_MS_MAX = 600_000;
