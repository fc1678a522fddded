/**
 * Proofs and roots computed from hash tiles alone, as a reader of a static log does it:
 * c2sp.org/tlog-tiles. Which nodes a proof needs is `merkle/proof.ts`'s to say.
 * @module
 */

import { defined } from "../base/assert.ts";
import { MalformedError } from "../base/errors.ts";
import { HASH_BYTES, type Sha256 } from "../merkle/hash.ts";
import {
  assembleProof,
  type ProofPlan,
  planConsistency,
  planInclusion,
  planRoot,
} from "../merkle/proof.ts";
import { foldComplete, spanOfNode, tileWidth } from "../merkle/tile.ts";

/** Reads the first `width` hashes of a tile: `32 * width` bytes. */
export type ReadTile = (level: number, index: number, width: number) => Promise<Uint8Array>;

/** A tree of `treeSize` leaves, as tiles. */
export interface TiledTree {
  readonly sha256: Sha256;
  readonly readTile: ReadTile;
  /** Tiles are asked for in the width that they have in the tree of this size. */
  readonly treeSize: number;
}

/** Audit path of one leaf: RFC 6962, section 2.1.1. @throws RangeError if it is not in the tree. */
export async function proveInclusionFromTiles(
  tree: TiledTree,
  leafIndex: number,
): Promise<readonly Uint8Array[]> {
  return await proveFromTiles(tree, planInclusion(leafIndex, tree.treeSize));
}

/** Proof from `firstSize` to the tree's size: RFC 6962, section 2.1.2. @throws RangeError if larger. */
export async function proveConsistencyFromTiles(
  tree: TiledTree,
  firstSize: number,
): Promise<readonly Uint8Array[]> {
  return await proveFromTiles(tree, planConsistency(firstSize, tree.treeSize));
}

/** The root of the tree; for size 0 the SHA-256 of nothing. */
export async function rootFromTiles(tree: TiledTree): Promise<Uint8Array> {
  const [root] = await proveFromTiles(tree, planRoot(tree.treeSize));
  return root ?? tree.sha256(new Uint8Array(0));
}

async function proveFromTiles(tree: TiledTree, plan: ProofPlan): Promise<readonly Uint8Array[]> {
  const { sha256, treeSize } = tree;
  const spans = plan.nodes.map(spanOfNode);
  const wanted = new Map(spans.map((span) => [`${span.level}/${span.index}`, span]));
  const tiles = new Map<string, Uint8Array>();
  await Promise.all(
    [...wanted].map(async ([key, { level, index }]) => {
      const width = tileWidth(level, index, treeSize);
      const tile = await tree.readTile(level, index, width);
      if (tile.length !== HASH_BYTES * width) {
        throw new MalformedError(
          "MALFORMED_PROOF",
          `expected a tile of ${HASH_BYTES * width} bytes, got ${tile.length}`,
        );
      }
      tiles.set(key, tile);
    }),
  );
  const hashes = spans.map(({ level, index, start, count }) => {
    const tile = defined(tiles.get(`${level}/${index}`), "each tile was read");
    const row = Array.from({ length: count }, (_, position) => {
      const offset = (start + position) * HASH_BYTES;
      return tile.subarray(offset, offset + HASH_BYTES);
    });
    return foldComplete(sha256, row);
  });
  return assembleProof(sha256, plan, hashes);
}
