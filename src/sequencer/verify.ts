/**
 * Step 7 of a submission's life: what a commit left in the store is read back and proven
 * before it is signed. Recovery and the check at start use the same code.
 * @module
 */
import { assert, defined } from "../base/assert.ts";
import { FatalError, messageOf } from "../base/errors.ts";
import { equalBytes, joinBytes } from "../encoding/bytes.ts";
import { carved, Lent } from "../encoding/memory.ts";
import {
  appendLeaves,
  type Frontier,
  frontierNodes,
  frontierRoot,
  type NodeRun,
} from "../merkle/frontier.ts";
import type { Sha256 } from "../merkle/hash.ts";
import type { NodeId } from "../merkle/node.ts";
import { encodeHashedLeaf } from "../rfc6962/entry.ts";
import type { TreeHead } from "../rfc6962/tree-head.ts";
import { decodeLeafIndexExtension } from "../static-ct/extensions.ts";
import { decodeTileLeaf, type TileLeaf } from "../static-ct/tile-leaf.ts";
import { type DerivedRecords, entryOfRun } from "../storage/store.ts";
import { type CommitReader, type NodeReader, STORED_LEVELS } from "./committed-nodes.ts";
import { dedupKeyOf } from "./message.ts";

/** Entries read at a time. */
const CHUNK_ENTRIES = 1024;

/**
 * Checks an entry against its own precertificate: the TBS rebuilt from it must be the logged one.
 * @throws an error if it is not.
 */
export type CheckEntry = (
  leaf: TileLeaf,
  readIssuer: (fingerprint: Uint8Array) => Promise<Uint8Array | undefined>,
) => void | Promise<void>;

/** What entries say of themselves, read back from the store. */
export interface ReadBack extends DerivedRecords {
  /** Encoded `MerkleTreeLeaf` of each entry: what its SCT signs. */
  readonly leaves: readonly Uint8Array[];
  /** SHA-256 over the entries' bytes one after the other. */
  readonly entriesSha256: Uint8Array;
  readonly frontier: Frontier;
}

/** The right edge of the tree of `size` leaves, from stored hashes. */
export async function readFrontier(store: NodeReader, size: number): Promise<Frontier> {
  return { size, hashes: await store.readNodes(frontierNodes(size)) };
}

/**
 * Reads entries [frontier.size, end) back and derives everything from their bytes.
 * @throws FatalError `FATAL_VERIFY_MISMATCH` if an entry contradicts itself.
 */
export async function readBack(
  sha256: Sha256,
  store: Pick<CommitReader, "readEntries" | "readIssuer">,
  frontier: Frontier,
  end: number,
  checkEntry: CheckEntry,
): Promise<ReadBack> {
  const leaves: Uint8Array[] = [];
  const leafHashes: Uint8Array[] = [];
  const dedupKeys: Uint8Array[] = [];
  const timestampsMs: number[] = [];
  const parts: Uint8Array[] = [];
  const lent = new Lent();
  for (let start = frontier.size; start < end; start += CHUNK_ENTRIES) {
    const run = await store.readEntries(start, Math.min(end, start + CHUNK_ENTRIES), lent.take);
    parts.push(run.bytes);
    for (let position = 0; position < run.ends.length; position += 1) {
      const leaf = decodeEntry(entryOfRun(run, position), start + position);
      try {
        await checkEntry(leaf, (fingerprint) => store.readIssuer(fingerprint));
      } catch (cause) {
        throw mismatch(`entry ${start + position}: ${messageOf(cause)}`, cause);
      }
      const hashed = encodeHashedLeaf(sha256, leaf, carved);
      leaves.push(hashed.leaf);
      leafHashes.push(hashed.leafHash);
      dedupKeys.push(dedupKeyOf(sha256, leaf.entry));
      timestampsMs.push(leaf.timestampMs);
    }
  }
  const appended = appendLeaves(sha256, frontier, leafHashes);
  const entriesSha256 = sha256(joinBytes(parts));
  lent.giveBack();
  return {
    leaves,
    dedupKeys,
    timestampsMs,
    entriesSha256,
    runs: appended.runs,
    frontier: appended.frontier,
  };
}

/**
 * Proves that the store holds `head` on top of `last`, entry for entry and hash for hash.
 *
 * @param last The last signed head; undefined before the first.
 * @param entriesSha256 What the commit said of the bytes of [last.treeSize, head.treeSize).
 * @throws FatalError `FATAL_VERIFY_MISMATCH`, or what the store's reads throw.
 */
export async function verifyCommitted(
  sha256: Sha256,
  store: CommitReader,
  last: TreeHead | undefined,
  head: TreeHead,
  entriesSha256: Uint8Array,
  checkEntry: CheckEntry,
): Promise<ReadBack> {
  const frontier = await readFrontier(store, last?.treeSize ?? 0);
  if (last !== undefined && !equalBytes(frontierRoot(sha256, frontier), last.rootHash)) {
    throw mismatch(`the stored tree of size ${last.treeSize} is not the one that was signed`);
  }
  const read = await readBack(sha256, store, frontier, head.treeSize, checkEntry);
  if (!equalBytes(read.entriesSha256, entriesSha256)) {
    throw mismatch(`entries [${frontier.size}, ${head.treeSize}) changed on the way to the store`);
  }
  if (read.timestampsMs.some((timestampMs) => timestampMs > head.timestampMs)) {
    throw mismatch(`an entry is newer than its head of ${head.timestampMs}`);
  }
  if (!equalBytes(frontierRoot(sha256, read.frontier), head.rootHash)) {
    throw mismatch(`the entries of size ${head.treeSize} do not lead to the head's root`);
  }
  await verifyStoredHashes(sha256, store, read, head);
  return read;
}

/** The first hash that a store keeps and that differs from what was derived; undefined if none. */
export async function findWrongHash(
  store: NodeReader,
  runs: readonly NodeRun[],
): Promise<NodeId | undefined> {
  for (const { level, start, hashes } of runs) {
    if (level % STORED_LEVELS !== 0) continue;
    const nodes = hashes.map((_, position) => ({ level, index: start + position }));
    const stored = await store.readNodes(nodes);
    const wrong = hashes.findIndex(
      (hash, position) => !equalBytes(defined(stored[position], "one hash a node"), hash),
    );
    if (wrong !== -1) return nodes[wrong];
  }
  return undefined;
}

async function verifyStoredHashes(
  sha256: Sha256,
  store: NodeReader,
  read: ReadBack,
  head: TreeHead,
): Promise<void> {
  const wrong = await findWrongHash(store, read.runs);
  if (wrong !== undefined) throw mismatch(`stored hash (${wrong.level}, ${wrong.index}) is wrong`);
  const stored = await readFrontier(store, head.treeSize);
  if (!equalBytes(frontierRoot(sha256, stored), head.rootHash)) {
    throw mismatch(`the stored tiles of size ${head.treeSize} do not lead to the head's root`);
  }
}

function decodeEntry(bytes: Uint8Array, index: number): TileLeaf {
  try {
    const leaf = decodeTileLeaf(bytes);
    assert(decodeLeafIndexExtension(leaf.extensions) === index, "leaf_index is the entry's place");
    return leaf;
  } catch (cause) {
    throw mismatch(`entry ${index}: ${messageOf(cause)}`, cause);
  }
}

function mismatch(message: string, cause?: unknown): FatalError {
  return new FatalError("FATAL_VERIFY_MISMATCH", `read back before signing: ${message}`, { cause });
}
