/**
 * How a store was left, and which tables a start verifies before LevelDB sees them.
 * @module
 */
import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { createLevelStore } from "../../../src/storage/level/folder.ts";
import { openLevelStore } from "../../../src/storage/level/level-store.ts";
import { REAL_SEAM } from "../../../src/storage/level/real.ts";
import { beginRunning, endRunning, unfinishedStarts } from "../../../src/storage/level/running.ts";
import { SyntheticLog, TEST_IDENTITY } from "../../support/commits.ts";
import { LEVEL_OPTIONS, temporaryFolder } from "../../support/level.ts";
import { FaultyWorld } from "../../support/level-faults.ts";

const { files } = REAL_SEAM;

test("unfinishedStarts() counts starts since the last orderly end, up to 2", async () => {
  await using root = await temporaryFolder();
  const path = join(root.path, "shard");
  await createLevelStore(path, TEST_IDENTITY, LEVEL_OPTIONS);
  assert.equal(await unfinishedStarts(files, path), 0);
  for (const expected of [1, 2, 2]) {
    await beginRunning(files, path, join(path, "db"));
    assert.equal(await unfinishedStarts(files, path), expected);
  }
  await endRunning(files, path);
  assert.equal(await unfinishedStarts(files, path), 0);
  // A crash between the making of the file and its first byte.
  await writeFile(join(path, "running"), "");
  assert.equal(await unfinishedStarts(files, path), 1);
});

test("openLevelStore() leaves `running` behind until it is closed in order", async () => {
  await using root = await temporaryFolder();
  const path = join(root.path, "shard");
  await createLevelStore(path, TEST_IDENTITY, LEVEL_OPTIONS);
  const world = new FaultyWorld();
  // A process that dies lets go of its locks.
  const lock = { lockFolder: async () => ({ [Symbol.asyncDispose]: async () => {} }) };
  await openLevelStore(path, { ...LEVEL_OPTIONS, ...lock, seam: world });
  // What LevelDB's abort leaves, too; after a loss of power, the name is durable.
  await world.kill(true);
  assert.equal(await unfinishedStarts(files, path), 1);
  const store = await openLevelStore(path, { ...LEVEL_OPTIONS, ...lock });
  assert.equal(await unfinishedStarts(files, path), 2);
  await store[Symbol.asyncDispose]();
  assert.equal(await unfinishedStarts(files, path), 0);
});

test("openLevelStore() refuses a damaged table before LevelDB opens it", async () => {
  await using root = await temporaryFolder();
  const path = join(root.path, "shard");
  await createLevelStore(path, TEST_IDENTITY, LEVEL_OPTIONS);
  const log = new SyntheticLog({ bodyBytes: 100 });
  for (const group of [log.next(300), undefined]) {
    await using store = await openLevelStore(path, LEVEL_OPTIONS);
    await store.load();
    if (group !== undefined) await store.commit(group);
  }
  const names = (await readdir(join(path, "db"))).filter((name) => name.endsWith(".ldb"));
  assert.ok(names.length > 0);
  for (const name of names) {
    const file = join(path, "db", name);
    const bytes = await readFile(file);
    const at = Math.floor(bytes.length / 2);
    bytes[at] = bytes[at]! ^ 4;
    await writeFile(file, bytes);
    let opened = 0;
    const seam = {
      ...REAL_SEAM,
      openDatabase: (...args: Parameters<typeof REAL_SEAM.openDatabase>) => {
        opened += 1;
        return REAL_SEAM.openDatabase(...args);
      },
    };
    await assert.rejects(openLevelStore(path, { ...LEVEL_OPTIONS, seam }), {
      code: "FATAL_STORE_CORRUPT",
      message: new RegExp(`^db/${name}: block at byte \\d+: its checksum differs; `),
    });
    assert.equal(opened, 0);
    bytes[at] = bytes[at]! ^ 4;
    await writeFile(file, bytes);
  }
  // The lock was given back, and nothing was changed.
  await using store = await openLevelStore(path, LEVEL_OPTIONS);
  assert.equal((await store.load()).committed?.treeSize, 300);
});
