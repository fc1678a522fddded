/**
 * Writes the golden vectors: `scripts/node24 test/vectors/generate.ts`. A change of these
 * files is a change of what the log accepts or emits, and is read like one.
 * @module
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { BINARY_VECTORS } from "./binary.ts";
import type { VectorFile } from "./builder.ts";
import { MESSAGE_VECTORS } from "./message.ts";
import { TEXT_VECTORS } from "./text.ts";

/** Every file of vectors, by the name of its reader. */
export const VECTOR_FILES: Readonly<Record<string, VectorFile>> = {
  ...BINARY_VECTORS,
  ...MESSAGE_VECTORS,
  ...TEXT_VECTORS,
};

/** Where the vectors of a reader are kept. */
export function vectorPath(name: string): string {
  return fileURLToPath(new URL(`${name}.json`, import.meta.url));
}

/** The text of a file of vectors. */
export function formatVectorFile(file: VectorFile): string {
  return `${JSON.stringify(file, undefined, 2)}\n`;
}

if (import.meta.main) {
  for (const [name, file] of Object.entries(VECTOR_FILES)) {
    mkdirSync(dirname(vectorPath(name)), { recursive: true });
    writeFileSync(vectorPath(name), formatVectorFile(file));
  }
}
