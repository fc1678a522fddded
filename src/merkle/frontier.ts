/**
 * The right edge of a Merkle tree: all that is needed to append to it. RFC 6962, section 2.1.
 * @module
 */
import { assert, defined } from "../base/assert.ts";
import { isOdd } from "../base/integers.ts";
import { hashChildren, type Sha256 } from "./hash.ts";
import { type NodeId, nodesOfRange } from "./node.ts";
import { foldSubtrees } from "./proof.ts";

/** A tree of `size` leaves as its complete subtrees, largest first. Immutable. */
export interface Frontier {
  readonly size: number;
  /** 32 bytes for each node of {@link frontierNodes}. */
  readonly hashes: readonly Uint8Array[];
}

/** Consecutive new complete subtrees of one level. */
export interface NodeRun {
  readonly level: number;
  /** Index, within the level, of the first. */
  readonly start: number;
  /** 32 bytes each. */
  readonly hashes: readonly Uint8Array[];
}

/** The tree without leaves. */
export const EMPTY_FRONTIER: Frontier = { size: 0, hashes: [] };

/** The complete subtrees whose hashes make up the frontier of a tree of `size` leaves. */
export function frontierNodes(size: number): readonly NodeId[] {
  return size === 0 ? [] : nodesOfRange({ start: 0, end: size });
}

/** The root of the tree: RFC 6962, section 2.1. */
export function frontierRoot(sha256: Sha256, frontier: Frontier): Uint8Array {
  return foldSubtrees(sha256, frontier.hashes);
}

/**
 * The tree after appending leaves, and every complete subtree that came to be.
 *
 * @param leafHashes 32 bytes each, in order; not copied.
 * @returns `runs` has one entry for each level with new nodes, level 0 first.
 */
export function appendLeaves(
  sha256: Sha256,
  frontier: Frontier,
  leafHashes: readonly Uint8Array[],
): { readonly frontier: Frontier; readonly runs: readonly NodeRun[] } {
  assert(frontier.hashes.length === frontierNodes(frontier.size).length, "a whole frontier");
  const edge = [...frontier.hashes];
  const runs: { level: number; start: number; hashes: Uint8Array[] }[] = [];
  let size = frontier.size;
  for (const leafHash of leafHashes) {
    let hash = leafHash;
    let index = size;
    let level = 0;
    for (;;) {
      const run = runs[level];
      if (run === undefined) runs[level] = { level, start: index, hashes: [hash] };
      else run.hashes.push(hash);
      if (!isOdd(index)) break;
      hash = hashChildren(sha256, defined(edge.pop(), "an odd node has a left sibling"), hash);
      index = (index - 1) / 2;
      level += 1;
    }
    edge.push(hash);
    size += 1;
  }
  return { frontier: { size, hashes: edge }, runs };
}
