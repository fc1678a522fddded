/**
 * Where entries are in their segment: for each tile where its first entry begins, for each
 * entry its end and the CRC-32 of its bytes. So one entry is one read, and every read is
 * checked: the leaf hash says nothing of a precertificate or a chain.
 *
 * ```
 * struct { uint48 start; uint64 batch_bytes; } header;         of each record of a tile
 * struct { uint32 end; uint32 crc32; } item;                   end: from `start` on
 * ```
 * @module
 */
import { crc32 } from "node:zlib";
import { TlsReader } from "../../encoding/tls-reader.ts";
import { TlsWriter } from "../../encoding/tls-writer.ts";
import { TILE_WIDTH } from "../../merkle/tile.ts";
import { type Column, numberedKey, type ReadPayload, readItems } from "./column.ts";
import { corrupt, PREFIX } from "./record.ts";

/** Bytes of one item. */
const ITEM_BYTES = 8;

/** The positions of entries, 256 for each data tile. */
export const POSITIONS: Column = {
  name: "positions",
  itemBytes: ITEM_BYTES,
  headerBytes: 14,
  tileKey: (tile) => numberedKey([PREFIX.position], tile, 4),
  rowKey: (row) => numberedKey([PREFIX.positionRow], row, 5),
};

/** What is the same for all entries of a tile. */
export interface TileOrigin {
  /** Where its first entry begins, in bytes from the start of the segment file. */
  readonly start: number;
  /** Bytes of all batches before the one that wrote its first entry. */
  readonly batchBytes: number;
}

/** Where some entries of one tile are, in one piece. */
export interface EntryPositions {
  readonly origin: TileOrigin;
  /** Where the first begins, in bytes from the start of the segment file. */
  readonly start: number;
  /** For each the offset behind its last byte, from `start` on. */
  readonly ends: readonly number[];
  /** For each the CRC-32 of its bytes. */
  readonly crcs: readonly number[];
}

/** Encodes the header of a tile's position records. */
export function encodeOrigin(origin: TileOrigin): Uint8Array {
  return new TlsWriter(14).uint(origin.start, 6).uint(origin.batchBytes, 8).finish();
}

/**
 * The items of entries that follow each other within one tile.
 * @param start Where the first begins, from the start of its tile, in bytes.
 */
export function encodePositions(start: number, entries: readonly Uint8Array[]): Uint8Array {
  const items = new Uint8Array(ITEM_BYTES * entries.length);
  const view = new DataView(items.buffer);
  let end = start;
  entries.forEach((entry, index) => {
    end += entry.length;
    if (end > 0xffffffff) throw new RangeError("a tile of entries holds less than 4 GiB");
    view.setUint32(ITEM_BYTES * index, end);
    view.setUint32(ITEM_BYTES * index + 4, crc32(entry));
  });
  return items;
}

/**
 * Where the entries [start, end), all of one tile, are.
 * @throws FatalError `FATAL_STORE_CORRUPT` if that is not known.
 */
export function readPositions(
  read: ReadPayload,
  start: number,
  end: number,
  isFull: boolean,
): EntryPositions {
  const before = start % TILE_WIDTH === 0 ? 0 : 1;
  const { header, items } = readItems(read, POSITIONS, start - before, end, isFull);
  const reader = new TlsReader(header);
  const origin = { start: reader.uint(6), batchBytes: reader.uint(8) };
  const view = new DataView(items.buffer, items.byteOffset, items.length);
  const first = before === 0 ? 0 : view.getUint32(0);
  const ends: number[] = [];
  const crcs: number[] = [];
  for (let offset = before * ITEM_BYTES; offset < items.length; offset += ITEM_BYTES) {
    ends.push(view.getUint32(offset) - first);
    crcs.push(view.getUint32(offset + 4));
  }
  return { origin, start: origin.start + first, ends, crcs };
}

/** @throws FatalError `FATAL_STORE_CORRUPT` unless `bytes` are the entries that `positions` names. */
export function requireEntries(
  bytes: Uint8Array,
  positions: EntryPositions,
  firstIndex: number,
): void {
  let start = 0;
  positions.ends.forEach((end, offset) => {
    if (end > bytes.length) throw corrupt(`entry ${firstIndex + offset} is cut off`);
    if (crc32(bytes.subarray(start, end)) !== positions.crcs[offset]) {
      throw corrupt(`the checksum of entry ${firstIndex + offset} differs`);
    }
    start = end;
  });
}
