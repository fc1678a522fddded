/**
 * A walker over DER, X.690: flat, without recursion and without copies. It reads one TLV
 * after the other inside the bounds it was given; who wants to descend opens a TLV or makes a
 * reader of its content, so nesting deeper than what a caller asks for costs nothing.
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

/**
 * Reads TLVs forward in `[start, end)` of bytes that it does not copy. `next` and what is built
 * on it give each TLV as a value; `skip` and `open` make no object: after them `tag`, `start`,
 * `contentStart` and, if it was skipped, `offset` as its end tell of the TLV read last.
 */
export class DerReader {
  readonly bytes: Uint8Array;
  #end: number;
  #offset: number;
  #tag = 0;
  #start = 0;
  #contentStart = 0;

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

  /** Tag of the TLV read last. */
  get tag(): number {
    return this.#tag;
  }

  /** Where the TLV read last begins. */
  get start(): number {
    return this.#start;
  }

  /** Where the content of the TLV read last begins. */
  get contentStart(): number {
    return this.#contentStart;
  }

  /** The next TLV, whatever it is. @throws MalformedError `MALFORMED_DER`. */
  next(what: string): Tlv {
    this.skip(what);
    return {
      tag: this.#tag,
      start: this.#start,
      contentStart: this.#contentStart,
      end: this.#offset,
    };
  }

  /** The next TLV, which must have this tag. @throws MalformedError `MALFORMED_DER`. */
  expect(tag: number, what: string): Tlv {
    this.skipTag(tag, what);
    return {
      tag,
      start: this.#start,
      contentStart: this.#contentStart,
      end: this.#offset,
    };
  }

  /** The next TLV if it has this tag; otherwise nothing is read. `tag` is below 256. */
  optional(tag: number, what: string): Tlv | undefined {
    return this.isNext(tag) ? this.next(what) : undefined;
  }

  /** A reader of the content of a TLV of these bytes. */
  enter(tlv: Tlv): DerReader {
    return new DerReader(this.bytes, tlv.contentStart, tlv.end);
  }

  /** A reader of the content of the next TLV, which must have this tag. @throws MalformedError. */
  descend(tag: number, what: string): DerReader {
    this.skipTag(tag, what);
    return new DerReader(this.bytes, this.#contentStart, this.#offset);
  }

  /** Whether a TLV with this tag, which is below 256, comes next. */
  isNext(tag: number): boolean {
    return this.#offset < this.#end && this.bytes[this.#offset] === tag;
  }

  /** Reads past the next TLV. @throws MalformedError `MALFORMED_DER`. */
  skip(what: string): void {
    this.#readHeader(what);
  }

  /** Reads past the next TLV, which must have this tag. @throws MalformedError `MALFORMED_DER`. */
  skipTag(tag: number, what: string): void {
    this.#readHeader(what);
    if (this.#tag !== tag) throw unexpected(what, `tag ${hex(tag)}`, `tag ${hex(this.#tag)}`);
  }

  /**
   * Goes on inside the next TLV, which must have this tag.
   * @returns The end so far, for {@link leave}.
   * @throws MalformedError `MALFORMED_DER`.
   */
  open(tag: number, what: string): number {
    this.skipTag(tag, what);
    const outerEnd = this.#end;
    this.#end = this.#offset;
    this.#offset = this.#contentStart;
    return outerEnd;
  }

  /**
   * Goes on inside the next TLV, which must have this tag and be the last.
   * @throws MalformedError `MALFORMED_DER`.
   */
  openSole(tag: number, what: string): void {
    const outerEnd = this.open(tag, what);
    const left = outerEnd - this.#end;
    if (left > 0) throw new MalformedError("MALFORMED_DER", `${what}: ${left} trailing bytes`);
  }

  /** Goes on in `[start, end)` of the same bytes, which the caller knows to lie within them. */
  moveTo(start: number, end: number): void {
    this.#offset = start;
    this.#end = end;
  }

  /** Goes on behind what was opened, read to its end or not. */
  leave(outerEnd: number): void {
    this.#offset = this.#end;
    this.#end = outerEnd;
  }

  /** The whole TLV: a view. */
  raw(tlv: Tlv): Uint8Array {
    return this.bytes.subarray(tlv.start, tlv.end);
  }

  /** The content octets: a view. */
  content(tlv: Tlv): Uint8Array {
    return this.bytes.subarray(tlv.contentStart, tlv.end);
  }

  /** The content octets of the TLV that was skipped last: a view. */
  lastContent(): Uint8Array {
    return this.bytes.subarray(this.#contentStart, this.#offset);
  }

  /** @throws MalformedError `MALFORMED_DER` if bytes are left over. */
  end(what: string): void {
    const left = this.#end - this.#offset;
    if (left > 0) throw new MalformedError("MALFORMED_DER", `${what}: ${left} trailing bytes`);
  }

  #readHeader(what: string): void {
    const { bytes } = this;
    const end = this.#end;
    let offset = this.#offset;
    if (offset >= end) throw new MalformedError("MALFORMED_DER", `${what}: missing`);
    this.#start = offset;
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
      length = readLongLength(bytes, offset, end, count, what);
      offset += count;
    }
    if (offset + length > end) {
      throw unexpected(what, `${length} bytes of content`, `${end - offset}`);
    }
    this.#tag = tag;
    this.#contentStart = offset;
    this.#offset = offset + length;
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

/** {@link requireOid} of the TLV that was skipped last, in place. @throws MalformedError. */
export function requireLastOid(reader: DerReader, what: string): void {
  const { bytes, contentStart, offset } = reader;
  if (offset > contentStart && byteAt(bytes, offset - 1) >= 0x80) {
    throw new MalformedError("MALFORMED_DER", `${what}: truncated OBJECT IDENTIFIER`);
  }
}

/** The header of a TLV: the identifier octet `tag` (below 256) and a minimal length. */
export function derHeader(tag: number, length: number): Uint8Array {
  const header = new Uint8Array(derHeaderLength(length));
  for (let index = 0; index < header.length; index += 1) {
    header[index] = derHeaderOctet(tag, length, index, header.length);
  }
  return header;
}

/** How many octets {@link derHeader} has for contents of `length` octets, below 2^32. */
export function derHeaderLength(length: number): number {
  if (length < 0x80) return 2;
  let octets = 3;
  for (let rest = length >>> 8; rest > 0; rest >>>= 8) octets += 1;
  return octets;
}

/** Whether {@link derHeader} stands at `start` of `bytes`. */
export function hasDerHeaderAt(
  bytes: Uint8Array,
  start: number,
  tag: number,
  length: number,
): boolean {
  const octets = derHeaderLength(length);
  for (let index = 0; index < octets; index += 1) {
    if (bytes[start + index] !== derHeaderOctet(tag, length, index, octets)) return false;
  }
  return true;
}

function derHeaderOctet(tag: number, length: number, index: number, octets: number): number {
  if (index === 0) return tag;
  if (octets === 2) return length;
  if (index === 1) return 0x80 + octets - 2;
  return (length >>> (8 * (octets - 1 - index))) & 0xff;
}

/** A length of `count` octets, minimal. */
function readLongLength(
  bytes: Uint8Array,
  start: number,
  end: number,
  count: number,
  what: string,
): number {
  if (count === 0) throw new MalformedError("MALFORMED_DER", `${what}: indefinite length`);
  if (count > 4) throw new MalformedError("MALFORMED_DER", `${what}: length of ${count} bytes`);
  if (start + count > end) throw new MalformedError("MALFORMED_DER", `${what}: truncated length`);
  let length = 0;
  for (let index = start; index < start + count; index += 1) {
    length = length * 256 + byteAt(bytes, index);
  }
  if (length < 0x80 || byteAt(bytes, start) === 0) {
    throw new MalformedError("MALFORMED_DER", `${what}: non-minimal length`);
  }
  return length;
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
