/**
 * Brings entries back that a store has lost, up to a head that was signed: each piece is proven
 * to be of that head's tree before it is committed, so that a source that lies leaves the store
 * as it was. Nothing is signed here. It can be ended at any point and begun again.
 * @module
 */
import { FatalError, MalformedError, messageOf } from "../base/errors.ts";
import { bytesKey, equalBytes, joinBytes } from "../encoding/bytes.ts";
import { appendLeaves, type Frontier, frontierRoot } from "../merkle/frontier.ts";
import type { Sha256 } from "../merkle/hash.ts";
import { verifyConsistency } from "../merkle/verify.ts";
import { hashMerkleTreeLeaf } from "../rfc6962/entry.ts";
import { isSameTreeHead, type TreeHead } from "../rfc6962/tree-head.ts";
import { decodeLeafIndexExtension } from "../static-ct/extensions.ts";
import { encodeTileLeaves, type TileLeaf } from "../static-ct/tile-leaf.ts";
import type { Issuer, Store } from "../storage/store.ts";
import { dedupKeyOf } from "./message.ts";
import { type CheckEntry, readFrontier } from "./verify.ts";

/** Entries that are fetched, proven and committed at a time: whole tiles. */
const PIECE_ENTRIES = 1_024;

/** Who has the entries; nothing of it is believed. */
export interface EntrySource {
  readonly name: string;
  /** All of the entries [start, end), in order. */
  entries(start: number, end: number): Promise<readonly TileLeaf[]>;
  /** A certificate of a chain by its SHA-256. */
  issuer(fingerprint: Uint8Array): Promise<Uint8Array | undefined>;
  /** Consistency proof between two sizes of the tree. */
  consistency(firstSize: number, secondSize: number): Promise<readonly Uint8Array[]>;
}

/** What is brought back. */
export interface RefillOptions {
  readonly sha256: Sha256;
  readonly store: Store;
  readonly source: EntrySource;
  /** A head that this log has signed. */
  readonly target: TreeHead;
  readonly checkEntry: CheckEntry;
  /**
   * Throws unless each certificate of the chain signed the one before it: the tree's hashes say
   * nothing of precertificates and chains.
   */
  readonly checkChain: (leaf: TileLeaf, chain: readonly Uint8Array[]) => void;
  /** Told after each piece how many entries the store has. */
  readonly progress: (treeSize: number) => void;
}

/**
 * Appends what is missing up to `target`; afterwards the store's head is `target`.
 *
 * @throws MalformedError `MALFORMED_PROOF` if what the source has is not the tree of `target`, or
 *   a chain is none; what is committed is of that tree all the same.
 * @throws FatalError `FATAL_GUARD_DISAGREES` if the store itself is not a part of that tree;
 *   and whatever source and store throw.
 */
export async function refill(options: RefillOptions): Promise<void> {
  const { sha256, store, target, progress } = options;
  const { committed } = await store.load();
  let head = committed;
  let frontier = await readFrontier(store, head?.treeSize ?? 0);
  if (head !== undefined && !equalBytes(frontierRoot(sha256, frontier), head.rootHash)) {
    const message = `the stored tiles do not lead to the root of size ${head.treeSize}`;
    throw new FatalError("FATAL_STORE_CORRUPT", message);
  }
  await requireProven(options, frontier, "the store");
  while (head === undefined || !isSameTreeHead(head, target)) {
    const piece = await fetchPiece(options, frontier, head);
    await store.commit({ expected: head, ...piece.commit });
    frontier = piece.frontier;
    head = piece.commit.head;
    progress(head.treeSize);
  }
}

async function fetchPiece(options: RefillOptions, before: Frontier, head: TreeHead | undefined) {
  const { sha256, source, target } = options;
  const start = before.size;
  const end = Math.min(target.treeSize, start - (start % PIECE_ENTRIES) + PIECE_ENTRIES);
  const leaves = start === end ? [] : await source.entries(start, end);
  if (leaves.length !== end - start) {
    throw lie(source, `expected entries [${start}, ${end}), got ${leaves.length} of them`);
  }
  const leafHashes = leaves.map((leaf) => hashMerkleTreeLeaf(sha256, leaf));
  const appended = appendLeaves(sha256, before, leafHashes);
  await requireProven(options, appended.frontier, `entries [${start}, ${end})`);
  const issuers = await checkLeaves(options, leaves, start);
  const entries = encodeTileLeaves(leaves);
  const timestampsMs = leaves.map(({ timestampMs }) => timestampMs);
  const lastMs = timestampsMs.reduce((a, b) => Math.max(a, b), head?.timestampMs ?? 0);
  const own: TreeHead =
    end === target.treeSize
      ? { treeSize: end, timestampMs: target.timestampMs, rootHash: target.rootHash }
      : { treeSize: end, timestampMs: lastMs, rootHash: frontierRoot(sha256, appended.frontier) };
  return {
    frontier: appended.frontier,
    commit: {
      head: own,
      entries,
      entriesSha256: sha256(joinBytes(entries)),
      issuers,
      runs: appended.runs,
      dedupKeys: leaves.map(({ entry }) => dedupKeyOf(sha256, entry)),
      timestampsMs,
    },
  };
}

/** Proves that the tree up to `frontier` is the beginning of the target's. */
async function requireProven(
  { sha256, source, target }: RefillOptions,
  frontier: Frontier,
  what: string,
): Promise<void> {
  if (frontier.size === 0) return;
  const firstRoot = frontierRoot(sha256, frontier);
  const isWhole = frontier.size === target.treeSize;
  if (isWhole && equalBytes(firstRoot, target.rootHash)) return;
  if (isWhole) throw lie(source, `${what} do not lead to the signed root of size ${frontier.size}`);
  const proof = await source.consistency(frontier.size, target.treeSize);
  const secondRoot = target.rootHash;
  try {
    const [firstSize, secondSize] = [frontier.size, target.treeSize];
    verifyConsistency(sha256, { firstSize, firstRoot, secondSize, secondRoot, proof });
  } catch (cause) {
    const of = `the tree of size ${target.treeSize} that was signed`;
    throw lie(source, `${what}: no proof that they are of ${of}: ${messageOf(cause)}`, cause);
  }
}

/** @returns The certificates that the leaves name, each once. */
async function checkLeaves(
  { sha256, store, source, checkEntry, checkChain }: RefillOptions,
  leaves: readonly TileLeaf[],
  start: number,
): Promise<readonly Issuer[]> {
  const issuers = new Map<string, Issuer>();
  const issuerOf = async (fingerprint: Uint8Array): Promise<Uint8Array | undefined> => {
    const known = issuers.get(bytesKey(fingerprint));
    if (known !== undefined) return known.der;
    const der = (await store.readIssuer(fingerprint)) ?? (await source.issuer(fingerprint));
    if (der === undefined || !equalBytes(sha256(der), fingerprint)) return undefined;
    issuers.set(bytesKey(fingerprint), { fingerprint, der });
    return der;
  };
  for (const [position, leaf] of leaves.entries()) {
    const index = start + position;
    const chain: Uint8Array[] = [];
    for (const fingerprint of leaf.chainFingerprints) {
      const der = await issuerOf(fingerprint);
      if (der === undefined) throw lie(source, `entry ${index}: a certificate of its chain lacks`);
      chain.push(der);
    }
    try {
      if (decodeLeafIndexExtension(leaf.extensions) !== index) throw new Error("another index");
      await checkEntry(leaf, issuerOf);
      checkChain(leaf, chain);
    } catch (cause) {
      throw lie(source, `entry ${index}: ${messageOf(cause)}`, cause);
    }
  }
  return [...issuers.values()];
}

function lie(source: EntrySource, message: string, cause?: unknown): MalformedError {
  return new MalformedError("MALFORMED_PROOF", `${source.name}: ${message}`, { cause });
}
