import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { hashOf, parseSearch } from "../../../src/dashboard/check/search.ts";
import { formatSctJson } from "../../../src/rfc6962/json.ts";
import { encodeSct } from "../../../src/rfc6962/sct.ts";
import { encodeDigitallySigned } from "../../../src/rfc6962/signature.ts";
import { formatPem } from "../../../src/x509/roots.ts";
import { makeCa } from "../../support/certificates.ts";

const hash = new Uint8Array(32).fill(0xfb);
const hex = Buffer.from(hash).toString("hex");
const base64 = Buffer.from(hash).toString("base64");
const der = new Uint8Array(makeCa().issue());
const sct = {
  logId: hash,
  timestampMs: 5,
  extensions: new Uint8Array(0),
  signature: encodeDigitallySigned({ algorithm: "ecdsa", signature: Uint8Array.of(1) }),
};

const CASES: readonly (readonly [string, string, string])[] = [
  ["an index", " 17\n", "index"],
  ["a hash in hex", hex, "hash"],
  ["a hash with colons", hex.toUpperCase().replaceAll(/..(?=.)/g, "$&:"), "hash"],
  ["a hash in base64", base64, "hash"],
  ["an SCT in JSON", formatSctJson(sct), "scts"],
  ["an SCT in base64", Buffer.from(encodeSct(sct)).toString("base64"), "scts"],
  ["a certificate in PEM", `text\n${formatPem(der)}`, "certificate"],
  ["a certificate in base64", Buffer.from(der).toString("base64"), "certificate"],
  ["a certificate in hex", Buffer.from(der).toString("hex"), "certificate"],
  ["nothing known", "example.org", "unknown"],
  ["broken JSON", "{", "unknown"],
  ["a broken certificate", formatPem(der.subarray(0, 50)), "unknown"],
];

for (const [title, text, kind] of CASES) {
  test(`parseSearch() of ${title}`, () => {
    assert.equal(parseSearch(text).kind, kind);
  });
}

test("hashOf() takes a plus that came through a query as a space", () => {
  assert.ok(base64.includes("+") || base64.includes("/"));
  assert.deepEqual(hashOf(base64.replaceAll("+", " ")), hash);
});

test("property: parseSearch() of any text throws nothing", () => {
  fc.assert(fc.property(fc.string({ maxLength: 300 }), (text) => void parseSearch(text)));
});
