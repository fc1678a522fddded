/**
 * The launcher runs what was built for as long as it is of the very sources that lie beside it.
 * @module
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { appendFile, cp, mkdir, mkdtemp, readdir, rm, symlink, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

const ROOT = join(import.meta.dirname, "../..");
const run = promisify(execFile);

/** What the program needs of this folder to be built and run. */
const PARTS = ["src", "scripts", "config", "docs", "stratus", "package.json", "package-lock.json"];

test("the launcher runs the built program until a source changes", async (context) => {
  const folder = await mkdtemp(join(tmpdir(), "stratus-built-"));
  context.after(() => rm(folder, { recursive: true, force: true }));
  const configs = (await readdir(ROOT)).filter((name) => /^tsconfig.*\.json$/.test(name));
  for (const part of [...PARTS, ...configs]) {
    await cp(join(ROOT, part), join(folder, part), { recursive: true });
  }
  await mkdir(join(folder, "node_modules"));
  for (const name of await readdir(join(ROOT, "node_modules"))) {
    if (name === ".cache") continue;
    await symlink(join(ROOT, "node_modules", name), join(folder, "node_modules", name));
  }
  const stratus = join(folder, "stratus");
  const isBuilt = async (): Promise<boolean> => {
    const { stdout } = await run(stratus, ["help"]);
    assert.match(stdout, /Usage: stratus/);
    return stdout.includes("from dist");
  };
  assert.equal(await isBuilt(), false, "nothing was built");
  await run(join(folder, "scripts/build"));
  await appendFile(join(folder, "dist/main.js"), '\nconsole.log("from dist");\n');
  assert.equal(await isBuilt(), true);
  const source = join(folder, "src/main.ts");
  await appendFile(source, "\n");
  assert.equal(await isBuilt(), false, "a source was changed");
  await run(join(folder, "scripts/build"));
  await appendFile(join(folder, "dist/main.js"), '\nconsole.log("from dist");\n');
  assert.equal(await isBuilt(), true, "and built again");
  await utimes(source, 0, 0);
  assert.equal(await isBuilt(), false, "another version was put there, as old as it may be");
});
