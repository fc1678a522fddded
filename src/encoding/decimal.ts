/**
 * Decimal integers as text: the canonical form of our own documents, and the form that
 * Go's `strconv.ParseInt(v, 10, 64)` takes, which clients of RFC 6962 logs rely on.
 * @module
 */
import { MalformedError, quote } from "../base/errors.ts";

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

/** A safe integer >= 0 without sign or leading zeros. @throws MalformedError `MALFORMED_DECIMAL`. */
export function parseDecimal(text: string): number {
  const value = /^(0|[1-9][0-9]{0,15})$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) {
    throw new MalformedError("MALFORMED_DECIMAL", `expected a decimal, got ${quote(text)}`);
  }
  return value;
}

/**
 * What Go's `strconv.ParseInt(text, 10, 64)` returns: sign and leading zeros allowed.
 * @throws MalformedError `MALFORMED_DECIMAL` with Go's words.
 */
export function parseInt64(text: string): bigint {
  if (!/^[+-]?[0-9]+$/.test(text)) {
    throw new MalformedError(
      "MALFORMED_DECIMAL",
      `strconv.ParseInt: parsing ${quote(text)}: invalid syntax`,
    );
  }
  const digits = text.replace(/^[+-]?0*/, "");
  const magnitude = digits.length > 19 ? INT64_MAX + 2n : BigInt(digits);
  const value = text.startsWith("-") ? -magnitude : magnitude;
  if (value < INT64_MIN || value > INT64_MAX) {
    throw new MalformedError(
      "MALFORMED_DECIMAL",
      `strconv.ParseInt: parsing ${quote(text)}: value out of range`,
    );
  }
  return value;
}
