/**
 * Writes the documents that are made from the source: `npm run docs`.
 * @module
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { formatConfigPage, formatConfigSchema } from "../config/doc.ts";
import { formatOpenApi } from "../http/openapi.ts";

/** Paths below the project's root, and what each file must hold. */
export function configDocs(): ReadonlyMap<string, string> {
  return new Map([
    ["config/stratus.schema.json", formatConfigSchema()],
    ["docs/CONFIGURATION.md", formatConfigPage()],
    ["docs/openapi.json", formatOpenApi()],
  ]);
}

if (import.meta.main) {
  for (const [path, text] of configDocs()) {
    await writeFile(join(import.meta.dirname, "../..", path), text);
  }
}
