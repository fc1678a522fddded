/**
 * Entries of a given length for pages of get-entries, without a tree behind them.
 * @module
 */
import { LoggedEntry } from "../../src/log/logged-entry.ts";
import { TileLeafParts } from "../../src/static-ct/tile-leaf.ts";
import type { FakeLog } from "./fake-log.ts";

/** Entry `index`, of about `bytes`; the index stands in its first bytes. */
export function largeEntry(index: number, bytes: number): LoggedEntry {
  const timestampedEntry = new Uint8Array(bytes).fill(index % 251);
  // As of each time that an entry can have.
  timestampedEntry[0] = 0;
  new DataView(timestampedEntry.buffer).setUint32(4, index);
  const parts = new TileLeafParts(timestampedEntry, 0, bytes, bytes, bytes);
  return new LoggedEntry(parts, new Uint8Array(3));
}

/** What a log was asked for. */
export interface LargeReads {
  /** Entries that it gave. */
  entryCount: number;
  /** Thrown by the next read. */
  failsWith?: Error;
}

/** Has a log show `size` entries, of which `bytesOf` says how long each is. */
export function showLargeEntries(
  log: FakeLog,
  size: number,
  bytesOf: (index: number) => number,
): LargeReads {
  const reads: LargeReads = { entryCount: 0 };
  log.publishedSize = () => size;
  log.readEntries = async (start, end) => {
    if (reads.failsWith !== undefined) throw reads.failsWith;
    const count = Math.min(end, size) - start;
    reads.entryCount += count;
    return Array.from({ length: count }, (_, at) => largeEntry(start + at, bytesOf(start + at)));
  };
  return reads;
}
