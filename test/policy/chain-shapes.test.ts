/**
 * Which chains are taken, for both endpoints: every shape that CTFE was tried with, with its
 * outcome. On add-pre-chain the first certificate carries poison.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { admit } from "../../src/policy/admission.ts";
import { ENDPOINTS, makeRules, optionsFor, refusalOf } from "../support/admission.ts";
import { makeCa } from "../support/certificates.ts";
import { makeLongChain, makeShape, poolOf, SHAPES } from "../support/chain-shapes.ts";

const R = makeCa();

for (const endpoint of ENDPOINTS) {
  for (const shape of SHAPES) {
    const { submitted, pool } = shape;
    const outcome = shape.outcome[endpoint];
    const shown = outcome.startsWith("=") ? `is stored as [${outcome.slice(2)}]` : "is refused";
    test(`admit() ${endpoint}: [${submitted}] with roots {${pool}} ${shown}`, () => {
      const options = optionsFor(endpoint, makeRules(poolOf(shape)));
      const { chain, path: stored } = makeShape(shape, endpoint);
      if (stored === undefined) {
        assert.ok(refusalOf(() => admit(chain, options)).message.includes(outcome));
        return;
      }
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

test("admit() add-chain: a root alone is logged itself", () => {
  const admitted = admit([R.der], optionsFor("add-chain", makeRules([R])));
  assert.deepEqual(admitted.chain, []);
  assert.deepEqual(admitted.entry, { type: "x509", certificate: R.der });
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
    const { root, last: top, intermediates } = makeLongChain(99);
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
