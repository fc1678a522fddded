/**
 * What `reads.ts` asks for: the paths of each kind of read at seeded random places of the
 * tree, and how an answer is checked.
 * @module
 */
import { gunzipSync } from "node:zlib";
import { equalBytes } from "../src/encoding/bytes.ts";
import { decodeUtf8 } from "../src/encoding/utf8.ts";
import { hashLeaf } from "../src/merkle/hash.ts";
import { TILE_WIDTH, tileWidth } from "../src/merkle/tile.ts";
import { verifyConsistency, verifyInclusion } from "../src/merkle/verify.ts";
import { encodeMerkleTreeLeaf } from "../src/rfc6962/entry.ts";
import {
  parseConsistencyJson,
  parseEntriesJson,
  parseEntryAndProofJson,
  parseInclusionJson,
} from "../src/rfc6962/json.ts";
import type { SignedTreeHead } from "../src/rfc6962/tree-head.ts";
import { decodeDataTile } from "../src/static-ct/tile-leaf.ts";
import { formatTilePath, type TilePath } from "../src/static-ct/tile-path.ts";
import { formatHashParameter, get, type LogReader, sha256 } from "./log-reader.ts";
import { seededRandom } from "./stats.ts";

/** Reads of RFC 6962. */
export const RFC6962_READS = [
  "get-sth",
  "get-proof-by-hash",
  "get-sth-consistency",
  "get-entry-and-proof",
  "get-entries",
] as const;

/** Reads of static-ct-api. */
export const STATIC_CT_READS = ["checkpoint", "hash-tile", "data-tile"] as const;

/** One kind of read. */
export type ReadKind = (typeof RFC6962_READS)[number] | (typeof STATIC_CT_READS)[number];

/** Requests of one kind. */
export interface ReadPlan {
  /** Below the shard's prefix, with query. */
  readonly paths: readonly string[];
  /** Entries that one answer carries; 0 where it carries none. */
  readonly entriesPerAnswer: number;
  /** @throws Error unless `body`, as sent, is the right answer to path `at`. */
  check(at: number, body: Uint8Array): Promise<void>;
}

/** What plans are made from. */
export interface PlanOptions {
  /** Prefix of the shard, for what must be known beforehand. */
  readonly url: string;
  readonly reader: LogReader;
  readonly head: SignedTreeHead;
  /** Whether the log has tiles to check the other answers with. */
  readonly hasTiles: boolean;
  readonly seed: number;
  /** Different paths of one kind. */
  readonly pathCount: number;
  /** Entries asked for with get-entries; cut to what the tree has. */
  readonly pageEntries: number;
}

/** The plan of one kind. @throws Error if the tree has fewer than 2 entries. */
export async function planReads(kind: ReadKind, options: PlanOptions): Promise<ReadPlan> {
  const { head, seed, pathCount } = options;
  if (head.treeSize < 2) throw new Error(`a tree of ${head.treeSize} has no random places`);
  const random = seededRandom(seed);
  const draw = <T>(one: () => T): readonly T[] => Array.from({ length: pathCount }, one);
  switch (kind) {
    case "get-sth":
      return onePath("/ct/v1/get-sth", (body) => options.reader.parseTreeHead(body));
    case "checkpoint":
      return onePath("/checkpoint", (body) => options.reader.parseCheckpoint(body));
    case "get-proof-by-hash":
      return await planByHash(
        options,
        draw(() => random(head.treeSize)),
      );
    case "get-sth-consistency":
      return planConsistencies(
        options,
        draw(() => {
          const second = 2 + random(head.treeSize - 1);
          return { first: 1 + random(second - 1), second };
        }),
      );
    case "get-entry-and-proof":
      return planEntries(
        options,
        draw(() => random(head.treeSize)),
      );
    case "get-entries": {
      const size = fullPage(options.pageEntries, head.treeSize);
      const pages = Math.floor(head.treeSize / size);
      return await planPages(
        options,
        draw(() => size * random(pages)),
        size,
      );
    }
    case "hash-tile":
    case "data-tile": {
      const full = Math.floor(head.treeSize / TILE_WIDTH);
      const indexes = draw(() => (full === 0 ? 0 : random(full)));
      return planTiles(options, kind === "data-tile" ? "data" : 0, indexes);
    }
  }
}

function onePath(path: string, parse: (body: Uint8Array) => SignedTreeHead): ReadPlan {
  return {
    paths: [path],
    entriesPerAnswer: 0,
    check: async (_at, body) => {
      parse(body);
    },
  };
}

async function planByHash(
  { url, head }: PlanOptions,
  indexes: readonly number[],
): Promise<ReadPlan> {
  const hashes: Uint8Array[] = [];
  for (const index of indexes) {
    const body = await get(`${url}/ct/v1/get-entries?start=${index}&end=${index}`);
    const [entry] = parseEntriesJson(decodeUtf8(body));
    if (entry === undefined) throw new Error(`get-entries shows no entry ${index}`);
    hashes.push(hashLeaf(sha256, entry.leafInput));
  }
  const { treeSize } = head;
  return {
    paths: hashes.map(
      (hash) => `/ct/v1/get-proof-by-hash?hash=${formatHashParameter(hash)}&tree_size=${treeSize}`,
    ),
    entriesPerAnswer: 0,
    check: async (at, body) => {
      const { leafIndex, path } = parseInclusionJson(decodeUtf8(body));
      require(leafIndex === indexes[at], `expected leaf ${indexes[at]}, got ${leafIndex}`);
      const leafHash = hashes[at] ?? new Uint8Array(0);
      verifyInclusion(sha256, { leafIndex, treeSize, leafHash, path }, head.rootHash);
    },
  };
}

function planConsistencies(
  { head, reader, hasTiles }: PlanOptions,
  pairs: readonly { readonly first: number; readonly second: number }[],
): ReadPlan {
  return {
    paths: pairs.map(
      ({ first, second }) => `/ct/v1/get-sth-consistency?first=${first}&second=${second}`,
    ),
    entriesPerAnswer: 0,
    check: async (at, body) => {
      const { first, second } = pairs[at] ?? { first: 0, second: 0 };
      const proof = parseConsistencyJson(decodeUtf8(body));
      if (!hasTiles) return; // Nothing says what the roots of random sizes are.
      const firstRoot = await reader.rootFromTiles(first, head.treeSize);
      const secondRoot = await reader.rootFromTiles(second, head.treeSize);
      const claim = { firstSize: first, firstRoot, secondSize: second, secondRoot, proof };
      verifyConsistency(sha256, claim);
    },
  };
}

function planEntries({ head }: PlanOptions, indexes: readonly number[]): ReadPlan {
  const { treeSize } = head;
  return {
    paths: indexes.map(
      (index) => `/ct/v1/get-entry-and-proof?leaf_index=${index}&tree_size=${treeSize}`,
    ),
    entriesPerAnswer: 0,
    check: async (at, body) => {
      const { leafInput, path } = parseEntryAndProofJson(decodeUtf8(body));
      const leafHash = hashLeaf(sha256, leafInput);
      const leafIndex = indexes[at] ?? -1;
      verifyInclusion(sha256, { leafIndex, treeSize, leafHash, path }, head.rootHash);
    },
  };
}

async function planPages(
  options: PlanOptions,
  starts: readonly number[],
  size: number,
): Promise<ReadPlan> {
  const path = (start: number, count: number) =>
    `/ct/v1/get-entries?start=${start}&end=${start + count - 1}`;
  // Another log may answer with smaller pages than were asked for.
  const probe = parseEntriesJson(decodeUtf8(await get(options.url + path(0, size)))).length;
  const { reader, head, hasTiles } = options;
  return {
    paths: starts.map((start) => path(start, size)),
    entriesPerAnswer: probe,
    check: async (at, body) => {
      const start = starts[at] ?? 0;
      const entries = parseEntriesJson(decodeUtf8(body));
      require(entries.length === probe, `a page of ${entries.length} entries, others of ${probe}`);
      for (const [offset, entry] of hasTiles ? entries.entries() : []) {
        const expected = await leafHashFromTiles(reader, start + offset, head.treeSize);
        const isSame = equalBytes(hashLeaf(sha256, entry.leafInput), expected);
        require(isSame, `entry ${start + offset} is not the one of the hash tile`);
      }
    },
  };
}

function planTiles(
  { head, reader }: PlanOptions,
  level: 0 | "data",
  indexes: readonly number[],
): ReadPlan {
  const widthOf = (index: number) => tileWidth(0, index, head.treeSize);
  const tileOf = (kind: TilePath["level"], index: number): TilePath => ({
    level: kind,
    index,
    width: widthOf(index),
  });
  return {
    paths: indexes.map((index) => `/${formatTilePath(tileOf(level, index))}`),
    entriesPerAnswer: level === "data" ? widthOf(indexes[0] ?? 0) : 0,
    check: async (at, body) => {
      const index = indexes[at] ?? 0;
      const bytes = body[0] === 0x1f && body[1] === 0x8b ? Uint8Array.from(gunzipSync(body)) : body;
      const other = await reader.readTile(tileOf(level === 0 ? "data" : 0, index));
      const [hashes, data] = level === 0 ? [bytes, other] : [other, bytes];
      const leaves = decodeDataTile(data);
      require(leaves.length === widthOf(index), `data tile ${index} has ${leaves.length} entries`);
      require(hashes.length === 32 * leaves.length, `hash tile ${index} has another width`);
      for (const [offset, leaf] of leaves.entries()) {
        const hash = hashLeaf(sha256, encodeMerkleTreeLeaf(leaf));
        const isSame = equalBytes(hash, hashes.subarray(32 * offset, 32 * offset + 32));
        require(isSame, `entry ${offset} of data tile ${index} is not the one of its hash tile`);
      }
    },
  };
}

async function leafHashFromTiles(
  reader: LogReader,
  leafIndex: number,
  treeSize: number,
): Promise<Uint8Array> {
  const index = Math.floor(leafIndex / TILE_WIDTH);
  const width = tileWidth(0, index, treeSize);
  const tile = await reader.readTile({ level: 0, index, width });
  const start = 32 * (leafIndex - index * TILE_WIDTH);
  return tile.subarray(start, start + 32);
}

/** The page asked for, or the largest multiple of 256 that the tree fills, or the tree. */
function fullPage(wanted: number, treeSize: number): number {
  if (treeSize >= wanted) return wanted;
  return treeSize >= TILE_WIDTH ? treeSize - (treeSize % TILE_WIDTH) : treeSize;
}

function require(condition: boolean, message: string): void {
  if (!condition) throw new Error(message);
}
