/**
 * Writer of the TLS presentation language: RFC 5246, section 4. Big-endian integers and
 * vectors with a length prefix of fixed size.
 * @module
 */
import { assert } from "../base/assert.ts";
import { type Allocate, fresh } from "./memory.ts";

const UINT32_LIMIT = 0x1_0000_0000;

/** For each width the first value that does not fit. */
const UINT_LIMITS: readonly number[] = Array.from({ length: 9 }, (_, width) => 256 ** width);

/** Grows as it is written to; `finish()` returns the bytes once. */
export class TlsWriter {
  #bytes: Uint8Array;
  #length = 0;

  /**
   * @param capacity Bytes set aside at first; a good guess saves copying.
   * @param allocate Where they come from; the result is theirs if the guess was good.
   */
  constructor(capacity = 256, allocate: Allocate = fresh) {
    this.#bytes = allocate(capacity);
  }

  /** Appends `value` in `width` bytes, 1 to 8. @throws RangeError if it does not fit. */
  uint(value: number, width: number): this {
    if (!Number.isSafeInteger(value) || value < 0 || value >= (UINT_LIMITS[width] ?? 0)) {
      throw new RangeError(`expected an integer of ${width} bytes, got ${value}`);
    }
    const start = this.#reserve(width);
    // In halves of 32 bits: a remainder of a larger number is a call into the C library.
    let rest = value >>> 0;
    for (let index = width - 1; index >= 0; index -= 1) {
      if (width - index === 5) rest = Math.floor(value / UINT32_LIMIT);
      this.#bytes[start + index] = rest;
      rest >>>= 8;
    }
    return this;
  }

  /** Appends bytes as they are: `opaque x[n]`. */
  fixed(bytes: Uint8Array): this {
    const start = this.#reserve(bytes.length);
    this.#bytes.set(bytes, start);
    return this;
  }

  /** Appends a vector: its length in `prefixWidth` bytes, then its bytes. @throws RangeError if too long. */
  vector(bytes: Uint8Array, prefixWidth: number): this {
    return this.uint(bytes.length, prefixWidth).fixed(bytes);
  }

  /** The bytes written: a view, or all there is, owned by the caller. The writer must not be used again. */
  finish(): Uint8Array {
    assert(this.#length >= 0, "a TlsWriter is finished once");
    // A view of a small array takes its bytes out of the heap, into memory of their own: 0.2 us.
    const isWhole = this.#length === this.#bytes.length;
    const out = isWhole ? this.#bytes : this.#bytes.subarray(0, this.#length);
    this.#length = -1;
    return out;
  }

  #reserve(count: number): number {
    assert(this.#length >= 0, "a finished TlsWriter is not written to");
    const start = this.#length;
    const needed = start + count;
    if (needed > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
      grown.set(this.#bytes.subarray(0, start));
      this.#bytes = grown;
    }
    this.#length = needed;
    return start;
  }
}
