/**
 * The two forms of `Time` in a certificate: RFC 5280, section 4.1.2.5, read as Go's
 * encoding/asn1 reads them: UTCTime without seconds and offsets from UTC pass, fractions of
 * a second and dates that do not exist do not.
 * @module
 */
import { MalformedError, quote } from "../base/errors.ts";
import { type DerReader, TAG, type Tlv } from "./der.ts";

/** Milliseconds since the Unix epoch; may be negative. @throws MalformedError `MALFORMED_DER`. */
export function decodeTime(reader: DerReader, tlv: Tlv, what: string): number {
  if (tlv.tag !== TAG.utcTime && tlv.tag !== TAG.generalizedTime) {
    throw new MalformedError("MALFORMED_DER", `${what}: expected UTCTime or GeneralizedTime`);
  }
  const text = tlv.end - tlv.contentStart > 32 ? "" : String.fromCharCode(...reader.content(tlv));
  const pattern = tlv.tag === TAG.utcTime ? UTC_TIME : GENERALIZED_TIME;
  const parts = pattern.exec(text);
  const value = parts === null ? undefined : toMs(parts, tlv.tag === TAG.utcTime);
  if (value === undefined) {
    throw new MalformedError("MALFORMED_DER", `${what}: invalid time ${quote(text)}`);
  }
  return value;
}

/** `2025-01-01 00:00:00 +0000 UTC`: a time as Go prints it, which log clients are used to. */
export function formatGoTime(timestampMs: number): string {
  const text = new Date(timestampMs).toISOString();
  return `${text.slice(0, -14)} ${text.slice(-13, -5)} +0000 UTC`;
}

const UTC_TIME: RegExp = /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)?(?:Z|([+-])(\d\d)(\d\d))$/;
const GENERALIZED_TIME: RegExp = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:Z|([+-])(\d\d)(\d\d))$/;

function toMs(parts: RegExpExecArray, isUtcTime: boolean): number | undefined {
  const number = (index: number): number => Number(parts[index] ?? 0);
  const written = number(1);
  const year = isUtcTime ? (written < 50 ? 2000 : 1900) + written : written;
  const [month, day] = [number(2), number(3)];
  const [hour, minute, second] = [number(4), number(5), number(6)];
  const [offsetHour, offsetMinute] = [number(8), number(9)];
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return undefined;
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const offset = offsetHour * 60 + offsetMinute;
  // Go prints an offset of zero as Z and refuses what does not print as it was written.
  if (parts[7] !== undefined && (offset === 0 || offsetHour > 23 || offsetMinute > 59)) {
    return undefined;
  }
  const minutes = (daysSinceEpoch(year, month, day) * 24 + hour) * 60 + minute;
  const local = minutes - (parts[7] === "-" ? -offset : offset);
  return (local * 60 + second) * 1000;
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
