/**
 * Audit paths and consistency proofs: RFC 6962, sections 2.1.1 and 2.1.2. A plan names the
 * complete subtrees that a proof needs; whoever holds the hashes fetches them; `assemble`
 * makes the proof. So the same code serves memory, LevelDB and tiles over HTTP.
 * @module
 */
import { assert } from "../base/assert.ts";
import { largestPowerOfTwoBelow, requireSize } from "../base/integers.ts";
import { emptyRoot, hashChildren, type Sha256 } from "./hash.ts";
import { type LeafRange, type NodeId, nodesOfRange } from "./node.ts";

/** Which hashes a proof needs and how they fold into its elements. */
export interface ProofPlan {
  /** Complete subtrees whose hashes are needed, in the order that {@link assembleProof} takes them. */
  readonly nodes: readonly NodeId[];
  /** For each element of the proof, how many of `nodes` fold into it. */
  readonly counts: readonly number[];
}

/**
 * Audit path of one leaf: RFC 6962, section 2.1.1.
 *
 * @param leafIndex 0-based; less than `treeSize`.
 * @param treeSize Leaves in the tree; 1 to 2^40.
 * @returns The plan of the sibling hashes from the leaf's level upwards; at most 40 elements.
 * @throws RangeError if `leafIndex` is not in the tree: a caller's mistake.
 */
export function planInclusion(leafIndex: number, treeSize: number): ProofPlan {
  if (requireSize(leafIndex) >= requireSize(treeSize)) {
    throw new RangeError(`no leaf ${leafIndex} in a tree of size ${treeSize}`);
  }
  const siblings: LeafRange[] = [];
  let start = 0;
  let end = treeSize;
  while (end - start > 1) {
    const middle = start + largestPowerOfTwoBelow(end - start);
    if (leafIndex < middle) {
      siblings.push({ start: middle, end });
      end = middle;
    } else {
      siblings.push({ start, end: middle });
      start = middle;
    }
  }
  return planRanges(siblings.reverse());
}

/**
 * Consistency proof between two sizes of one tree: RFC 6962, section 2.1.2.
 *
 * @param first Leaves of the older tree; 0 to `second`. 0 and `second` need no proof.
 * @param second Leaves of the newer tree.
 * @throws RangeError if `first > second`: a caller's mistake.
 */
export function planConsistency(first: number, second: number): ProofPlan {
  if (requireSize(first) > requireSize(second)) {
    throw new RangeError(`no consistency proof from size ${first} to ${second}`);
  }
  if (first === 0 || first === second) return planRanges([]);
  const ranges: LeafRange[] = [];
  let start = 0;
  let end = second;
  let isPrefixKnown = true;
  while (first !== end) {
    const middle = start + largestPowerOfTwoBelow(end - start);
    if (first <= middle) {
      ranges.push({ start: middle, end });
      end = middle;
    } else {
      ranges.push({ start, end: middle });
      start = middle;
      isPrefixKnown = false;
    }
  }
  if (!isPrefixKnown) ranges.push({ start, end });
  return planRanges(ranges.reverse());
}

/**
 * The plan whose one element is the root of the first `treeSize` leaves; none for size 0.
 * @throws RangeError unless `treeSize` is a safe integer >= 0.
 */
export function planRoot(treeSize: number): ProofPlan {
  return planRanges(requireSize(treeSize) === 0 ? [] : [{ start: 0, end: treeSize }]);
}

/**
 * The proof that `plan` describes.
 * @param hashes One of 32 bytes for each of `plan.nodes`, in order.
 * @returns The proof's elements; single hashes are those passed in, folded ones are fresh.
 */
export function assembleProof(
  sha256: Sha256,
  plan: ProofPlan,
  hashes: readonly Uint8Array[],
): readonly Uint8Array[] {
  assert(hashes.length === plan.nodes.length, "one hash for each node of the plan");
  const proof: Uint8Array[] = [];
  let next = 0;
  for (const count of plan.counts) {
    proof.push(foldSubtrees(sha256, hashes.slice(next, next + count)));
    next += count;
  }
  return proof;
}

/** The Merkle tree hash over complete subtrees, largest first: RFC 6962, section 2.1. */
export function foldSubtrees(sha256: Sha256, hashes: readonly Uint8Array[]): Uint8Array {
  let folded: Uint8Array | undefined;
  for (let index = hashes.length - 1; index >= 0; index -= 1) {
    const left = hashes[index];
    assert(left !== undefined, "the index is in range");
    folded = folded === undefined ? left : hashChildren(sha256, left, folded);
  }
  return folded ?? emptyRoot(sha256);
}

function planRanges(ranges: readonly LeafRange[]): ProofPlan {
  const nodes: NodeId[] = [];
  const counts: number[] = [];
  for (const range of ranges) {
    const parts = nodesOfRange(range);
    nodes.push(...parts);
    counts.push(parts.length);
  }
  return { nodes, counts };
}
