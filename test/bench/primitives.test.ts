/** Figures of now as they would be in the machine's fast hours. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  FAST_HOURS,
  inFastHours,
  meanOf,
  type Primitives,
  slowness,
} from "../../bench/primitives.ts";

/** Twice as slow, but thrice with P-384. */
const SLOW: Primitives = {
  rsa2048Verify: 34,
  p256Verify: 92,
  p384Verify: 1_290,
  p256Sign: 36,
  sha256: 6,
};

test("inFastHours() takes the issuer's verification at its own speed, the rest at the median's", () => {
  assert.equal(slowness(SLOW), 2);
  assert.equal(inFastHours(34 + 200, "rsa2048", SLOW), 17 + 100);
  assert.equal(inFastHours(92 + 200, "p256", SLOW), 46 + 100);
  assert.equal(inFastHours(1_290 + 200, "p384", SLOW), 430 + 100);
  assert.equal(inFastHours(145, "rsa2048", FAST_HOURS), 145);
});

test("meanOf() is the mean of each", () => {
  const mean = meanOf(FAST_HOURS, SLOW);
  assert.deepEqual(mean, {
    rsa2048Verify: 25.5,
    p256Verify: 69,
    p384Verify: 860,
    p256Sign: 27,
    sha256: 4.5,
  });
});
