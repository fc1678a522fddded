/**
 * A day that a log never had, as its history: for pictures and tests of the dashboard.
 * @module
 */
import { join } from "node:path";
import { HISTORY_FOLDER } from "../../src/history/history.ts";
import { RANGES, type Range } from "../../src/history/range.ts";
import { RingFile } from "../../src/history/ring.ts";
import { encodeRow } from "../../src/history/row.ts";
import { PROCESS, type Sample } from "../../src/history/sample.ts";

/** Upper bounds of the buckets that submissions fall into, as the metrics have them. */
const BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 5];

/** A day in which a shard was busy. */
export interface PastDay {
  /** The `data` folder. */
  readonly data: string;
  readonly shard: string;
  /** When it ended; milliseconds since the Unix epoch. */
  readonly endMs: number;
  /** Accepted entries of an hour at noon. */
  readonly perHour: number;
  /** What is free at its end, and how much less that became in the day; bytes. */
  readonly freeBytes: number;
  readonly usedBytes: number;
  readonly totalBytes: number;
}

/** Writes both ranges of the shard and of its process. */
export async function writePastDay(past: PastDay): Promise<void> {
  for (const range of ["hour", "day"] as const) {
    await writeRange(past, past.shard, range, (timeMs) => shardAt(past, timeMs));
    await writeRange(past, PROCESS, range, (timeMs) => processAt(past, timeMs));
  }
}

async function writeRange(
  { data, endMs }: PastDay,
  name: string,
  range: Range,
  sampleAt: (timeMs: number) => Sample,
): Promise<void> {
  const { everyMs, slots } = RANGES[range];
  const { ring } = await RingFile.open(join(data, HISTORY_FOLDER, `${name}.${range}`), slots);
  // A row more than there are slots: the shard was there before, and nobody knows since when.
  for (let timeMs = endMs - slots * everyMs; timeMs <= endMs; timeMs += everyMs) {
    const row = await encodeRow(sampleAt(timeMs));
    if (row !== undefined) await ring.append(row);
  }
  await ring.close();
}

/** Entries since the day began: a sine over the day, and some unrest. */
function countAt({ endMs, perHour }: PastDay, timeMs: number): number {
  const hours = 24 + (timeMs - endMs) / 3_600_000;
  const wave = (24 / (2 * Math.PI)) * (1 - Math.cos((2 * Math.PI * (hours + 2)) / 24));
  return Math.max(0, Math.round(perHour * (0.6 * hours + 0.3 * wave + 0.05 * Math.sin(9 * hours))));
}

function shardAt(past: PastDay, timeMs: number): Sample {
  const accepted = countAt(past, timeMs);
  const share = (part: number): number => Math.floor(accepted * part);
  const batches = Math.floor((timeMs - past.endMs + 2 * 86_400_000) / 250);
  const spread = (count: number, middle: number): Record<string, number> => {
    const weights = BOUNDS.map((_, index) => Math.exp(-((index - middle) ** 2) / 1.2));
    const sum = weights.reduce((all, weight) => all + weight, 0);
    const found: Record<string, number> = { "+Inf": 0 };
    for (const [index, bound] of BOUNDS.entries()) {
      found[String(bound)] = Math.floor((count * (weights[index] ?? 0)) / sum);
    }
    return found;
  };
  const left = (past.endMs - timeMs) / 86_400_000;
  return {
    timeMs,
    runMs: past.endMs - 2 * 86_400_000,
    counts: {
      accepted,
      duplicate: share(0.11),
      "refused REJECTED_ISSUER_UNKNOWN": share(0.021),
      "refused REJECTED_NOT_AFTER_OUT_OF_RANGE": share(0.004),
      "refused MALFORMED_CERTIFICATE": share(0.0006),
      batches,
      idleBatches: share(0.01),
      batchEntries: accepted,
      entryBytes: accepted * 1_700,
      requests: share(4.2),
      unavailable: share(0.0002),
    },
    buckets: {
      latency: spread(share(1.11), 6),
      merge: spread(batches, 5),
      "step commit": spread(batches, 3.2),
      "step verify": spread(batches, 1.4),
      "step sign": spread(batches, 2),
    },
    issuers: {
      "accepted Example Trust": share(0.7),
      "duplicate Example Trust": share(0.1),
      "refused Example Trust": share(0.002),
      "accepted Sample CA": share(0.3),
      "refused unknown": share(0.0236),
    },
    gauges: {
      poolEntries: Math.round(20 + 15 * Math.sin(timeMs / 300_000) + 12 * Math.sin(timeMs / 9_000)),
      "free data": past.freeBytes + past.usedBytes * left,
      "total data": past.totalBytes,
    },
  };
}

function processAt(past: PastDay, timeMs: number): Sample {
  const lag = 0.012 + 0.008 * Math.sin(timeMs / 700_000) ** 2 + 0.004 * Math.sin(timeMs / 31_000);
  return {
    timeMs,
    runMs: past.endMs - 2 * 86_400_000,
    counts: {},
    buckets: {},
    gauges: { mainLagSeconds: lag, frontendLagSeconds: lag * 1.4 },
  };
}
