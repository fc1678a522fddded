/**
 * A database that is copied while it rolls its logs and merges its tables as fast as it can.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { inspectLevelStore } from "../../../src/storage/level/inspect.ts";
import { makeWorld } from "../../support/copied-store.ts";
import { LEVEL_OPTIONS } from "../../support/level.ts";

const COMMITS_MAX = 400;

test("copyLevelStore() while tables are made and dropped by commits is always of one moment", async () => {
  await using world = await makeWorld();
  await world.commit(10);
  let isDone = false;
  const committing = (async () => {
    // A log of 64 KiB is ended after two of them.
    for (let commit = 0; commit < COMMITS_MAX && !isDone; commit += 1) {
      await world.commit(200);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  })();
  try {
    for (let round = 0; round < 8; round += 1) {
      const { state, target } = await world.copyTo(`copy-${round}`);
      await using look = await inspectLevelStore(target, {
        ...LEVEL_OPTIONS,
        lockFolder: undefined,
      });
      assert.deepEqual(look.committed, state.committed);
      const { treeSize } = state.committed;
      const run = await look.reader.readEntries(Math.max(0, treeSize - 200), treeSize);
      assert.equal(run.ends.length, Math.min(200, treeSize));
      let last: { readonly wrong: readonly unknown[] } | undefined;
      for await (const step of look.scanRecords()) last = step;
      assert.deepEqual(last?.wrong, []);
    }
  } finally {
    isDone = true;
    await committing;
  }
});
