/**
 * Signatures where OpenSSL is stricter than Go, and keys that cannot verify. The usual
 * algorithms stand in test/policy/issuer-rules.test.ts.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { RejectedError } from "../../src/base/errors.ts";
import { parseCertificate } from "../../src/x509/certificate.ts";
import { verifySignature } from "../../src/x509/verify.ts";
import { type IssueOptions, makeCa, spkiOf, type TestCa } from "../support/certificates.ts";
import { bitString, nothing, oid, sequence, tlv } from "../support/der-builder.ts";

function verifies(ca: TestCa, options: IssueOptions, issuer: Uint8Array = ca.der): boolean {
  try {
    verifySignature(parseCertificate(ca.issue(options)), parseCertificate(issuer));
    return true;
  } catch (error) {
    assert.ok(error instanceof RejectedError, String(error));
    assert.equal(error.code, "REJECTED_CHAIN_INVALID");
    return false;
  }
}

/** The two INTEGERs' contents of a DER signature of less than 128 bytes. */
function pairOf(signature: Buffer): [Buffer, Buffer] {
  const length = signature[3]!;
  return [signature.subarray(4, 4 + length), signature.subarray(6 + length)];
}

for (const keyType of ["p256", "p384", "dsa"] as const) {
  const ca = makeCa({ keyType });
  const edited = (edit: (r: Buffer, s: Buffer) => Uint8Array): boolean =>
    verifies(ca, { editSignature: (signature) => edit(...pairOf(signature)) });

  test(`verifySignature() ${keyType}: takes INTEGERs with leading zeros`, () => {
    assert.ok(edited((r, s) => sequence(tlv(2, r), tlv(2, s))));
    assert.ok(edited((r, s) => sequence(tlv(2, Buffer.of(0, 0), r), tlv(2, Buffer.of(0), s))));
  });

  test(`verifySignature() ${keyType}: refuses other pairs and other forms`, () => {
    assert.ok(!edited((r, s) => sequence(tlv(2, s), tlv(2, r))));
    assert.ok(!edited((r, s) => Buffer.concat([sequence(tlv(2, r), tlv(2, s)), nothing()])));
    assert.ok(!edited((r) => sequence(tlv(2, r))));
    assert.ok(!edited((r) => sequence(tlv(2, r), tlv(2))));
    assert.ok(!edited((r) => sequence(tlv(2, r), tlv(2, Buffer.of(0)))));
    assert.ok(!edited(() => Buffer.alloc(0)));
    assert.ok(!edited(() => sequence(tlv(2, Buffer.of(0)), tlv(2, Buffer.of(0)))));
  });
}

test("verifySignature() takes an RSA issuer whose key leaves out the NULL parameters", () => {
  const ca = makeCa({ keyType: "rsa2048" });
  const key = ca.spki.subarray(-270);
  const spki = sequence(sequence(oid("1.2.840.113549.1.1.1")), bitString(key));
  const issuer = ca.issue({ ca: true, subject: ca.subject, spki });
  assert.ok(verifies(ca, {}, issuer));
});

test("verifySignature() refuses a key of another type, and keys that cannot be used", () => {
  const ca = makeCa();
  const issuerWith = (spki: Uint8Array): Uint8Array => ca.issue({ ca: true, spki });
  assert.ok(verifies(ca, {}, issuerWith(ca.spki)));
  assert.ok(!verifies(ca, {}, issuerWith(spkiOf("p256", 999))));
  assert.ok(!verifies(ca, {}, issuerWith(spkiOf("rsa1024"))));
  assert.ok(!verifies(ca, {}, issuerWith(spkiOf("ed25519"))));
  const unknown = sequence(sequence(oid("1.2.3.4")), bitString(Buffer.of(1)));
  assert.ok(!verifies(ca, {}, issuerWith(unknown)));
  const shortEd25519 = sequence(sequence(oid("1.3.101.112")), bitString(Buffer.alloc(31)));
  assert.ok(!verifies(ca, {}, issuerWith(shortEd25519)));
});

test("verifySignature() refuses a change anywhere in the TBSCertificate", () => {
  const ca = makeCa();
  const issuer = parseCertificate(ca.der);
  const child = parseCertificate(ca.issue());
  verifySignature(child, issuer);
  for (let index = 0; index < child.tbs.length; index += 7) {
    const tbs = Uint8Array.from(child.tbs);
    tbs[index] = (tbs[index]! + 1) % 256;
    assert.throws(() => verifySignature({ ...child, tbs }, issuer), RejectedError);
  }
});
