/**
 * Hash tiles: c2sp.org/tlog-tiles#merkle-tree. A tile (level, index) holds the 256 hashes
 * of tree level `8 * level` from `256 * index` on; a partial tile holds the first `width`.
 * @module
 */
import { assert, defined } from "../base/assert.ts";
import { HASH_BYTES, hashChildren, type Sha256 } from "./hash.ts";
import type { NodeId } from "./node.ts";

/** Tree levels that one tile spans. */
export const TILE_HEIGHT = 8;

/** Hashes of a full tile. */
export const TILE_WIDTH = 256;

/** Where a node's hash comes from: `count` hashes of tile (level, index) from `start` on, folded. */
export interface TileSpan {
  readonly level: number;
  readonly index: number;
  readonly start: number;
  /** A power of two; 1 to 128. */
  readonly count: number;
}

/** The hashes of the tile that fold into `node`. */
export function spanOfNode(node: NodeId): TileSpan {
  const level = Math.floor(node.level / TILE_HEIGHT);
  const count = 2 ** (node.level - level * TILE_HEIGHT);
  const first = node.index * count;
  const index = Math.floor(first / TILE_WIDTH);
  return { level, index, start: first - index * TILE_WIDTH, count };
}

/** Hashes that tile (level, index) holds in a tree of `treeSize` leaves: 0 to 256. */
export function tileWidth(level: number, index: number, treeSize: number): number {
  const hashes = Math.floor(treeSize / 2 ** (TILE_HEIGHT * level));
  return Math.max(0, Math.min(TILE_WIDTH, hashes - index * TILE_WIDTH));
}

/** Bytes of a {@link completeTile}. */
export const COMPLETE_TILE_BYTES: number = (2 * TILE_WIDTH - 1) * HASH_BYTES;

/**
 * A full tile with every node above its hashes: 256 hashes, the 128 of the level above and so
 * on, the root last.
 * @param hashes The 256 hashes one after the other; copied.
 */
export function completeTile(sha256: Sha256, hashes: Uint8Array): Uint8Array {
  assert(hashes.length === TILE_WIDTH * HASH_BYTES, "a full tile");
  const tile = new Uint8Array(COMPLETE_TILE_BYTES);
  tile.set(hashes);
  let end = hashes.length;
  for (let read = 0; end < tile.length; read += 2 * HASH_BYTES) {
    const middle = read + HASH_BYTES;
    const right = tile.subarray(middle, middle + HASH_BYTES);
    tile.set(hashChildren(sha256, tile.subarray(read, middle), right), end);
    end += HASH_BYTES;
  }
  return tile;
}

/** The node of a {@link completeTile} that the hashes of `span` fold into: a view. */
export function hashOfSpan(tile: Uint8Array, span: Pick<TileSpan, "start" | "count">): Uint8Array {
  // Nodes before the row of those over `count` hashes: 256 + 128 + ... = 512 - 512 / count.
  const before = 2 * TILE_WIDTH - (2 * TILE_WIDTH) / span.count;
  const offset = (before + span.start / span.count) * HASH_BYTES;
  return tile.subarray(offset, offset + HASH_BYTES);
}

/** The node over all hashes of a {@link completeTile}: a view. */
export function rootOfTile(tile: Uint8Array): Uint8Array {
  return tile.subarray(COMPLETE_TILE_BYTES - HASH_BYTES);
}

/** The root of a complete subtree from its `2^n` lowest hashes, in order. */
export function foldComplete(sha256: Sha256, hashes: readonly Uint8Array[]): Uint8Array {
  let row = hashes;
  while (row.length > 1) {
    const above: Uint8Array[] = [];
    for (let index = 0; index < row.length; index += 2) {
      const left = defined(row[index], "a complete subtree has 2^n hashes");
      const right = defined(row[index + 1], "a complete subtree has 2^n hashes");
      above.push(hashChildren(sha256, left, right));
    }
    row = above;
  }
  return defined(row[0], "a complete subtree has 2^n hashes");
}
