/**
 * Rows of equal items that only grow, cut into records: an item's place in a tile decides its
 * record. A full tile is one record of 256 items; the growing one is kept as rows of 16, so
 * that a group of one or two entries rewrites half a kilobyte and not eight.
 * @module
 */
import { concatBytes } from "../../encoding/bytes.ts";
import { carved } from "../../encoding/memory.ts";
import { HASH_BYTES } from "../../merkle/hash.ts";
import { TILE_WIDTH } from "../../merkle/tile.ts";
import { corrupt, PREFIX, type RecordBatch } from "./record.ts";

/** Items of one row. */
export const ROW_WIDTH = 16;

/** How the items of one kind are keyed. */
export interface Column {
  /** For messages. */
  readonly name: string;
  readonly itemBytes: number;
  /** Bytes before the items in each record; the same in all records of a tile. */
  readonly headerBytes: number;
  /** Key of a full tile's record; undefined where rows stay rows. */
  readonly tileKey: ((tile: number) => Uint8Array) | undefined;
  readonly rowKey: (row: number) => Uint8Array;
}

/** Reads a record's checked payload. */
export type ReadPayload = (key: Uint8Array) => Uint8Array | undefined;

/** A column for each level, made once: a head asks for some of each entry. */
function perLevel(make: (level: number) => Column): (level: number) => Column {
  const made: Column[] = [];
  return (level) => {
    made[level] ??= make(level);
    return made[level];
  };
}

/** The hashes of hash tiles of `level`. */
export const hashColumn: (level: number) => Column = perLevel((level) => {
  return {
    name: `hashes of level ${level}`,
    itemBytes: HASH_BYTES,
    headerBytes: 0,
    tileKey: (tile) => numberedKey([PREFIX.tile, level], tile, 4),
    rowKey: (row) => numberedKey([PREFIX.row, level], row, 5),
  };
});

/** The nodes of tree level `8 * level + 4`: 16 for each hash tile of `level`, one row. */
export const innerColumn: (level: number) => Column = perLevel((level) => {
  return {
    name: `inner hashes of level ${level}`,
    itemBytes: HASH_BYTES,
    headerBytes: 0,
    tileKey: undefined,
    rowKey: (row) => numberedKey([PREFIX.inner, level], row, 5),
  };
});

/** `prefix` and `number` in `width` bytes. */
export function numberedKey(prefix: readonly number[], number: number, width: number): Uint8Array {
  const key = carved(prefix.length + width);
  key.set(prefix);
  let rest = number;
  for (let index = key.length - 1; index >= prefix.length; index -= 1) {
    key[index] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  return key;
}

/** Items that follow each other, and the header of their tile; views or copies. */
export interface Items {
  readonly header: Uint8Array;
  readonly items: Uint8Array;
}

/**
 * Items [start, end) of one tile; at least one.
 *
 * @param isFull Whether the tile is known to be full. If not, its rows are tried first and its
 *   full record after them: a commit may fill the tile, and drop the rows, at any moment.
 * @throws FatalError `FATAL_STORE_CORRUPT` if some are not there.
 */
export function readItems(
  read: ReadPayload,
  column: Column,
  start: number,
  end: number,
  isFull: boolean,
): Items {
  const { headerBytes, itemBytes, tileKey } = column;
  const rows = isFull && tileKey !== undefined ? undefined : readRows(read, column, start, end);
  if (rows !== undefined) return rows;
  const tile = Math.floor(start / TILE_WIDTH);
  const payload = tileKey === undefined ? undefined : read(tileKey(tile));
  if (payload === undefined) throw corrupt(`${column.name} [${start}, ${end}) are missing`);
  if (payload.length !== headerBytes + TILE_WIDTH * itemBytes) {
    throw corrupt(`${column.name}, tile ${tile}, has ${payload.length} bytes`);
  }
  return slice(column, payload, start - tile * TILE_WIDTH, end - tile * TILE_WIDTH);
}

/**
 * Plans the records of items from `start` on.
 *
 * @param items One after the other.
 * @param headerOf The header of a tile's records.
 */
export function putItems(
  batch: RecordBatch,
  read: ReadPayload,
  column: Column,
  start: number,
  items: Uint8Array,
  headerOf: (tile: number) => Uint8Array,
): void {
  const end = start + items.length / column.itemBytes;
  const itemsOf = (first: number, last: number) =>
    items.subarray((first - start) * column.itemBytes, (last - start) * column.itemBytes);
  const prefixOf = (first: number, last: number) =>
    first === last ? new Uint8Array(0) : readItems(read, column, first, last, false).items;
  let first = start;
  while (first < end) {
    const tile = Math.floor(first / TILE_WIDTH);
    const tileStart = tile * TILE_WIDTH;
    const tileEnd = tileStart + TILE_WIDTH;
    const header = headerOf(tile);
    if (column.tileKey !== undefined && tileEnd <= end) {
      const prefix = prefixOf(tileStart, first);
      const payload = concatBytes(header, prefix, itemsOf(first, tileEnd));
      batch.put(column.tileKey(tile), payload);
      deleteRows(batch, column, tileStart, first);
      first = tileEnd;
      continue;
    }
    const rowStart = first - (first % ROW_WIDTH);
    const last = Math.min(end, rowStart + ROW_WIDTH);
    const payload = concatBytes(header, prefixOf(rowStart, first), itemsOf(first, last));
    batch.put(column.rowKey(rowStart / ROW_WIDTH), payload);
    first = last;
  }
}

/** Plans that the items [end, held) are gone; what is left of the last tile becomes rows again. */
export function cutItems(
  batch: RecordBatch,
  read: ReadPayload,
  column: Column,
  end: number,
  held: number,
): void {
  if (end === held) return;
  const tile = Math.floor(end / TILE_WIDTH);
  const edge = tile * TILE_WIDTH;
  const kept = edge === end ? undefined : readItems(read, column, edge, end, false);
  for (let index = tile; index * TILE_WIDTH < held; index += 1) {
    if (column.tileKey !== undefined) batch.delete(column.tileKey(index));
  }
  deleteRows(batch, column, edge, held);
  if (kept === undefined) return;
  for (let first = edge; first < end; first += ROW_WIDTH) {
    const last = Math.min(end, first + ROW_WIDTH);
    const { itemBytes } = column;
    const items = kept.items.subarray((first - edge) * itemBytes, (last - edge) * itemBytes);
    batch.put(column.rowKey(first / ROW_WIDTH), concatBytes(kept.header, items));
  }
}

function deleteRows(batch: RecordBatch, column: Column, start: number, end: number): void {
  for (let first = start; first < end; first += ROW_WIDTH) {
    batch.delete(column.rowKey(Math.floor(first / ROW_WIDTH)));
  }
}

function readRows(
  read: ReadPayload,
  column: Column,
  start: number,
  end: number,
): Items | undefined {
  const parts: Items[] = [];
  let first = start;
  while (first < end) {
    const rowStart = first - (first % ROW_WIDTH);
    const last = Math.min(end, rowStart + ROW_WIDTH);
    const payload = read(column.rowKey(rowStart / ROW_WIDTH));
    const needed = column.headerBytes + (last - rowStart) * column.itemBytes;
    if (payload === undefined || payload.length < needed) return undefined;
    parts.push(slice(column, payload, first - rowStart, last - rowStart));
    first = last;
  }
  const [only] = parts;
  if (only === undefined || parts.length === 1) return only;
  return { header: only.header, items: concatBytes(...parts.map((part) => part.items)) };
}

function slice(column: Column, payload: Uint8Array, start: number, end: number): Items {
  const { headerBytes, itemBytes } = column;
  return {
    header: payload.subarray(0, headerBytes),
    items: payload.subarray(headerBytes + start * itemBytes, headerBytes + end * itemBytes),
  };
}
