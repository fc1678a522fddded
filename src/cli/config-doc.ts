/**
 * Writes the documents that are made from the configuration's schema: `npm run docs`.
 * @module
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { formatConfigPage, formatConfigSchema } from "../config/doc.ts";

/** Paths below the project's root, and what each file must hold. */
export function configDocs(): ReadonlyMap<string, string> {
  return new Map([
    ["config/stratus.schema.json", formatConfigSchema()],
    ["docs/CONFIGURATION.md", formatConfigPage()],
  ]);
}

if (import.meta.main) {
  for (const [path, text] of configDocs()) {
    await writeFile(join(import.meta.dirname, "../..", path), text);
  }
}
