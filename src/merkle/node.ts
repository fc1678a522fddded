/**
 * Coordinates in a Merkle tree: RFC 6962, section 2.1. A node (level, index) is the complete
 * subtree over the leaves [index * 2^level, (index + 1) * 2^level).
 * @module
 */
import { bitLength, requireSize } from "../base/integers.ts";

/** A complete subtree: `level` 0 is a leaf; `index` counts from the left within its level. */
export interface NodeId {
  readonly level: number;
  readonly index: number;
}

/** The leaves [start, end). */
export interface LeafRange {
  readonly start: number;
  readonly end: number;
}

/**
 * The complete subtrees whose leaves make up `range`, from the left, largest first. Each
 * range that RFC 6962's recursion meets (it begins at a multiple of a power of two not
 * smaller than its own length) decomposes like this.
 *
 * @throws RangeError if `range` is empty or not such a range.
 */
export function nodesOfRange(range: LeafRange): readonly NodeId[] {
  const length = requireSize(range.end) - requireSize(range.start);
  if (length < 1) throw new RangeError(`expected leaves, got [${range.start}, ${range.end})`);
  if (range.start % 2 ** bitLength(length - 1) !== 0) {
    throw new RangeError(`[${range.start}, ${range.end}) is no subtree`);
  }
  const nodes: NodeId[] = [];
  let start = range.start;
  let left = length;
  while (left > 0) {
    const level = bitLength(left) - 1;
    nodes.push({ level, index: start / 2 ** level });
    start += 2 ** level;
    left -= 2 ** level;
  }
  return nodes;
}
