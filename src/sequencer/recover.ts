/**
 * What a shard does before it opens: the store is held against the guard, a commit that was
 * never signed is proven, mended or taken back, and the newest records are checked.
 * design: the crash table of docs/ARCHITECTURE.md.
 * @module
 */

import { defined } from "../base/assert.ts";
import { FatalError, messageOf } from "../base/errors.ts";
import { countOf } from "../base/plural.ts";
import { equalBytes } from "../encoding/bytes.ts";
import { EMPTY_FRONTIER, type Frontier, frontierRoot } from "../merkle/frontier.ts";
import type { Sha256 } from "../merkle/hash.ts";
import { assembleProof, planConsistency } from "../merkle/proof.ts";
import { isSameTreeHead, type SignedTreeHead, type TreeHead } from "../rfc6962/tree-head.ts";
import type { Signer } from "../signer/signer.ts";
import type { DerivedRecords, Store, StoreState } from "../storage/store.ts";
import { CLOCK_TOLERANCE_MS } from "./clock-watch.ts";
import type { NodeReader } from "./committed-nodes.ts";
import type { Tree } from "./plan.ts";
import {
  derivedOf,
  type RecheckOptions,
  requireDamage,
  requireRoot,
  rewriteRecords,
} from "./recheck.ts";
import { type ReadBack, readBack, readFrontier, verifyCommitted } from "./verify.ts";

/** What recovery needs. */
export interface RecoveryOptions extends RecheckOptions {
  readonly signer: Signer;
  /** See `ClockWatch.trustedMs`. */
  readonly trustedMs: () => number;
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
 *   guard, `FATAL_GUARD_DISAGREES` if they hold two trees, `FATAL_IDENTITY` if the store is
 *   another key's, `FATAL_STORE_CORRUPT` or `FATAL_VERIFY_MISMATCH` if what was signed is
 *   damaged, `FATAL_CLOCK` while the clock is behind a head that was committed but not signed.
 */
export async function recover(options: RecoveryOptions): Promise<Recovered> {
  const { store, signer, sha256, trustedMs } = options;
  let state = await store.load();
  if (!equalBytes(state.identity.logId, signer.logId)) {
    throw new FatalError("FATAL_IDENTITY", "the store is another key's; nothing is signed");
  }
  const last = signer.lastHead;
  requireNotBehind(state, last);
  if (isUnsigned(state.committed, last) && !(await isProven(options, state, state.committed))) {
    state = await takeBack(options, state, state.committed);
    requireNotBehind(state, last);
  }
  const { committed } = state;
  if (committed === undefined)
    return { tree: { head: undefined, frontier: EMPTY_FRONTIER }, signed: undefined };
  const frontier = await readWholeFrontier(options, state, committed);
  if (isUnsigned(committed, last)) requireNotFuture(committed, trustedMs());
  const proof = await proveFrom(sha256, store, last, committed);
  const signed = await signer.signTreeHead(committed, proof);
  return { tree: { head: committed, frontier }, signed };
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
  store: NodeReader,
  last: TreeHead | undefined,
  head: TreeHead,
): Promise<readonly Uint8Array[]> {
  const plan = planConsistency(last?.treeSize ?? 0, head.treeSize);
  return assembleProof(sha256, plan, await store.readNodes(plan.nodes));
}

function requireNotBehind(state: StoreState, last: SignedTreeHead | undefined): void {
  const { committed, previous, published } = state;
  if (last === undefined) {
    // Whatever was published, or committed upon, was signed before.
    const known = published ?? previous;
    if (known === undefined) return;
    throw new FatalError(
      "FATAL_GUARD_MISSING",
      `the store knows of a signed head of size ${known.treeSize}, but the guard has no ` +
        "record of any: restore the guard's folder; without it nothing is signed",
    );
  }
  if (committed === undefined || isBehind(committed, last)) {
    const size = committed?.treeSize ?? 0;
    throw new FatalError(
      "FATAL_ROLLED_BACK",
      `the store is behind the guard by ${countOf(last.treeSize - size, "entry")}: it holds size ${size} ` +
        `of ${describeTime(committed)}, and size ${last.treeSize} of ${describeTime(last)} was ` +
        "signed. The data was restored or rolled back: bring the missing entries back; " +
        "nothing is signed",
    );
  }
  if (isSameTreeHead(committed, last)) return;
  // A commit stands on a head that was signed: on the guard's last, or on a later one where
  // the guard's folder is a copy or lost its newest slot. The guard proves the rest itself.
  const isOnTop =
    isLater(committed, last) &&
    previous !== undefined &&
    (isSameTreeHead(previous, last) || isLater(previous, last));
  if (!isOnTop) {
    throw new FatalError(
      "FATAL_GUARD_DISAGREES",
      `the store and the guard hold two trees: size ${committed.treeSize} of ` +
        `${describeTime(committed)} does not stand on size ${last.treeSize} of ` +
        `${describeTime(last)}, which was signed: put back the data that belong to this guard; ` +
        "nothing is signed",
    );
  }
}

/** Whether `head` lacks entries of `last`, or is an earlier head of the same tree. */
function isBehind(head: TreeHead, last: TreeHead): boolean {
  if (head.treeSize !== last.treeSize) {
    return head.treeSize < last.treeSize;
  }
  return equalBytes(head.rootHash, last.rootHash) && head.timestampMs < last.timestampMs;
}

/** Whether `head` may follow `last`: at least as large, and newer. */
function isLater(head: TreeHead, last: TreeHead): boolean {
  if (head.treeSize === last.treeSize && !equalBytes(head.rootHash, last.rootHash)) return false;
  return head.treeSize >= last.treeSize && head.timestampMs > last.timestampMs;
}

function isUnsigned(
  committed: TreeHead | undefined,
  last: SignedTreeHead | undefined,
): committed is TreeHead {
  return committed !== undefined && (last === undefined || !isSameTreeHead(committed, last));
}

/** Proves the head that was committed but never signed; mends what is derived from its entries. */
async function isProven(
  options: RecoveryOptions,
  state: StoreState,
  committed: TreeHead,
): Promise<boolean> {
  const { sha256, store, checkEntry } = options;
  const entriesSha256 = defined(state.entriesSha256, "a commit carries the SHA-256 of its entries");
  const verify = (): Promise<ReadBack> =>
    verifyCommitted(sha256, store, state.previous, committed, entriesSha256, checkEntry);
  try {
    await verify();
    return true;
  } catch (error) {
    requireDamage(error);
    options.report(`the unsigned head of size ${committed.treeSize}: ${messageOf(error)}`);
  }
  const records = await deriveAfresh(options, state, committed, entriesSha256);
  if (records === undefined) return false;
  await store.rewriteDerived(committed, records);
  try {
    await verify();
  } catch (error) {
    requireDamage(error);
    return false;
  }
  options.report(`wrote the records of the unsigned head of size ${committed.treeSize} again`);
  return true;
}

/**
 * The records of the unsigned head, from the bytes of its entries; undefined if those are bad.
 * Nothing is written for bad bytes: wrong dedup keys would outlive them.
 * @throws FatalError `FATAL_STORE_CORRUPT` if the tree before it, which was signed, is not whole:
 *   then it is no case for mending, and nothing may be taken back.
 */
async function deriveAfresh(
  options: RecoveryOptions,
  state: StoreState,
  committed: TreeHead,
  entriesSha256: Uint8Array,
): Promise<DerivedRecords | undefined> {
  const { sha256, store, checkEntry } = options;
  const { previous, recheckEntryCount } = state;
  const signedSize = previous?.treeSize ?? 0;
  // Records of earlier commits may be missing too, as far as the store says.
  const first = Math.max(0, Math.min(signedSize, committed.treeSize - recheckEntryCount));
  const frontier = await readFrontier(store, first);
  const before = await readBack(sha256, store, frontier, signedSize, checkEntry);
  if (previous !== undefined) requireRoot(sha256, before.frontier, previous, "the signed tree");
  try {
    const read = await readBack(sha256, store, before.frontier, committed.treeSize, checkEntry);
    const isWhole =
      equalBytes(read.entriesSha256, entriesSha256) &&
      equalBytes(frontierRoot(sha256, read.frontier), committed.rootHash);
    if (!isWhole) return undefined;
    if (first === signedSize) return derivedOf(read);
  } catch (error) {
    requireDamage(error);
    return undefined;
  }
  return derivedOf(await readBack(sha256, store, frontier, committed.treeSize, checkEntry));
}

/** Goes back to the head before the unsigned one. */
async function takeBack(
  options: RecoveryOptions,
  state: StoreState,
  committed: TreeHead,
): Promise<StoreState> {
  const { published, previous } = state;
  if (published !== undefined && (previous === undefined || isLater(published, previous))) {
    throw new FatalError(
      "FATAL_STORE_CORRUPT",
      `the entries of size ${committed.treeSize} are damaged, and it was published: ` +
        "restore them from a copy; nothing is taken back",
    );
  }
  await options.store.revert(committed, previous);
  options.report(
    `took back the unsigned head of size ${committed.treeSize}: ` +
      "its entries were damaged; no SCT was given for them",
  );
  return options.store.load();
}

/** The right edge of the committed tree, after its newest records were mended if need be. */
async function readWholeFrontier(
  options: RecoveryOptions,
  state: StoreState,
  committed: TreeHead,
): Promise<Frontier> {
  const { sha256, store } = options;
  const read = async (): Promise<Frontier> => {
    const frontier = await readFrontier(store, committed.treeSize);
    requireRoot(sha256, frontier, committed, "the stored tiles");
    return frontier;
  };
  try {
    return await read();
  } catch (error) {
    requireDamage(error);
    if (state.recheckEntryCount === 0) throw error;
    options.report(messageOf(error));
  }
  const first = Math.max(0, committed.treeSize - state.recheckEntryCount);
  await rewriteRecords(options, committed, await readFrontier(store, first));
  return read();
}

/** A head from the future cannot be taken back: it waits until its time has come. */
function requireNotFuture(head: TreeHead, nowMs: number): void {
  const aheadMs = head.timestampMs - nowMs;
  if (aheadMs <= CLOCK_TOLERANCE_MS) return;
  throw new FatalError(
    "FATAL_CLOCK",
    `the clock is ${aheadMs} ms behind the committed head, which was not signed yet; ` +
      "nothing is signed until it has passed it",
  );
}

function describeTime(head: TreeHead | undefined): string {
  return head === undefined ? "no time" : new Date(head.timestampMs).toISOString();
}
