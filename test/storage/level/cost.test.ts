/**
 * What a commit costs in calls and bytes: golden numbers. A change that moves them says why.
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { createLevelStore, openLevelStore } from "../../../src/storage/level/level-store.ts";
import { SyntheticLog, signedHead, TEST_IDENTITY } from "../../support/commits.ts";
import { LEVEL_OPTIONS, temporaryFolder } from "../../support/level.ts";
import { FaultyWorld } from "../../support/level-faults.ts";

test("commit() makes these calls and writes these bytes", async () => {
  await using root = await temporaryFolder();
  const path = join(root.path, "shard");
  await createLevelStore(path, TEST_IDENTITY, LEVEL_OPTIONS);
  const world = new FaultyWorld();
  const store = await openLevelStore(path, { ...LEVEL_OPTIONS, seam: world });
  await store.load();
  const log = new SyntheticLog({ bodyBytes: 1_500 });
  const costs: Record<string, Record<string, number>> = {};
  for (const [name, count] of [
    ["first of 4", 4],
    ["1", 1],
    ["2", 2],
    ["250", 250],
    ["idle", 0],
  ] as const) {
    world.set(undefined);
    await store.commit(log.next(count));
    costs[name] = summary(world);
  }
  world.set(undefined);
  await store.publish(signedHead(log.head!));
  costs["publish"] = summary(world);
  await store[Symbol.asyncDispose]();
  assert.deepEqual(costs, {
    "first of 4": {
      "db.get": 1,
      "files.open write": 1,
      "entries.write": 1,
      "entries.write bytes": 6_313,
      "entries.sync": 1,
      "files.syncFolder": 1,
      "db.write sync": 1,
      "db.write sync bytes": 1_214,
    },
    "1": {
      "db.get": 4,
      "entries.write": 1,
      "entries.write bytes": 1_622,
      "entries.syncData": 1,
      "db.write sync": 1,
      "db.write sync bytes": 621,
    },
    "2": {
      "db.get": 4,
      "entries.write": 1,
      "entries.write bytes": 3_114,
      "entries.syncData": 1,
      "db.write sync": 1,
      "db.write sync bytes": 928,
    },
    "250": {
      "db.get": 4,
      "entries.write": 1,
      "entries.write bytes": 394_710,
      "entries.syncData": 1,
      "db.write sync": 1,
      "db.write sync bytes": 67_836,
    },
    idle: { "db.get": 2, "db.write sync": 1, "db.write sync bytes": 159 },
    publish: { "db.write": 1, "db.write bytes": 62 },
  });
});

/** Calls by name, and bytes written by name. */
function summary(world: FaultyWorld): Record<string, number> {
  const costs: Record<string, number> = {};
  for (const { name, bytes } of world.calls) {
    costs[name] = (costs[name] ?? 0) + 1;
    if (bytes > 0) costs[`${name} bytes`] = (costs[`${name} bytes`] ?? 0) + bytes;
  }
  return costs;
}
