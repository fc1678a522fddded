/**
 * Hashes of a published tree, for proofs. Two kinds are kept in memory, both from the store's
 * checked reads: full hash tiles above level 0, which every proof meets and which never change,
 * and what was read of the growing tiles, until the published tree grows. Level 0 is read
 * again each time: no memory holds a large log's.
 *
 * Only what is published is kept, and only answers to clients are made of it: what is verified
 * before it is signed comes from the store itself.
 * @module
 */

import { defined } from "../base/assert.ts";
import { FatalError } from "../base/errors.ts";
import { keep, LinkedMap } from "../base/linked-map.ts";
import { equalBytes } from "../encoding/bytes.ts";
import type { Sha256 } from "../merkle/hash.ts";
import type { NodeId } from "../merkle/node.ts";
import { foldSubtrees, type ProofPlan } from "../merkle/proof.ts";
import {
  COMPLETE_TILE_BYTES,
  completeTile,
  hashOfSpan,
  rootOfTile,
  spanOfNode,
  TILE_HEIGHT,
  TILE_WIDTH,
  type TileSpan,
  tileWidth,
} from "../merkle/tile.ts";
import type { StoreReader } from "../storage/store.ts";

/** Bytes of full hash tiles in memory, of one shard in one thread: the tiles above 33 million leaves. */
export const HASH_TILES_BYTES_MAX = 8_388_608;

/** What is known of the growing tiles of one published size: at most 511 hashes of each level. */
interface Edge {
  readonly size: number;
  readonly hashes: Map<number, Uint8Array>;
  /** Roots of the last `count` subtrees of the frontier, by `count`. */
  readonly folds: Map<number, Uint8Array>;
}

/** The hashes of one shard. Every size that it is given is published. */
export class TreeHashes {
  readonly #store: StoreReader;
  readonly #sha256: Sha256;
  /** By {@link tileKey}; least recently used first. */
  readonly #tiles = new LinkedMap<number, Uint8Array>();
  readonly #tilesMax: number;
  /** Replaced when a read comes with another size. */
  #edge: Edge = { size: 0, hashes: new Map(), folds: new Map() };

  constructor(store: StoreReader, sha256: Sha256, bytesMax: number = HASH_TILES_BYTES_MAX) {
    this.#store = store;
    this.#sha256 = sha256;
    this.#tilesMax = Math.floor(bytesMax / COMPLETE_TILE_BYTES);
  }

  /**
   * The proof that `plan` describes.
   * @param publishedSize At least the size that `plan` is of.
   * @throws FatalError `FATAL_STORE_CORRUPT`; UnavailableError `UNAVAILABLE_STORE`.
   */
  async prove(plan: ProofPlan, publishedSize: number): Promise<readonly Uint8Array[]> {
    const edge = this.#edgeOf(publishedSize);
    // Folds are looked up once, before the read: another proof may add one during it, and what
    // was read must be taken in the order in which it was asked for.
    const elements: { readonly nodes: readonly NodeId[]; readonly fold: Uint8Array | undefined }[] =
      [];
    const needed: NodeId[] = [];
    let next = 0;
    for (const count of plan.counts) {
      const nodes = plan.nodes.slice(next, next + count);
      const fold = foldOf(edge, nodes);
      if (fold === undefined) needed.push(...nodes);
      elements.push({ nodes, fold });
      next += count;
    }
    const hashes = (await this.read(needed, publishedSize)).values();
    return elements.map(({ nodes, fold }) => fold ?? this.#fold(edge, nodes, hashes));
  }

  /**
   * The hashes of complete subtrees, in order; views or copies.
   * @throws FatalError `FATAL_STORE_CORRUPT`; UnavailableError `UNAVAILABLE_STORE`.
   */
  async read(nodes: readonly NodeId[], publishedSize: number): Promise<readonly Uint8Array[]> {
    const edge = this.#edgeOf(publishedSize);
    const hashes: (Uint8Array | undefined)[] = [];
    const missing: { readonly at: number; readonly node: NodeId; readonly isEdge: boolean }[] = [];
    for (const [at, node] of nodes.entries()) {
      const span = spanOfNode(node);
      const isEdge = tileWidth(span.level, span.index, publishedSize) < TILE_WIDTH;
      let hash: Uint8Array | undefined;
      if (isEdge) hash = edge.hashes.get(nodeKey(node));
      else if (span.level > 0) hash = await this.#readInTile(span, publishedSize);
      if (hash === undefined) missing.push({ at, node, isEdge });
      hashes.push(hash);
    }
    if (missing.length > 0) {
      const read = await this.#store.readNodes(missing.map(({ node }) => node));
      for (const [position, { at, node, isEdge }] of missing.entries()) {
        const hash = defined(read[position], "one hash for each node");
        hashes[at] = hash;
        // A copy: what was read may be a view of a whole record.
        if (isEdge) edge.hashes.set(nodeKey(node), hash.slice());
      }
    }
    return hashes.map((hash) => defined(hash, "what is not in memory was read"));
  }

  #edgeOf(publishedSize: number): Edge {
    if (this.#edge.size !== publishedSize) {
      this.#edge = { size: publishedSize, hashes: new Map(), folds: new Map() };
    }
    return this.#edge;
  }

  #fold(edge: Edge, nodes: readonly NodeId[], hashes: ArrayIterator<Uint8Array>): Uint8Array {
    const parts = nodes.map(() => defined(hashes.next().value, "each node was read"));
    const fold = foldSubtrees(this.#sha256, parts);
    if (isSuffix(edge, nodes)) edge.folds.set(nodes.length, fold);
    return fold;
  }

  /** A node within a full tile. */
  async #readInTile(span: TileSpan, publishedSize: number): Promise<Uint8Array> {
    const key = tileKey(span);
    const kept = this.#tiles.get(key);
    const tile = kept ?? (await this.#readFullTile(span, publishedSize));
    keep(this.#tiles, key, tile, this.#tilesMax);
    return hashOfSpan(tile, span);
  }

  /** Its hashes must fold into the one that the level above has for it: so it may be kept. */
  async #readFullTile({ level, index }: TileSpan, publishedSize: number): Promise<Uint8Array> {
    const tile = completeTile(this.#sha256, await this.#store.readTile(level, index, TILE_WIDTH));
    const above = { level: TILE_HEIGHT * (level + 1), index };
    const [root] = await this.read([above], publishedSize);
    if (root !== undefined && equalBytes(rootOfTile(tile), root)) return tile;
    const message = `hash tile ${level}, ${index} is not what the level above says`;
    throw new FatalError("FATAL_STORE_CORRUPT", message);
  }
}

/** The known root of `nodes`, if they are the last of the published tree's frontier. */
function foldOf(edge: Edge, nodes: readonly NodeId[]): Uint8Array | undefined {
  return isSuffix(edge, nodes) ? edge.folds.get(nodes.length) : undefined;
}

/** A range of several subtrees ends where its tree ends: there are no others in a plan. */
function isSuffix(edge: Edge, nodes: readonly NodeId[]): boolean {
  const last = nodes.at(-1);
  if (last === undefined || nodes.length < 2) return false;
  return (last.index + 1) * 2 ** last.level === edge.size;
}

/** Levels are below 64, indexes below 2^40. */
function nodeKey({ level, index }: NodeId): number {
  return level * 2 ** 40 + index;
}

function tileKey({ level, index }: TileSpan): number {
  return level * 2 ** 40 + index;
}
