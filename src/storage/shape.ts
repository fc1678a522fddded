/**
 * What every adapter checks of a commit before it touches anything: the head that the store
 * must hold, and that the parts of the commit fit together.
 * @module
 */
import { assert } from "../base/assert.ts";
import { FatalError } from "../base/errors.ts";
import { isSameTreeHead, type TreeHead } from "../rfc6962/tree-head.ts";
import type { Commit, DerivedRecords } from "./store.ts";

/** Entries of one read at most. */
export const READ_ENTRIES_MAX = 4_096;

/** @throws FatalError `FATAL_HEAD_CONFLICT` unless both heads are absent or the same. */
export function requireHead(held: TreeHead | undefined, expected: TreeHead | undefined): void {
  const isSame =
    held === undefined || expected === undefined
      ? held === expected
      : isSameTreeHead(held, expected);
  if (!isSame) {
    throw new FatalError(
      "FATAL_HEAD_CONFLICT",
      `expected the store to hold ${describe(expected)}, got ${describe(held)}`,
    );
  }
}

/** @throws AssertionError unless entries, records and head of a commit fit together. */
export function requireShape(commit: Commit): void {
  const start = commit.expected?.treeSize ?? 0;
  const end = start + commit.entries.length;
  assert(commit.head.treeSize === end, `a head of ${end} leaves, got ${commit.head.treeSize}`);
  assert(commit.head.rootHash.length === 32, "a root hash has 32 bytes");
  assert(commit.entriesSha256.length === 32, "a SHA-256 has 32 bytes");
  for (const entry of commit.entries) assert(entry.length > 0, "an entry has bytes");
  requireDerived(commit, start, end);
}

/** @throws AssertionError unless `records` are those of the entries [start, end). */
export function requireDerived(records: DerivedRecords, start: number, end: number): void {
  const count = end - start;
  assert(count >= 0, "entries of a tree");
  assert(records.dedupKeys.length === count, "a dedup key for each entry");
  assert(records.timestampsMs.length === count, "a timestamp for each entry");
  for (const key of records.dedupKeys) assert(key.length === 32, "a dedup key has 32 bytes");
  let level = 0;
  for (;;) {
    const first = Math.floor(start / 2 ** level);
    const last = Math.floor(end / 2 ** level);
    if (first === last) break;
    const run = records.runs[level];
    assert(run !== undefined && run.level === level, `a run of level ${level}`);
    assert(run.start === first && run.hashes.length === last - first, "every new subtree");
    for (const hash of run.hashes) assert(hash.length === 32, "a hash has 32 bytes");
    level += 1;
  }
  assert(records.runs.length === level, `${level} runs, got ${records.runs.length}`);
}

/** @throws RangeError unless [start, end) are 1 to 4,096 entries of a tree of `treeSize`. */
export function requireEntryRange(start: number, end: number, treeSize: number): void {
  const isRange =
    Number.isSafeInteger(start) &&
    Number.isSafeInteger(end) &&
    start >= 0 &&
    start < end &&
    end <= treeSize &&
    end - start <= READ_ENTRIES_MAX;
  if (!isRange) throw new RangeError(`expected entries of ${treeSize}, got [${start}, ${end})`);
}

function describe(head: TreeHead | undefined): string {
  return head === undefined ? "no head" : `size ${head.treeSize} of ${head.timestampMs}`;
}
