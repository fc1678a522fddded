/**
 * Times of certificates.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MalformedError } from "../../src/base/errors.ts";
import { DerReader } from "../../src/x509/der.ts";
import { formatGoTime, readTime } from "../../src/x509/time.ts";
import { generalizedTime, integer, time, utcTime } from "../support/der-builder.ts";

function decode(tlv: Uint8Array): number {
  const reader = new DerReader(tlv);
  return readTime(reader, "time");
}

for (const [tlv, expected] of [
  [utcTime("700101000000Z"), "1970-01-01T00:00:00Z"],
  [utcTime("491231235959Z"), "2049-12-31T23:59:59Z"],
  [utcTime("500101000000Z"), "1950-01-01T00:00:00Z"],
  [utcTime("0002290000Z"), "2000-02-29T00:00:00Z"],
  [utcTime("260101000000+0130"), "2025-12-31T22:30:00Z"],
  [utcTime("260101000000-0130"), "2026-01-01T01:30:00Z"],
  [utcTime("2601010000-2359"), "2026-01-01T23:59:00Z"],
  [generalizedTime("19000228235959Z"), "1900-02-28T23:59:59Z"],
  [generalizedTime("20400229000000Z"), "2040-02-29T00:00:00Z"],
  [generalizedTime("99991231235959Z"), "9999-12-31T23:59:59Z"],
  [generalizedTime("00000101000000Z"), "0000-01-01T00:00:00Z"],
  [generalizedTime("20260101000000+0100"), "2025-12-31T23:00:00Z"],
] as const) {
  test(`readTime() of ${tlv.subarray(2)} is ${expected}`, () => {
    assert.equal(decode(tlv), Date.parse(expected));
  });
}

for (const tlv of [
  utcTime(""),
  utcTime("260101000000"),
  utcTime("26010100000Z"),
  utcTime("261301000000Z"),
  utcTime("260001000000Z"),
  utcTime("260100000000Z"),
  utcTime("260431000000Z"),
  utcTime("260229000000Z"),
  utcTime("260101006000Z"),
  utcTime("260101000000.0Z"),
  utcTime("260101000000z"),
  utcTime("260101000000Z "),
  utcTime("260101000000Z\n"),
  utcTime("260101000000+0000"),
  utcTime("260101000000-0000"),
  utcTime("260101000000+2400"),
  utcTime("260101000000+0160"),
  utcTime("260101000000+01"),
  utcTime("20260101000000Z"),
  generalizedTime("260101000000Z"),
  generalizedTime("19000229000000Z"),
  generalizedTime("202601010000Z"),
  generalizedTime("20260101000000.5Z"),
  generalizedTime("20260101000000,5Z"),
  generalizedTime("+2026010100000Z"),
  generalizedTime("２０26".repeat(10)),
  integer(5),
] as const) {
  test(`readTime() refuses ${JSON.stringify(tlv.subarray(2).toString("latin1"))}`, () => {
    assert.throws(
      () => decode(tlv),
      (error) => error instanceof MalformedError && error.code === "MALFORMED_DER",
    );
  });
}

test("property: readTime() of any whole second from year 1 to 9999 is that second", () => {
  const seconds = fc.integer({
    min: Date.parse("0001-01-01T00:00:00Z") / 1000,
    max: Date.parse("9999-12-31T23:59:59Z") / 1000,
  });
  fc.assert(
    fc.property(seconds, (second) => {
      assert.equal(decode(time(new Date(second * 1000))), second * 1000);
    }),
    { numRuns: 2000 },
  );
});

test("formatGoTime() prints as Go does", () => {
  assert.equal(formatGoTime(0), "1970-01-01 00:00:00 +0000 UTC");
  assert.equal(formatGoTime(Date.UTC(2026, 6, 1, 23, 59, 58)), "2026-07-01 23:59:58 +0000 UTC");
});
