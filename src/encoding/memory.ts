/**
 * Memory for small results. An array of more than 64 bytes has memory of its own outside of the
 * heap, which costs 2 us to get and another to give back (*measured*: a tenth of the sequencer's
 * time), so what is made for each submission comes out of larger pieces.
 * @module
 */

/** Gives an array of `length` zeros, or one whose content is to be overwritten. */
export type Allocate = (length: number) => Uint8Array;

const PIECE_BYTES = 65_536;

/** The largest part of a piece: above it, an array of its own costs less than what is wasted. */
const CARVED_BYTES_MAX = 8_192;

let piece: Uint8Array = new Uint8Array(0);
let used = 0;

/** An array of zeros of its own. */
export const fresh: Allocate = (length) => new Uint8Array(length);

/**
 * An array of zeros that shares memory with others: never transfer its buffer, and do not keep it
 * for long beside much else that is not kept.
 */
export const carved: Allocate = (length) => {
  if (length > CARVED_BYTES_MAX) return new Uint8Array(length);
  if (used + length > piece.length) {
    piece = new Uint8Array(PIECE_BYTES);
    used = 0;
  }
  used += length;
  return piece.subarray(used - length, used);
};

let scratch: Uint8Array = new Uint8Array(4_096);

/**
 * One array for all: what it holds is lost with the next call. For the input of a function that
 * reads it in one stretch and keeps nothing, as a hash does. Its content is not zero.
 */
export const borrowed: Allocate = (length) => {
  if (length > scratch.length) scratch = new Uint8Array(2 * length);
  return scratch.subarray(0, length);
};

/**
 * Memory for what is read and soon done with, given back in one go and not when the collector
 * comes by: it runs through the whole heap for every so many bytes that are outside of it.
 */
export class Lent {
  readonly #arrays: Uint8Array<ArrayBuffer>[] = [];

  /** An array of zeros of its own, until it is given back. */
  readonly take: Allocate = (length) => {
    const bytes = new Uint8Array(length);
    this.#arrays.push(bytes);
    return bytes;
  };

  /** Every array that was taken has length 0 from now on, and so has each view of one. */
  giveBack(): void {
    for (const { buffer } of this.#arrays.splice(0)) buffer.transfer(0);
  }
}

/** An array for `length` bytes, cut into consecutive arrays: see `joinBytes`. */
export function cutting(length: number): Allocate {
  const bytes = new Uint8Array(length);
  let used = 0;
  return (count) => {
    if (used + count > length) throw new RangeError(`${count} of ${length - used} bytes left`);
    used += count;
    return bytes.subarray(used - count, used);
  };
}
