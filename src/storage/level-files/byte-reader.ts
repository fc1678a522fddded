/**
 * Reader of LevelDB's own encodings: little-endian integers and varints. Strict: a varint in
 * any spelling but its shortest is damage, for LevelDB writes no other.
 * @module
 */
import { corrupt } from "../level/record.ts";

/** Reads forward over bytes that it does not copy. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Bytes read so far. */
  get offset(): number {
    return this.#offset;
  }

  /** Whether every byte was read. */
  get isAtEnd(): boolean {
    return this.#offset === this.#bytes.length;
  }

  /** One byte. @throws FatalError `FATAL_STORE_CORRUPT` at the end. */
  byte(): number {
    const byte = this.#bytes[this.#offset];
    if (byte === undefined) throw corrupt("it ends too early");
    this.#offset += 1;
    return byte;
  }

  /** An integer of `width` bytes, 1 to 4. @throws FatalError `FATAL_STORE_CORRUPT` at the end. */
  uint(width: number): number {
    let value = 0;
    for (let shift = 0; shift < 8 * width; shift += 8) value += this.byte() * 2 ** shift;
    return value;
  }

  /** @throws FatalError `FATAL_STORE_CORRUPT` at the end, above 2^53 - 1, or if it is padded. */
  varint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (value > Number.MAX_SAFE_INTEGER) throw corrupt("a number is above 2^53 - 1");
      if (byte >= 0x80) continue;
      if (byte === 0 && scale > 1) throw corrupt("a number is padded");
      return value;
    }
  }

  /** The next `length` bytes: a view. @throws FatalError `FATAL_STORE_CORRUPT` at the end. */
  fixed(length: number): Uint8Array {
    const start = this.#offset;
    if (length > this.#bytes.length - start) throw corrupt("it ends too early");
    this.#offset += length;
    return this.#bytes.subarray(start, this.#offset);
  }
}
