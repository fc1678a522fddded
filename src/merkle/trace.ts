/**
 * An audit path step by step: which subtrees meet at each level, so that a picture can be drawn
 * of what `rootOfInclusion` computes. RFC 6962, section 2.1.1.
 * @module
 */
import { MalformedError } from "../base/errors.ts";
import { largestPowerOfTwoBelow } from "../base/integers.ts";
import { HASH_BYTES, hashChildren, type Sha256 } from "./hash.ts";
import type { LeafRange } from "./node.ts";
import type { InclusionClaim } from "./verify.ts";

/** One step up: a subtree and its sibling make their parent. */
export interface TraceStep {
  /** Leaves below the sibling. */
  readonly siblingRange: LeafRange;
  readonly siblingHash: Uint8Array;
  /** Where the sibling stands. */
  readonly side: "left" | "right";
  /** Leaves below the parent. */
  readonly range: LeafRange;
  /** The parent's hash, computed. */
  readonly hash: Uint8Array;
}

/**
 * The steps from the leaf to the root, the last of which has the root's hash; none in a tree
 * of one leaf.
 * @throws MalformedError `MALFORMED_PROOF` if the path has the wrong length for its tree.
 */
export function traceInclusion(sha256: Sha256, claim: InclusionClaim): readonly TraceStep[] {
  const { leafIndex, treeSize, leafHash, path } = claim;
  const isLeaf = Number.isSafeInteger(leafIndex) && leafIndex >= 0 && leafIndex < treeSize;
  if (!isLeaf || !Number.isSafeInteger(treeSize)) {
    throw malformed(`no leaf ${leafIndex} in a tree of size ${treeSize}`);
  }
  const turns: { readonly range: LeafRange; readonly siblingRange: LeafRange }[] = [];
  let range: LeafRange = { start: 0, end: treeSize };
  while (range.end - range.start > 1) {
    const middle = range.start + largestPowerOfTwoBelow(range.end - range.start);
    const left = { start: range.start, end: middle };
    const right = { start: middle, end: range.end };
    const isLeft = leafIndex < middle;
    turns.push({ range, siblingRange: isLeft ? right : left });
    range = isLeft ? left : right;
  }
  turns.reverse();
  if (turns.length !== path.length) {
    throw malformed(`expected ${turns.length} hashes, got ${path.length}`);
  }
  let hash = leafHash;
  return turns.map((turn, level): TraceStep => {
    const siblingHash = path[level];
    if (siblingHash?.length !== HASH_BYTES) throw malformed("a hash has 32 bytes");
    const side = turn.siblingRange.start > leafIndex ? "right" : "left";
    hash =
      side === "right"
        ? hashChildren(sha256, hash, siblingHash)
        : hashChildren(sha256, siblingHash, hash);
    return { ...turn, siblingHash, side, hash };
  });
}

function malformed(message: string): MalformedError {
  return new MalformedError("MALFORMED_PROOF", message);
}
