/**
 * Reads of a shard: hash tiles and indexes from LevelDB, synchronously (measured: a small
 * record costs 5 us so, 40 us through the thread pool), entries from their files.
 * @module
 */
import { bytesKey, joinBytes } from "../../encoding/bytes.ts";
import { HASH_BYTES, type Sha256 } from "../../merkle/hash.ts";
import type { NodeId } from "../../merkle/node.ts";
import {
  foldComplete,
  spanOfNode,
  TILE_WIDTH,
  type TileSpan,
  tileWidth,
} from "../../merkle/tile.ts";
import { requireEntryRange } from "../shape.ts";
import type { DedupHit, EntryRun, Into, StoreReader } from "../store.ts";
import { hashColumn, innerColumn, type ReadPayload, ROW_WIDTH, readItems } from "./column.ts";
import type { EntryFiles } from "./entry-files.ts";
import { type EntryPlaces, readPiece, readSealedTile } from "./entry-pieces.ts";
import type { IssuerFiles } from "./issuer-files.ts";
import {
  corrupt,
  decodeDedupHit,
  decodeLeafIndex,
  hashKey,
  PREFIX,
  readRecord,
  unlessCorrupt,
} from "./record.ts";
import type { SealedFiles } from "./sealed-files.ts";
import type { Database } from "./seam.ts";

/** Look-ups in one stretch before others have their turn. */
const LOOKUPS_PER_TURN = 256;

/** What the reads look at; each call asks anew. */
export interface ReaderSource {
  /** @throws UnavailableError `UNAVAILABLE_STORE` if it is closed. */
  database(): Database;
  entries(): EntryFiles;
  sealed(): SealedFiles;
  issuers(): IssuerFiles;
  /** False: no record has this dedup key. Absent: nobody knows without a look. */
  readonly mayHold?: (dedupKey: Uint8Array) => boolean;
  /** Leaves of the committed tree. */
  treeSize(): number;
}

/** See {@link StoreReader}. */
export class LevelReader implements StoreReader {
  readonly #sha256: Sha256;
  readonly #source: ReaderSource;

  constructor(sha256: Sha256, source: ReaderSource) {
    this.#sha256 = sha256;
    this.#source = source;
  }

  async readNodes(nodes: readonly NodeId[]): Promise<readonly Uint8Array[]> {
    const database = this.#source.database();
    const treeSize = this.#source.treeSize();
    const read = remembering((key) => readRecord(database, key));
    return nodes.map((node) => {
      if ((node.index + 1) * 2 ** node.level > treeSize) {
        throw corrupt(`no node ${node.level}, ${node.index} of ${treeSize}`);
      }
      const hashes = readSpan(read, spanOfNode(node), treeSize);
      // Most are stored as they are.
      if (hashes.length === HASH_BYTES) return hashes;
      return foldComplete(this.#sha256, splitHashes(hashes));
    });
  }

  async readTile(level: number, index: number, width: number): Promise<Uint8Array> {
    const database = this.#source.database();
    if (width < 1 || width > TILE_WIDTH) throw new RangeError(`no tile has width ${width}`);
    const held = tileWidth(level, index, this.#source.treeSize());
    if (width > held) throw corrupt(`tile ${level}, ${index} is ${held} wide, not ${width}`);
    const start = index * TILE_WIDTH;
    const read: ReadPayload = (key) => readRecord(database, key);
    const isFull = held === TILE_WIDTH;
    return readItems(read, hashColumn(level), start, start + width, isFull).items;
  }

  async readEntries(start: number, end: number, into?: Into): Promise<EntryRun> {
    const places = this.#places();
    const treeSize = this.#source.treeSize();
    requireEntryRange(start, end, treeSize);
    const pieces: Promise<EntryRun>[] = [];
    let first = start;
    while (first < end) {
      const tileEnd = (Math.floor(first / TILE_WIDTH) + 1) * TILE_WIDTH;
      const last = Math.min(end, tileEnd);
      pieces.push(readPiece(places, first, last, tileEnd <= treeSize, into));
      first = last;
    }
    return joinRuns(start, await Promise.all(pieces), into);
  }

  async readSealedTile(index: number, into?: Into): Promise<Uint8Array | undefined> {
    if ((index + 1) * TILE_WIDTH > this.#source.treeSize()) return undefined;
    return readSealedTile(this.#places(), index, into);
  }

  async findLeaf(leafHash: Uint8Array): Promise<number | undefined> {
    const payload = readRecord(this.#source.database(), hashKey(PREFIX.leaf, leafHash));
    if (payload === undefined) return undefined;
    const index = decodeLeafIndex(payload);
    return index < this.#source.treeSize() ? index : undefined;
  }

  async readIssuer(fingerprint: Uint8Array): Promise<Uint8Array | undefined> {
    const database = this.#source.database();
    const key = hashKey(PREFIX.issuer, fingerprint);
    const der = unlessCorrupt(() => readRecord(database, key));
    return der ?? this.#source.issuers().read(fingerprint);
  }

  async findDuplicates(
    dedupKeys: readonly Uint8Array[],
  ): Promise<readonly (DedupHit | undefined)[]> {
    this.#source.database();
    const { mayHold } = this.#source;
    const hits: (DedupHit | undefined)[] = [];
    for (const key of dedupKeys) {
      if (hits.length > 0 && hits.length % LOOKUPS_PER_TURN === 0) {
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
      if (mayHold?.(key) === false) {
        hits.push(undefined);
        continue;
      }
      const payload = readRecord(this.#source.database(), hashKey(PREFIX.dedup, key));
      const hit = payload === undefined ? undefined : decodeDedupHit(payload);
      hits.push(hit !== undefined && hit.leafIndex < this.#source.treeSize() ? hit : undefined);
    }
    return hits;
  }

  #places(): EntryPlaces {
    const { database, entries, sealed } = this.#source;
    return { database: database(), entries: entries(), sealed: sealed() };
  }
}

/** The hashes of a span, or those of height 4 in their place where it is that high. */
function readSpan(read: ReadPayload, span: TileSpan, treeSize: number): Uint8Array {
  const isFull = tileWidth(span.level, span.index, treeSize) === TILE_WIDTH;
  const start = span.index * TILE_WIDTH + span.start;
  if (span.count < ROW_WIDTH) {
    return readItems(read, hashColumn(span.level), start, start + span.count, isFull).items;
  }
  const first = start / ROW_WIDTH;
  const last = first + span.count / ROW_WIDTH;
  return readItems(read, innerColumn(span.level), first, last, isFull).items;
}

/** Cuts `bytes` into hashes: views. */
export function splitHashes(bytes: Uint8Array): readonly Uint8Array[] {
  const hashes: Uint8Array[] = [];
  for (let offset = 0; offset < bytes.length; offset += HASH_BYTES) {
    hashes.push(bytes.subarray(offset, offset + HASH_BYTES));
  }
  return hashes;
}

function remembering(read: ReadPayload): ReadPayload {
  const known = new Map<string, Uint8Array | undefined>();
  return (key) => {
    const name = bytesKey(key);
    const found = known.get(name);
    if (found !== undefined) return found;
    const payload = read(key);
    known.set(name, payload);
    return payload;
  };
}

function joinRuns(start: number, runs: readonly EntryRun[], into: Into | undefined): EntryRun {
  const [only] = runs;
  if (only !== undefined && runs.length === 1) return only;
  const ends: number[] = [];
  let offset = 0;
  for (const run of runs) {
    for (const end of run.ends) ends.push(offset + end);
    offset += run.bytes.length;
  }
  const parts = runs.map((run) => run.bytes);
  return { start, bytes: joinBytes(parts, into), ends };
}
