/**
 * Certificates in words.
 * @module
 */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { rootCertificates } from "node:tls";
import { describeCertificate } from "../../src/x509/describe.ts";
import { parsePem } from "../../src/x509/roots.ts";
import { CT_EKU_OID, type KeyType, makeCa, SCT_LIST_OID, spkiOf } from "../support/certificates.ts";
import { extension, octetString, oid, primitive, sequence } from "../support/der-builder.ts";

const ca = makeCa({ subject: "describe root" });

test("describeCertificate() says what a leaf is", () => {
  const names = sequence(
    primitive(2, Buffer.from("www.example.com")),
    primitive(7, Buffer.of(192, 0, 2, 1)),
    primitive(7, Buffer.from("20010db8000000000000000000000001", "hex")),
    primitive(1, Buffer.from("a@b.example")),
    primitive(6, Buffer.from("http://x")),
    primitive(8, Buffer.of(42)),
    primitive(2, Buffer.of(0xff)),
  );
  const sctList = octetString(Buffer.alloc(9));
  const described = describeCertificate(
    ca.issue({
      subject: "leaf",
      serial: 0x1234,
      onlyExtensions: [
        extension("2.5.29.17", names),
        extension(SCT_LIST_OID, sctList),
        extension("1.2.3", Buffer.alloc(3), true),
      ],
    }),
  );
  assert.deepEqual(described, {
    version: 3,
    serial: "1234",
    subject: "CN=leaf",
    issuer: "CN=describe root",
    notBeforeMs: Date.parse("2026-01-01T00:00:00Z"),
    notAfterMs: Date.parse("2026-07-01T00:00:00Z"),
    names: [
      "www.example.com",
      "IP:192.0.2.1",
      "IP:2001:0db8:0000:0000:0000:0000:0000:0001",
      "email:a@b.example",
      "URI:http://x",
      "other:2a",
      "#ff",
    ],
    key: "ECDSA P-256",
    signatureAlgorithm: "ecdsaWithSHA256",
    isCa: false,
    isPrecertificate: false,
    isPrecertificateSigningCertificate: false,
    sctListBytes: 9,
    extensions: [
      { oid: "2.5.29.17", name: "subjectAltName", critical: false, bodyBytes: names.length },
      { oid: SCT_LIST_OID, name: "signedCertificateTimestampList", critical: false, bodyBytes: 11 },
      { oid: "1.2.3", name: "1.2.3", critical: true, bodyBytes: 3 },
    ],
  });
});

test("describeCertificate() knows precertificates, their signers and CAs", () => {
  assert.ok(describeCertificate(ca.issue({ precert: true })).isPrecertificate);
  const signer = describeCertificate(ca.precertificateSigner().der);
  assert.deepEqual([signer.isCa, signer.isPrecertificateSigningCertificate], [true, true]);
  assert.ok(describeCertificate(ca.issue({ extendedKeyUsages: [CT_EKU_OID] })));
});

test("describeCertificate() names keys", () => {
  const keyOf = (spki: Uint8Array): string => describeCertificate(ca.issue({ spki })).key;
  for (const [keyType, expected] of [
    ["p256", "ECDSA P-256"],
    ["p384", "ECDSA P-384"],
    ["p521", "ECDSA P-521"],
    ["rsa1024", "RSA 1024"],
    ["rsa2048", "RSA 2048"],
    ["ed25519", "Ed25519"],
    ["dsa", "DSA"],
  ] as const satisfies readonly (readonly [KeyType, string])[]) {
    assert.equal(keyOf(spkiOf(keyType)), expected);
  }
  const ed448 = generateKeyPairSync("ed448").publicKey.export({ format: "der", type: "spki" });
  assert.equal(keyOf(ed448), "Ed448");
  const unknown = sequence(sequence(oid("1.2.3.4")), Buffer.from("030100", "hex"));
  assert.equal(keyOf(unknown), "1.2.3.4");
});

test("describeCertificate() does not stumble over a malformed SCT list", () => {
  const bad = extension(SCT_LIST_OID, Buffer.of(1));
  assert.equal(describeCertificate(ca.issue({ extensions: [bad] })).sctListBytes, undefined);
});

test("describeCertificate() describes all roots of Node's store", () => {
  for (const der of parsePem(rootCertificates.join("\n"))) {
    const { subject, isCa, key } = describeCertificate(der);
    assert.ok(subject.length > 0 && isCa && /^(RSA|ECDSA) /.test(key));
  }
});
