/**
 * A walker over DER, X.690: flat, without recursion and without copies. It reads one TLV
 * after the other inside the bounds it was given; who wants to descend makes a reader of a
 * TLV's content, so nesting deeper than what a caller asks for costs nothing.
 *
 * Strict about headers (minimal definite lengths, minimal tag numbers), silent about
 * content: what an INTEGER or a string may hold is for the functions below and the caller.
 * @module
 */
import { MalformedError } from "../base/errors.ts";
import { byteAt } from "../encoding/bytes.ts";

/**
 * The identifier octet of what X.509 is made of. A tag number above 30 is
 * `identifier octet + 256 * number`, so that every tag is one number.
 */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8String: 0x0c,
  numericString: 0x12,
  printableString: 0x13,
  teletexString: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  universalString: 0x1c,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const;

/** The identifier octet of `[number]`, primitive; 0 to 30. */
export function contextPrimitive(number: number): number {
  return 0x80 + number;
}

/** The identifier octet of `[number]`, constructed; 0 to 30. */
export function contextConstructed(number: number): number {
  return 0xa0 + number;
}

/** Where one tag-length-value lies in the reader's bytes. */
export interface Tlv {
  /** See {@link TAG}. */
  readonly tag: number;
  /** Offset of the identifier octet. */
  readonly start: number;
  /** Offset of the first content octet. */
  readonly contentStart: number;
  /** Offset behind the last content octet. */
  readonly end: number;
}

/** Reads TLVs forward in `[start, end)` of bytes that it does not copy. */
export class DerReader {
  readonly bytes: Uint8Array;
  readonly #end: number;
  #offset: number;

  constructor(bytes: Uint8Array, start = 0, end: number = bytes.length) {
    this.bytes = bytes;
    this.#offset = start;
    this.#end = end;
  }

  /** Whether every byte was read. */
  get isAtEnd(): boolean {
    return this.#offset === this.#end;
  }

  /** Offset of the next TLV. */
  get offset(): number {
    return this.#offset;
  }

  /** The next TLV, whatever it is. @throws MalformedError `MALFORMED_DER`. */
  next(what: string): Tlv {
    const tlv = readTlv(this.bytes, this.#offset, this.#end, what);
    this.#offset = tlv.end;
    return tlv;
  }

  /** The next TLV, which must have this tag. @throws MalformedError `MALFORMED_DER`. */
  expect(tag: number, what: string): Tlv {
    const tlv = this.next(what);
    if (tlv.tag !== tag) throw unexpected(what, `tag ${hex(tag)}`, `tag ${hex(tlv.tag)}`);
    return tlv;
  }

  /** The next TLV if it has this tag; otherwise nothing is read. `tag` is below 256. */
  optional(tag: number, what: string): Tlv | undefined {
    return this.#offset < this.#end && this.bytes[this.#offset] === tag
      ? this.next(what)
      : undefined;
  }

  /** A reader of the content of a TLV of these bytes. */
  enter(tlv: Tlv): DerReader {
    return new DerReader(this.bytes, tlv.contentStart, tlv.end);
  }

  /** A reader of the content of the next TLV, which must have this tag. @throws MalformedError. */
  descend(tag: number, what: string): DerReader {
    return this.enter(this.expect(tag, what));
  }

  /** The whole TLV: a view. */
  raw(tlv: Tlv): Uint8Array {
    return this.bytes.subarray(tlv.start, tlv.end);
  }

  /** The content octets: a view. */
  content(tlv: Tlv): Uint8Array {
    return this.bytes.subarray(tlv.contentStart, tlv.end);
  }

  /** @throws MalformedError `MALFORMED_DER` if bytes are left over. */
  end(what: string): void {
    const left = this.#end - this.#offset;
    if (left > 0) throw new MalformedError("MALFORMED_DER", `${what}: ${left} trailing bytes`);
  }
}

/** A BIT STRING: its octets and how many bits of the last one do not count. */
export interface BitString {
  /** Without the octet that counts unused bits: a view. */
  readonly bytes: Uint8Array;
  /** 0 to 7. */
  readonly unusedBits: number;
}

/** Decodes the content of a BOOLEAN: 0x00 or 0xff. @throws MalformedError `MALFORMED_DER`. */
export function decodeBoolean(content: Uint8Array, what: string): boolean {
  if (content.length !== 1 || (content[0] !== 0 && content[0] !== 0xff)) {
    throw new MalformedError("MALFORMED_DER", `${what}: invalid BOOLEAN`);
  }
  return content[0] === 0xff;
}

/** Decodes the content of a BIT STRING; unused bits must be 0. @throws MalformedError `MALFORMED_DER`. */
export function decodeBitString(content: Uint8Array, what: string): BitString {
  const unusedBits = content[0];
  const last = content.length > 1 ? byteAt(content, content.length - 1) : 0;
  if (
    unusedBits === undefined ||
    unusedBits > 7 ||
    (content.length === 1 && unusedBits > 0) ||
    last % 2 ** unusedBits !== 0
  ) {
    throw new MalformedError("MALFORMED_DER", `${what}: invalid BIT STRING`);
  }
  return { bytes: content.subarray(1), unusedBits };
}

/** The bits of `value` as whole octets, moved right by its unused bits: a view if there are none. */
export function rightAlign(value: BitString): Uint8Array {
  if (value.unusedBits === 0) return value.bytes;
  const out = new Uint8Array(value.bytes.length);
  const step = 2 ** value.unusedBits;
  let carry = 0;
  for (const [index, byte] of value.bytes.entries()) {
    out[index] = carry * 2 ** (8 - value.unusedBits) + Math.floor(byte / step);
    carry = byte % step;
  }
  return out;
}

/** Requires the content of an INTEGER to have an octet; more is not asked. @throws MalformedError. */
export function requireInteger(content: Uint8Array, what: string): Uint8Array {
  if (content.length === 0) throw new MalformedError("MALFORMED_DER", `${what}: empty INTEGER`);
  return content;
}

/** The value of an INTEGER of at most 6 octets. @throws MalformedError `MALFORMED_DER`. */
export function decodeSmallInteger(content: Uint8Array, what: string): number {
  requireInteger(content, what);
  if (content.length > 6) throw new MalformedError("MALFORMED_DER", `${what}: INTEGER too large`);
  let value = byteAt(content, 0) >= 0x80 ? -1 : 0;
  for (const byte of content) value = value * 256 + byte;
  return value;
}

/** Requires whole arcs; an empty OBJECT IDENTIFIER passes, as Go's lax parser lets it. @throws MalformedError. */
export function requireOid(content: Uint8Array, what: string): Uint8Array {
  if (content.length > 0 && byteAt(content, content.length - 1) >= 0x80) {
    throw new MalformedError("MALFORMED_DER", `${what}: truncated OBJECT IDENTIFIER`);
  }
  return content;
}

/** The header of a TLV: the identifier octet `tag` (below 256) and a minimal length. */
export function derHeader(tag: number, length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(tag, length);
  const octets: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  return Uint8Array.of(tag, 0x80 + octets.length, ...octets);
}

function readTlv(bytes: Uint8Array, start: number, end: number, what: string): Tlv {
  let offset = start;
  if (offset >= end) throw new MalformedError("MALFORMED_DER", `${what}: missing`);
  let tag = byteAt(bytes, offset);
  offset += 1;
  if (tag % 32 === 31) {
    const number = readTagNumber(bytes, offset, end, what);
    offset += number < 2 ** 7 ? 1 : number < 2 ** 14 ? 2 : number < 2 ** 21 ? 3 : 4;
    tag += 256 * number;
  }
  if (offset >= end) throw new MalformedError("MALFORMED_DER", `${what}: truncated header`);
  let length = byteAt(bytes, offset);
  offset += 1;
  if (length >= 0x80) {
    const count = length - 0x80;
    if (count === 0) throw new MalformedError("MALFORMED_DER", `${what}: indefinite length`);
    if (count > 4) throw new MalformedError("MALFORMED_DER", `${what}: length of ${count} bytes`);
    if (offset + count > end)
      throw new MalformedError("MALFORMED_DER", `${what}: truncated length`);
    length = 0;
    for (const stop = offset + count; offset < stop; offset += 1) {
      length = length * 256 + byteAt(bytes, offset);
    }
    if (length < 0x80 || length < 256 ** (count - 1)) {
      throw new MalformedError("MALFORMED_DER", `${what}: non-minimal length`);
    }
  }
  if (offset + length > end) {
    throw unexpected(what, `${length} bytes of content`, `${end - offset}`);
  }
  return { tag, start, contentStart: offset, end: offset + length };
}

/** A tag number of 31 or more: base 128, minimal, at most four octets. */
function readTagNumber(bytes: Uint8Array, start: number, end: number, what: string): number {
  let number = 0;
  for (let index = start; index < Math.min(end, start + 4); index += 1) {
    const octet = byteAt(bytes, index);
    number = number * 128 + (octet % 128);
    if (number === 0) break;
    if (octet >= 0x80) continue;
    if (number < 31) break;
    return number;
  }
  throw new MalformedError("MALFORMED_DER", `${what}: invalid tag number`);
}

function unexpected(what: string, wanted: string, got: string): MalformedError {
  return new MalformedError("MALFORMED_DER", `${what}: expected ${wanted}, got ${got}`);
}

function hex(tag: number): string {
  return `0x${tag.toString(16).padStart(2, "0")}`;
}
