/**
 * The order of checks, the NotAfter window, usages, and what is logged.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MalformedError, RejectedError } from "../../src/base/errors.ts";
import { admit, isInWindow, readSubmission } from "../../src/policy/admission.ts";
import {
  ENDPOINTS,
  makeRules,
  OPEN_POLICY,
  optionsFor,
  refusalOf,
  sha256,
} from "../support/admission.ts";
import {
  CT_EKU_OID,
  makeCa,
  POISON_OID,
  poison,
  SCT_LIST_OID,
  subjectAltName,
} from "../support/certificates.ts";
import { extension, nothing, octetString } from "../support/der-builder.ts";

const root = makeCa({ subject: "order root" });
const issuer = root.intermediate({ subject: "order issuer" });
const stranger = makeCa({ subject: "order stranger" });
const START = Date.UTC(2026, 0, 1);
const LIMIT = Date.UTC(2027, 0, 1);
const YEAR = { notAfterStartMs: START, notAfterLimitMs: LIMIT };

for (const endpoint of ENDPOINTS) {
  const right = endpoint === "add-pre-chain";
  /** Each step's defect, in the order in which they are found. */
  const DEFECTS = ["parse", "window", "usage", "path", "poison", "type"] as const;
  const CODES = {
    parse: "MALFORMED_CERTIFICATE",
    window: "REJECTED_NOT_AFTER_OUT_OF_RANGE",
    usage: "REJECTED_EXTENDED_KEY_USAGE",
    path: "REJECTED_ISSUER_UNKNOWN",
    poison: "REJECTED_POISON_INVALID",
    type: "REJECTED_TYPE_MISMATCH",
  } as const;
  for (const [first, defect] of DEFECTS.entries()) {
    test(`admit() ${endpoint}: ${defect} is judged before all that follows`, () => {
      const has = (one: (typeof DEFECTS)[number]): boolean => DEFECTS.indexOf(one) >= first;
      // Poison and type exclude each other: an invalid poison is found before the type.
      const isPoisonInvalid = has("poison");
      const signer = has("path") ? stranger : issuer;
      const leaf = signer.issue({
        notAfter: has("window") ? new Date(LIMIT) : new Date(START),
        extendedKeyUsages: has("usage") ? ["1.2.3"] : ["1.3.6.1.5.5.7.3.1"],
        precert: isPoisonInvalid ? false : defect === "type" ? !right : right,
        extensions: isPoisonInvalid ? [extension(POISON_OID, nothing(), false)] : [],
      });
      const chain = has("parse") ? [leaf, Uint8Array.of(0)] : [leaf, issuer.der];
      const options = optionsFor(endpoint, makeRules([root]), {
        ...YEAR,
        extendedKeyUsages: ["serverAuth"],
      });
      assert.equal(refusalOf(() => admit(chain, options)).code, CODES[defect]);
    });
  }

  test(`admit() ${endpoint}: D2 NotAfter at the start is in, at the limit is out`, () => {
    const at = (ms: number): (() => unknown) => {
      const leaf = root.issue({ notAfter: new Date(ms), precert: right });
      return () => admit([leaf], optionsFor(endpoint, makeRules([root]), YEAR));
    };
    assert.ok(at(START)());
    assert.ok(at(LIMIT - 1000)());
    assert.match(
      refusalOf(at(START - 1000)).message,
      /^certificate NotAfter \(2025-12-31 23:59:59 \+0000 UTC\) < 2026-01-01 00:00:00 \+0000 UTC$/,
    );
    assert.match(
      refusalOf(at(LIMIT)).message,
      /^certificate NotAfter \(2027-01-01 00:00:00 \+0000 UTC\) >= 2027-01-01 00:00:00 \+0000 UTC$/,
    );
  });

  test(`admit() ${endpoint}: a NotAfter of another shard is sent there by name`, () => {
    const leaf = root.issue({ notAfter: new Date(LIMIT), precert: right });
    const options = {
      ...optionsFor(endpoint, makeRules([root]), YEAR),
      otherShards: [
        { name: "a2025", notAfterStartMs: 0, notAfterLimitMs: START },
        { name: "a2027", notAfterStartMs: LIMIT, notAfterLimitMs: undefined },
      ],
    };
    assert.match(refusalOf(() => admit([leaf], options)).message, /; shard "a2027" takes it$/);
  });

  test(`admit() ${endpoint}: D2 the window does not concern issuers`, () => {
    const chain = [issuer.issue({ precert: right }), issuer.der, root.der];
    assert.ok(admit(chain, optionsFor(endpoint, makeRules([root]), YEAR)));
  });

  test(`admit() ${endpoint}: D6 a usage filter wants one of its usages, by name or OID`, () => {
    const outcome = (own: readonly string[], filter: readonly string[]): string => {
      const leaf = root.issue({ extendedKeyUsages: own, precert: right });
      try {
        admit([leaf], optionsFor(endpoint, makeRules([root]), { extendedKeyUsages: filter }));
        return "taken";
      } catch (error) {
        return error instanceof RejectedError ? error.message : String(error);
      }
    };
    const serverAuth = "1.3.6.1.5.5.7.3.1";
    assert.equal(outcome([serverAuth], ["serverAuth"]), "taken");
    assert.equal(outcome([serverAuth], ["ServerAuth", "clientAuth"]), "taken");
    assert.equal(outcome(["1.2.3", serverAuth], [serverAuth]), "taken");
    assert.equal(outcome([], []), "taken");
    assert.equal(outcome([], ["any"]), "taken");
    assert.match(
      outcome([], ["serverAuth"]),
      /^rejecting certificate without EKU in \[serverAuth\]$/,
    );
    assert.match(outcome(["2.5.29.37.0"], ["serverAuth"]), /without EKU/);
    assert.match(outcome(["1.3.6.1.5.5.7.3.2"], ["serverAuth"]), /without EKU/);
  });

  test(`admit() ${endpoint}: the first poison decides, and an invalid one is refused`, () => {
    const bad = [
      extension(POISON_OID, nothing()),
      extension(POISON_OID, nothing(), false),
      extension(POISON_OID, Buffer.alloc(0), true),
      extension(POISON_OID, Buffer.from("050000", "hex"), true),
      extension(POISON_OID, octetString(), true),
    ];
    for (const first of bad) {
      const leaf = root.issue({ extensions: [first, poison()] });
      const refusal = refusalOf(() => admit([leaf], optionsFor(endpoint, makeRules([root]))));
      assert.equal(refusal.code, "REJECTED_POISON_INVALID");
      assert.equal(refusal.message, "CT poison ext is not critical or invalid");
    }
  });

  test(`admit() ${endpoint}: an empty chain is no submission`, () => {
    const refusal = refusalOf(() => admit([], optionsFor(endpoint, makeRules([root]))));
    assert.equal(refusal.code, "MALFORMED_BODY");
  });
}

test("admit() add-pre-chain: more than one poison is refused when the entry is built", () => {
  for (const second of [poison(), extension(POISON_OID, Buffer.of(1), false)]) {
    const leaf = root.issue({ extensions: [poison(), second] });
    const refusal = refusalOf(() => admit([leaf], optionsFor("add-pre-chain", makeRules([root]))));
    assert.equal(refusal.code, "MALFORMED_PRECERTIFICATE");
    assert.match(refusal.message, /^expected exactly one poison/);
  }
});

test("admit() add-chain: the certificate is logged as it came, with its dates", () => {
  const leaf = issuer.issue({ notBefore: new Date(START), notAfter: new Date(LIMIT) });
  const admitted = admit([leaf, issuer.der], optionsFor("add-chain", makeRules([root])));
  assert.deepEqual(admitted.entry, { type: "x509", certificate: leaf });
  assert.equal(admitted.precertificate, undefined);
  assert.equal(admitted.notBeforeMs, START);
  assert.equal(admitted.notAfterMs, LIMIT);
});

test("admit() add-pre-chain: the entry is the TBS without poison and the issuer's key hash", () => {
  const options = { serial: 5, extensions: [subjectAltName("b.example")] };
  const leaf = issuer.issue({ ...options, precert: true });
  const admitted = admit([leaf, issuer.der], optionsFor("add-pre-chain", makeRules([root])));
  const tbs = issuer.tbs(options);
  assert.deepEqual(admitted.precertificate, leaf);
  assert.equal(admitted.entry.type, "precert");
  if (admitted.entry.type === "precert") {
    assert.equal(Buffer.from(admitted.entry.tbs).toString("hex"), tbs.toString("hex"));
    assert.deepEqual(admitted.entry.issuerKeyHash, sha256(issuer.spki));
  }
});

test("admit() add-pre-chain: a precertificate signing certificate's issuer is named instead", () => {
  const signer = issuer.precertificateSigner();
  const leaf = signer.issue({ serial: 6, precert: true });
  const rules = makeRules([root]);
  const chain = [leaf, signer.der, issuer.der];
  const { entry, chain: path } = admit(chain, optionsFor("add-pre-chain", rules));
  assert.equal(path.length, 3);
  assert.equal(entry.type, "precert");
  if (entry.type === "precert") {
    assert.deepEqual(entry.issuerKeyHash, sha256(issuer.spki));
    // The final certificate, as the issuer itself would sign it.
    assert.equal(Buffer.from(entry.tbs).toString("hex"), issuer.tbs({ serial: 6 }).toString("hex"));
  }
  const closed = { acceptPrecertificateSigningCertificates: false };
  const refusal = refusalOf(() => admit(chain, optionsFor("add-pre-chain", rules, closed)));
  assert.equal(refusal.code, "REJECTED_PRECERTIFICATE_SIGNING_CERTIFICATE");
});

test("admit() add-pre-chain: a precertificate signing certificate as root has no issuer to name", () => {
  const signer = root.precertificateSigner();
  const leaf = signer.issue({ precert: true });
  const refusal = refusalOf(() => admit([leaf], optionsFor("add-pre-chain", makeRules([signer]))));
  assert.equal(refusal.code, "MALFORMED_PRECERTIFICATE");
  assert.equal(refusal.message, "a precertificate signing certificate needs an issuer");
});

test("admit() add-chain: a precertificate signing certificate may issue final certificates", () => {
  const signer = root.precertificateSigner();
  const closed = { acceptPrecertificateSigningCertificates: false };
  const options = optionsFor("add-chain", makeRules([root]), closed);
  assert.ok(admit([signer.issue(), signer.der], options));
});

test("admit() add-pre-chain: the usage counts on the direct issuer only", () => {
  const signer = root.precertificateSigner();
  const below = signer.intermediate();
  const leaf = below.issue({ serial: 8, precert: true, extendedKeyUsages: [CT_EKU_OID] });
  const options = optionsFor("add-pre-chain", makeRules([root]));
  const { entry } = admit([leaf, below.der, signer.der], options);
  assert.ok(entry.type === "precert");
  assert.deepEqual(entry.issuerKeyHash, sha256(below.spki));
});

test("admit() add-pre-chain: an SCT list in a precertificate stays in its TBS", () => {
  const sctList = extension(SCT_LIST_OID, octetString(Buffer.of(0, 0)));
  const leaf = root.issue({ serial: 9, precert: true, extensions: [sctList] });
  const { entry } = admit([leaf], optionsFor("add-pre-chain", makeRules([root])));
  assert.ok(entry.type === "precert");
  const expected = root.tbs({ serial: 9, extensions: [sctList] });
  assert.equal(Buffer.from(entry.tbs).toString("hex"), expected.toString("hex"));
});

test("isInWindow() treats undefined bounds as none", () => {
  assert.ok(isInWindow(-1, { notAfterStartMs: undefined, notAfterLimitMs: 0 }));
  assert.ok(!isInWindow(0, { notAfterStartMs: undefined, notAfterLimitMs: 0 }));
  assert.ok(isInWindow(2 ** 50, { notAfterStartMs: 0, notAfterLimitMs: undefined }));
  assert.ok(!isInWindow(-1, { notAfterStartMs: 0, notAfterLimitMs: undefined }));
});

test("readSubmission() holds issuers in bytes of their own, not in the request's", () => {
  const body = Buffer.concat([issuer.der, Buffer.alloc(100_000)]);
  const view = body.subarray(0, issuer.der.length);
  const { issuers } = readSubmission([issuer.issue(), view], makeRules([root]));
  assert.equal(issuers[0]?.certificate.der.buffer.byteLength, issuer.der.length);
});

test("property: admit() of mutated chains is taken or refused, never anything else", () => {
  const signer = issuer.precertificateSigner();
  const chains = [
    [issuer.issue({ precert: true }), issuer.der, root.der],
    [signer.issue({ precert: true }), signer.der, issuer.der],
    [issuer.issue(), issuer.der],
  ];
  const rules = makeRules([root]);
  const mutation = fc.record({
    chain: fc.nat({ max: chains.length - 1 }),
    certificate: fc.nat({ max: 2 }),
    position: fc.double({ min: 0, max: 0.999, noNaN: true }),
    octet: fc.nat({ max: 255 }),
    kind: fc.constantFrom("set", "insert", "remove", "cut"),
    endpoint: fc.constantFrom(...ENDPOINTS),
  });
  fc.assert(
    fc.property(mutation, ({ chain, certificate, position, octet, kind, endpoint }) => {
      const mutated = [...chains[chain]!];
      const old = Buffer.from(mutated[certificate] ?? mutated[0]!);
      const at = Math.floor(position * old.length);
      const rest = old.subarray(kind === "insert" ? at : at + 1);
      const middle = kind === "remove" || kind === "cut" ? [] : [octet];
      mutated[Math.min(certificate, mutated.length - 1)] = Buffer.concat([
        old.subarray(0, at),
        Buffer.from(middle),
        kind === "cut" ? Buffer.alloc(0) : rest,
      ]);
      try {
        admit(mutated, { endpoint, rules, policy: OPEN_POLICY, otherShards: [] });
      } catch (error) {
        if (!(error instanceof MalformedError || error instanceof RejectedError)) throw error;
      }
    }),
    { numRuns: 1500 },
  );
});
