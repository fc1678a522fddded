/**
 * The check of a store's newest records against the bytes of its entries, at start: LevelDB
 * may lose a part of its log without a word.
 * @module
 */
import { FatalError } from "../base/errors.ts";
import { equalBytes } from "../encoding/bytes.ts";
import { type Frontier, frontierRoot } from "../merkle/frontier.ts";
import type { Sha256 } from "../merkle/hash.ts";
import type { TreeHead } from "../rfc6962/tree-head.ts";
import type { DerivedRecords, Store } from "../storage/store.ts";
import { type CheckEntry, findWrongHash, type ReadBack, readBack, readFrontier } from "./verify.ts";

/** Entries whose records are checked at a time. */
const RECHECK_CHUNK_ENTRIES = 4096;

/** What the check needs. */
export interface RecheckOptions {
  readonly sha256: Sha256;
  readonly store: Store;
  readonly checkEntry: CheckEntry;
  /** Told of each step that changed something. */
  readonly report: (message: string) => void;
}

/**
 * Checks the records of the last `count` entries against their bytes, and writes them again
 * where one is missing.
 * @returns How many entries were checked.
 * @throws FatalError `FATAL_STORE_CORRUPT` if the entries do not lead to the committed root.
 */
export async function recheckRecords(
  options: RecheckOptions,
  committed: TreeHead,
  count: number,
): Promise<number> {
  const { sha256, store } = options;
  const first = Math.max(0, committed.treeSize - count);
  let frontier = await readFrontier(store, first);
  while (frontier.size < committed.treeSize) {
    const end = Math.min(committed.treeSize, frontier.size + RECHECK_CHUNK_ENTRIES);
    const next = await checkStretch(options, frontier, end);
    if (next === undefined) {
      await rewriteRecords(options, committed, frontier);
      return committed.treeSize - first;
    }
    frontier = next;
  }
  requireRoot(sha256, frontier, committed, `entries from ${first} on`);
  return committed.treeSize - first;
}

/**
 * Holds the records of entries [frontier.size, end) against their bytes.
 * @returns The right edge behind them; undefined if a record is missing or wrong.
 * @throws FatalError `FATAL_VERIFY_MISMATCH` if an entry contradicts itself.
 */
export async function checkStretch(
  options: RecheckOptions,
  frontier: Frontier,
  end: number,
): Promise<Frontier | undefined> {
  const { sha256, store, checkEntry } = options;
  const read = await readBack(sha256, store, frontier, end, checkEntry);
  return (await areRecordsThere(store, read, frontier.size)) ? read.frontier : undefined;
}

/**
 * Derives all records behind `frontier` afresh from the bytes of the entries, and writes them.
 * @throws FatalError `FATAL_STORE_CORRUPT` if the entries do not lead to the committed root,
 *   which is the proof of their rightness; nothing was written then.
 */
export async function rewriteRecords(
  options: RecheckOptions,
  committed: TreeHead,
  frontier: Frontier,
): Promise<void> {
  const { sha256, store, checkEntry, report } = options;
  const { size } = frontier;
  const rest = await readBack(sha256, store, frontier, committed.treeSize, checkEntry);
  requireRoot(sha256, rest.frontier, committed, `entries from ${size} on`);
  await store.rewriteDerived(committed, derivedOf(rest));
  report(`wrote the records of entries [${size}, ${committed.treeSize}) again`);
}

/** @throws FatalError `FATAL_STORE_CORRUPT` unless `frontier` leads to the root of `head`. */
export function requireRoot(
  sha256: Sha256,
  frontier: Frontier,
  head: TreeHead,
  what: string,
): void {
  if (equalBytes(frontierRoot(sha256, frontier), head.rootHash)) return;
  throw new FatalError(
    "FATAL_STORE_CORRUPT",
    `${what} do not lead to the root of size ${head.treeSize}`,
  );
}

/** Lets only damage through: anything else is no reason to take a head back. */
export function requireDamage(error: unknown): void {
  const isDamage =
    error instanceof FatalError &&
    (error.code === "FATAL_VERIFY_MISMATCH" || error.code === "FATAL_STORE_CORRUPT");
  if (!isDamage) throw error;
}

/** The records that were derived from entries. */
export function derivedOf(read: ReadBack): DerivedRecords {
  return { runs: read.runs, dedupKeys: read.dedupKeys, timestampsMs: read.timestampsMs };
}

async function areRecordsThere(store: Store, read: ReadBack, start: number): Promise<boolean> {
  try {
    if ((await findWrongHash(store, read.runs)) !== undefined) return false;
    const duplicates = await store.findDuplicates(read.dedupKeys);
    for (const [position, leafHash] of (read.runs[0]?.hashes ?? []).entries()) {
      const index = start + position;
      if (duplicates[position]?.leafIndex !== index) return false;
      if (duplicates[position]?.timestampMs !== read.timestampsMs[position]) return false;
      if ((await store.findLeaf(leafHash)) !== index) return false;
    }
    return true;
  } catch (error) {
    requireDamage(error);
    return false;
  }
}
