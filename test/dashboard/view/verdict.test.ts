import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ruleOf } from "../../../src/dashboard/view/rules.ts";
import { parseVerdict, renderVerdict } from "../../../src/dashboard/view/verdict.ts";
import { ROOT } from "../../support/source.ts";

/** Codes of docs/ERRORS.md that no chain is refused by. */
const OF_READS = new Set([
  "REJECTED_LEAF_UNKNOWN",
  "REJECTED_METHOD",
  "REJECTED_NOT_FOUND",
  "REJECTED_RANGE",
  "REJECTED_TREE_SIZE_UNKNOWN",
]);

test("ruleOf() has words for every code that refuses a chain", () => {
  const text = readFileSync(join(ROOT, "docs/ERRORS.md"), "utf8");
  const codes = [...text.matchAll(/^\| `(REJECTED_[A-Z_]+)`/gm)].map(([, code = ""]) => code);
  assert.ok(codes.length > 10);
  for (const code of codes) {
    assert.equal(ruleOf(code) === undefined, OF_READS.has(code), code);
  }
  for (const code of ["MALFORMED_CERTIFICATE", "MALFORMED_DER", "MALFORMED_PRECERTIFICATE"]) {
    assert.ok(ruleOf(code), code);
  }
  assert.equal(ruleOf("constructor"), undefined);
});

const NOT_AFTER_MS = Date.UTC(2027, 4, 1);
const links = (path: string): string => `/${path}`;

test("a refusal names the rule, what was found, and the shard that takes it", () => {
  const view = parseVerdict(
    JSON.stringify({
      accepted: false,
      shard: "a2026",
      endpoint: "add-chain",
      taken_by: "a2027",
      code: "REJECTED_NOT_AFTER_OUT_OF_RANGE",
      message: "a2026: ...",
      detail: "expires <b>late</b>",
    }),
  );
  const text = String(renderVerdict(view, NOT_AFTER_MS, links));
  assert.match(text, /a2026 refuses this certificate/);
  assert.match(text, /expire within its window alone/);
  assert.match(text, /expires &lt;b&gt;late&lt;\/b&gt;/);
  assert.match(text, /<a href="\/a2027">a2027<\/a> takes it: it expires on 2027-05-01/);
  const nobody = String(renderVerdict({ ...view, takenBy: "" }, NOT_AFTER_MS, links));
  assert.match(nobody, /No shard of this log takes a certificate that expires on 2027-05-01/);
});

test("an acceptance has the path to its root, and the entry where it is logged already", () => {
  const accepted = {
    accepted: true,
    shard: "a2027",
    endpoint: "add-pre-chain",
    taken_by: "a2027",
    path: [{ subject: "CN=Root", sha256: "ab".repeat(32) }],
    duplicate: { leaf_index: 7, timestamp: NOT_AFTER_MS },
  };
  const text = String(renderVerdict(parseVerdict(JSON.stringify(accepted)), NOT_AFTER_MS, links));
  assert.match(text, /a2027 would take this precertificate/);
  assert.match(text, /CN=Root <span class="badge">accepted root/);
  assert.match(text, /<a href="\/a2027\/entry\/7">entry 7<\/a>/);
  assert.throws(() => parseVerdict('{"accepted":1}'), { code: "MALFORMED_JSON" });
});
