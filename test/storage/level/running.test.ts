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
import {
  beginRunning,
  endRunning,
  markRunning,
  unfinishedStarts,
} from "../../../src/storage/level/running.ts";
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

/** Flips one bit in the middle of the log that LevelDB will read next. */
async function damageLog(path: string): Promise<void> {
  const names = (await readdir(join(path, "db"))).filter((name) => name.endsWith(".log"));
  const file = join(path, "db", names.toSorted().at(-1)!);
  const bytes = await readFile(file);
  bytes[Math.floor(bytes.length / 2)]! ^= 16;
  await writeFile(file, bytes);
}

test("beginRunning() says that a log was damaged until the records were checked", async () => {
  await using root = await temporaryFolder();
  const path = join(root.path, "shard");
  await createLevelStore(path, TEST_IDENTITY, LEVEL_OPTIONS);
  const log = new SyntheticLog({ bodyBytes: 100 });
  {
    await using store = await openLevelStore(path, LEVEL_OPTIONS);
    for (let round = 0; round < 5; round += 1) await store.commit(log.next(30));
  }
  assert.equal(await beginRunning(files, path, join(path, "db")), false);
  await damageLog(path);
  assert.equal(await beginRunning(files, path, join(path, "db")), true);
  // LevelDB makes a table of what it did not drop: its log is whole from then on.
  for (const areSound of [undefined, false, true]) {
    const store = await openLevelStore(path, LEVEL_OPTIONS);
    if (areSound !== undefined) await store.recordsChecked(areSound);
    await store[Symbol.asyncDispose]();
    assert.equal((await unfinishedStarts(files, path)) > 0, areSound !== true);
  }
  assert.equal(await beginRunning(files, path, join(path, "db")), false);
});

test("beginRunning() takes the torn end of a log for a doubt, too", async () => {
  await using root = await temporaryFolder();
  const path = join(root.path, "shard");
  await createLevelStore(path, TEST_IDENTITY, LEVEL_OPTIONS);
  {
    await using store = await openLevelStore(path, LEVEL_OPTIONS);
    await store.commit(new SyntheticLog({ bodyBytes: 100 }).next(30));
  }
  const names = (await readdir(join(path, "db"))).filter((name) => name.endsWith(".log"));
  const file = join(path, "db", names.toSorted().at(-1)!);
  await writeFile(file, (await readFile(file)).subarray(0, -1));
  assert.equal(await beginRunning(files, path, join(path, "db")), true);
});

test("markRunning() takes a doubt down and back, and counts no start", async () => {
  await using root = await temporaryFolder();
  const path = join(root.path, "shard");
  await createLevelStore(path, TEST_IDENTITY, LEVEL_OPTIONS);
  const database = join(path, "db");
  await beginRunning(files, path, database);
  await markRunning(files, path, true);
  assert.equal(await unfinishedStarts(files, path), 1);
  assert.equal(await beginRunning(files, path, database), true);
  await markRunning(files, path, false);
  assert.equal(await unfinishedStarts(files, path), 2);
  assert.equal(await beginRunning(files, path, database), false);
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
