/**
 * Decoder of Snappy blocks (google/snappy, format_description.txt), for index blocks of tables.
 * @module
 */
import { corrupt } from "../level/record.ts";
import { ByteReader } from "./byte-reader.ts";

/** Bytes that one block may have unpacked: LevelDB's have 4 kB, an index block some 100. */
const UNPACKED_BYTES_MAX = 67_108_864;

/** Unpacks one block. @throws FatalError `FATAL_STORE_CORRUPT` if it is none. */
export function unpackSnappy(packed: Uint8Array): Uint8Array {
  const reader = new ByteReader(packed);
  const length = reader.varint();
  if (length > UNPACKED_BYTES_MAX) throw corrupt(`a block of ${length} bytes is too large`);
  const bytes = new Uint8Array(length);
  let done = 0;
  while (!reader.isAtEnd) {
    const tag = reader.byte();
    if ((tag & 3) === 0) {
      const literal = reader.fixed(literalLength(tag >>> 2, reader));
      if (literal.length > length - done) throw corrupt("a block is longer than it says");
      bytes.set(literal, done);
      done += literal.length;
    } else {
      const { distance, count } = readCopy(tag, reader);
      if (distance === 0 || distance > done) throw corrupt("a copy is from before the block");
      if (count > length - done) throw corrupt("a block is longer than it says");
      // It may reach into itself: byte by byte.
      for (let end = done + count; done < end; done += 1) {
        bytes[done] = bytes[done - distance] as number;
      }
    }
  }
  if (done !== length) throw corrupt(`a block has ${done} bytes of ${length}`);
  return bytes;
}

function literalLength(code: number, reader: ByteReader): number {
  return 1 + (code < 60 ? code : reader.uint(code - 59));
}

function readCopy(tag: number, reader: ByteReader): { distance: number; count: number } {
  const kind = tag & 3;
  if (kind === 1) {
    return { count: 4 + ((tag >>> 2) & 7), distance: (tag >>> 5) * 256 + reader.byte() };
  }
  return { count: 1 + (tag >>> 2), distance: reader.uint(kind === 2 ? 2 : 4) };
}
