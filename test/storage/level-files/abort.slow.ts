/**
 * Why tables are verified before LevelDB sees them: one flipped bit ends its process.
 * @module
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { REAL_SEAM } from "../../../src/storage/level/real.ts";
import { DatabaseFiles, requireTables } from "../../../src/storage/level-files/database-files.ts";
import { temporaryFolder } from "../../support/level.ts";
import { makeDatabase } from "../../support/level-files.ts";

/** Opens the database that is named and has LevelDB compact it. */
const COMPACT = `
  import { Level } from "level";
  const level = new Level(process.argv[1]);
  await level.open();
  await level.compactRange(String.fromCharCode(0), String.fromCharCode(0x7f));
  await level.close();
`;

function compact(path: string): { readonly status: number | null; readonly text: string } {
  const args = ["--input-type=module", "-e", COMPACT, path];
  const { status, stderr } = spawnSync(process.execPath, args, { timeout: 60_000 });
  return { status, text: String(stderr) };
}

test("LevelDB aborts over a flipped bit in a table, which requireTables() finds before", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "db");
  const options = { compression: false, recordCount: 50, isReopened: true };
  const [name = ""] = await makeDatabase(path, options);
  // The same keys again: only where two tables overlap is there anything to compact.
  await makeDatabase(path, options);
  const files = new DatabaseFiles(REAL_SEAM.files, path);
  await requireTables(files, Number.POSITIVE_INFINITY);
  const bytes = await readFile(join(path, name));
  // The table begins with a record: no shared bytes, lengths of 1 byte each, the key.
  bytes[3] = bytes[3]! ^ 0x20;
  await writeFile(join(path, name), bytes);
  await assert.rejects(requireTables(files, Number.POSITIVE_INFINITY), {
    code: "FATAL_STORE_CORRUPT",
  });
  const { status, text } = compact(path);
  assert.notEqual(status, 0);
  assert.match(text, /Assertion `.*Compare\(key, Slice\(r->last_key\)\) > 0' failed/);
});
