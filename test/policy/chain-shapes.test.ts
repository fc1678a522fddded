/**
 * Which chains are taken, for both endpoints: every shape that CTFE was tried with, with its
 * outcome. On add-pre-chain the first certificate carries poison.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { admit, type Endpoint } from "../../src/policy/admission.ts";
import { ENDPOINTS, makeRules, optionsFor, refusalOf } from "../support/admission.ts";
import { makeCa } from "../support/certificates.ts";

const R = makeCa({ subject: "R" });
const I = R.intermediate({ subject: "I" });
const X = makeCa({ subject: "X" });
const twin1 = makeCa({ subject: "twin" });
const twin2 = makeCa({ subject: "twin", keyOf: twin1 });
const Cself = makeCa({ subject: "C" });
const C = R.intermediate({ subject: "C", keyOf: Cself });
const LEAVES = {
  "add-chain": { L: I.issue(), T: twin1.issue(), LC: Cself.issue(), LX: X.issue() },
  "add-pre-chain": {
    L: I.issue({ precert: true }),
    T: twin1.issue({ precert: true }),
    LC: Cself.issue({ precert: true }),
    LX: X.issue({ precert: true }),
  },
} as const;

const ALL: Readonly<Record<string, Uint8Array>> = {
  R: R.der,
  I: I.der,
  X: X.der,
  r1: twin1.der,
  r2: twin2.der,
  Cself: Cself.der,
  C: C.der,
};

const NO_PATH = "no RFC compliant path to root found when trying to validate chain";
const UNKNOWN = "x509: certificate signed by unknown authority";

/** Submitted, pool, and either the stored path or the message of the refusal. */
const SHAPES: readonly (readonly [string, string, string])[] = [
  ["L I", "R", "= L I R"],
  ["L I R", "R", "= L I R"],
  ["L I R R", "R", NO_PATH],
  ["L I I", "R", NO_PATH],
  ["L L I", "R", NO_PATH],
  ["L R I", "R", NO_PATH],
  ["L I X", "R", NO_PATH],
  ["L I R X", "R", NO_PATH],
  ["L", "R", UNKNOWN],
  ["L I R", "X", UNKNOWN],
  ["LX", "R", UNKNOWN],
  ["L", "I", "= L I"],
  ["L I", "I", "= L I"],
  ["L I R", "I", NO_PATH],
  ["L I", "I R", "= L I"],
  ["L I", "R I", "= L I"],
  ["L I R", "I R", "= L I R"],
  ["T", "r1 r2", "= T r1"],
  ["T", "r2 r1", "= T r2"],
  ["T r1", "r1 r2", "= T r1"],
  ["T r2", "r1 r2", "= T r2"],
  ["LC C", "R", "= LC C R"],
  ["LC C", "R Cself", "= LC C R"],
  ["LC Cself C", "R", "= LC Cself C R"],
];

for (const endpoint of ENDPOINTS) {
  for (const [submitted, pool, outcome] of SHAPES) {
    const shown = outcome.startsWith("=") ? `is stored as [${outcome.slice(2)}]` : "is refused";
    test(`admit() ${endpoint}: [${submitted}] with roots {${pool}} ${shown}`, () => {
      const options = optionsFor(endpoint, makeRules(resolve(pool, endpoint)));
      const chain = resolve(submitted, endpoint);
      if (!outcome.startsWith("=")) {
        assert.ok(refusalOf(() => admit(chain, options)).message.includes(outcome));
        return;
      }
      const stored = resolve(outcome.slice(2), endpoint);
      const cold = admit(chain, options);
      const warm = admit(chain, options);
      for (const { chain: path } of [cold, warm]) {
        assert.deepEqual(
          path.map(({ der }) => Buffer.from(der)),
          stored.slice(1).map((der) => Buffer.from(der)),
        );
        for (const { der, fingerprint } of path) {
          assert.deepEqual(fingerprint, options.rules.sha256(der));
        }
      }
    });
  }
}

test("admit() add-chain: a root alone is taken, with an empty chain", () => {
  const options = optionsFor("add-chain", makeRules([R]));
  const admitted = admit([R.der], options);
  assert.deepEqual(admitted.chain, []);
  assert.deepEqual(admitted.entry, { type: "x509", certificate: R.der });
});

test("admit() add-chain: a root twice is refused", () => {
  const refusal = refusalOf(() => admit([R.der, R.der], optionsFor("add-chain", makeRules([R]))));
  assert.equal(refusal.code, "REJECTED_CHAIN_INVALID");
  assert.ok(refusal.message.includes(NO_PATH));
});

test("admit() add-chain: a CA certificate can be the one that is logged, with or without root", () => {
  for (const chain of [[I.der], [I.der, R.der]]) {
    const admitted = admit(chain, optionsFor("add-chain", makeRules([R])));
    assert.deepEqual(
      admitted.chain.map(({ der }) => der),
      [R.der],
    );
  }
});

test("admit() add-chain: an accepted root must come alone, even with its own issuer", () => {
  const refusal = refusalOf(() =>
    admit([I.der, R.der], optionsFor("add-chain", makeRules([I, R]))),
  );
  assert.ok(refusal.message.includes(NO_PATH));
});

test("admit() add-pre-chain: a root without poison is the wrong type, one with poison has no issuer", () => {
  const plain = refusalOf(() => admit([R.der], optionsFor("add-pre-chain", makeRules([R]))));
  assert.equal(plain.code, "REJECTED_TYPE_MISMATCH");
  const poisoned = makeCa({ precert: true });
  const refusal = refusalOf(() =>
    admit([poisoned.der], optionsFor("add-pre-chain", makeRules([poisoned]))),
  );
  assert.equal(refusal.code, "MALFORMED_PRECERTIFICATE");
  assert.equal(refusal.message, "a precertificate needs an issuer");
});

test("admit() add-pre-chain: a precertificate issued by a root has the root as its chain", () => {
  const options = optionsFor("add-pre-chain", makeRules([R]));
  const precert = R.issue({ precert: true });
  for (const chain of [[precert], [precert, R.der]]) {
    const { chain: path, entry } = admit(chain, options);
    assert.deepEqual(
      path.map(({ der }) => der),
      [R.der],
    );
    assert.equal(entry.type, "precert");
    if (entry.type === "precert") {
      assert.deepEqual(entry.issuerKeyHash, options.rules.sha256(R.spki));
    }
  }
});

for (const endpoint of ENDPOINTS) {
  test(`admit() ${endpoint}: 99 intermediates below the root are taken, 100 are too many`, () => {
    let top = makeCa();
    const root = top;
    const intermediates: Uint8Array[] = [];
    for (let count = 0; count < 99; count += 1) {
      top = top.intermediate({ keyOf: root });
      intermediates.unshift(top.der);
    }
    const precert = endpoint === "add-pre-chain";
    const options = optionsFor(endpoint, makeRules([root]));
    const admitted = admit([top.issue({ precert }), ...intermediates], options);
    assert.equal(admitted.chain.length, 100);
    const withRoot = [top.issue({ precert }), ...intermediates, root.der];
    assert.equal(admit(withRoot, options).chain.length, 100);
    const last = top.intermediate();
    const refusal = refusalOf(() =>
      admit([last.issue({ precert }), last.der, ...intermediates], options),
    );
    assert.equal(refusal.code, "REJECTED_CHAIN_TOO_LONG");
    assert.ok(refusal.message.includes("signature check attempts limit reached"));
  });

  test(`admit() ${endpoint}: an unknown issuer is named, escaped as in RFC 4514`, () => {
    const missing = R.intermediate({ subject: 'Some "CA", Inc.' });
    const leaf = missing.issue({ precert: endpoint === "add-pre-chain" });
    const refusal = refusalOf(() => admit([leaf], optionsFor(endpoint, makeRules([R]))));
    assert.equal(refusal.code, "REJECTED_ISSUER_UNKNOWN");
    assert.ok(
      refusal.message.includes(JSON.stringify('CN=Some \\"CA\\"\\, Inc.')),
      refusal.message,
    );
  });
}

function resolve(names: string, endpoint: Endpoint): Uint8Array[] {
  return names.split(" ").map((name) => {
    const leaves: Readonly<Record<string, Uint8Array>> = LEAVES[endpoint];
    return leaves[name] ?? ALL[name] ?? assert.fail(`no certificate ${name}`);
  });
}
