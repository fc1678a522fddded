/**
 * LevelStore and other processes.
 * @module
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { createLevelStore } from "../../../src/storage/level/folder.ts";
import { openLevelStore } from "../../../src/storage/level/level-store.ts";
import { SyntheticLog, TEST_IDENTITY } from "../../support/commits.ts";
import { LEVEL_OPTIONS, type TemporaryFolder, temporaryFolder } from "../../support/level.ts";
import { fatal } from "../../support/store-asserts.ts";

test("openLevelStore() a second time here is FATAL_LOCKED, and in another process after that", async () => {
  await using root = await temporaryFolder();
  const path = await made(root);
  const store = await openLevelStore(path, LEVEL_OPTIONS);
  await assert.rejects(openLevelStore(path, LEVEL_OPTIONS), fatal("FATAL_LOCKED"));
  assert.equal(await codeInOtherProcess(path), "FATAL_LOCKED");
  await store.commit(new SyntheticLog().next(1));
  await store[Symbol.asyncDispose]();
  assert.equal(await codeInOtherProcess(path), "opened");
});

test("openLevelStore() in another process, past the folder's lock, meets LevelDB's own", async () => {
  await using root = await temporaryFolder();
  const path = await made(root);
  const lockFolder = async () => ({ [Symbol.asyncDispose]: async () => {} });
  await using _store = await openLevelStore(path, { ...LEVEL_OPTIONS, lockFolder });
  assert.equal(await codeInOtherProcess(path), "FATAL_LOCKED");
});

async function made(root: TemporaryFolder): Promise<string> {
  const path = join(root.path, "shard");
  await createLevelStore(path, TEST_IDENTITY, LEVEL_OPTIONS, 1);
  return path;
}

/** What opening the store in a process of its own says. */
async function codeInOtherProcess(path: string): Promise<string> {
  const support = new URL("../../support/level.ts", import.meta.url).href;
  const module = new URL("../../../src/storage/level/level-store.ts", import.meta.url).href;
  const script = `import { LEVEL_OPTIONS } from ${JSON.stringify(support)};
    import { openLevelStore } from ${JSON.stringify(module)};
    try {
      const store = await openLevelStore(${JSON.stringify(path)}, LEVEL_OPTIONS);
      await store[Symbol.asyncDispose]();
      console.log("opened");
    } catch (error) { console.log(error.code ?? error); }`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.on("data", (data) => {
    output += data;
  });
  await once(child, "close");
  return output.trim();
}
