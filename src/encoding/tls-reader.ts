/**
 * Reader of the TLS presentation language: RFC 5246, section 4. Strict: it never reads
 * beyond its end, and `end()` refuses bytes left over.
 * @module
 */
import { MalformedError } from "../base/errors.ts";
import { byteAt } from "./bytes.ts";

/** Reads forward over bytes that it does not copy. */
export class TlsReader {
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

  /**
   * An integer of `width` bytes, 1 to 8.
   * @throws MalformedError `MALFORMED_TLS` at the end, or above `Number.MAX_SAFE_INTEGER`.
   */
  uint(width: number): number {
    const start = this.#take(width);
    let value = 0;
    for (let index = 0; index < width; index += 1) {
      value = value * 256 + byteAt(this.#bytes, start + index);
    }
    if (value > Number.MAX_SAFE_INTEGER) {
      throw new MalformedError("MALFORMED_TLS", `integer at byte ${start} is above 2^53 - 1`);
    }
    return value;
  }

  /** The next `length` bytes: a view. @throws MalformedError `MALFORMED_TLS` at the end. */
  fixed(length: number): Uint8Array {
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** A vector with a length of `prefixWidth` bytes: a view. @throws MalformedError `MALFORMED_TLS`. */
  vector(prefixWidth: number): Uint8Array {
    return this.fixed(this.uint(prefixWidth));
  }

  /** @throws MalformedError `MALFORMED_TLS` if bytes are left over. */
  end(): void {
    const left = this.#bytes.length - this.#offset;
    if (left > 0) throw new MalformedError("MALFORMED_TLS", `expected the end, got ${left} bytes`);
  }

  #take(length: number): number {
    const start = this.#offset;
    if (start + length > this.#bytes.length) {
      const left = this.#bytes.length - start;
      throw new MalformedError(
        "MALFORMED_TLS",
        `expected ${length} bytes at ${start}, got ${left}`,
      );
    }
    this.#offset = start + length;
    return start;
  }
}
