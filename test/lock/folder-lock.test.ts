import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { symlink, unlink } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { lockFolder } from "../../src/lock/folder-lock.ts";
import { temporaryFolder } from "../support/level.ts";
import { fatal } from "../support/store-asserts.ts";

const MODULE = new URL("../../src/lock/folder-lock.ts", import.meta.url).href;

/** Another process that tries to take `path`, prints the outcome and stays. */
async function otherProcess(path: string) {
  const script = `import { lockFolder } from ${JSON.stringify(MODULE)};
    try { await lockFolder(${JSON.stringify(path)}); console.log("taken"); }
    catch (error) { console.log(error.code); }
    process.stdin.resume();`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const [line] = await once(child.stdout, "data");
  return {
    outcome: String(line).trim(),
    kill: async () => {
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    },
  };
}

test("lockFolder() refuses a second holder in this process, under any path", async () => {
  await using root = await temporaryFolder();
  const alias = join(root.path, "..", `${root.path.split("/").at(-1)}-alias`);
  await symlink(root.path, alias);
  try {
    const lock = await lockFolder(root.path);
    await assert.rejects(lockFolder(root.path), fatal("FATAL_LOCKED"));
    await assert.rejects(lockFolder(alias), fatal("FATAL_LOCKED"));
    await lock[Symbol.asyncDispose]();
    await lock[Symbol.asyncDispose]();
    const again = await lockFolder(alias);
    await lock[Symbol.asyncDispose]();
    await assert.rejects(lockFolder(root.path), fatal("FATAL_LOCKED"));
    await again[Symbol.asyncDispose]();
  } finally {
    await unlink(alias);
  }
});

test("lockFolder() refuses another process, also after a refused second try here", async () => {
  await using root = await temporaryFolder();
  const lock = await lockFolder(root.path);
  await assert.rejects(lockFolder(root.path), fatal("FATAL_LOCKED"));
  const refused = await otherProcess(root.path);
  assert.equal(refused.outcome, "FATAL_LOCKED");
  await refused.kill();
  await lock[Symbol.asyncDispose]();
});

test("lockFolder() succeeds once the process that held it was killed", async () => {
  await using root = await temporaryFolder();
  const other = await otherProcess(root.path);
  assert.equal(other.outcome, "taken");
  await assert.rejects(lockFolder(root.path), fatal("FATAL_LOCKED"));
  await other.kill();
  const lock = await lockFolder(root.path);
  await lock[Symbol.asyncDispose]();
});

test("lockFolder() of no folder is UNAVAILABLE_STORE", async () => {
  await using root = await temporaryFolder();
  await assert.rejects(lockFolder(join(root.path, "none")), { code: "UNAVAILABLE_STORE" });
});
