/**
 * How a tree grew, by its own entries: the timestamps of some of them, spread over the tree,
 * each proven to be in the signed tree.
 * @module
 */
import { MalformedError } from "../../base/errors.ts";
import { hashLeaf } from "../../merkle/hash.ts";
import { verifyInclusion } from "../../merkle/verify.ts";
import { decodeMerkleTreeLeaf } from "../../rfc6962/entry.ts";
import { parseEntryAndProofJson } from "../../rfc6962/json.ts";
import type { TreeHead } from "../../rfc6962/tree-head.ts";
import type { World } from "./world.ts";

/** The tree at one time. */
export interface GrowthPoint {
  readonly timestampMs: number;
  readonly treeSize: number;
}

/** Indexes of at most `count` leaves, the first and the last among them, in order. */
export function spreadIndexes(treeSize: number, count: number): readonly number[] {
  const chosen = new Set<number>();
  const steps = Math.min(count, treeSize) - 1;
  for (let step = 0; step <= steps; step += 1) {
    chosen.add(steps === 0 ? 0 : Math.round((step * (treeSize - 1)) / steps));
  }
  return [...chosen];
}

/**
 * When a leaf was logged, and that it is in the tree of `head`.
 * @throws AnswerError; MalformedError if it is not.
 */
export async function proveGrowth(
  world: World,
  head: TreeHead,
  leafIndex: number,
): Promise<GrowthPoint> {
  const { treeSize, rootHash } = head;
  const query = `ct/v1/get-entry-and-proof?leaf_index=${leafIndex}&tree_size=${treeSize}`;
  const { leafInput, path } = parseEntryAndProofJson(await world.api.get(query));
  const leafHash = hashLeaf(world.sha256, leafInput);
  verifyInclusion(world.sha256, { leafIndex, treeSize, leafHash, path }, rootHash);
  const { timestampMs } = decodeMerkleTreeLeaf(leafInput);
  if (timestampMs > head.timestampMs) {
    throw new MalformedError("MALFORMED_PROOF", "an entry is younger than the head over it");
  }
  return { timestampMs, treeSize: leafIndex + 1 };
}
