/**
 * The DER walker: its own rules, and asn1js as a second opinion on where each TLV lies.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { rootCertificates } from "node:tls";
import { type BaseBlock, Constructed, fromBER } from "asn1js";
import fc from "fast-check";
import { MalformedError } from "../../src/base/errors.ts";
import {
  DerReader,
  decodeBitString,
  decodeBoolean,
  decodeSmallInteger,
  derHeader,
  rightAlign,
  TAG,
} from "../../src/x509/der.ts";
import { parsePem } from "../../src/x509/roots.ts";
import { type KeyType, makeCa } from "../support/certificates.ts";
import { derLength, integer } from "../support/der-builder.ts";

function bytes(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, "hex"));
}

function isMalformed(error: unknown): boolean {
  return error instanceof MalformedError && error.code === "MALFORMED_DER";
}

for (const [title, hex, tag, contentStart, end] of [
  ["no content", "0500", 0x05, 2, 2],
  ["a length of 127", `047f${"00".repeat(127)}`, 0x04, 2, 129],
  ["a length of 128", `048180${"00".repeat(128)}`, 0x04, 3, 131],
  ["a length of 256", `04820100${"00".repeat(256)}`, 0x04, 4, 260],
  ["a length of 65536", `0483010000${"00".repeat(65_536)}`, 0x04, 5, 65_541],
  ["tag number 31", "9f1f0101", 0x9f + 256 * 31, 3, 4],
  ["tag number 128", "bf81000101", 0xbf + 256 * 128, 4, 5],
  ["tag number 2^28 - 1", "9fffffff7f00", 0x9f + 256 * (2 ** 28 - 1), 6, 6],
] as const) {
  test(`DerReader.next() reads ${title}`, () => {
    const reader = new DerReader(bytes(hex));
    assert.deepEqual(reader.next("x"), { tag, start: 0, contentStart, end });
    assert.ok(reader.isAtEnd);
  });
}

for (const [title, hex] of [
  ["nothing", ""],
  ["a tag alone", "30"],
  ["indefinite length", "30800000"],
  ["a length of 5 octets", "30850000000001ff"],
  ["a cut length", "308201"],
  ["a cut length of 4 octets", "3084000000"],
  ["127 in the long form", `04817f${"00".repeat(127)}`],
  ["a length with a leading zero", `04820080${"00".repeat(128)}`],
  ["content beyond the end", "04020"],
  ["the reserved length ff", "04ff00"],
  ["a huge length", "0484ffffffff00"],
  ["tag number 30 in the long form", "9f1e00"],
  ["a tag number with a leading zero", "9f801f00"],
  ["a tag number of 5 octets", "9f818181810100"],
  ["a cut tag number", "9f81"],
  ["a high tag without length", "9f1f"],
] as const) {
  test(`DerReader.next() refuses ${title}`, () => {
    const padded = hex.length % 2 === 1 ? `${hex}0` : hex;
    assert.throws(() => new DerReader(bytes(padded)).next("x"), isMalformed);
  });
}

test("DerReader stays inside the bounds of what it entered", () => {
  // The inner length reaches beyond its parent, but not beyond the bytes.
  const data = bytes("3003040301ffffff");
  const reader = new DerReader(data);
  const inner = reader.descend(TAG.sequence, "outer");
  assert.throws(() => inner.next("inner"), isMalformed);
});

test("DerReader.optional() reads nothing if the tag differs or nothing is left", () => {
  const reader = new DerReader(bytes("0500"));
  assert.equal(reader.optional(TAG.boolean, "x"), undefined);
  assert.equal(reader.offset, 0);
  assert.ok(reader.optional(TAG.null, "x"));
  assert.equal(reader.optional(TAG.null, "x"), undefined);
});

test("DerReader.end() refuses bytes that are left, expect() another tag", () => {
  const reader = new DerReader(bytes("050001"));
  assert.throws(() => new DerReader(bytes("0500")).expect(TAG.oid, "x"), isMalformed);
  reader.next("x");
  assert.throws(() => reader.end("x"), isMalformed);
});

test("property: derHeader() is what a second encoder writes, and reads back", () => {
  fc.assert(
    fc.property(fc.nat({ max: 2 ** 24 }), (length) => {
      const header = derHeader(0x30, length);
      assert.equal(
        Buffer.from(header.subarray(1)).toString("hex"),
        derLength(length).toString("hex"),
      );
    }),
  );
});

test("decodeSmallInteger() reads two's complement of up to 6 octets", () => {
  for (const value of [0, 1, 127, 128, 255, 256, -1, -128, -129, 2 ** 46, -(2 ** 46)]) {
    assert.equal(decodeSmallInteger(integer(value).subarray(2), "x"), value);
  }
  assert.throws(() => decodeSmallInteger(bytes(""), "x"), isMalformed);
  assert.throws(() => decodeSmallInteger(bytes("00000000000001"), "x"), isMalformed);
});

test("decodeBoolean() takes 00 and ff only", () => {
  assert.equal(decodeBoolean(bytes("00"), "x"), false);
  assert.equal(decodeBoolean(bytes("ff"), "x"), true);
  for (const bad of ["", "01", "fe", "0000"]) {
    assert.throws(() => decodeBoolean(bytes(bad), "x"), isMalformed);
  }
});

test("decodeBitString() wants 0 to 7 unused bits, which are zero", () => {
  assert.deepEqual(decodeBitString(bytes("00"), "x"), { bytes: bytes(""), unusedBits: 0 });
  assert.deepEqual(decodeBitString(bytes("0780"), "x"), { bytes: bytes("80"), unusedBits: 7 });
  for (const bad of ["", "01", "0800", "0101", "07ff"]) {
    assert.throws(() => decodeBitString(bytes(bad), "x"), isMalformed);
  }
});

test("property: rightAlign() is a division by a power of two", () => {
  const input = fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 20 }), fc.nat({ max: 7 }));
  fc.assert(
    fc.property(input, ([content, unusedBits]) => {
      const value = BigInt(`0x${Buffer.from(content).toString("hex")}`) >> BigInt(unusedBits);
      const expected = value.toString(16).padStart(content.length * 2, "0");
      const aligned = rightAlign({ bytes: content, unusedBits });
      assert.equal(Buffer.from(aligned).toString("hex"), expected);
    }),
  );
});

/** `start end` of every TLV, parents first, as our walker sees them. */
function boundariesOf(data: Uint8Array): string[] {
  const found: string[] = [];
  const readers = [new DerReader(data)];
  for (let reader = readers.pop(); reader !== undefined; reader = readers.pop()) {
    while (!reader.isAtEnd) {
      const tlv = reader.next("tlv");
      found.push(`${tlv.start} ${tlv.end}`);
      if (Math.floor((tlv.tag % 256) / 32) % 2 === 1) readers.push(reader.enter(tlv));
    }
  }
  return found.sort();
}

/** The same by asn1js. */
function boundariesByAsn1js(data: Uint8Array): string[] {
  const { result, offset } = fromBER(Uint8Array.from(data).buffer);
  assert.equal(offset, data.length, result.error);
  const found: string[] = [];
  const pending: { block: BaseBlock; start: number }[] = [{ block: result, start: 0 }];
  for (const { block, start } of pending) {
    found.push(`${start} ${start + block.blockLength}`);
    if (!(block instanceof Constructed)) continue;
    let next = start + block.idBlock.blockLength + block.lenBlock.blockLength;
    for (const child of block.valueBlock.value) {
      pending.push({ block: child, start: next });
      next += child.blockLength;
    }
  }
  return found.sort();
}

test("DerReader finds the same TLVs as asn1js in certificates of every key type", () => {
  const types: readonly KeyType[] = ["p256", "p384", "p521", "rsa2048", "ed25519", "dsa"];
  for (const keyType of types) {
    const ca = makeCa({ keyType });
    for (const der of [ca.der, ca.issue({ precert: true })]) {
      assert.deepEqual(boundariesOf(der), boundariesByAsn1js(der));
    }
  }
});

test("DerReader finds the same TLVs as asn1js in real roots", () => {
  for (const pem of rootCertificates.slice(0, 40)) {
    const [der] = parsePem(pem);
    assert.deepEqual(boundariesOf(der!), boundariesByAsn1js(der!));
  }
});

test("DerReader: nesting of 20,000 levels costs no stack", () => {
  let length = 0;
  const headers: Buffer[] = [];
  for (let level = 0; level < 20_000; level += 1) {
    const header = Buffer.concat([Buffer.of(0x30), derLength(length)]);
    headers.push(header);
    length += header.length;
  }
  let reader = new DerReader(Buffer.concat(headers.reverse()));
  let depth = 0;
  for (; !reader.isAtEnd; depth += 1) reader = reader.descend(TAG.sequence, "level");
  assert.equal(depth, 20_000);
});
