/**
 * What is looked at when a store opens: entries whose flush cannot be vouched for, and the
 * records that LevelDB's log may have dropped.
 * @module
 */
import { MalformedError } from "../../base/errors.ts";
import { TlsReader } from "../../encoding/tls-reader.ts";
import { TILE_WIDTH } from "../../merkle/tile.ts";
import { readTileLeaf } from "../../static-ct/tile-leaf.ts";
import { type ReadPayload, readItems } from "./column.ts";
import type { EntryFiles } from "./entry-files.ts";
import { type EntryPlaces, readWholeTile } from "./entry-pieces.ts";
import { findTail, putPositions } from "./plan.ts";
import { POSITIONS, readPositions } from "./position.ts";
import {
  decodeHead,
  decodePublished,
  HEAD_KEY,
  type HeadRecord,
  PUBLISHED_KEY,
  RecordBatch,
  readRecord,
  unlessCorrupt,
} from "./record.ts";
import type { Database } from "./seam.ts";

/** Bytes that a tile's entries are first taken to have. */
const PARSE_BYTES = 1_048_576;

/**
 * Entries whose records are checked before a shard opens when nothing is wrong with LevelDB's
 * log, half a second's work; the others that it may have held follow while it is open.
 */
export const RECHECK_FIRST_MAX = 16_384;

/**
 * Copies the segments of entries [published, committed) to new files and flushes them. An
 * entry below the published size was signed for by a process that had seen both of its flushes
 * succeed. Of one above it, an earlier process may have seen a flush fail and died: the page
 * cache then shows what is not on disk. After a clean stop there is none above.
 * LevelDB does the same with its log whenever it opens: it writes it to new, flushed tables.
 *
 * @throws UnavailableError `UNAVAILABLE_STORE` if there is no room.
 */
export async function renewTail(database: Database, entries: EntryFiles): Promise<void> {
  const head = readRecord(database, HEAD_KEY);
  const published = readRecord(database, PUBLISHED_KEY);
  const start = published === undefined ? 0 : decodePublished(published).treeSize;
  const end = head === undefined ? 0 : decodeHead(head).committed.treeSize;
  if (start >= end) return;
  const last = entries.segmentOf(end - 1);
  for (let segment = entries.segmentOf(start); segment <= last; segment += 1) {
    await entries.renew(segment);
  }
}

/**
 * Mends what a dropped batch can have left unknown of where entries are.
 * @param write As of {@link mendPositions}.
 * @returns The first entry whose records are to be checked.
 */
export async function mendNewest(
  places: EntryPlaces,
  head: HeadRecord | undefined,
  writeBufferBytes: number,
  write: (batch: RecordBatch) => Promise<void>,
): Promise<number> {
  if (head === undefined) return 0;
  const start = recheckStart(places.database, head, writeBufferBytes);
  await mendPositions(places, { start, head }, write);
  return start;
}

/**
 * Index of the first entry whose records LevelDB's log may have held when the store was last
 * closed: a flipped bit in the log drops whole batches without a word. The log has at most the
 * bytes of two write buffers, and each buffer takes one more batch when it is nearly full.
 * Each tile has beside it how many bytes of batches went before its first entry; what is
 * before that entry was written by then or in the batch that wrote it, so a third batch is
 * added. Publishing a head fills the log too, which only makes the bound safer.
 *
 * @param writeBufferBytes In use now.
 * @returns A multiple of 256.
 */
function recheckStart(database: Database, head: HeadRecord, writeBufferBytes: number): number {
  const bufferBytes = Math.max(writeBufferBytes, head.writeBufferBytes);
  const settled = head.batchBytesTotal - 2 * bufferBytes - 3 * head.batchBytesMax;
  if (settled < 0) return 0;
  const read: ReadPayload = (key) => readRecord(database, key);
  for (let tile = Math.floor(head.committed.treeSize / TILE_WIDTH); tile > 0; tile -= 1) {
    const first = tile * TILE_WIDTH;
    if (first >= head.committed.treeSize) continue;
    const isFull = first + TILE_WIDTH <= head.committed.treeSize;
    const origin = unlessCorrupt(() => readPositions(read, first, first + 1, isFull).origin);
    if (origin !== undefined && origin.batchBytes <= settled) return first;
  }
  return 0;
}

/**
 * Finds out again where the entries of [start, head's size) are, for tiles whose record of it
 * is missing or damaged, by reading the entries one after the other. What cannot be found out
 * stays as it is: reading it is `FATAL_STORE_CORRUPT`.
 *
 * @param start A multiple of 256.
 * @param write Makes a tile's records durable.
 */
async function mendPositions(
  places: EntryPlaces,
  input: { readonly start: number; readonly head: HeadRecord },
  write: (batch: RecordBatch) => Promise<void>,
): Promise<void> {
  const { database, entries: files } = places;
  const { treeSize } = input.head.committed;
  const read: ReadPayload = (key) => readRecord(database, key);
  for (let first = input.start; first < treeSize; first += TILE_WIDTH) {
    const end = Math.min(treeSize, first + TILE_WIDTH);
    const isFull = end - first === TILE_WIDTH;
    const known = unlessCorrupt(() => readItems(read, POSITIONS, first, end, isFull));
    if (known !== undefined) continue;
    const tail = unlessCorrupt(() => findTail(database, files, first));
    if (tail === undefined) continue;
    const entries = await parseEntries(places, first, end, tail.position);
    if (entries === undefined) continue;
    const batch = new RecordBatch();
    const batchBytes = input.head.batchBytesTotal;
    putPositions(batch, database, files, { start: first, tail, entries, batchBytes });
    await write(batch);
  }
}

/** Entries [start, end) of one tile, from their own lengths; undefined if they are not there. */
async function parseEntries(
  places: EntryPlaces,
  start: number,
  end: number,
  position: number,
): Promise<readonly Uint8Array[] | undefined> {
  const { entries: files } = places;
  if (end - start === TILE_WIDTH) {
    const whole = await readWholeTile(places, start / TILE_WIDTH);
    if (whole !== undefined) return parseLeaves(whole, TILE_WIDTH);
  }
  let length = PARSE_BYTES;
  for (;;) {
    const bytes = await files.readUpTo(files.segmentOf(start), position, length);
    const entries = parseLeaves(bytes, end - start);
    if (entries !== undefined || bytes.length < length) return entries;
    length *= 2;
  }
}

function parseLeaves(bytes: Uint8Array, count: number): readonly Uint8Array[] | undefined {
  const reader = new TlsReader(bytes);
  const entries: Uint8Array[] = [];
  try {
    while (entries.length < count) {
      const start = reader.offset;
      readTileLeaf(reader);
      entries.push(bytes.subarray(start, reader.offset));
    }
    return entries;
  } catch (error) {
    if (error instanceof MalformedError) return undefined;
    throw error;
  }
}
