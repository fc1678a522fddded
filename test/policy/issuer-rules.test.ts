/**
 * What makes an issuer, for both endpoints, at both places: an intermediate and the accepted
 * root itself. The names carry the case numbers of the list that CTFE was tried with.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { admit } from "../../src/policy/admission.ts";
import { ENDPOINTS, makeRules, optionsFor, refusalOf } from "../support/admission.ts";
import { makeCa, pssAlgorithm, type TestCa } from "../support/certificates.ts";
import { octetString, oid, sequence } from "../support/der-builder.ts";
import { ISSUER_CASES } from "../support/issuer-cases.ts";

for (const endpoint of ENDPOINTS) {
  const precert = endpoint === "add-pre-chain";
  for (const { title, make, objection } of ISSUER_CASES) {
    test(`admit() ${endpoint}: ${objection ? "refuses" : "takes"} ${title}`, () => {
      const { roots, issuer, leaf, sent, path } = make();
      const options = optionsFor(endpoint, makeRules(roots));
      const certificate = issuer.issue({ ...leaf, precert });
      if (objection !== undefined) {
        const refusal = refusalOf(() => admit([certificate, ...sent], options));
        assert.match(refusal.message, objection);
        assert.match(refusal.code, /^REJECTED_(CHAIN_INVALID|ISSUER_UNKNOWN)$/);
        return;
      }
      const { chain } = admit([certificate, ...sent], options);
      assert.deepEqual(
        chain.map(({ der }) => hex(der)),
        path.map(hex),
      );
      const forged = issuer.issue({ ...leaf, precert, editSignature: flipped });
      const refusal = refusalOf(() => admit([forged, ...sent], options));
      if (sent.length === 0) assert.equal(refusal.code, "REJECTED_ISSUER_UNKNOWN");
      else {
        assert.equal(refusal.code, "REJECTED_CHAIN_INVALID");
        assert.match(refusal.message, /certificate 0, by certificate 1/);
      }
    });
  }

  test(`admit() ${endpoint}: D24 of roots with one name, the key identifier's comes first`, () => {
    const first = makeCa({ subject: "twins" });
    const second = makeCa({ subject: "twins" });
    const rules = makeRules([first, second]);
    let checks = 0;
    const counting = {
      ...rules,
      verifySignature: (...both: Parameters<typeof rules.verifySignature>) => {
        checks += 1;
        rules.verifySignature(...both);
      },
    };
    const admitted = admit([second.issue({ precert })], optionsFor(endpoint, counting));
    assert.deepEqual(admitted.chain[0]?.der, second.der);
    assert.equal(checks, 1);
  });

  test(`admit() ${endpoint}: a CA certificate is verified before its key is used`, () => {
    const root = makeCa();
    const forged = root.intermediate({ editSignature: flipped });
    const rules = makeRules([root]);
    const keysUsed: Uint8Array[] = [];
    const recording = {
      ...rules,
      verifySignature: (...[child, issuer]: Parameters<typeof rules.verifySignature>) => {
        keysUsed.push(issuer.spki);
        rules.verifySignature(child, issuer);
      },
    };
    const chain = [forged.issue({ precert }), forged.der];
    const refusal = refusalOf(() => admit(chain, optionsFor(endpoint, recording)));
    assert.equal(refusal.code, "REJECTED_ISSUER_UNKNOWN");
    assert.deepEqual(keysUsed.map(hex), [hex(root.spki)]);
  });
}

test("admit() add-chain: an issuer's signature is verified once, a leaf's each time", () => {
  const root = makeCa();
  const issuer = root.intermediate();
  const rules = makeRules([root]);
  let checks = 0;
  const counting = {
    ...rules,
    verifySignature: (...both: Parameters<typeof rules.verifySignature>) => {
      checks += 1;
      rules.verifySignature(...both);
    },
  };
  const options = optionsFor("add-chain", counting);
  admit([issuer.issue(), issuer.der], options);
  assert.equal(checks, 2);
  admit([issuer.issue(), issuer.der], options);
  admit([issuer.issue(), issuer.der, root.der], options);
  assert.equal(checks, 4);
  rules.verified.clear();
  admit([issuer.issue(), issuer.der], options);
  assert.equal(checks, 6);
});

test("admit() add-chain: a chain that is too long is refused before any signature is checked", () => {
  const root = makeCa();
  const issuers = Array.from({ length: 101 }, () => root.intermediate({ keyOf: root }).der);
  const unused = {
    ...makeRules([root]),
    verifySignature: () => assert.fail("no signature should be checked"),
  };
  const refusal = refusalOf(() =>
    admit([root.issue(), ...issuers], optionsFor("add-chain", unused)),
  );
  assert.equal(refusal.code, "REJECTED_CHAIN_TOO_LONG");
});

test("admit() add-chain: a chain that was refused leaves nothing remembered", () => {
  const root = makeCa();
  const issuer: TestCa = root.intermediate();
  const rules = makeRules([root]);
  const forged = issuer.issue({ editSignature: flipped });
  refusalOf(() => admit([forged, issuer.der], optionsFor("add-chain", rules)));
  assert.equal(rules.issuers.find(issuer.der), undefined);
});

test("admit() add-chain: RSA-PSS parameters are taken from the AlgorithmIdentifier", () => {
  const root = makeCa({ keyType: "rsa2048", signsWith: "pssSha256" });
  const options = optionsFor("add-chain", makeRules([root]));
  const claim = (algorithm: Uint8Array): Uint8Array =>
    root.issue({ innerAlgorithm: algorithm, outerAlgorithm: algorithm });
  const sha256 = "2.16.840.1.101.3.4.2.1";
  assert.ok(admit([claim(pssAlgorithm(sha256, 32))], options));
  assert.ok(admit([claim(pssAlgorithm(sha256, 32, sha256, 1))], options));
  for (const wrong of [
    pssAlgorithm(sha256, 31),
    pssAlgorithm("2.16.840.1.101.3.4.2.2", 32),
    pssAlgorithm(sha256, 32, "2.16.840.1.101.3.4.2.2"),
    pssAlgorithm(sha256, 32, sha256, 2),
    sequence(oid("1.2.840.113549.1.1.10"), sequence()),
    sequence(oid("1.2.840.113549.1.1.10")),
    sequence(oid("1.2.840.113549.1.1.10"), octetString(Buffer.of(1))),
  ]) {
    refusalOf(() => admit([claim(wrong)], options));
  }
});

function flipped(signature: Buffer): Buffer {
  const copy = Buffer.from(signature);
  copy[copy.length - 1]! ^= 1;
  return copy;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
