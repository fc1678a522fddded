/**
 * A sealed segment: the full data tiles of one segment of entries as gzip, each the very bytes
 * that `/tile/data/` serves (c2sp.org/static-ct-api#log-entries), behind one header.
 *
 * The deflate stream of a tile is flushed in full after every 16 entries: from such a point on
 * it can be inflated without what stands before it, so that one entry costs a sixteenth of its
 * tile. Measured with level 1: 12 % more bytes.
 *
 * ```
 * struct { opaque magic[8] = "stratgz\n"; uint16 version = 1; uint16 tiles; uint32 segment;
 *          SealedTile tile[tiles]; uint32 crc32; } header;
 * struct { uint32 length; uint32 crc32; uint32 group_ends[16]; } SealedTile;
 * ```
 * The tiles follow, one after the other. `group_ends` count from the first byte of the tile's
 * gzip member, the first group begins behind its header of 10 bytes.
 * @module
 */
import {
  constants,
  crc32,
  createDeflateRaw,
  type DeflateRaw,
  gunzip,
  inflateRawSync,
} from "node:zlib";
import { assert } from "../../base/assert.ts";
import { FatalError } from "../../base/errors.ts";
import { concatBytes, equalBytes, hasBytesAt } from "../../encoding/bytes.ts";
import { TlsWriter } from "../../encoding/tls-writer.ts";
import { encodeUtf8 } from "../../encoding/utf8.ts";
import { TILE_WIDTH } from "../../merkle/tile.ts";
import type { Into } from "../store.ts";
import { corrupt } from "./record.ts";

/** Entries between two points from which a tile can be inflated. */
export const GROUP_ENTRIES = 16;

/** Such groups of one tile. */
export const TILE_GROUPS: number = TILE_WIDTH / GROUP_ENTRIES;

/** Measured: level 6 takes 1.9 times the CPU for 1 to 5 % fewer bytes. */
const GZIP_LEVEL = 1;

/** What stands before the deflate stream: RFC 1952, section 2.3, without optional fields. */
const GZIP_HEADER_BYTES = 10;

/** The final empty block, CRC-32 and length. */
const GZIP_TRAILER_BYTES = 10;

/** Deflate, no fields, no time: what all readers take. Two octets of advice follow. */
const FRAME_START: Uint8Array = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0);

/** That advice as zlib gives it: the fastest level, Unix. */
const FRAME_ADVICE: Uint8Array = Uint8Array.of(4, 3);

/** Length and its complement of the empty stored block that a full flush ends with. */
const EMPTY_BLOCK = 0x0000_ffff;

/** An empty last block with fixed codes, padded to two octets. */
const LAST_BLOCK = 0x0300;

const VERSION = 1;
const MAGIC: Uint8Array = encodeUtf8("stratgz\n");
const FIXED_BYTES = 16;
const TILE_WORDS = 2 + TILE_GROUPS;
const TILE_BYTES = 4 * TILE_WORDS;
const CRC_BYTES = 4;
/** What zlib fills before it asks for more; of another size than Node's pool: see `release`. */
const OUTPUT_BYTES = 131_072;
const CHUNK_BYTES_MAX = 4_194_304;
const UINT32_MAX = 0xffff_ffff;

/** Where a tile stands in a sealed segment. */
export interface SealedTile {
  /** Bytes of its gzip member. */
  readonly length: number;
  /** CRC-32 of its gzip member. */
  readonly crc: number;
  /** For each group the offset behind its last byte, from the member's first byte on. */
  readonly groupEnds: readonly number[];
}

/** A full data tile as gzip. */
export interface GzipTile {
  readonly bytes: Uint8Array;
  readonly groupEnds: readonly number[];
}

/** Bytes of the header of a segment of `tiles` tiles: where its first tile begins. */
export function sealedHeaderBytes(tiles: number): number {
  return FIXED_BYTES + TILE_BYTES * tiles + CRC_BYTES;
}

/** Encodes the header of segment `segment`. */
export function encodeSealedHeader(segment: number, tiles: readonly SealedTile[]): Uint8Array {
  const writer = new TlsWriter(sealedHeaderBytes(tiles.length))
    .fixed(MAGIC)
    .uint(VERSION, 2)
    .uint(tiles.length, 2)
    .uint(segment, 4);
  for (const { length, crc, groupEnds } of tiles) {
    writer.uint(length, 4).uint(crc, 4);
    for (const end of groupEnds) writer.uint(end, 4);
  }
  const bytes = writer.finish();
  return concatBytes(bytes, new TlsWriter(CRC_BYTES).uint(crc32(bytes), CRC_BYTES).finish());
}

/**
 * Reads what {@link encodeSealedHeader} writes.
 * @throws FatalError `FATAL_STORE_FORMAT` if a newer program wrote it; `FATAL_STORE_CORRUPT`.
 */
export function decodeSealedHeader(
  bytes: Uint8Array,
  segment: number,
  tileCount: number,
): SealedHeader {
  const wrong = () => corrupt(`sealed segment ${segment} has another header`);
  if (bytes.length !== sealedHeaderBytes(tileCount)) throw wrong();
  const end = bytes.length - CRC_BYTES;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  // A version is believed only if the checksum holds: else a flipped bit is a newer program.
  if (view.getUint32(end) !== crc32(bytes.subarray(0, end))) throw wrong();
  if (!hasBytesAt(bytes, 0, MAGIC)) throw wrong();
  const version = view.getUint16(8);
  if (version > VERSION) {
    const message = `expected sealed segment format ${VERSION}, got ${version}`;
    throw new FatalError("FATAL_STORE_FORMAT", message);
  }
  const isOther = view.getUint16(10) !== tileCount || view.getUint32(12) !== segment;
  if (version !== VERSION || isOther) throw wrong();
  const words = new Uint32Array(TILE_WORDS * tileCount);
  for (let index = 0; index < words.length; index += 1) {
    words[index] = view.getUint32(FIXED_BYTES + 4 * index);
  }
  const header = new SealedHeader(words);
  for (let position = 0; position < tileCount; position += 1) {
    const { length, groupEnds } = header.tile(position);
    let before = GZIP_HEADER_BYTES;
    for (const groupEnd of groupEnds) {
      if (groupEnd <= before) throw wrong();
      before = groupEnd;
    }
    if (before + GZIP_TRAILER_BYTES > length) throw wrong();
  }
  return header;
}

/** Where the tiles of a sealed segment stand: a kilobyte for each segment that is open. */
export class SealedHeader {
  /** For each tile its length, its checksum and where its groups end. */
  readonly #words: Uint32Array;

  /** @param words Not to be changed any more. */
  constructor(words: Uint32Array) {
    this.#words = words;
  }

  /** Where the groups of a tile stand. @param position Of the tile in its segment. */
  tile(position: number): SealedTile {
    const first = TILE_WORDS * position;
    const [length, crc, ...groupEnds] = this.#words.subarray(first, first + TILE_WORDS);
    assert(length !== undefined && crc !== undefined, "a tile of the segment");
    return { length, crc, groupEnds };
  }

  /** Where a tile begins, in bytes from the start of the file. */
  startOf(position: number): number {
    let start = sealedHeaderBytes(this.#words.length / TILE_WORDS);
    for (let before = 0; before < position; before += 1) {
      start += this.#words[TILE_WORDS * before] ?? 0;
    }
    return start;
  }
}

/** The bytes of a tile's member that hold the groups [first, last): offsets in the member. */
export function groupRange(
  tile: SealedTile,
  first: number,
  last: number,
): { readonly start: number; readonly end: number } {
  const start = first === 0 ? GZIP_HEADER_BYTES : tile.groupEnds[first - 1];
  const end = tile.groupEnds[last - 1];
  if (start === undefined || end === undefined || first >= last) {
    throw new RangeError(`no groups [${first}, ${last}) in a tile`);
  }
  return { start, end };
}

/**
 * Compresses tiles one after the other on the thread pool, with one engine: one for each tile
 * would ask for 268 kB each time, and what it had put out would hang on it until the next collection
 * of the whole heap.
 */
export class TileCompressor {
  readonly #stream: DeflateRaw;
  /** What was put out of the tile so far. */
  #chunks: Uint8Array[] = [];
  #length = 0;
  #error: Error | undefined;
  #fail: ((error: Error) => void) | undefined;

  constructor() {
    const options = { level: GZIP_LEVEL, flush: constants.Z_FULL_FLUSH, chunkSize: OUTPUT_BYTES };
    this.#stream = createDeflateRaw(options);
    this.#stream.on("data", (chunk: Uint8Array) => {
      this.#chunks.push(chunk);
      this.#length += chunk.length;
    });
    this.#stream.on("error", (error) => {
      this.#error = error;
      this.#fail?.(error);
    });
  }

  /**
   * One at a time.
   * @param groups The entries of each group, one after the other.
   * @throws Error of zlib: this compressor is of no use any more.
   */
  async compress(groups: readonly Uint8Array[]): Promise<GzipTile> {
    const groupEnds: number[] = [];
    for (const group of groups) {
      await this.#step((done) => this.#stream.write(group, done));
      groupEnds.push(GZIP_HEADER_BYTES + this.#length);
    }
    await this.#step((done) => this.#stream.flush(constants.Z_FINISH, done));
    this.#stream.reset();
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#length = 0;
    const bytes = concatBytes(FRAME_START, FRAME_ADVICE, ...chunks, frameEnd(groups));
    if (bytes.length > UINT32_MAX) throw new RangeError("a sealed tile holds less than 4 GiB");
    releaseAllButLast(chunks);
    return { bytes, groupEnds };
  }

  /** Gives its memory back. */
  close(): void {
    this.#stream.destroy();
  }

  /** Ends when all that the stream makes of it was put out. */
  async #step(act: (done: () => void) => void): Promise<void> {
    if (this.#error !== undefined) throw this.#error;
    await new Promise<void>((resolve, reject) => {
      this.#fail = reject;
      act(resolve);
    });
    // What the stream still holds of it is told within this turn.
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

/** CRC-32 and length of what was compressed: RFC 1952, section 2.3.1. */
function frameEnd(groups: readonly Uint8Array[]): Uint8Array {
  let crc = 0;
  let length = 0;
  for (const group of groups) {
    crc = crc32(group, crc);
    length += group.length;
  }
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, crc, true);
  view.setUint32(4, length % 2 ** 32, true);
  return bytes;
}

/** Gives back what chunks lie in, but for the last: its array is being filled further. */
function releaseAllButLast(chunks: readonly Uint8Array[]): void {
  const last = chunks.at(-1)?.buffer;
  for (const buffer of new Set(chunks.map((chunk) => chunk.buffer))) {
    if (buffer !== last) release(new Uint8Array(buffer));
  }
}

/**
 * Inflates a whole gzip member, as a client does, on the thread pool.
 * @param lengthMax Of what it holds.
 * @throws FatalError `FATAL_STORE_CORRUPT` if it holds more, or does not inflate.
 */
export function gunzipTile(bytes: Uint8Array, lengthMax: number): Promise<Uint8Array> {
  const maxOutputLength = lengthMax + 1;
  const chunkSize = Math.max(constants.Z_MIN_CHUNK, Math.min(maxOutputLength, CHUNK_BYTES_MAX));
  return new Promise((resolve, reject) => {
    gunzip(bytes, { chunkSize, maxOutputLength }, (cause, raw) => {
      if (cause !== null) reject(corrupt("a sealed tile does not inflate", cause));
      else resolve(new Uint8Array(raw.buffer, raw.byteOffset, raw.length));
    });
  });
}

/**
 * Inflates consecutive groups of a tile; synchronous: measured, some 30 us a group. All bytes
 * are used up, so that what follows them is inflated as it stands, too.
 * @param bytes As {@link groupRange} says.
 * @param length Of what they hold.
 * @param into Gives an array of at least so many bytes for it; absent: a fresh one.
 * @throws FatalError `FATAL_STORE_CORRUPT` if they hold something else.
 */
export function inflateGroups(bytes: Uint8Array, length: number, into?: Into): Uint8Array {
  let raw: Uint8Array;
  let usedBytes: number;
  try {
    // One byte more than is expected: the output is made in one piece, and more is seen.
    const chunkSize = Math.max(constants.Z_MIN_CHUNK, length + 1);
    const finishFlush = constants.Z_SYNC_FLUSH;
    const options = { chunkSize, finishFlush, maxOutputLength: chunkSize, info: true };
    // With `info` it returns more than its type says.
    const inflated = inflateRawSync(bytes, options) as unknown as Inflated;
    raw = inflated.buffer;
    usedBytes = inflated.engine.bytesWritten;
  } catch (cause) {
    throw corrupt("sealed entries do not inflate", cause);
  }
  if (raw.length !== length || usedBytes !== bytes.length) {
    throw corrupt(`sealed entries hold ${raw.length} bytes, not ${length}`);
  }
  if (into === undefined) return new Uint8Array(raw.buffer, raw.byteOffset, raw.length);
  const kept = into(length).subarray(0, length);
  kept.set(raw);
  release(raw);
  return kept;
}

interface Inflated {
  readonly buffer: Uint8Array;
  readonly engine: { readonly bytesWritten: number };
}

/**
 * Whether a member is what a gzip reader takes for `raw`, given that its groups inflate to it:
 * header, the empty block behind each group, which leaves nothing open, the end of the stream,
 * CRC-32 and length (RFC 1952, section 2.3.1).
 */
export function isFramed(bytes: Uint8Array, tile: SealedTile, raw: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const end = groupRange(tile, 0, TILE_GROUPS).end;
  return (
    bytes.length === end + GZIP_TRAILER_BYTES &&
    equalBytes(bytes.subarray(0, FRAME_START.length), FRAME_START) &&
    tile.groupEnds.every((groupEnd) => view.getUint32(groupEnd - 4) === EMPTY_BLOCK) &&
    view.getUint16(end) === LAST_BLOCK &&
    view.getUint32(end + 2, true) === crc32(raw) &&
    view.getUint32(end + 6, true) === raw.length % 2 ** 32
  );
}

/**
 * Gives memory back at once that nobody else sees: measured, the garbage collector else ran
 * through the whole heap each 1.6 s of a flat-out load.
 * @param bytes Of length 0 afterwards, unless they are part of the pool that Node's buffers share.
 */
export function release({ buffer, byteOffset }: Uint8Array): void {
  // The pool's arrays have this very size, whatever is asked of them.
  const isOwn = byteOffset === 0 && buffer.byteLength !== Buffer.poolSize;
  if (isOwn && buffer instanceof ArrayBuffer) buffer.transfer(0);
}
