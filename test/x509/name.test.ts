/**
 * Names for people, and OIDs.
 * @module
 */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { rootCertificates } from "node:tls";
import fc from "fast-check";
import { MalformedError } from "../../src/base/errors.ts";
import { parseCertificate } from "../../src/x509/certificate.ts";
import { describeName, formatName } from "../../src/x509/name.ts";
import { formatOid, parseOid } from "../../src/x509/oid.ts";
import { parsePem } from "../../src/x509/roots.ts";
import { name, oid, sequence, set, text, tlv } from "../support/der-builder.ts";

function attribute(type: string, tag: number, value: string | Uint8Array): Buffer {
  return sequence(oid(type), text(tag, value));
}

test("formatName() writes the most specific attribute first, with RFC 4514's short names", () => {
  const full = sequence(
    set(attribute("2.5.4.6", 0x13, "US")),
    set(attribute("2.5.4.10", 0x0c, "Let's Encrypt")),
    set(attribute("2.5.4.3", 0x0c, "R3"), attribute("1.2.3", 0x16, "x")),
  );
  assert.equal(formatName(full), "1.2.3=x,CN=R3,O=Let's Encrypt,C=US");
});

test("formatName() escapes what RFC 4514 names, and control characters", () => {
  assert.equal(formatName(name('a,b+c"d\\e<f>g;h')), 'CN=a\\,b\\+c\\"d\\\\e\\<f\\>g\\;h');
  assert.equal(formatName(name(" #a ")), "CN=\\ #a\\ ");
  assert.equal(formatName(name("#a")), "CN=\\#a");
  assert.equal(formatName(name("a\r\nb\u0000")), "CN=a\\0d\\0ab\\00");
});

test("formatName() shows every kind of string", () => {
  assert.equal(formatName(name(Buffer.from("Zürich", "latin1"), 0x13)), "CN=Zürich");
  assert.equal(formatName(name("Zürich", 0x14)), "CN=Zürich");
  assert.equal(formatName(name(Buffer.from("005a00fc", "hex"), 0x1e)), "CN=Zü");
  assert.equal(formatName(name(Buffer.from("0001f600ffffffff", "hex"), 0x1c)), "CN=😀\ufffd");
  assert.equal(formatName(name(Buffer.from("01ff", "hex"), 0x04)), "CN=#01ff");
});

test("formatName() never throws", () => {
  assert.equal(formatName(new Uint8Array(0)), "#");
  assert.equal(formatName(sequence()), "");
  assert.equal(formatName(tlv(0x04, Buffer.of(1))), "#040101");
  assert.match(formatName(name("x".repeat(5000))), /^#30821[0-9a-f]{123}…$/);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      assert.equal(typeof formatName(bytes), "string");
    }),
  );
});

test("describeName() agrees with node:crypto on real roots", () => {
  for (const der of parsePem(rootCertificates.join("\n"))) {
    const theirs = new X509Certificate(der).subject.split("\n");
    const ours = describeName(parseCertificate(der).subject);
    assert.equal(ours.length, theirs.length);
    for (const [index, { type, value }] of ours.entries()) {
      // OpenSSL knows more names and escapes; plain ones must be the same.
      const [, theirType, theirValue] = /^([^=]+)=(.*)$/s.exec(theirs[index]!)!;
      if (/^[ -~]*$/.test(value) && !/[\\,+"<>;]/.test(value)) assert.equal(value, theirValue);
      if (["CN", "O", "C", "OU", "L", "ST"].includes(theirType!)) assert.equal(type, theirType);
    }
  }
});

test("property: formatOid() reads what parseOid() and a second encoder write", () => {
  const arcs = fc.tuple(
    fc.nat({ max: 2 }),
    fc.nat({ max: 39 }),
    fc.array(fc.bigInt({ min: 0n, max: 2n ** 40n }), { maxLength: 6 }),
  );
  fc.assert(
    fc.property(arcs, ([first, second, rest]) => {
      const dotted = [first, second, ...rest].join(".");
      const content = parseOid(dotted);
      assert.equal(formatOid(content), dotted);
      assert.equal(Buffer.from(content).toString("hex"), oid(dotted).subarray(2).toString("hex"));
    }),
  );
});

for (const bad of ["", "1", "3.1", "1.40", "0.40", "1..2", "1.02", "1.2.", "serverauth", "2.5.x"]) {
  test(`parseOid() refuses ${JSON.stringify(bad)}`, () => {
    assert.throws(
      () => parseOid(bad),
      (error) => error instanceof MalformedError && error.code === "MALFORMED_PARAMETER",
    );
  });
}
