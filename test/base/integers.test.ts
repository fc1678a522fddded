import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  bitLength,
  half,
  isOdd,
  largestPowerOfTwoBelow,
  requireSize,
} from "../../src/base/integers.ts";

/** Everything within 40 of a power of two, as far as integers are safe. */
const NEAR_POWERS: readonly number[] = [
  ...new Set(
    Array.from({ length: 54 }, (_, power) => power).flatMap((power) =>
      Array.from({ length: 81 }, (_, by) => 2 ** power + by - 40),
    ),
  ),
].filter((value) => Number.isSafeInteger(value) && value >= 0);

test("bitLength(), half() and isOdd() agree with exact integers near all powers of two", () => {
  for (const value of NEAR_POWERS) {
    const digits = value === 0 ? "" : BigInt(value).toString(2);
    assert.equal(bitLength(value), digits.length, `${value}`);
    assert.equal(half(value), Number(BigInt(value) / 2n), `${value}`);
    assert.equal(isOdd(value), BigInt(value) % 2n === 1n, `${value}`);
  }
});

test("largestPowerOfTwoBelow() agrees with exact integers near all powers of two", () => {
  for (const value of NEAR_POWERS) {
    if (value < 2) continue;
    const k = largestPowerOfTwoBelow(value);
    assert.ok(k < value && BigInt(k) * 2n >= BigInt(value), `${value}`);
    assert.equal(BigInt(k).toString(2).replace(/0+$/, ""), "1", `${value}`);
  }
});

test("property: the same for any safe integer", () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), (value) => {
      const digits = value === 0 ? "" : BigInt(value).toString(2);
      assert.equal(bitLength(value), digits.length);
      assert.equal(half(value), Number(BigInt(value) / 2n));
      if (value >= 2)
        assert.equal(largestPowerOfTwoBelow(value), 2 ** ((value - 1).toString(2).length - 1));
    }),
  );
});

for (const value of [-1, 0.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY]) {
  test(`requireSize(${value}) is a RangeError, and so are its users`, () => {
    assert.throws(() => requireSize(value), RangeError);
    assert.throws(() => bitLength(value), RangeError);
  });
}

test("requireSize() returns what it was given", () => {
  for (const value of [0, 1, Number.MAX_SAFE_INTEGER]) assert.equal(requireSize(value), value);
});

test("largestPowerOfTwoBelow() refuses what has none", () => {
  for (const value of [1, 0, -5, Number.NaN]) {
    assert.throws(() => largestPowerOfTwoBelow(value), RangeError);
  }
});
