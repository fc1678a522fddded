import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { configDocs } from "../../src/cli/config-doc.ts";
import { configJsonSchema, type FieldSchema } from "../../src/config/explain.ts";

const ROOT = join(import.meta.dirname, "../..");

for (const [path, text] of configDocs()) {
  test(`${path} is what 'npm run docs' writes`, () => {
    assert.equal(readFileSync(join(ROOT, path), "utf8"), text, "stale: run 'npm run docs'");
  });
}

/** Each field of the file with its dotted path. */
function fieldsOf(schema: FieldSchema, path = ""): readonly (readonly [string, FieldSchema])[] {
  return Object.entries((schema.items ?? schema).properties ?? {}).flatMap(
    ([name, field]): (readonly [string, FieldSchema])[] => [
      [`${path}${name}`, field],
      ...fieldsOf(field, `${path}${name}.`),
    ],
  );
}

for (const [path, field] of fieldsOf(configJsonSchema)) {
  test(`configSchema documents ${path} and bounds it`, () => {
    assert.match(field.description ?? "", /^[A-Z].*\.$/, "a description in whole sentences");
    if (field.type === "integer")
      assert(field.maximum !== undefined && field.minimum !== undefined);
    if (field.type === "array") assert(field.maxItems !== undefined);
    if (/Ms$/.test(path)) assert.match(field.description ?? "", /^Milliseconds /);
    if (/bytesMax$/.test(path)) assert.match(field.description ?? "", /^Bytes /);
    if (field.type !== "object") assert(field.examples !== undefined, "an example for errors");
  });
}

test("configSchema knows the fields that the examples of this test rely on", () => {
  const paths = fieldsOf(configJsonSchema).map(([path]) => path);
  for (const path of ["listen", "series.batch.intervalMs", "shards.notAfterLimit"]) {
    assert(paths.includes(path), path);
  }
});
