/**
 * Odd certificates, for both endpoints. A precertificate that is taken is logged without
 * poison and otherwise byte for byte as its CA wrote it.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { admit } from "../../src/policy/admission.ts";
import { ENDPOINTS, makeRules, optionsFor, refusalOf } from "../support/admission.ts";
import { REFUSED, TAKEN } from "../support/certificate-cases.ts";
import { makeCa, POISON_OID } from "../support/certificates.ts";
import { extension, nothing } from "../support/der-builder.ts";

const root = makeCa();

for (const endpoint of ENDPOINTS) {
  const precert = endpoint === "add-pre-chain";
  for (const [title, options, edit] of TAKEN) {
    test(`admit() ${endpoint}: takes ${title}`, () => {
      const fixed = { serial: 77, ...options };
      const certificate = root.issue({ ...fixed, precert });
      const submitted = edit === undefined ? certificate : edit(certificate);
      const { entry } = admit([submitted], optionsFor(endpoint, makeRules([root])));
      if (entry.type === "x509") assert.deepEqual(entry.certificate, submitted);
      else {
        // A certificate with the same fields but without poison: what the CA issues later.
        const final = root.tbs({ ...fixed, precert: false });
        assert.equal(Buffer.from(entry.tbs).toString("hex"), final.toString("hex"));
      }
      assert.equal(entry.type === "precert", precert);
    });
  }
  for (const [title, options, edit] of REFUSED) {
    test(`admit() ${endpoint}: refuses ${title}`, () => {
      const certificate = root.issue({ ...options, precert });
      const submitted = edit === undefined ? certificate : edit(certificate);
      const refusal = refusalOf(() => admit([submitted], optionsFor(endpoint, makeRules([root]))));
      assert.equal(refusal.code, "MALFORMED_CERTIFICATE", refusal.message);
      assert.match(refusal.message, /^certificate 0 of the chain: /);
    });
    test(`admit() ${endpoint}: refuses as an issuer ${title}`, () => {
      const certificate = root.issue({ ...options, ca: true, subject: options.subject ?? "odd" });
      const submitted = edit === undefined ? certificate : edit(certificate);
      const refusal = refusalOf(() =>
        admit([root.issue({ precert }), submitted], optionsFor(endpoint, makeRules([root]))),
      );
      assert.equal(refusal.code, "MALFORMED_CERTIFICATE", refusal.message);
      assert.match(refusal.message, /^certificate 1 of the chain: /);
    });
  }
  test(`admit() ${endpoint}: the poison's own OID with other last arcs is no poison`, () => {
    const near = extension(`${POISON_OID}.1`, nothing(), true);
    const certificate = root.issue({ extensions: [near], precert });
    const { entry } = admit([certificate], optionsFor(endpoint, makeRules([root])));
    assert.equal(entry.type === "precert", precert);
  });
}
