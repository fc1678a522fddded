/**
 * The two forms of `Time` in a certificate: RFC 5280, section 4.1.2.5, read as Go's
 * encoding/asn1 reads them: UTCTime without seconds and offsets from UTC pass, fractions of
 * a second and dates that do not exist do not.
 * @module
 */
import { MalformedError, quote } from "../base/errors.ts";
import { type DerReader, TAG } from "./der.ts";

/**
 * Reads the next TLV, which must be a time. Digits are read in place: two times stand in each
 * certificate.
 * @returns Milliseconds since the Unix epoch; may be negative.
 * @throws MalformedError `MALFORMED_DER`.
 */
export function readTime(reader: DerReader, what: string): number {
  reader.skip(what);
  const { bytes, tag, contentStart, offset } = reader;
  if (tag !== TAG.utcTime && tag !== TAG.generalizedTime) {
    throw new MalformedError("MALFORMED_DER", `${what}: expected UTCTime or GeneralizedTime`);
  }
  const value = decodeTime(bytes, contentStart, offset, tag === TAG.utcTime);
  if (value === undefined) {
    const text = offset - contentStart > 32 ? "" : String.fromCharCode(...reader.lastContent());
    throw new MalformedError("MALFORMED_DER", `${what}: invalid time ${quote(text)}`);
  }
  return value;
}

/** `2025-01-01 00:00:00 +0000 UTC`: a time as Go prints it, which log clients are used to. */
export function formatGoTime(timestampMs: number): string {
  const text = new Date(timestampMs).toISOString();
  return `${text.slice(0, -14)} ${text.slice(-13, -5)} +0000 UTC`;
}

/** `YYMMDDhhmm[ss]` or `YYYYMMDDhhmmss`, then `Z`, `+hhmm` or `-hhmm`; undefined if it is not. */
function decodeTime(
  bytes: Uint8Array,
  start: number,
  end: number,
  isUtcTime: boolean,
): number | undefined {
  const yearEnd = start + (isUtcTime ? 2 : 4);
  const written = isUtcTime ? pairAt(bytes, start) : centuryAt(bytes, start);
  const year = isUtcTime ? (written < 50 ? 2000 : 1900) + written : written;
  const month = pairAt(bytes, yearEnd);
  const day = pairAt(bytes, yearEnd + 2);
  const hour = pairAt(bytes, yearEnd + 4);
  const minute = pairAt(bytes, yearEnd + 6);
  const hasSecond = !isUtcTime || isDigit(bytes[yearEnd + 8]);
  const second = hasSecond ? pairAt(bytes, yearEnd + 8) : 0;
  const offset = offsetAt(bytes, yearEnd + (hasSecond ? 10 : 8), end);
  // What is no number is no date, hour or minute either.
  const isDate =
    written >= 0 && month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month);
  const isTime = hour <= 23 && minute <= 59 && second <= 59;
  if (!isDate || !isTime || offset === undefined) return undefined;
  const minutes = (daysSinceEpoch(year, month, day) * 24 + hour) * 60 + minute;
  return ((minutes - offset) * 60 + second) * 1000;
}

/** Minutes east of UTC, which must be all that is left. */
function offsetAt(bytes: Uint8Array, start: number, end: number): number | undefined {
  const sign = bytes[start];
  if (sign === Z) return start + 1 === end ? 0 : undefined;
  if ((sign !== PLUS && sign !== MINUS) || start + 5 !== end) return undefined;
  const hour = pairAt(bytes, start + 1);
  const minute = pairAt(bytes, start + 3);
  const offset = hour * 60 + minute;
  // Go prints an offset of zero as Z and refuses what does not print as it was written.
  if (!(hour <= 23 && minute <= 59) || offset === 0) return undefined;
  return sign === MINUS ? -offset : offset;
}

const ZERO = 0x30;
const PLUS = 0x2b;
const MINUS = 0x2d;
const Z = 0x5a;

function isDigit(octet: number | undefined): octet is number {
  return octet !== undefined && octet >= ZERO && octet <= ZERO + 9;
}

/** The number of two digits; NaN if they are none. */
function pairAt(bytes: Uint8Array, start: number): number {
  const tens = bytes[start];
  const ones = bytes[start + 1];
  return isDigit(tens) && isDigit(ones) ? (tens - ZERO) * 10 + ones - ZERO : Number.NaN;
}

function centuryAt(bytes: Uint8Array, start: number): number {
  return pairAt(bytes, start) * 100 + pairAt(bytes, start + 2);
}

function daysIn(year: number, month: number): number {
  if (month === 2) return isLeap(year) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

function isLeap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

/** Days from 1970-01-01 in the Gregorian calendar; exact for the years 0 to 9999. */
function daysSinceEpoch(year: number, month: number, day: number): number {
  // Years begin in March here, so that the leap day is the last of its year.
  const marchYear = month <= 2 ? year - 1 : year;
  const marchMonth = (month + 9) % 12;
  const leapDays =
    Math.floor(marchYear / 4) - Math.floor(marchYear / 100) + Math.floor(marchYear / 400);
  return marchYear * 365 + leapDays + Math.floor((marchMonth * 153 + 2) / 5) + day - 719_469;
}
