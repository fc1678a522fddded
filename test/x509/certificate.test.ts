/**
 * What a parsed certificate says, with node:crypto's X509Certificate as a second opinion.
 * Which certificates are refused stands in test/policy/certificate-cases.test.ts.
 * @module
 */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { rootCertificates } from "node:tls";
import fc from "fast-check";
import { MalformedError } from "../../src/base/errors.ts";
import { type Certificate, parseCertificate } from "../../src/x509/certificate.ts";
import { formatOid } from "../../src/x509/oid.ts";
import { buildPrecertTbs } from "../../src/x509/precert.ts";
import { parsePem } from "../../src/x509/roots.ts";
import { verifySignature } from "../../src/x509/verify.ts";
import {
  extendedKeyUsage,
  keyIdOf,
  keyUsage,
  makeCa,
  subjectAltName,
} from "../support/certificates.ts";
import { extension, integer, name, nothing, octetString } from "../support/der-builder.ts";

const ca = makeCa();

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** Fails unless node:crypto reads the same. */
function assertAgrees(der: Uint8Array, ours: Certificate): void {
  const theirs = new X509Certificate(der);
  assert.equal(ours.notBeforeMs, theirs.validFromDate.getTime());
  assert.equal(ours.notAfterMs, theirs.validToDate.getTime());
  const spki = theirs.publicKey.export({ format: "der", type: "spki" });
  assert.equal(hex(ours.spki), hex(spki));
  assert.equal(BigInt(`0x${hex(ours.serial)}`), BigInt(`0x${theirs.serialNumber}`));
  assert.equal(ours.isCa === true, theirs.ca);
}

test("parseCertificate() reads the fields that were written", () => {
  const notBefore = new Date("1999-12-31T23:59:59Z");
  const notAfter = new Date("2050-01-01T00:00:00Z");
  const der = ca.issue({ subject: "s", serial: 300, notBefore, notAfter, precert: true });
  const certificate = parseCertificate(der);
  assert.equal(certificate.version, 3);
  assert.equal(hex(certificate.serial), "012c");
  assert.equal(hex(certificate.issuer), hex(ca.subject));
  assert.equal(hex(certificate.subject), hex(name("s")));
  assert.equal(certificate.notBeforeMs, notBefore.getTime());
  assert.equal(certificate.notAfterMs, notAfter.getTime());
  assert.equal(certificate.isCa, false);
  assert.equal(hex(certificate.authorityKeyId!), hex(keyIdOf(ca.spki)));
  assert.deepEqual(certificate.extendedKeyUsages.map(formatOid), ["1.3.6.1.5.5.7.3.1"]);
  assert.deepEqual(
    certificate.extensions.map(({ oid, critical }) => [formatOid(oid), critical]),
    [
      ["2.5.29.14", false],
      ["2.5.29.35", false],
      ["2.5.29.19", true],
      ["2.5.29.15", true],
      ["2.5.29.37", false],
      ["2.5.29.17", false],
      ["1.3.6.1.4.1.11129.2.4.3", true],
    ],
  );
  verifySignature(certificate, parseCertificate(ca.der));
});

test("parseCertificate() gives views, and the whole extension as raw", () => {
  const one = extension("1.2.3", octetString(nothing()), false);
  const der = ca.issue({ onlyExtensions: [one, subjectAltName("a.example")] });
  const { extensions, tbs, extensionsOffset } = parseCertificate(der);
  assert.equal(hex(extensions[0]!.raw), hex(one));
  assert.equal(hex(extensions[0]!.value), hex(octetString(nothing())));
  assert.equal(extensions[0]!.raw[extensions[0]!.valueOffset], 0x04);
  assert.equal(tbs[extensionsOffset!], 0xa3);
  for (const view of [tbs, extensions[0]!.raw, extensions[1]!.value]) {
    assert.equal(view.buffer, der.buffer);
  }
});

test("parseCertificate() without extensions says so", () => {
  const der = ca.issue({ onlyExtensions: [], version: null });
  const { extensions, extensionsOffset, isCa, keyUsage: usage } = parseCertificate(der);
  assert.deepEqual([extensions, extensionsOffset, isCa, usage], [[], undefined, undefined, []]);
});

test("parseCertificate() of duplicates: the last counts, usages add up", () => {
  const certificate = parseCertificate(
    ca.issue({
      onlyExtensions: [
        extension("2.5.29.14", octetString(Buffer.of(1))),
        extension("2.5.29.14", octetString(Buffer.of(2))),
        extension("2.5.29.15", keyUsage(0x80)),
        extension("2.5.29.15", keyUsage(0x04)),
        extendedKeyUsage("1.2.3"),
        extendedKeyUsage("1.2.4"),
      ],
    }),
  );
  assert.equal(hex(certificate.subjectKeyId!), "02");
  assert.deepEqual(certificate.keyUsage.indexOf(true), 5);
  assert.deepEqual(certificate.extendedKeyUsages.map(formatOid), ["1.2.3", "1.2.4"]);
});

test("parseCertificate() agrees with node:crypto on what a test CA makes", () => {
  for (const notAfter of ["2026-02-28T23:59:59Z", "2049-12-31T23:59:59Z", "2400-02-29T00:00:00Z"]) {
    const der = ca.issue({ notAfter: new Date(notAfter), serial: integer(2n ** 150n + 12_345n) });
    assertAgrees(der, parseCertificate(der));
  }
});

test("parseCertificate() takes all roots of Node's store, which sign themselves", () => {
  const ders = parsePem(rootCertificates.join("\n"));
  assert.equal(ders.length, rootCertificates.length);
  for (const der of ders) {
    const certificate = parseCertificate(der);
    assertAgrees(der, certificate);
    if (hex(certificate.issuer) === hex(certificate.subject)) {
      verifySignature(certificate, certificate);
    }
  }
});

test("property: parseCertificate() of arbitrary bytes throws MALFORMED_CERTIFICATE only", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      assert.throws(
        () => parseCertificate(bytes),
        (error) => error instanceof MalformedError && error.code === "MALFORMED_CERTIFICATE",
      );
    }),
  );
});

test("property: parseCertificate() of a cut certificate throws MALFORMED_CERTIFICATE", () => {
  for (let length = 0; length < ca.der.length; length += 1) {
    assert.throws(
      () => parseCertificate(ca.der.subarray(0, length)),
      (error) => error instanceof MalformedError && error.code === "MALFORMED_CERTIFICATE",
    );
  }
});

test("property: parseCertificate() of mutated real roots throws MalformedError only", () => {
  const ders = parsePem(rootCertificates.join("\n"));
  const mutation = fc.tuple(
    fc.nat({ max: ders.length - 1 }),
    fc.array(fc.tuple(fc.nat({ max: 4000 }), fc.nat({ max: 255 })), { minLength: 1, maxLength: 3 }),
  );
  fc.assert(
    fc.property(mutation, ([index, changes]) => {
      const der = Uint8Array.from(ders[index]!);
      for (const [at, octet] of changes) der[at % der.length] = octet;
      try {
        parseCertificate(der);
      } catch (error) {
        if (!(error instanceof MalformedError)) throw error;
        assert.equal(error.code, "MALFORMED_CERTIFICATE");
      }
    }),
    { numRuns: 2000 },
  );
});

test("parseCertificate() and buildPrecertTbs() take time in proportion to the extensions", () => {
  // As many as fit a submission's body; quadratic work would take many seconds.
  const list = Array.from({ length: 40_000 }, () => Buffer.from("3006060004023000", "hex"));
  const usages = Array.from({ length: 15_000 }, () => extendedKeyUsage("1.2.3"));
  for (const extensions of [list, usages]) {
    const der = ca.issue({ serial: 1, onlyExtensions: extensions, precert: true });
    const tbs = buildPrecertTbs(parseCertificate(der));
    assert.equal(tbs.length, ca.tbs({ serial: 1, onlyExtensions: extensions }).length);
  }
});
