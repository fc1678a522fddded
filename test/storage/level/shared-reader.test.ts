/**
 * A reader of another thread, here in the same one: LevelDB counts its handles all the same.
 * @module
 */
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { createLevelStore, type LevelStoreOptions } from "../../../src/storage/level/folder.ts";
import { type LevelStore, openLevelStore } from "../../../src/storage/level/level-store.ts";
import { REAL_SEAM } from "../../../src/storage/level/real.ts";
import type { Seam } from "../../../src/storage/level/seam.ts";
import { SharedReader } from "../../../src/storage/level/shared-reader.ts";
import { SyntheticLog, TEST_IDENTITY } from "../../support/commits.ts";
import { LEVEL_OPTIONS, temporaryFolder } from "../../support/level.ts";

interface World extends AsyncDisposable {
  readonly path: string;
  readonly log: SyntheticLog;
  readonly store: LevelStore;
  readonly reader: SharedReader;
}

async function makeWorld(options: Partial<LevelStoreOptions> = {}): Promise<World> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  const path = join(folder.path, "shard");
  await createLevelStore(path, TEST_IDENTITY, LEVEL_OPTIONS);
  const log = new SyntheticLog();
  const all = { ...LEVEL_OPTIONS, multithreading: true, ...options };
  const store = stack.use(await openLevelStore(path, all));
  const reader = new SharedReader(path, {
    ...LEVEL_OPTIONS,
    treeSize: () => log.head?.treeSize ?? 0,
  });
  stack.use(reader);
  await reader.resume();
  const owned = stack.move();
  return { path, log, store, reader, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** What both read is the same. */
async function assertSame({ log, store, reader }: World): Promise<void> {
  const size = log.head?.treeSize ?? 0;
  for (const start of [0, Math.floor(size / 2), size - 1]) {
    const own = await store.readEntries(start, Math.min(size, start + 3));
    assert.deepEqual(await reader.readEntries(start, Math.min(size, start + 3)), own);
    const node = [{ level: 0, index: start }];
    assert.deepEqual(await reader.readNodes(node), await store.readNodes(node));
  }
  const width = size % 256 || 256;
  const tile = [0, Math.ceil(size / 256) - 1, width] as const;
  assert.deepEqual(await reader.readTile(...tile), await store.readTile(...tile));
  const [hash] = await store.readNodes([{ level: 0, index: size - 1 }]);
  assert.equal(await reader.findLeaf(hash ?? new Uint8Array(32)), size - 1);
}

test("SharedReader sees each commit as soon as it is done, over the ends of tiles", async () => {
  await using world = await makeWorld();
  for (const count of [1, 3, 200, 51, 1, 1, 300, 16]) {
    await world.store.commit(world.log.next(count));
    await assertSame(world);
  }
});

test("SharedReader before resume() and after release() is UNAVAILABLE_STORE", async () => {
  await using world = await makeWorld();
  const { store, log, reader } = world;
  await store.commit(log.next(5));
  await reader.release();
  await assert.rejects(reader.readEntries(0, 1), { code: "UNAVAILABLE_STORE" });
  await assert.rejects(reader.readNodes([{ level: 0, index: 0 }]), { code: "UNAVAILABLE_STORE" });
  await reader.resume();
  await assertSame(world);
});

test("load() after a failed batch opens the database again only once others let go of it", async () => {
  let isFull = false;
  const seam: Seam = {
    ...REAL_SEAM,
    async openDatabase(path, options) {
      const database = await REAL_SEAM.openDatabase(path, options);
      return {
        ...database,
        async write(writes, how) {
          if (isFull) throw Object.assign(new Error("No space left"), { code: "ENOSPC" });
          await database.write(writes, how);
        },
      };
    },
  };
  const steps: string[] = [];
  let release: () => Promise<() => void> = async () => () => {};
  await using world = await makeWorld({ seam, releaseOthers: () => release() });
  const { path, store, log, reader } = world;
  release = async () => {
    await reader.release();
    steps.push("released");
    return () => {
      steps.push("resumed");
      void reader.resume();
    };
  };
  const manifest = async (): Promise<string | undefined> =>
    (await readdir(join(path, "db"))).find((name) => name.startsWith("MANIFEST"));
  await store.commit(log.next(5));
  const before = await manifest();
  const head = log.head;
  isFull = true;
  const lost = new SyntheticLog();
  lost.next(5);
  await assert.rejects(store.commit(lost.next(3)), { code: "FATAL_COMMIT_UNKNOWN" });
  isFull = false;
  assert.deepEqual((await store.load()).committed, head);
  assert.deepEqual(steps, ["released", "resumed"]);
  assert.notEqual(await manifest(), before, "LevelDB was really closed, and mended its log");
  await store.commit(log.next(3));
  await reader.resume();
  await assertSame(world);
});
