import assert from "node:assert/strict";
import { test } from "node:test";
import { ISSUER_LABELS_MAX, IssuerLabels, OTHER, UNKNOWN } from "../../src/log/issuer-labels.ts";
import { makeCa, type TestCa } from "../support/certificates.ts";
import { name, oid, sequence, set, text } from "../support/der-builder.ts";
import { sha256 } from "../support/sha256.ts";

function pathOf(ca: TestCa) {
  return [{ fingerprint: sha256(ca.der), der: ca.der }];
}

/** A name with an organization and a common name. */
function organization(value: string, commonName: string): Uint8Array {
  const attribute = (id: string, content: string) => set(sequence(oid(id), text(0x0c, content)));
  return sequence(attribute("2.5.4.10", value), attribute("2.5.4.3", commonName));
}

test("IssuerLabels.ofPath() is the organization, for all of a CA's intermediates, else the name", () => {
  const labels = new IssuerLabels();
  const [one, two] = ["R1", "R2"].map((cn) => makeCa({ subject: organization("Some CA", cn) }));
  assert.equal(labels.ofPath(pathOf(one!)), "Some CA");
  assert.equal(labels.ofPath(pathOf(two!)), "Some CA");
  assert.equal(labels.ofPath(pathOf(makeCa({ subject: "plain" }))), "plain");
  assert.equal(labels.ofPath([]), OTHER, "a root that was submitted itself");
});

test("IssuerLabels.ofPath() gives few labels, short and without control characters", () => {
  const labels = new IssuerLabels();
  const label = labels.ofPath(pathOf(makeCa({ subject: `a\u0007b${"c".repeat(200)}` })));
  assert.match(label, /^a bc{61}$/);
  const given = Array.from({ length: ISSUER_LABELS_MAX + 5 }, (_, index) =>
    labels.ofPath(pathOf(makeCa({ subject: `CA ${index}` }))),
  );
  assert.equal(new Set(given).size, ISSUER_LABELS_MAX);
  assert.equal(given.at(-1), OTHER);
  assert.equal(given[0], "CA 0");
});

test("IssuerLabels.ofRefusal() knows issuers that a verified chain has shown, and no others", () => {
  const labels = new IssuerLabels();
  const [stranger, refused] = [new Error("a"), new Error("b")];
  labels.blame(stranger, name("evil"));
  assert.equal(labels.ofRefusal(stranger), UNKNOWN);
  labels.ofPath(pathOf(makeCa({ subject: "known" })));
  labels.blame(refused, name("known"));
  assert.equal(labels.ofRefusal(refused), "known");
  assert.equal(labels.ofRefusal(stranger), UNKNOWN);
});
