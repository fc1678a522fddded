/**
 * Real precertificates and submissions from public logs, where ../shared/corpus is there.
 * The same code has tests of its own in precert.test.ts and test/policy.
 * @module
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { admit } from "../../src/policy/admission.ts";
import { parseCertificate } from "../../src/x509/certificate.ts";
import { describeCertificate } from "../../src/x509/describe.ts";
import { buildPrecertTbs } from "../../src/x509/precert.ts";
import { parsePem, RootSet } from "../../src/x509/roots.ts";
import { makeRules, optionsFor, sha256 } from "../support/admission.ts";

const CORPUS = new URL("../../../shared/corpus/", import.meta.url);
const skip = existsSync(CORPUS) ? false : "no ../shared/corpus here";

interface Recorded {
  readonly precertificate: string;
  readonly chain: readonly string[];
  readonly tbs: string;
  readonly issuer_key_hash: string;
}

function read(name: string): readonly Recorded[] {
  const text = readFileSync(new URL(name, CORPUS), "utf8");
  return text
    .trim()
    .split("\n")
    .map((line): Recorded => JSON.parse(line));
}

test("buildPrecertTbs() equals what a real log recorded, 512 times", { skip }, () => {
  const all = read("precert-tbs.jsonl");
  assert.equal(all.length, 512);
  for (const { precertificate, tbs } of all) {
    const built = buildPrecertTbs(parseCertificate(Buffer.from(precertificate, "base64")));
    assert.equal(Buffer.from(built).toString("base64"), tbs);
  }
});

test("describeCertificate() describes 512 real precertificates", { skip }, () => {
  for (const { precertificate } of read("precert-tbs.jsonl")) {
    const described = describeCertificate(Buffer.from(precertificate, "base64"));
    assert.ok(described.isPrecertificate);
    assert.ok(described.names.length > 0);
  }
});

test("admit() takes 10 real submissions as their log did", { skip }, () => {
  const roots = parsePem(readFileSync(new URL("roots.pem", CORPUS), "utf8"));
  const options = optionsFor("add-pre-chain", makeRules(roots), {
    notAfterStartMs: Date.UTC(2025, 6, 1),
    notAfterLimitMs: Date.UTC(2026, 0, 1),
    extendedKeyUsages: ["serverAuth"],
  });
  const all = read("precert-chains.jsonl");
  assert.equal(all.length, 10);
  for (const { chain, tbs, issuer_key_hash } of all) {
    const admitted = admit(
      chain.map((one) => Buffer.from(one, "base64")),
      options,
    );
    assert.ok(admitted.entry.type === "precert");
    assert.equal(Buffer.from(admitted.entry.tbs).toString("base64"), tbs);
    assert.equal(Buffer.from(admitted.entry.issuerKeyHash).toString("hex"), issuer_key_hash);
    const last = admitted.chain.at(-1);
    assert.ok(last && options.rules.roots.withFingerprint(last.fingerprint));
  }
});

test("RootSet takes a real root store of 339, and finds the merge delay monitor's", {
  skip,
}, () => {
  const bundle = ["roots.pem", "merge-delay-monitor-root.pem"]
    .map((name) => readFileSync(new URL(name, CORPUS), "utf8"))
    .join("\n");
  const roots = new RootSet(parsePem(bundle), sha256);
  assert.ok(roots.count >= 339);
  const monitor = "86d8219c7e2b6009e37eb14356268489b81379e076e8f372e3dde8c162a34134";
  assert.ok(roots.withFingerprint(Buffer.from(monitor, "hex")));
});
