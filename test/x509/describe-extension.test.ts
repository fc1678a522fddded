import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCertificate } from "../../src/x509/certificate.ts";
import { describeExtensionBody } from "../../src/x509/describe-extension.ts";
import { formatOid } from "../../src/x509/oid.ts";
import { keyUsage, makeCa } from "../support/certificates.ts";
import {
  boolean,
  constructed,
  extension,
  integer,
  octetString,
  oid,
  primitive,
  sequence,
} from "../support/der-builder.ts";

const ca = makeCa({ subject: "extension root" });

/** The lines of the one extension of a certificate. */
function linesOf(id: string, value: Uint8Array): readonly string[] | undefined {
  const certificate = parseCertificate(ca.issue({ onlyExtensions: [extension(id, value)] }));
  const [found] = certificate.extensions;
  assert.ok(found);
  assert.equal(formatOid(found.oid), id);
  return describeExtensionBody(certificate, id, found.value);
}

const url = (text: string) => primitive(6, Buffer.from(text));
const san = sequence(primitive(2, Buffer.from("a.example")), primitive(7, Buffer.of(192, 0, 2, 1)));

const CASES: readonly (readonly [string, string, Uint8Array, readonly string[] | undefined])[] = [
  ["SAN", "2.5.29.17", san, ["a.example", "IP:192.0.2.1"]],
  [
    "basic constraints of a CA",
    "2.5.29.19",
    sequence(boolean(true), integer(2)),
    ["a CA", "path length 2"],
  ],
  ["basic constraints of a leaf", "2.5.29.19", sequence(), ["not a CA"]],
  ["key ID", "2.5.29.14", octetString(Buffer.of(1, 2)), ["0102"]],
  ["authority key ID", "2.5.29.35", sequence(primitive(0, Buffer.of(3, 4))), ["0304"]],
  [
    "extended key usage",
    "2.5.29.37",
    sequence(oid("1.3.6.1.5.5.7.3.1"), oid("1.2.3.4")),
    ["serverAuth (1.3.6.1.5.5.7.3.1)", "1.2.3.4"],
  ],
  [
    "policies",
    "2.5.29.32",
    sequence(sequence(oid("2.23.140.1.2.1")), sequence(oid("1.2.3"))),
    ["domain validated (2.23.140.1.2.1)", "1.2.3"],
  ],
  [
    "revocation lists",
    "2.5.29.31",
    sequence(sequence(constructed(0, constructed(0, url("http://c.example/1.crl"))))),
    ["http://c.example/1.crl"],
  ],
  [
    "access to the issuer",
    "1.3.6.1.5.5.7.1.1",
    sequence(sequence(oid("1.3.6.1.5.5.7.48.1"), url("http://o.example"))),
    ["OCSP (1.3.6.1.5.5.7.48.1): http://o.example"],
  ],
  ["an unknown one", "1.2.3.4", Buffer.of(1), undefined],
  ["one that is named as a property of objects", "1.2.3.5", Buffer.of(0x30), undefined],
];

for (const [title, id, value, expected] of CASES) {
  test(`describeExtensionBody() of ${title}`, () => {
    assert.deepEqual(linesOf(id, value), expected);
  });
}

test("describeExtensionBody() names key usages by their bits", () => {
  const certificate = parseCertificate(
    ca.issue({ onlyExtensions: [extension("2.5.29.15", keyUsage(0x86))] }),
  );
  const [found] = certificate.extensions;
  assert.ok(found);
  assert.deepEqual(describeExtensionBody(certificate, "2.5.29.15", found.value), [
    "digitalSignature",
    "keyCertSign",
    "cRLSign",
  ]);
});

test("describeExtensionBody() gives at most a thousand lines, and none of a broken body", () => {
  const many = Array.from({ length: 2_000 }, (_, index) =>
    primitive(2, Buffer.from(`${index}.example`)),
  );
  assert.equal(linesOf("2.5.29.17", sequence(...many))?.length, 1_000);
  const certificate = parseCertificate(ca.issue());
  assert.equal(describeExtensionBody(certificate, "2.5.29.17", Buffer.of(0x30, 5)), undefined);
  assert.equal(describeExtensionBody(certificate, "toString", Buffer.of()), undefined);
});
