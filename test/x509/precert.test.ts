/**
 * Surgery on TBSCertificates.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MalformedError } from "../../src/base/errors.ts";
import { parseCertificate } from "../../src/x509/certificate.ts";
import {
  buildPrecertTbs,
  hasSctList,
  isPrecertificateSigningCertificate,
  isPrecertTbs,
  poisonOf,
  sctListOf,
  tbsWithoutSctList,
} from "../../src/x509/precert.ts";
import {
  CT_EKU_OID,
  extendedKeyUsage,
  makeCa,
  POISON_OID,
  poison,
  SCT_LIST_OID,
  subjectAltName,
} from "../support/certificates.ts";
import {
  boolean,
  constructed,
  extension,
  generalizedTime,
  integer,
  name,
  nothing,
  octetString,
  oid,
  primitive,
  sequence,
  utcTime,
} from "../support/der-builder.ts";

const ca = makeCa();
const AKI = "2.5.29.35";
const LONG_AKI = sequence(primitive(0, Buffer.alloc(200, 9)));
const OTHER_AKI = sequence(primitive(0, Buffer.from("another")));

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function precertOf(extensions: readonly Uint8Array[]): ReturnType<typeof parseCertificate> {
  return parseCertificate(ca.issue({ serial: 1, onlyExtensions: extensions }));
}

function tbsOf(extensions: readonly Uint8Array[], issuer: Uint8Array = ca.subject): string {
  return hex(ca.tbs({ serial: 1, onlyExtensions: extensions, issuer }));
}

function signerOf(extensions: readonly Uint8Array[]): ReturnType<typeof parseCertificate> {
  const signer = makeCa({ onlyExtensions: [extendedKeyUsage(CT_EKU_OID), ...extensions] });
  return parseCertificate(
    signer.issue({
      subject: signer.subject,
      issuer: name("the final issuer"),
      onlyExtensions: [extendedKeyUsage(CT_EKU_OID), ...extensions],
    }),
  );
}

for (const [title, before, after] of [
  ["first", [], [subjectAltName("a.example")]],
  ["in the middle", [subjectAltName("a.example")], [extension("1.2.3", nothing(), true)]],
  ["last", [subjectAltName("a.example")], []],
] as const) {
  test(`buildPrecertTbs() takes out a poison that is ${title}`, () => {
    const certificate = precertOf([...before, poison(), ...after]);
    assert.equal(hex(buildPrecertTbs(certificate)), tbsOf([...before, ...after]));
  });
}

test("buildPrecertTbs() leaves an empty list of extensions as a3 02 30 00", () => {
  const tbs = hex(buildPrecertTbs(precertOf([poison()])));
  assert.match(tbs, /a3023000$/);
  const withoutList = ca.tbs({
    serial: 1,
    onlyExtensions: [],
    editTbs: (f) => [...f, constructed(3, sequence())],
  });
  assert.equal(tbs, hex(withoutList));
});

test("buildPrecertTbs() shortens the outer lengths across 128 and 256 bytes", () => {
  for (let size = 100; size < 280; size += 1) {
    const filler = extension("1.2.3.4", Buffer.alloc(size));
    const certificate = precertOf([filler, poison()]);
    assert.equal(hex(buildPrecertTbs(certificate)), tbsOf([filler]));
  }
});

test("buildPrecertTbs() keeps every other byte as the CA wrote it", () => {
  const odd = {
    serial: Buffer.from("02020001", "hex"),
    version: constructed(0, integer(0)),
    validity: sequence(generalizedTime("20260101000000Z"), utcTime("2607010000Z")),
    extensions: [
      extension("1.2.3", nothing(), false),
      extension("1.2.3", nothing(), false),
      sequence(oid("1.2.4"), boolean(true), octetString(nothing()), nothing()),
    ],
  };
  const certificate = parseCertificate(ca.issue({ ...odd, precert: true }));
  assert.equal(hex(buildPrecertTbs(certificate)), hex(ca.tbs(odd)));
});

test("buildPrecertTbs() wants exactly one poison, valid or not", () => {
  for (const extensions of [
    [],
    [poison(), poison()],
    [poison(), extension(POISON_OID, nothing())],
  ]) {
    assert.throws(
      () => buildPrecertTbs(precertOf([subjectAltName("a.example"), ...extensions])),
      (error) => error instanceof MalformedError && error.code === "MALFORMED_PRECERTIFICATE",
    );
  }
});

for (const [title, own, signers, expected] of [
  [
    "replaces the key identifier in its place",
    [extension(AKI, OTHER_AKI), poison(), subjectAltName("a.example")],
    [extension(AKI, LONG_AKI)],
    [extension(AKI, LONG_AKI), subjectAltName("a.example")],
  ],
  [
    "keeps the criticality of the precertificate's key identifier",
    [subjectAltName("a.example"), extension(AKI, LONG_AKI, true), poison()],
    [extension(AKI, OTHER_AKI)],
    [subjectAltName("a.example"), extension(AKI, OTHER_AKI, true)],
  ],
  [
    "keeps an explicit FALSE of the precertificate, whatever the signer says",
    [extension(AKI, LONG_AKI, false), poison()],
    [extension(AKI, OTHER_AKI, true)],
    [extension(AKI, OTHER_AKI, false)],
  ],
  [
    "takes the key identifier out if the signer has none",
    [extension(AKI, OTHER_AKI), subjectAltName("a.example"), poison()],
    [],
    [subjectAltName("a.example")],
  ],
  [
    "appends the signer's key identifier, not critical, if the precertificate has none",
    [subjectAltName("a.example"), poison(), extension("1.2.3", nothing())],
    [extension(AKI, LONG_AKI, true)],
    [subjectAltName("a.example"), extension("1.2.3", nothing()), extension(AKI, LONG_AKI)],
  ],
  [
    "adds none if neither has one",
    [subjectAltName("a.example"), poison()],
    [],
    [subjectAltName("a.example")],
  ],
  [
    "replaces only the first of two, by the signer's first",
    [extension(AKI, OTHER_AKI), extension(AKI, OTHER_AKI), poison()],
    [extension(AKI, LONG_AKI), extension(AKI, OTHER_AKI)],
    [extension(AKI, LONG_AKI), extension(AKI, OTHER_AKI)],
  ],
] as const) {
  test(`buildPrecertTbs() with a signer ${title}`, () => {
    const tbs = buildPrecertTbs(precertOf(own), signerOf(signers));
    assert.equal(hex(tbs), tbsOf(expected, name("the final issuer")));
  });
}

test("buildPrecertTbs() with a signer copies the issuer's bytes, not its text", () => {
  const signer = parseCertificate(makeCa().issue({ issuer: name("Latin", 0x13) }));
  const tbs = parseCertificate(
    ca.wrap(Buffer.from(buildPrecertTbs(precertOf([poison()]), signer))),
  );
  assert.equal(hex(tbs.issuer), hex(name("Latin", 0x13)));
});

test("buildPrecertTbs() reads a precertificate that is a view into a larger buffer", () => {
  const der = ca.issue({ serial: 3, precert: true });
  const body = Buffer.concat([Buffer.alloc(7), der, Buffer.alloc(9)]);
  const tbs = buildPrecertTbs(parseCertificate(body.subarray(7, 7 + der.length)));
  assert.equal(hex(tbs), hex(ca.tbs({ serial: 3 })));
});

test("property: buildPrecertTbs() equals the TBS built without poison", () => {
  const arbitrary = fc.array(
    fc.record({
      id: fc.nat({ max: 200 }),
      value: fc.uint8Array({ maxLength: 300 }),
      critical: fc.option(fc.boolean(), { nil: undefined }),
    }),
    { maxLength: 6 },
  );
  fc.assert(
    fc.property(arbitrary, fc.nat({ max: 6 }), (parts, position) => {
      const list = parts.map(({ id, value, critical }) =>
        extension(`1.2.3.${id}`, value, critical),
      );
      const at = Math.min(position, list.length);
      const poisoned = [...list.slice(0, at), poison(), ...list.slice(at)];
      const tbs = buildPrecertTbs(precertOf(poisoned));
      if (list.length > 0) assert.equal(hex(tbs), tbsOf(list));
      else assert.match(hex(tbs), /a3023000$/);
    }),
    { numRuns: 150 },
  );
});

test("poisonOf() says absent, valid or invalid by the first, and counts all", () => {
  assert.deepEqual(poisonOf(precertOf([])), { state: "absent", count: 0 });
  assert.deepEqual(poisonOf(precertOf([poison()])), { state: "valid", count: 1 });
  const plain = extension(POISON_OID, nothing());
  assert.deepEqual(poisonOf(precertOf([plain])), { state: "invalid", count: 1 });
  assert.deepEqual(poisonOf(precertOf([poison(), plain])), { state: "valid", count: 2 });
  assert.deepEqual(poisonOf(precertOf([plain, poison()])), { state: "invalid", count: 2 });
  const other = extension(POISON_OID, Buffer.from("0500", "hex").subarray(0, 1), true);
  assert.deepEqual(poisonOf(precertOf([other])), { state: "invalid", count: 1 });
});

test("isPrecertificateSigningCertificate() looks at the extended key usages", () => {
  assert.ok(isPrecertificateSigningCertificate(precertOf([extendedKeyUsage("1.2.3", CT_EKU_OID)])));
  assert.ok(!isPrecertificateSigningCertificate(precertOf([extendedKeyUsage("1.2.3")])));
  assert.ok(!isPrecertificateSigningCertificate(precertOf([])));
  const twice = [extendedKeyUsage(CT_EKU_OID), extendedKeyUsage("1.2.3")];
  assert.ok(isPrecertificateSigningCertificate(precertOf(twice)));
});

test("sctListOf() is the TLS bytes inside both OCTET STRINGs", () => {
  const list = Buffer.from("0004000201ff", "hex");
  const certificate = precertOf([extension(SCT_LIST_OID, octetString(list))]);
  assert.equal(hex(sctListOf(certificate)!), hex(list));
  assert.ok(hasSctList(certificate));
  assert.equal(sctListOf(precertOf([])), undefined);
  assert.ok(!hasSctList(precertOf([])));
  for (const bad of [Buffer.of(), Buffer.of(1, 2), Buffer.concat([octetString(list), nothing()])]) {
    assert.throws(
      () => sctListOf(precertOf([extension(SCT_LIST_OID, bad)])),
      (error) => error instanceof MalformedError && error.code === "MALFORMED_CERTIFICATE",
    );
  }
});

test("tbsWithoutSctList() of a final certificate is the TBS of its precertificate", () => {
  const sctList = extension(SCT_LIST_OID, octetString(Buffer.from("00020000", "hex")));
  const common = { serial: 4, extensions: [subjectAltName("a.example")] };
  const precertificate = parseCertificate(ca.issue({ ...common, precert: true }));
  const final = parseCertificate(
    ca.issue({ ...common, extensions: [...common.extensions, sctList] }),
  );
  assert.equal(hex(tbsWithoutSctList(final)), hex(buildPrecertTbs(precertificate)));
  for (const bad of [[], [sctList, sctList]]) {
    assert.throws(
      () => tbsWithoutSctList(precertOf(bad)),
      (error) => error instanceof MalformedError && error.code === "MALFORMED_CERTIFICATE",
    );
  }
});

test("isPrecertTbs() agrees with buildPrecertTbs(), and takes nothing else", () => {
  const lists = fc.array(fc.constantFrom("poison", "name", "long", "empty"), { maxLength: 5 });
  const extensionOf: Readonly<Record<string, Uint8Array>> = {
    poison: poison(),
    name: subjectAltName("a.example"),
    long: subjectAltName(...Array.from({ length: 20 }, (_, index) => `host${index}.example`)),
    empty: extension("1.2.3", Buffer.alloc(0)),
  };
  fc.assert(
    fc.property(lists, fc.nat(), fc.integer({ min: 1, max: 255 }), (kinds, place, change) => {
      const { der } = precertOf(kinds.map((kind) => extensionOf[kind] ?? assert.fail(kind)));
      const isPrecertificate = kinds.filter((kind) => kind === "poison").length === 1;
      if (!isPrecertificate) {
        assert.equal(kinds.length > 0 && isPrecertTbs(der, ca.tbs({ serial: 1 })), false);
        return;
      }
      const tbs = buildPrecertTbs(parseCertificate(der));
      assert.ok(isPrecertTbs(der, tbs));
      const changed = Uint8Array.from(tbs);
      changed[place % tbs.length] = (changed[place % tbs.length] ?? 0) ^ change;
      assert.ok(!isPrecertTbs(der, changed));
      assert.ok(!isPrecertTbs(der, tbs.subarray(0, -1)));
      assert.ok(!isPrecertTbs(der, Buffer.concat([tbs, Buffer.of(0)])));
    }),
    { numRuns: 300 },
  );
});
