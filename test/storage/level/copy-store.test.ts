import assert from "node:assert/strict";
import { readdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { FatalError, UnavailableError } from "../../../src/base/errors.ts";
import { copyDurably } from "../../../src/storage/level/durable-copy.ts";
import { openLevelStore } from "../../../src/storage/level/level-store.ts";
import { type SyntheticLog, signedHead } from "../../support/commits.ts";
import { makeWorld, seal } from "../../support/copied-store.ts";
import { LEVEL_OPTIONS, temporaryFolder } from "../../support/level.ts";
import { assertHolds } from "../../support/store-asserts.ts";

/** Whether a copy holds the log up to its own head; and it is opened and goes on. */
async function requireHolds(target: string, log: SyntheticLog): Promise<void> {
  await using store = await openLevelStore(target, LEVEL_OPTIONS);
  await assertHolds(store, log);
  await store.commit(log.next(3));
  await assertHolds(store, log);
}

test("copyLevelStore() of an open store is that store, without its lock and its logs for people", async () => {
  await using world = await makeWorld();
  await world.commit(600);
  const { state, target } = await world.copyTo("copy");
  assert.equal(state.committed.treeSize, 600);
  assert.deepEqual(state.published, signedHead(world.log.head!));
  const names = await readdir(join(target, "db"));
  assert.deepEqual(
    names.filter((name) => /^LO/.test(name)),
    [],
  );
  await requireHolds(target, world.log);
});

test("copyLevelStore() takes a segment sealed that is sealed, or was removed meanwhile", async () => {
  await using world = await makeWorld();
  await world.commit(600);
  await seal(world.store, 0);
  const both = await world.copyTo("both");
  assert.deepEqual(await readdir(join(both.target, "sealed")), ["00000000"]);
  assert.deepEqual(await readdir(join(both.target, "entries")), ["00000001", "00000002"]);
  // The next one is sealed and removed between the database and the entries.
  let isSealed = false;
  const meanwhile = await world.copyTo("meanwhile", {
    seam: {
      ...LEVEL_OPTIONS.seam,
      files: {
        ...LEVEL_OPTIONS.seam.files,
        async makeFolder(path) {
          if (path.endsWith("issuers") && !isSealed) {
            isSealed = true;
            await seal(world.store, 1);
            await world.store.sealing.places().entries.remove(1);
          }
          await LEVEL_OPTIONS.seam.files.makeFolder(path);
        },
      },
    },
  });
  assert.deepEqual(await readdir(join(meanwhile.target, "sealed")), ["00000000", "00000001"]);
  await requireHolds(meanwhile.target, world.log);
});

test("copyLevelStore() begins anew where a log in use is gone before the folder is listed", async () => {
  await using world = await makeWorld();
  await world.commit(20);
  const database = join(world.root, "shard", "db");
  const [log = ""] = (await readdir(database)).filter((name) => name.endsWith(".log"));
  const aside = join(world.root, log);
  let looks = 0;
  const { files } = LEVEL_OPTIONS.seam;
  const openFile: typeof files.openFile = async (path, mode) => {
    if (path.includes("/copy/db/MANIFEST")) {
      looks += 1;
      if (looks === 1) await rename(join(database, log), aside);
    } else if (looks === 1 && path.endsWith("/CURRENT") && path.startsWith(database)) {
      await rename(aside, join(database, log));
    }
    return files.openFile(path, mode);
  };
  const seam = { ...LEVEL_OPTIONS.seam, files: { ...files, openFile } };
  const { target } = await world.copyTo("copy", { seam });
  // Twice to copy, and once to look at the copy.
  assert.equal(looks, 3);
  assert.ok((await readdir(join(target, "db"))).includes(log));
  await requireHolds(target, world.log);
});

test("copyLevelStore() waits for a commit to be published, and takes it after all if it is not", async () => {
  await using world = await makeWorld();
  await world.commit(5);
  await world.store.commit(world.log.next(4));
  let waits = 0;
  const pause = async () => {
    waits += 1;
    if (waits === 2) await world.store.publish(signedHead(world.log.head!));
  };
  const published = await world.copyTo("published", { pause });
  assert.equal(waits, 2);
  assert.equal(published.state.published.treeSize, 9);
  await world.store.commit(world.log.next(1));
  const { state } = await world.copyTo("unpublished", { pause: async () => {} });
  assert.deepEqual([state.published.treeSize, state.committed.treeSize], [9, 10]);
  await world.store.commit(world.log.next(1));
  await assert.rejects(world.copyTo("two"), UnavailableError);
});

test("copyLevelStore() links what has not changed, and goes on with what is there", async () => {
  await using world = await makeWorld();
  await world.commit(600);
  const first = await world.copyTo("first");
  const again = await world.copyTo("first");
  assert.ok(again.files.filter(({ how }) => how === "kept").length >= 4);
  await world.commit(1);
  const second = await world.copyTo("second", { previous: first.target });
  const inode = async (folder: string, name: string) =>
    (await stat(join(folder, "entries", name))).ino;
  assert.equal(await inode(first.target, "00000000"), await inode(second.target, "00000000"));
  assert.notEqual(await inode(first.target, "00000002"), await inode(second.target, "00000002"));
  // A part that a crash left, and a file of an earlier copy, are not of this one.
  await writeFile(join(second.target, "entries", "00000002.part"), "half");
  await writeFile(join(second.target, "db", "999999.ldb"), "old");
  await world.copyTo("second", { previous: first.target });
  assert.equal((await readdir(join(second.target, "entries"))).includes("00000002.part"), false);
  assert.equal((await readdir(join(second.target, "db"))).includes("999999.ldb"), false);
  await requireHolds(second.target, world.log);
});

test("copyLevelStore() of no store, or of one without a published head, is FATAL_STORE_MISSING", async () => {
  await using world = await makeWorld();
  const missing = (error: unknown) =>
    error instanceof FatalError && error.code === "FATAL_STORE_MISSING";
  await assert.rejects(world.copyTo("copy", { source: join(world.root, "nowhere") }), missing);
  await assert.rejects(world.copyTo("copy"), missing);
});

test("copyDurably() tells a file that was appended to or replaced from the same file", async () => {
  await using root = await temporaryFolder();
  const [source, target] = [join(root.path, "source"), join(root.path, "target")];
  await writeFile(source, "one");
  assert.equal((await copyDurably(source, target)).how, "copied");
  assert.equal((await copyDurably(source, target)).how, "kept");
  assert.equal((await copyDurably(source, join(root.path, "third"), target)).how, "linked");
  await writeFile(source, "more");
  assert.equal((await copyDurably(source, target)).how, "copied");
  assert.equal(await readFile(target, "utf8"), "more");
  assert.equal(await readFile(join(root.path, "third"), "utf8"), "one", "the link is as it was");
  await assert.rejects(copyDurably(join(root.path, "nowhere"), target), { code: "ENOENT" });
});
