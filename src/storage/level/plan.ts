/**
 * Which records a commit, a rewrite and a revert put and delete. Reads, never writes.
 * @module
 */
import { defined } from "../../base/assert.ts";
import { bytesKey, concatBytes } from "../../encoding/bytes.ts";
import { TILE_HEIGHT, TILE_WIDTH } from "../../merkle/tile.ts";
import type { TreeHead } from "../../rfc6962/tree-head.ts";
import type { Commit, DerivedRecords, Issuer } from "../store.ts";
import { cutItems, hashColumn, innerColumn, putItems, type ReadPayload } from "./column.ts";
import { type Append, type EntryFiles, SEGMENT_HEADER_BYTES } from "./entry-files.ts";
import {
  encodeOrigin,
  encodePositions,
  POSITIONS,
  readPositions,
  type TileOrigin,
} from "./position.ts";
import {
  decodeDedupHit,
  decodeLeafIndex,
  encodeDedupHit,
  encodeHead,
  encodeLeafIndex,
  HEAD_KEY,
  type HeadRecord,
  hashKey,
  openValue,
  PREFIX,
  type RecordBatch,
  RecordBatch as Records,
  readRecord,
  unlessCorrupt,
} from "./record.ts";
import type { Database } from "./seam.ts";

/** Levels of nodes that have records of their own: multiples of 8, and 4 above each. */
const INNER_HEIGHT = TILE_HEIGHT / 2;

/** Where the next entry goes. */
export interface Tail {
  /** In bytes from the start of its segment's file. */
  readonly position: number;
  /** Of the tile that it goes into; undefined if it is that tile's first entry. */
  readonly origin: TileOrigin | undefined;
}

/** Where entry `start` goes, behind the committed ones. @throws FatalError `FATAL_STORE_CORRUPT`. */
export function findTail(database: Database, files: EntryFiles, start: number): Tail {
  const isNewSegment = start === 0 || files.segmentOf(start) !== files.segmentOf(start - 1);
  if (isNewSegment) return { position: SEGMENT_HEADER_BYTES, origin: undefined };
  const last = readPositions((key) => readRecord(database, key), start - 1, start, false);
  const position = last.start + defined(last.ends[0], "the position of the last entry");
  return { position, origin: start % TILE_WIDTH === 0 ? undefined : last.origin };
}

/**
 * Cuts entries at the ends of segments.
 * @param position Where the first begins, if `start` is not the first of its segment.
 */
export function planAppends(
  files: EntryFiles,
  start: number,
  position: number,
  entries: readonly Uint8Array[],
): readonly Append[] {
  const appends: Append[] = [];
  let first = start;
  while (first < start + entries.length) {
    const segment = files.segmentOf(first);
    const last = Math.min(start + entries.length, files.endOf(segment));
    appends.push({
      segment,
      position: first === start ? position : SEGMENT_HEADER_BYTES,
      entries: entries.slice(first - start, last - start),
    });
    first = last;
  }
  return appends;
}

/** The issuers without a sound record, each once. @throws UnavailableError `UNAVAILABLE_STORE`. */
export function newIssuers(database: Database, issuers: readonly Issuer[]): readonly Issuer[] {
  const distinct = new Map(issuers.map((issuer) => [bytesKey(issuer.fingerprint), issuer]));
  return [...distinct.values()].filter(({ fingerprint }) => {
    const key = hashKey(PREFIX.issuer, fingerprint);
    return unlessCorrupt(() => readRecord(database, key)) === undefined;
  });
}

/** The records of a commit but its head's. */
export function planCommit(
  database: Database,
  files: EntryFiles,
  input: {
    readonly commit: Commit;
    /** Those of the commit that have no record yet. */
    readonly issuers: readonly Issuer[];
    readonly tail: Tail;
    /** The head that the commit follows. */
    readonly head: HeadRecord | undefined;
  },
): RecordBatch {
  const { commit, issuers, tail, head } = input;
  const batch = new Records();
  for (const { fingerprint, der } of issuers) {
    batch.put(hashKey(PREFIX.issuer, fingerprint), der);
  }
  const start = head?.committed.treeSize ?? 0;
  putPositions(batch, database, files, {
    start,
    tail,
    entries: commit.entries,
    batchBytes: head?.batchBytesTotal ?? 0,
  });
  planDerived(batch, database, start, commit);
  return batch;
}

/** Puts where `entries`, which go to `tail`, are. */
export function putPositions(
  batch: RecordBatch,
  database: Database,
  files: EntryFiles,
  input: {
    /** Index of the first. */
    readonly start: number;
    readonly tail: Tail;
    readonly entries: readonly Uint8Array[];
    /** For tiles that begin here: see {@link TileOrigin}. */
    readonly batchBytes: number;
  },
): void {
  const { start, tail, entries, batchBytes } = input;
  const end = start + entries.length;
  const headers = new Map<number, Uint8Array>();
  const items: Uint8Array[] = [];
  let position = tail.position;
  let first = start;
  while (first < end) {
    const tile = Math.floor(first / TILE_WIDTH);
    const isNewSegment = first > start && files.segmentOf(first) !== files.segmentOf(first - 1);
    if (isNewSegment) position = SEGMENT_HEADER_BYTES;
    const known = first === start ? tail.origin : undefined;
    const origin = known ?? { start: position, batchBytes };
    const last = Math.min(end, (tile + 1) * TILE_WIDTH);
    const piece = entries.slice(first - start, last - start);
    headers.set(tile, encodeOrigin(origin));
    items.push(encodePositions(position - origin.start, piece));
    for (const entry of piece) position += entry.length;
    first = last;
  }
  const read: ReadPayload = (key) => readRecord(database, key);
  const headerOf = (tile: number) => defined(headers.get(tile), "a header for each tile");
  putItems(batch, read, POSITIONS, start, concatBytes(...items), headerOf);
}

/** Puts tiles, inner hashes and indexes of the entries from `start` on. */
export function planDerived(
  batch: RecordBatch,
  database: Database,
  start: number,
  records: DerivedRecords,
): void {
  const read: ReadPayload = (key) => readRecord(database, key);
  const noHeader = () => new Uint8Array(0);
  for (const run of records.runs) {
    const level = Math.floor(run.level / TILE_HEIGHT);
    const height = run.level - level * TILE_HEIGHT;
    if (height !== 0 && height !== INNER_HEIGHT) continue;
    const column = height === 0 ? hashColumn(level) : innerColumn(level);
    putItems(batch, read, column, run.start, concatBytes(...run.hashes), noHeader);
  }
  const leafHashes = records.runs[0]?.hashes ?? [];
  records.dedupKeys.forEach((dedupKey, offset) => {
    const leafIndex = start + offset;
    const timestampMs = defined(records.timestampsMs[offset], "a timestamp for each entry");
    const leafHash = defined(leafHashes[offset], "a leaf hash for each entry");
    batch.put(hashKey(PREFIX.dedup, dedupKey), encodeDedupHit({ leafIndex, timestampMs }));
    batch.put(hashKey(PREFIX.leaf, leafHash), encodeLeafIndex(leafIndex));
  });
}

/** Puts the head; the last of a batch, because it counts the batch's bytes. */
export function putHead(
  batch: RecordBatch,
  input: {
    readonly committed: TreeHead;
    readonly previous: TreeHead | undefined;
    readonly entriesSha256: Uint8Array;
    /** The record that this one replaces. */
    readonly before: HeadRecord | undefined;
    /** In use now. */
    readonly writeBufferBytes: number;
  },
): void {
  const { committed, previous, entriesSha256, before } = input;
  const record: HeadRecord = {
    committed,
    previous,
    entriesSha256,
    batchBytesTotal: 0,
    batchBytesMax: 0,
    writeBufferBytes: Math.max(before?.writeBufferBytes ?? 0, input.writeBufferBytes),
  };
  const batchBytes = batch.bytes + HEAD_KEY.length + encodeHead(record).length + 4;
  const batchBytesTotal = (before?.batchBytesTotal ?? 0) + batchBytes;
  const batchBytesMax = Math.max(before?.batchBytesMax ?? 0, batchBytes);
  batch.put(HEAD_KEY, encodeHead({ ...record, batchBytesTotal, batchBytesMax }));
}

/** Takes tiles, inner hashes and positions of the entries [treeSize, held) back. */
export function planCut(
  batch: RecordBatch,
  database: Database,
  treeSize: number,
  held: number,
): void {
  const read: ReadPayload = (key) => readRecord(database, key);
  cutItems(batch, read, POSITIONS, treeSize, held);
  for (let height = 0; 2 ** height <= held; height += INNER_HEIGHT) {
    const level = Math.floor(height / TILE_HEIGHT);
    const column = height % TILE_HEIGHT === 0 ? hashColumn(level) : innerColumn(level);
    const end = Math.floor(treeSize / 2 ** height);
    cutItems(batch, read, column, end, Math.floor(held / 2 ** height));
  }
}

/**
 * Deletes the index records of entries at or beyond `treeSize`: looks at every one, because
 * the entries that would name them may be what is wrong. A record whose checksum differs stays.
 */
export async function scanBeyond(
  batch: RecordBatch,
  database: Database,
  treeSize: number,
): Promise<void> {
  for (const prefix of [PREFIX.dedup, PREFIX.leaf]) {
    for await (const [key, value] of database.scan(
      Uint8Array.of(prefix),
      Uint8Array.of(prefix + 1),
    )) {
      if (indexOf(prefix, key, value) >= treeSize) batch.delete(key);
    }
  }
}

function indexOf(prefix: number, key: Uint8Array, value: Uint8Array): number {
  let payload: Uint8Array;
  try {
    payload = openValue(key, value);
  } catch {
    return -1;
  }
  return prefix === PREFIX.dedup ? decodeDedupHit(payload).leafIndex : decodeLeafIndex(payload);
}
