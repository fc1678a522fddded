/**
 * What a shard does before it opens: the store is held against the guard, a commit that was
 * never signed is proven, mended or taken back, and the newest records are checked.
 * design: the crash table of docs/ARCHITECTURE.md.
 * @module
 */
import { defined } from "../base/assert.ts";
import { FatalError, messageOf } from "../base/errors.ts";
import { equalBytes } from "../encoding/bytes.ts";
import { EMPTY_FRONTIER, frontierRoot } from "../merkle/frontier.ts";
import type { Sha256 } from "../merkle/hash.ts";
import { assembleProof, planConsistency } from "../merkle/proof.ts";
import { isSameTreeHead, type SignedTreeHead, type TreeHead } from "../rfc6962/tree-head.ts";
import type { Signer } from "../signer/signer.ts";
import type { DerivedRecords, Store, StoreReader, StoreState } from "../storage/store.ts";
import type { Tree } from "./plan.ts";
import {
  type CheckEntry,
  type ReadBack,
  readBack,
  readFrontier,
  verifyCommitted,
} from "./verify.ts";

/** Entries whose records are checked at a time. */
const RECHECK_CHUNK_ENTRIES = 4096;

/** What recovery needs. */
export interface RecoveryOptions {
  readonly sha256: Sha256;
  readonly store: Store;
  readonly signer: Signer;
  readonly checkEntry: CheckEntry;
  /** Told of each step that changed something, and of the one that ended in refusal. */
  readonly report: (message: string) => void;
}

/** A shard that may go on. */
export interface Recovered {
  readonly tree: Tree;
  /** The last signed head, to be published; undefined before the first. */
  readonly signed: SignedTreeHead | undefined;
}

/**
 * Brings store and guard together.
 * @throws FatalError: the shard must not sign. `FATAL_ROLLED_BACK` if the store is behind the
 *   guard, `FATAL_GUARD_DISAGREES` if they hold two trees, `FATAL_STORE_CORRUPT` or
 *   `FATAL_VERIFY_MISMATCH` if what was signed is damaged.
 */
export async function recover(options: RecoveryOptions): Promise<Recovered> {
  const { sha256, store, signer } = options;
  let state = await store.load();
  const last = signer.lastHead;
  requireNotBehind(state, last);
  if (state.committed !== undefined && isNewer(state.committed, last)) {
    if (!(await isProven(options, state))) {
      await store.revert(state.committed, state.previous);
      options.report(
        `took back the unsigned head of size ${state.committed.treeSize}: ` +
          "its entries were damaged; no SCT was given for them",
      );
      state = await store.load();
      requireNotBehind(state, last);
    }
  }
  const { committed } = state;
  if (committed === undefined)
    return { tree: { head: undefined, frontier: EMPTY_FRONTIER }, signed: undefined };
  const frontier = await readFrontier(store, committed.treeSize);
  if (!equalBytes(frontierRoot(sha256, frontier), committed.rootHash)) {
    throw new FatalError(
      "FATAL_STORE_CORRUPT",
      `the stored tiles do not lead to the root of size ${committed.treeSize}`,
    );
  }
  const proof = await proveFrom(sha256, store, last, committed);
  const signed = await signer.signTreeHead(committed, proof);
  return { tree: { head: committed, frontier }, signed };
}

/**
 * Checks the records of the last `count` entries against their bytes, and writes them again
 * where one is missing: LevelDB may lose a part of its log without a word.
 * @returns How many entries were checked.
 */
export async function recheckRecords(
  options: RecoveryOptions,
  committed: TreeHead,
  count: number,
): Promise<number> {
  const { sha256, store, checkEntry } = options;
  const first = Math.max(0, committed.treeSize - count);
  for (let start = first; start < committed.treeSize; start += RECHECK_CHUNK_ENTRIES) {
    const end = Math.min(committed.treeSize, start + RECHECK_CHUNK_ENTRIES);
    const frontier = await readFrontier(store, start);
    const read = await readBack(sha256, store, frontier, end, checkEntry);
    if (await areRecordsThere(store, read, start)) continue;
    // All records from here on are derived afresh: the proof of their rightness is the root.
    const rest = await readBack(sha256, store, frontier, committed.treeSize, checkEntry);
    if (!equalBytes(frontierRoot(sha256, rest.frontier), committed.rootHash)) {
      throw new FatalError(
        "FATAL_STORE_CORRUPT",
        `entries [${start}, ${committed.treeSize}) do not lead to the committed root`,
      );
    }
    await store.rewriteDerived(committed, derivedOf(rest));
    options.report(`wrote the records of entries [${start}, ${committed.treeSize}) again`);
    break;
  }
  return committed.treeSize - first;
}

/**
 * The head that a shard which may not sign can still read up to: the last published one, if
 * the stored hashes lead to it. Undefined if there is none, or it cannot be proven.
 */
export async function findProvenHead(
  sha256: Sha256,
  store: Store,
): Promise<SignedTreeHead | undefined> {
  try {
    const { published } = await store.load();
    if (published === undefined) return undefined;
    const frontier = await readFrontier(store, published.treeSize);
    return equalBytes(frontierRoot(sha256, frontier), published.rootHash) ? published : undefined;
  } catch {
    return undefined;
  }
}

/** Proof from the last signed head to `head`, from stored hashes; empty before the first. */
export async function proveFrom(
  sha256: Sha256,
  store: StoreReader,
  last: TreeHead | undefined,
  head: TreeHead,
): Promise<readonly Uint8Array[]> {
  const plan = planConsistency(last?.treeSize ?? 0, head.treeSize);
  return assembleProof(sha256, plan, await store.readNodes(plan.nodes));
}

function requireNotBehind(state: StoreState, last: SignedTreeHead | undefined): void {
  const { committed, published } = state;
  if (last === undefined) {
    if (published === undefined) return;
    throw new FatalError(
      "FATAL_GUARD_MISSING",
      `the store holds a published head of size ${published.treeSize}, but the guard has no ` +
        "record of any: restore the guard's folder; without it nothing is signed",
    );
  }
  const size = committed?.treeSize ?? 0;
  if (committed === undefined || size < last.treeSize || committed.timestampMs < last.timestampMs) {
    const behind = last.treeSize - size;
    throw new FatalError(
      "FATAL_ROLLED_BACK",
      `the store is behind the guard by ${behind} entries: it holds size ${size}, and size ` +
        `${last.treeSize} was signed at ${new Date(last.timestampMs).toISOString()}. ` +
        "The data was restored or rolled back: bring the missing entries back; nothing is signed",
    );
  }
  const isSameSize = committed.treeSize === last.treeSize;
  const isSameTime = committed.timestampMs === last.timestampMs;
  if (
    (isSameSize && !equalBytes(committed.rootHash, last.rootHash)) ||
    (isSameTime && !isSameSize)
  ) {
    throw new FatalError(
      "FATAL_GUARD_DISAGREES",
      `the store and the guard hold two trees of size ${size}; nothing is signed`,
    );
  }
}

function isNewer(committed: TreeHead, last: SignedTreeHead | undefined): boolean {
  return last === undefined || !isSameTreeHead(committed, last);
}

/** Proves the head that was committed but never signed; mends what is derived from its entries. */
async function isProven(options: RecoveryOptions, state: StoreState): Promise<boolean> {
  const { sha256, store, signer, checkEntry } = options;
  const committed = defined(state.committed, "there is a committed head");
  const entriesSha256 = defined(state.entriesSha256, "a commit carries the SHA-256 of its entries");
  const last = signer.lastHead;
  const verify = () => verifyCommitted(sha256, store, last, committed, entriesSha256, checkEntry);
  try {
    await verify();
    return true;
  } catch (error) {
    requireDamage(error);
    options.report(`the unsigned head of size ${committed.treeSize}: ${messageOf(error)}`);
  }
  try {
    // The tree that was signed must be whole; only what came after it is derived afresh.
    const frontier = await readFrontier(store, last?.treeSize ?? 0);
    const read = await readBack(sha256, store, frontier, committed.treeSize, checkEntry);
    await store.rewriteDerived(committed, derivedOf(read));
    await verify();
    options.report(`wrote the records of the unsigned head of size ${committed.treeSize} again`);
    return true;
  } catch (error) {
    requireDamage(error);
    return false;
  }
}

/** Lets only damage through: anything else is no reason to take a head back. */
function requireDamage(error: unknown): void {
  const isDamage =
    error instanceof FatalError &&
    (error.code === "FATAL_VERIFY_MISMATCH" || error.code === "FATAL_STORE_CORRUPT");
  if (!isDamage) throw error;
}

function derivedOf(read: ReadBack): DerivedRecords {
  return { runs: read.runs, dedupKeys: read.dedupKeys, timestampsMs: read.timestampsMs };
}

async function areRecordsThere(store: Store, read: ReadBack, start: number): Promise<boolean> {
  const leafHashes = read.runs[0]?.hashes ?? [];
  const nodes = leafHashes.map((_, position) => ({ level: 0, index: start + position }));
  const stored = await store.readNodes(nodes).catch((error: unknown) => {
    requireDamage(error);
    return undefined;
  });
  if (stored === undefined) return false;
  const duplicates = await store.findDuplicates(read.dedupKeys);
  for (const [position, leafHash] of leafHashes.entries()) {
    const index = start + position;
    if (!equalBytes(defined(stored[position], "one hash a node"), leafHash)) return false;
    if (duplicates[position]?.leafIndex !== index) return false;
    if (duplicates[position]?.timestampMs !== read.timestampsMs[position]) return false;
    if ((await store.findLeaf(leafHash)) !== index) return false;
  }
  return true;
}
