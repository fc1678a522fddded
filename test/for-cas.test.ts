/**
 * docs/FOR-CAS.md against the program: the SCT that it decodes, the commands and fields that it
 * names.
 * @module
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { formatHex } from "../src/encoding/hex.ts";
import { encodeSct } from "../src/rfc6962/sct.ts";
import { findScts } from "../src/sct/find.ts";
import { decodeLeafIndexExtension } from "../src/static-ct/extensions.ts";
import { ROOT } from "./support/source.ts";

const page = readFileSync(join(ROOT, "docs/FOR-CAS.md"), "utf8");

/** The code blocks of a language. */
function blocks(language: string): readonly string[] {
  return [...page.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)]
    .filter(([, found]) => found === language)
    .map(([, , text = ""]) => text);
}

test("the bytes that the page shows are those of the SCT that it shows", () => {
  const [json = ""] = blocks("json");
  const [sct] = findScts(new TextEncoder().encode(json)).scts;
  assert.ok(sct !== undefined);
  const [shown = ""] = blocks("text");
  const hex = shown
    .split("\n")
    .map((line) => /^ *((?:[0-9a-f]{2} )*[0-9a-f]{2})/.exec(line)?.[1] ?? "")
    .join("")
    .replaceAll(" ", "");
  assert.ok(hex.length > 120);
  assert.ok(formatHex(encodeSct(sct)).startsWith(hex));
  assert.equal(decodeLeafIndexExtension(sct.extensions), 5);
  assert.match(shown, new RegExp(new Date(sct.timestampMs).toISOString().replaceAll(".", "\\.")));
});

test("the page says it loudly, before anything else", () => {
  const [, first = ""] = page.split("\n\n");
  assert.match(first, /^> \*\*Every SCT of this log carries extensions\.\*\*/);
});

test("the words that the page quotes of cert check are the program's", () => {
  const source = readFileSync(join(ROOT, "src/sct/check.ts"), "utf8");
  const quoted = [...page.matchAll(/`cert check`: "([^"]+)"/g)].map(([, words = ""]) => words);
  assert.equal(quoted.length, 2);
  for (const words of quoted) assert.ok(source.includes(words), words);
});

test("the fields of a dry run that the page shows are those of the OpenAPI document", () => {
  const verdict = blocks("json").find((text) => text.includes('"accepted": true')) ?? "";
  const { components } = JSON.parse(readFileSync(join(ROOT, "docs/openapi.json"), "utf8"));
  assert.deepEqual(
    Object.keys(JSON.parse(verdict)).toSorted(),
    components.schemas.Accepted.required.toSorted(),
  );
});
