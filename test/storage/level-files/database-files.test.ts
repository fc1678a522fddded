/**
 * The files of a database that LevelDB made: which are in use, and each bit of each of them.
 * @module
 */
import assert from "node:assert/strict";
import { readdir, readFile, rename, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { REAL_SEAM } from "../../../src/storage/level/real.ts";
import type { FileSystem } from "../../../src/storage/level/seam.ts";
import { DatabaseFiles, requireTables } from "../../../src/storage/level-files/database-files.ts";
import { temporaryFolder } from "../../support/level.ts";
import { makeDatabase } from "../../support/level-files.ts";

interface Fixture extends AsyncDisposable {
  readonly path: string;
  /** Names of the tables. */
  readonly tables: readonly string[];
  readonly database: DatabaseFiles;
}

/** A database of two tables and a log. */
async function fixture(): Promise<Fixture> {
  const folder = await temporaryFolder();
  const path = join(folder.path, "db");
  await makeDatabase(path, { compression: true, recordCount: 50, isReopened: true });
  const tables = await makeDatabase(path, {
    compression: false,
    recordCount: 30,
    isReopened: true,
  });
  await makeDatabase(path, { compression: false, recordCount: 10, isReopened: false });
  const database = new DatabaseFiles(REAL_SEAM.files, path);
  return { path, tables, database, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

/** What is wrong, in a line each. */
async function problemsOf(database: DatabaseFiles, wasStopped = true): Promise<readonly string[]> {
  const lines: string[] = [];
  for await (const { where, message } of database.verifyLogs(wasStopped)) {
    lines.push(`${where}: ${message}`);
  }
  for (const table of await database.tables().catch(() => [])) {
    const steps = database.verify(table);
    let step = await steps.next();
    while (step.done !== true) step = await steps.next();
    if (step.value !== undefined) lines.push(`${step.value.where}: ${step.value.message}`);
  }
  return lines;
}

test("DatabaseFiles finds the tables in use, the newest first, and nothing in whole ones", async () => {
  await using made = await fixture();
  const tables = await made.database.tables();
  assert.deepEqual(
    tables.map(({ number }) => `${String(number).padStart(6, "0")}.ldb`),
    made.tables.toReversed(),
  );
  assert.deepEqual(await problemsOf(made.database), []);
  await requireTables(made.database, Number.POSITIVE_INFINITY);
});

test("DatabaseFiles finds a bit in any file that is in use, and names it", async () => {
  await using made = await fixture();
  const names = (await readdir(made.path)).filter((name) => !/^LO/.test(name));
  assert.equal(names.length, 5, names.join());
  for (const name of names) {
    const path = join(made.path, name);
    const bytes = await readFile(path);
    for (let at = 0; at < bytes.length; at += name.endsWith("b") || name.endsWith("g") ? 97 : 1) {
      bytes[at] = bytes[at]! ^ (1 << (at % 8));
      await writeFile(path, bytes);
      const [line = "", ...more] = await problemsOf(made.database);
      assert.ok(line.startsWith("db"), `${name}, byte ${at}: ${line}`);
      assert.ok(name === "CURRENT" || line.includes(name), `${name}, byte ${at}: ${line}`);
      assert.ok(more.length === 0 || name.startsWith("MANIFEST"), more.join());
      bytes[at] = bytes[at]! ^ (1 << (at % 8));
    }
    await writeFile(path, bytes);
  }
  assert.deepEqual(await problemsOf(made.database), []);
});

test("DatabaseFiles takes the torn end of a log for damage only after an orderly stop", async () => {
  await using made = await fixture();
  const [log = ""] = (await readdir(made.path)).filter((name) => name.endsWith(".log"));
  await truncate(join(made.path, log), (await readFile(join(made.path, log))).length - 1);
  assert.deepEqual(await problemsOf(made.database, false), []);
  assert.deepEqual(await problemsOf(made.database), [`db/${log}: byte 0: a record is cut off`]);
});

test("DatabaseFiles finds a log that is missing", async () => {
  await using made = await fixture();
  const [log = ""] = (await readdir(made.path)).filter((name) => name.endsWith(".log"));
  assert.equal(await made.database.areLogsWhole(), true);
  await rm(join(made.path, log));
  assert.deepEqual(await problemsOf(made.database), [`db/${log}: it is missing`]);
  assert.equal(await made.database.areLogsWhole(), false);
});

test("DatabaseFiles does not look at what no list names: a crash leaves such", async () => {
  await using made = await fixture();
  await writeFile(join(made.path, "999999.ldb"), "half a table");
  await writeFile(join(made.path, "000001.log"), "an old log");
  assert.deepEqual(await problemsOf(made.database), []);
});

test("DatabaseFiles finds a table that is missing, and reads one by its old name", async () => {
  await using made = await fixture();
  const [first = "", second = ""] = made.tables;
  await rename(join(made.path, first), join(made.path, first.replace("ldb", "sst")));
  assert.deepEqual(await problemsOf(made.database), []);
  await rm(join(made.path, second));
  assert.deepEqual(await problemsOf(made.database), [`db/${second}: it is missing`]);
  await assert.rejects(requireTables(made.database, 1e9), {
    code: "FATAL_STORE_CORRUPT",
    message: new RegExp(`^db/${second}: it is missing; bring the file back`),
  });
});

test("DatabaseFiles finds nothing in a table that a compaction took away meanwhile", async () => {
  await using made = await fixture();
  // As if it had been listed before: no file has this number now.
  const gone = { number: 3, size: 100 };
  assert.deepEqual(await made.database.verify(gone).next(), { done: true, value: undefined });
});

test("requireTables() looks at the newest tables up to its bound", async () => {
  await using made = await fixture();
  const [newest, older] = await made.database.tables();
  assert.ok(newest && older);
  const path = join(made.path, made.tables[0] ?? "");
  const bytes = await readFile(path);
  bytes[20] = bytes[20]! ^ 1;
  await writeFile(path, bytes);
  await requireTables(made.database, newest.size);
  await requireTables(made.database, newest.size + older.size - 1);
  await assert.rejects(requireTables(made.database, newest.size + older.size), {
    code: "FATAL_STORE_CORRUPT",
  });
});

test("DatabaseFiles takes what cannot be read now for no damage", async () => {
  await using made = await fixture();
  const [table] = await made.database.tables();
  assert.ok(table);
  for (const [code, pattern] of [
    ["EIO", /\.ldb$/],
    ["EMFILE", /\.ldb$/],
    ["EMFILE", /CURRENT$/],
    ["EMFILE", /MANIFEST/],
    ["EMFILE", /\.log$/],
  ] as const) {
    const files: FileSystem = {
      ...REAL_SEAM.files,
      openFile: async (path, mode) => {
        if (pattern.test(path)) throw Object.assign(new Error(code), { code });
        return REAL_SEAM.files.openFile(path, mode);
      },
    };
    const database = new DatabaseFiles(files, made.path);
    const expected = { code: "UNAVAILABLE_STORE" };
    if (pattern.test(".log")) await assert.rejects(problemsOf(database), expected);
    else await assert.rejects(requireTables(database, Number.POSITIVE_INFINITY), expected);
  }
});
