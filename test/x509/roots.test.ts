/**
 * Accepted roots, PEM bundles, and what is remembered of issuers.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { MalformedError } from "../../src/base/errors.ts";
import { IssuerCache, readCopied, tailKey, VerifiedPairs } from "../../src/x509/known.ts";
import { parsePem, RootSet } from "../../src/x509/roots.ts";
import { sha256 } from "../support/admission.ts";
import { makeCa } from "../support/certificates.ts";

const a = makeCa({ subject: "a" });
const b = makeCa({ subject: "b" });
const a2 = makeCa({ subject: "a" });
/** Another subject with the same last 6 bytes. */
const longA = makeCa({ subject: "another name that ends in 123456" });
const longB = makeCa({ subject: "some name that ends in 123456" });

function pem(der: Uint8Array, label = "CERTIFICATE", eol = "\n"): string {
  const lines = Buffer.from(der)
    .toString("base64")
    .match(/.{1,64}/g)!;
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join(eol);
}

test("RootSet keeps order and counts doubles once", () => {
  const roots = new RootSet([b.der, a.der, b.der, a2.der], sha256);
  assert.equal(roots.count, 3);
  assert.deepEqual(roots.ders, [b.der, a.der, a2.der]);
});

test("RootSet finds by fingerprint, bytes and subject, in order", () => {
  const roots = new RootSet([b.der, a.der, a2.der, longA.der, longB.der], sha256);
  assert.deepEqual(roots.withFingerprint(sha256(a.der))?.certificate.der, a.der);
  assert.equal(roots.withFingerprint(sha256(makeCa().der)), undefined);
  assert.equal(roots.withFingerprint(new Uint8Array(3)), undefined);
  assert.deepEqual(roots.find(a2.der)?.fingerprint, sha256(a2.der));
  assert.equal(roots.find(makeCa().der), undefined);
  assert.deepEqual(
    roots.withSubject(a.subject).map(({ certificate }) => certificate.der),
    [a.der, a2.der],
  );
  assert.deepEqual(
    roots.withSubject(longB.subject).map(({ certificate }) => certificate.der),
    [longB.der],
  );
  assert.deepEqual(roots.withSubject(makeCa().subject), []);
});

test("RootSet does not keep the bytes it was given", () => {
  const der = Uint8Array.from(a.der);
  const roots = new RootSet([der], sha256);
  der.fill(0);
  assert.deepEqual(roots.ders, [a.der]);
});

test("RootSet refuses a root that does not parse", () => {
  assert.throws(
    () => new RootSet([a.der, Uint8Array.of(0x30, 0)], sha256),
    (error) => error instanceof MalformedError && error.code === "MALFORMED_CERTIFICATE",
  );
});

test("parsePem() reads certificates in order, over comments, CRLF and other blocks", () => {
  const text = [
    "# roots\n",
    pem(a.der),
    "Subject: b\r\n",
    pem(b.der, "CERTIFICATE", "\r\n"),
    pem(Buffer.from("secret"), "EC PRIVATE KEY"),
    pem(a2.der).trimEnd(),
  ].join("");
  assert.deepEqual(parsePem(text), [a.der, b.der, a2.der]);
  assert.deepEqual(parsePem("nothing here"), []);
});

for (const [title, text] of [
  ["a block without end", pem(a.der).replace(/-----END.*/, "")],
  ["a block without beginning", pem(a.der).replace(/-----BEGIN.*/, "")],
  ["a block inside a block", `${pem(a.der).replace(/-----END.*\n/, "")}${pem(b.der)}`],
  ["the end of another label", pem(a.der).replace("END CERTIFICATE", "END X")],
  [
    "invalid base64",
    pem(a.der)
      .replace("MII", "M!I")
      .replace(/^.*\n(.)/, "$&*"),
  ],
  ["an empty block", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"],
] as const) {
  test(`parsePem() refuses ${title}`, () => {
    assert.throws(
      () => parsePem(text),
      (error) => error instanceof MalformedError && error.code === "MALFORMED_PEM",
    );
  });
}

test("IssuerCache finds exact bytes only, and lets the least recently used go", () => {
  const cache = new IssuerCache(2);
  const [one, two, three] = [a, b, a2].map(({ der }) => readCopied(der, sha256));
  cache.remember(one!);
  cache.remember(two!);
  assert.equal(cache.find(a.der), one);
  cache.remember(three!);
  assert.equal(cache.find(b.der), undefined);
  assert.equal(cache.find(a.der), one);
  assert.equal(cache.find(a2.der), three);
  const forged = Uint8Array.from(a.der);
  forged[20] = (forged[20]! + 1) % 256;
  assert.equal(tailKey(forged), tailKey(a.der));
  assert.equal(cache.find(forged), undefined);
});

test("VerifiedPairs knows a pair in its direction, is bounded and can be cleared", () => {
  const pairs = new VerifiedPairs(2);
  const [one, two, three] = [a, b, a2].map(({ der }) => readCopied(der, sha256));
  pairs.add(one!, two!);
  assert.ok(pairs.has(one!, two!));
  assert.ok(!pairs.has(two!, one!));
  pairs.add(one!, three!);
  assert.ok(pairs.has(one!, two!));
  pairs.add(two!, three!);
  assert.ok(!pairs.has(one!, three!));
  assert.ok(pairs.has(one!, two!));
  pairs.clear();
  assert.ok(!pairs.has(one!, two!));
});

test("tailKey() of short and long bytes stays a safe integer", () => {
  assert.equal(tailKey(new Uint8Array(0)), 0);
  assert.equal(tailKey(Uint8Array.of(1, 2)), 258);
  assert.equal(tailKey(new Uint8Array(99).fill(255)), 2 ** 48 - 1);
});
