/**
 * Verifies a table file of LevelDB to the last byte (doc/table_format.txt): each block has a
 * CRC-32C that LevelDB itself, as packaged, never looks at. The blocks and the footer must cover
 * the whole file, so that no flipped bit is outside of what is checked.
 *
 * | bytes | what |
 * |---|---|
 * | data blocks, filter block, meta index, index | each followed by its type (0 plain, 1 Snappy) and the masked CRC-32C of block and type |
 * | 40 | where meta index and index are: varints, filled up with zeros |
 * | 8 | magic |
 * @module
 */
import { defined } from "../../base/assert.ts";
import { formatHex } from "../../encoding/hex.ts";
import { corrupt } from "../level/record.ts";
import type { OpenFile } from "../level/seam.ts";
import { ByteReader } from "./byte-reader.ts";
import { crc32c, maskCrc } from "./crc32c.ts";
import { unpackSnappy } from "./snappy.ts";

const FOOTER_BYTES = 48;
const HANDLES_BYTES = 40;
const MAGIC = "57fb808b247547db";
/** Type and checksum behind each block. */
const TRAILER_BYTES = 5;
/** Bytes that are read at a time, unless one block has more: some 0.2 ms of work. */
const CHUNK_BYTES = 262_144;

/** Where a block is, without its trailer. */
interface Handle {
  readonly offset: number;
  readonly length: number;
}

/**
 * Verifies a table that must have `size` bytes. Yields how many bytes it has gone through since
 * the last time, 256 KiB or a little more, so that the caller can do other things.
 *
 * @throws FatalError `FATAL_STORE_CORRUPT`, with the offset of the block that is damaged.
 */
export async function* verifyTable(
  file: OpenFile,
  size: number,
): AsyncGenerator<number, void, void> {
  const handles = await readHandles(file, size);
  for (let first = 0; first < handles.length; ) {
    const start = defined(handles[first], "the position is in range").offset;
    let next = first;
    let end = start;
    for (let handle = handles[next]; handle !== undefined; handle = handles[next]) {
      const blockEnd = handle.offset + handle.length + TRAILER_BYTES;
      if (next > first && blockEnd - start > CHUNK_BYTES) break;
      end = blockEnd;
      next += 1;
    }
    const bytes = await file.read(end - start, start);
    if (bytes.length < end - start) throw corrupt("it became shorter while it was read");
    for (const { offset, length } of handles.slice(first, next)) {
      requireBlock(bytes.subarray(offset - start, offset - start + length + TRAILER_BYTES), offset);
    }
    yield end - start;
    first = next;
  }
}

/** Where all blocks are, in the order of the file, which they cover up to the footer. */
async function readHandles(file: OpenFile, size: number): Promise<readonly Handle[]> {
  if (size < FOOTER_BYTES) throw corrupt(`${size} bytes are no table`);
  const footerStart = size - FOOTER_BYTES;
  const footer = await file.read(FOOTER_BYTES + 1, footerStart);
  if (footer.length !== FOOTER_BYTES) {
    const what = footer.length < FOOTER_BYTES ? "shorter" : "longer";
    throw corrupt(`it is ${what} than the ${size} bytes that the database knows of`);
  }
  const [metaIndex, index] = at(footerStart, "footer", () => readFooter(footer));
  const handles: Handle[] = [];
  for (const handle of [index, metaIndex]) {
    const { offset, length } = handle;
    if (offset + length + TRAILER_BYTES > footerStart) {
      throw corrupt(`footer at byte ${footerStart}: it names a block beyond the file`);
    }
    const block = await readBlock(file, handle);
    handles.push(...at(offset, "block", () => readIndex(block)), handle);
  }
  handles.sort((one, other) => one.offset - other.offset);
  let end = 0;
  for (const { offset, length } of handles) {
    if (offset !== end) throw corrupt(`the blocks at byte ${end} and ${offset} do not meet`);
    end += length + TRAILER_BYTES;
  }
  if (end !== footerStart) throw corrupt(`the blocks end at byte ${end}, not at the footer`);
  return handles;
}

function readFooter(footer: Uint8Array): readonly [metaIndex: Handle, index: Handle] {
  const magic = formatHex(footer.subarray(HANDLES_BYTES));
  if (magic !== MAGIC) throw corrupt(`expected ${MAGIC}, got ${magic}`);
  const reader = new ByteReader(footer.subarray(0, HANDLES_BYTES));
  const handles = [readHandle(reader), readHandle(reader)] as const;
  const padding = footer.subarray(reader.offset, HANDLES_BYTES);
  if (padding.some((byte) => byte !== 0)) throw corrupt("it is not filled up with zeros");
  return handles;
}

function readHandle(reader: ByteReader): Handle {
  return { offset: reader.varint(), length: reader.varint() };
}

async function readBlock(file: OpenFile, { offset, length }: Handle): Promise<Uint8Array> {
  const bytes = await file.read(length + TRAILER_BYTES, offset);
  if (bytes.length < length + TRAILER_BYTES) throw corrupt(`block at byte ${offset}: cut off`);
  requireBlock(bytes, offset);
  const block = bytes.subarray(0, length);
  return bytes[length] === 0 ? block : at(offset, "block", () => unpackSnappy(block));
}

/** The type and the checksum of a block with its trailer. */
function requireBlock(bytes: Uint8Array, offset: number): void {
  const length = bytes.length - TRAILER_BYTES;
  const trailer = new ByteReader(bytes.subarray(length));
  const type = trailer.byte();
  if (maskCrc(crc32c(bytes.subarray(0, length + 1))) !== trailer.uint(4)) {
    throw corrupt(`block at byte ${offset}: its checksum differs`);
  }
  if (type > 1) throw corrupt(`block at byte ${offset}: of the unknown type ${type}`);
}

/** The handles in a block of an index: the values of its records; keys do not matter here. */
function readIndex(block: Uint8Array): readonly Handle[] {
  const restartCount = new ByteReader(block.subarray(-4)).uint(4);
  const end = block.length - 4 - 4 * restartCount;
  if (end < 0) throw corrupt("an index has no room for its restarts");
  const reader = new ByteReader(block.subarray(0, end));
  const handles: Handle[] = [];
  while (!reader.isAtEnd) {
    reader.varint();
    const keyLength = reader.varint();
    const valueLength = reader.varint();
    reader.fixed(keyLength);
    const value = new ByteReader(reader.fixed(valueLength));
    handles.push(readHandle(value));
    if (!value.isAtEnd) throw corrupt("an index names more than a place");
  }
  return handles;
}

/** Says where it was when `read` throws. */
function at<T>(offset: number, what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw corrupt(`${what} at byte ${offset}: ${reason}`, error);
  }
}
