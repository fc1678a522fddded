/**
 * What a commit hands to LevelDB lies outside of V8's heap, or its addon makes a copy there of
 * each key and value first.
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { createLevelStore } from "../../../src/storage/level/folder.ts";
import { openLevelStore } from "../../../src/storage/level/level-store.ts";
import { REAL_SEAM } from "../../../src/storage/level/real.ts";
import type { Database, Seam, Write } from "../../../src/storage/level/seam.ts";
import { SyntheticLog, TEST_IDENTITY } from "../../support/commits.ts";
import { LEVEL_OPTIONS, temporaryFolder } from "../../support/level.ts";

test("keys and values of a commit share larger memory", async () => {
  await using root = await temporaryFolder();
  const path = join(root.path, "shard");
  await createLevelStore(path, TEST_IDENTITY, LEVEL_OPTIONS);
  const writes: Write[] = [];
  const spying = (database: Database): Database => ({
    ...database,
    write: (batch, options) => {
      writes.push(...batch);
      return database.write(batch, options);
    },
  });
  const seam: Seam = {
    ...REAL_SEAM,
    openDatabase: async (...args) => spying(await REAL_SEAM.openDatabase(...args)),
  };
  await using store = await openLevelStore(path, { ...LEVEL_OPTIONS, seam });
  await store.load();
  await store.commit(new SyntheticLog().next(20));
  const ofEntries = writes.filter(([key]) => "DL".includes(String.fromCharCode(key[0]!)));
  assert.equal(ofEntries.length, 40);
  for (const [key, value] of ofEntries) {
    assert.ok(key.buffer.byteLength > 1_000, "a key");
    assert.ok(value !== undefined && value.buffer.byteLength > 1_000, "a value");
  }
});
