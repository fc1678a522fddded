/**
 * What a commit costs in calls and bytes: golden numbers. A change that moves them says why.
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { createLevelStore } from "../../../src/storage/level/folder.ts";
import { openLevelStore } from "../../../src/storage/level/level-store.ts";
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
    ["1, of a new issuer", 1],
    ["2", 2],
    ["250, of 5 new issuers", 250],
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
  const entry = { "entries.write": 1, "entries.syncData": 1, "db.write sync": 1 };
  assert.deepEqual(costs, {
    "first of 4": {
      ...issuerCost(4),
      "db.get": 5,
      "files.open write": 5,
      "files.syncFolder": 2,
      "entries.write": 1,
      "entries.write bytes": 6_313,
      "entries.sync": 1,
      "db.write sync": 1,
      "db.write sync bytes": 1_214,
    },
    "1, of a new issuer": {
      ...entry,
      ...issuerCost(1),
      "db.get": 5,
      "entries.write bytes": 1_622,
      "db.write sync bytes": 621,
    },
    "2": {
      ...entry,
      "db.get": 6,
      "entries.write bytes": 3_114,
      "db.write sync bytes": 654,
    },
    "250, of 5 new issuers": {
      ...entry,
      ...issuerCost(5),
      "db.get": 14,
      "entries.write bytes": 394_710,
      "db.write sync bytes": 34_271,
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

/** What `count` issuers of 100 bytes cost that the store has not seen. */
function issuerCost(count: number): Record<string, number> {
  return {
    "files.open write": count,
    "files.syncFolder": 1,
    "issuer.write": count,
    "issuer.write bytes": 100 * count,
    "issuer.sync": count,
    "issuer.close": count,
  };
}
