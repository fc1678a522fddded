/**
 * A small DER builder for tests. It shares no code with src/x509, so that a misreading
 * there cannot hide here, and it builds broken forms as readily as sound ones: every
 * function takes and gives bytes, and `tlv` can be told a wrong or a long length.
 * @module
 */

/** One TLV with a minimal length. `tag` is the identifier octet. */
export function tlv(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(content);
  return Buffer.concat([Buffer.of(tag), derLength(body.length), body]);
}

/** One TLV whose length octets are `length` as given: non-minimal, wrong, indefinite. */
export function tlvWithLength(tag: number, length: Uint8Array, content: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(tag), length, content]);
}

/** Minimal DER length octets. */
export function derLength(length: number): Buffer {
  if (length < 0x80) return Buffer.of(length);
  const digits = length.toString(16);
  const octets = Buffer.from(digits.length % 2 === 1 ? `0${digits}` : digits, "hex");
  return Buffer.concat([Buffer.of(0x80 + octets.length), octets]);
}

/** SEQUENCE. */
export function sequence(...content: readonly Uint8Array[]): Buffer {
  return tlv(0x30, ...content);
}

/** SET, in the order given. */
export function set(...content: readonly Uint8Array[]): Buffer {
  return tlv(0x31, ...content);
}

/** `[number]`, constructed: EXPLICIT, or IMPLICIT of something constructed. */
export function constructed(number: number, ...content: readonly Uint8Array[]): Buffer {
  return tlv(0xa0 + number, ...content);
}

/** `[number]`, primitive. */
export function primitive(number: number, ...content: readonly Uint8Array[]): Buffer {
  return tlv(0x80 + number, ...content);
}

/** INTEGER, minimal two's complement. */
export function integer(value: number | bigint): Buffer {
  let rest = BigInt(value);
  const octets: number[] = [];
  for (;;) {
    const octet = Number(BigInt.asUintN(8, rest));
    octets.unshift(octet);
    rest >>= 8n;
    if ((rest === 0n && octet < 0x80) || (rest === -1n && octet >= 0x80)) break;
  }
  return tlv(0x02, Buffer.from(octets));
}

/** INTEGER of these content octets, minimal or not. */
export function rawInteger(...octets: readonly number[]): Buffer {
  return tlv(0x02, Buffer.from(octets));
}

/** OBJECT IDENTIFIER from its dotted form. */
export function oid(dotted: string): Buffer {
  const arcs = dotted.split(".").map(BigInt);
  const numbers = [arcs[0]! * 40n + arcs[1]!, ...arcs.slice(2)];
  const octets: number[] = [];
  for (const number of numbers) {
    const group = [Number(number % 128n)];
    for (let rest = number / 128n; rest > 0n; rest /= 128n)
      group.unshift(Number(rest % 128n) + 128);
    octets.push(...group);
  }
  return tlv(0x06, Buffer.from(octets));
}

/** BOOLEAN: 0xff or 0x00. */
export function boolean(value: boolean): Buffer {
  return tlv(0x01, Buffer.of(value ? 0xff : 0));
}

/** NULL. */
export function nothing(): Buffer {
  return Buffer.of(0x05, 0x00);
}

/** OCTET STRING. */
export function octetString(...content: readonly Uint8Array[]): Buffer {
  return tlv(0x04, ...content);
}

/** BIT STRING with `unused` unused bits (said, not enforced). */
export function bitString(content: Uint8Array, unused = 0): Buffer {
  return tlv(0x03, Buffer.of(unused), content);
}

/** A character string of any tag: 0x0c UTF8, 0x13 Printable, 0x16 IA5, 0x1e BMP, ... */
export function text(tag: number, value: string | Uint8Array): Buffer {
  return tlv(tag, typeof value === "string" ? Buffer.from(value, "utf8") : value);
}

/** UTCTime of this very text, like `260101000000Z`. */
export function utcTime(value: string): Buffer {
  return text(0x17, value);
}

/** GeneralizedTime of this very text, like `20260101000000Z`. */
export function generalizedTime(value: string): Buffer {
  return text(0x18, value);
}

/** `Time` as RFC 5280 wants it: UTCTime from 1950 to 2049, GeneralizedTime otherwise. */
export function time(date: Date): Buffer {
  const digits = date.toISOString().replaceAll(/[-:T]|\.\d+/g, "");
  const year = date.getUTCFullYear();
  return year >= 1950 && year < 2050 ? utcTime(digits.slice(2)) : generalizedTime(digits);
}

/** `Extension`; an omitted `critical` leaves the field out, `false` writes it. */
export function extension(id: string, value: Uint8Array, critical?: boolean): Buffer {
  const flag = critical === undefined ? [] : [boolean(critical)];
  return sequence(oid(id), ...flag, octetString(value));
}

/** `Name` of one common name, as UTF8String unless told otherwise. */
export function name(commonName: string | Uint8Array, tag = 0x0c): Buffer {
  return sequence(set(sequence(oid("2.5.4.3"), text(tag, commonName))));
}
