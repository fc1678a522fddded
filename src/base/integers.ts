/**
 * Arithmetic on safe integers up to 2^53 - 1. Bit operators work on 32 bits only
 * (`1 << 40` is 256), so none are used on sizes and indices.
 * @module
 */

/** The largest tree that static-ct-api can address: `leaf_index` is a uint40. */
export const TREE_SIZE_MAX: number = 2 ** 40;

/** `floor(value / 2)`. */
export function half(value: number): number {
  return Math.floor(value / 2);
}

/** Whether `value` is odd. */
export function isOdd(value: number): boolean {
  return value % 2 === 1;
}

/** Number of binary digits of `value`; 0 for 0. @throws RangeError unless a safe integer >= 0. */
export function bitLength(value: number): number {
  requireSize(value);
  let bits = 0;
  let rest = value;
  while (rest >= 2 ** 24) {
    rest = Math.floor(rest / 2 ** 24);
    bits += 24;
  }
  return bits + (32 - Math.clz32(rest));
}

/** The largest power of two that is smaller than `value`: RFC 6962's `k`. @throws RangeError if `value < 2`. */
export function largestPowerOfTwoBelow(value: number): number {
  if (value < 2) throw new RangeError(`expected at least 2, got ${value}`);
  return 2 ** (bitLength(value - 1) - 1);
}

/** Returns `value`. @throws RangeError unless it is a safe integer >= 0. */
export function requireSize(value: number): number {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`expected a safe integer >= 0, got ${value}`);
  }
  return value;
}
