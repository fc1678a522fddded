/**
 * How fast a shard grows, from its entries: their timestamps never go back, so the first entry
 * of the last day is found by halving. Some 30 entries are read for a tree of any size, and the
 * answer is kept for a minute.
 * @module
 */
import { CtError } from "../../base/errors.ts";
import type { Log } from "../../log/log.ts";
import { decodeMerkleTreeLeaf } from "../../rfc6962/entry.ts";

/** Entries of a time that just went by. */
export interface Growth {
  readonly lastHour: number;
  readonly lastDay: number;
}

interface Kept {
  readonly untilMs: number;
  readonly growth: Promise<Growth | undefined>;
}

const KEPT_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

const kept = new WeakMap<Log, Kept>();

/** The growth of a shard; undefined where its entries cannot be read now. */
export function growthOf(log: Log, nowMs: number): Promise<Growth | undefined> {
  const known = kept.get(log);
  if (known !== undefined && nowMs < known.untilMs && nowMs >= known.untilMs - KEPT_MS) {
    return known.growth;
  }
  const growth = measure(log, nowMs);
  kept.set(log, { untilMs: nowMs + KEPT_MS, growth });
  return growth;
}

async function measure(log: Log, nowMs: number): Promise<Growth | undefined> {
  try {
    const size = log.publishedSize();
    const dayStart = await firstEntryFrom(log, nowMs - DAY_MS, 0, size);
    const hourStart = await firstEntryFrom(log, nowMs - HOUR_MS, dayStart, size);
    return { lastHour: size - hourStart, lastDay: size - dayStart };
  } catch (thrown) {
    if (thrown instanceof CtError) return undefined;
    throw thrown;
  }
}

/** Index of the first entry of [start, end) that is not older than `timeMs`; `end` if all are. */
async function firstEntryFrom(
  log: Log,
  timeMs: number,
  start: number,
  end: number,
): Promise<number> {
  let low = start;
  let high = end;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const [entry] = await log.readEntries(middle, middle + 1);
    if (entry === undefined) return high;
    if (decodeMerkleTreeLeaf(entry.leafInput).timestampMs < timeMs) low = middle + 1;
    else high = middle;
  }
  return low;
}
