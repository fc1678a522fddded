/**
 * The guard is lost and the data are whole: a head that somebody outside has kept lets the shard
 * go on, and nothing else does.
 * @module
 */
import assert from "node:assert/strict";
import { cp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { UnavailableError } from "../../src/base/errors.ts";
import { lookAtGuard } from "../../src/inspect.ts";
import { renewGuard } from "../../src/renew-guard.ts";
import type { SignedTreeHead } from "../../src/rfc6962/tree-head.ts";
import { REAL_SEAM } from "../../src/storage/level/real.ts";
import { encodePublished, PUBLISHED_KEY, sealValue } from "../../src/storage/level/record.ts";
import { openBillboard, SHARD, serveLocal, startLocal } from "../support/local-log.ts";
import { LostData } from "../support/lost-data.ts";
import { configOf, movedClock } from "../support/running.ts";

/** Serves once and keeps the checkpoint in a file. */
async function keepCheckpoint(world: LostData, name: string): Promise<string> {
  await using local = await serveLocal(world.log);
  const path = join(world.log.path, name);
  await writeFile(path, local.log.checkpoint());
  return path;
}

async function loseGuard(world: LostData): Promise<void> {
  await rename(join(world.log.path, "guard"), join(world.log.path, "old-guard"));
}

async function requireReadOnly(world: LostData): Promise<void> {
  await using local = await serveLocal(world.log);
  assert.match(local.log.status().reason, /FATAL_GUARD_MISSING/);
  assert.throws(() => local.log.head(), UnavailableError);
}

test("data that are whole and the newest checkpoint from outside: the shard goes on", async () => {
  await using world = await LostData.make(10);
  const checkpoint = await keepCheckpoint(world, "checkpoint");
  await loseGuard(world);
  await requireReadOnly(world);
  const run = await world.restore({ checkpoint }, world.log);
  assert.equal(run.exitCode, 0, run.err + run.out);
  assert.match(run.out, /a new guard begins with size 10 of .*never rolled back/);
  await using local = await serveLocal(world.log);
  assert.equal(local.log.status().reason, "");
  await local.submit(world.ca, 10);
  assert.equal(local.log.head().treeSize, 11);
});

test("an older one of the same tree keeps all that came after it; the old guard's head is repeated", async () => {
  await using world = await LostData.make(10);
  const checkpoint = await keepCheckpoint(world, "checkpoint");
  await world.grow(10, 25);
  let last: SignedTreeHead;
  {
    await using local = await serveLocal(world.log);
    last = local.log.head();
  }
  await loseGuard(world);
  const run = await world.restore({ checkpoint }, world.log);
  assert.equal(run.exitCode, 0, run.err + run.out);
  await using local = await serveLocal(world.log);
  assert.deepEqual(local.log.head(), last, "the very signature that was given");
});

test("a commit that may have been signed is neither taken back nor signed again", async () => {
  await using world = await LostData.make(10);
  const checkpoint = await keepCheckpoint(world, "checkpoint");
  let published: SignedTreeHead;
  {
    await using local = await serveLocal(world.log);
    published = local.log.head();
  }
  await world.grow(10, 12);
  let signed: SignedTreeHead;
  {
    await using local = await serveLocal(world.log);
    signed = local.log.head();
  }
  // As if the process had died between its signature and the note of it.
  await writePublished(world, published);
  await loseGuard(world);
  const run = await world.restore({ checkpoint }, world.log);
  assert.equal(run.exitCode, 0, run.err + run.out);
  await using local = await serveLocal(world.log);
  const head = local.log.head();
  assert.deepEqual([head.treeSize, head.rootHash], [signed.treeSize, signed.rootHash]);
  assert.ok(head.timestampMs > signed.timestampMs, "another head, not another signature");
});

async function writePublished(world: LostData, head: SignedTreeHead): Promise<void> {
  const database = await REAL_SEAM.openDatabase(world.log.shardPath(SHARD, "db"), {
    create: false,
    writeBufferBytes: 1_048_576,
    cacheBytes: 1_048_576,
    multithreading: false,
  });
  const value = sealValue(PUBLISHED_KEY, encodePublished(head));
  await database.write([[PUBLISHED_KEY, value]], { sync: true });
  await database.close();
}

test("a store that is behind the checkpoint was rolled back: no guard is made", async () => {
  await using world = await LostData.make(10);
  const kept = join(world.log.path, "kept");
  await cp(world.log.shardPath(SHARD), kept, { recursive: true });
  await world.grow(10, 20);
  const checkpoint = await keepCheckpoint(world, "checkpoint");
  await rm(world.log.shardPath(SHARD), { recursive: true });
  await cp(kept, world.log.shardPath(SHARD), { recursive: true });
  await loseGuard(world);
  const run = await world.restore({ checkpoint }, world.log);
  assert.equal(run.exitCode, 1);
  assert.match(run.err, /FATAL_ROLLED_BACK/);
  await requireReadOnly(world);
});

test("a newer head at the log's own address stands against it", async () => {
  await using world = await LostData.make(10);
  await using billboard = await openBillboard();
  const more = [
    "logLevel: fatal",
    "submissionUrl: http://127.0.0.1:1",
    `monitoringUrl: ${billboard.url}`,
  ];
  await world.log.writeConfig(more);
  const checkpoint = await keepCheckpoint(world, "checkpoint");
  const kept = join(world.log.path, "kept");
  await cp(world.log.shardPath(SHARD), kept, { recursive: true });
  {
    await using local = await serveLocal(world.log);
    await local.submit(world.ca, 50);
    billboard.show(local.log);
  }
  await rm(world.log.shardPath(SHARD), { recursive: true });
  await cp(kept, world.log.shardPath(SHARD), { recursive: true });
  await loseGuard(world);
  const run = await world.restore({ checkpoint }, world.log);
  assert.match(run.err, /FATAL_ROLLED_BACK: .*by 1 entry/);
});

test("no guard is made by a head of another tree, or of another key", async () => {
  await using world = await LostData.make(10);
  await using stranger = await LostData.make(10);
  // The same key on another tree.
  await using twin = await LostData.make(0);
  await rm(twin.log.shardPath(SHARD), { recursive: true });
  await rm(join(twin.log.path, "guard"), { recursive: true });
  await cp(world.log.shardPath(SHARD, "key.pem"), twin.log.shardPath(SHARD, "key.pem"));
  await twin.grow(100, 105);
  const cases = [
    [await keepCheckpoint(stranger, "checkpoint"), /MALFORMED_CHECKPOINT: no head of this log/],
    [await keepCheckpoint(twin, "checkpoint"), /FATAL_GUARD_DISAGREES|FATAL_ROLLED_BACK/],
  ] as const;
  await loseGuard(world);
  for (const [checkpoint, reason] of cases) {
    const run = await world.restore({ checkpoint }, world.log);
    assert.equal(run.exitCode, 1);
    assert.match(run.err, reason);
    await requireReadOnly(world);
  }
  assert.deepEqual(await readdir(join(world.log.path, "guard")).catch(() => []), []);
});

test("no guard is made by a head that is hours older than what the store has published", async () => {
  await using world = await LostData.make(0);
  const checkpoint = join(world.log.path, "checkpoint");
  {
    // Two hours ago.
    await rm(join(world.log.path, "data"), { recursive: true });
    await rm(join(world.log.path, "guard"), { recursive: true });
    await using local = await startLocal(world.log, { clock: movedClock(-7_200_000) });
    await local.submit(world.ca, 0);
    await writeFile(checkpoint, local.log.checkpoint());
  }
  await world.grow(1, 3);
  await loseGuard(world);
  const run = await world.restore({ checkpoint }, world.log);
  assert.equal(run.exitCode, 1);
  assert.match(run.err, /FATAL_GUARD_MISSING: the checkpoint is 1\d\d minutes older than/);
  await requireReadOnly(world);
});

test("there is a guard: no other is made", async () => {
  await using world = await LostData.make(5);
  const checkpoint = await keepCheckpoint(world, "checkpoint");
  const run = await world.restore({ checkpoint }, world.log);
  assert.match(run.err, /FATAL_IDENTITY: there is a guard in .*no other is made/);
});

test("slots that both are damaged are kept beside the new guard", async () => {
  await using world = await LostData.make(5);
  const checkpoint = await keepCheckpoint(world, "checkpoint");
  const guard = join(world.log.path, "guard");
  const [name = ""] = await readdir(guard);
  for (const slot of ["slot-0", "slot-1"]) await writeFile(join(guard, name, slot), "gone");
  const run = await world.restore({ checkpoint }, world.log);
  assert.equal(run.exitCode, 0, run.err + run.out);
  const names = (await readdir(guard)).toSorted();
  assert.equal(names.length, 2);
  assert.match(names[1] ?? "", /\.lost-\d+$/);
  const { newest } = await lookAtGuard(guard, Buffer.from(name, "hex"));
  assert.equal(newest?.head?.treeSize, 5);
});

test("data that are damaged get no guard", async () => {
  await using world = await LostData.make(5);
  const checkpoint = await keepCheckpoint(world, "checkpoint");
  await loseGuard(world);
  const config = await configOf(world.log);
  const shard = config.shards[0] ?? assert.fail();
  const options = { checkpoint, timeoutMs: 1_000, verify: async () => false };
  assert.equal(await renewGuard(config, shard, options), undefined);
  await requireReadOnly(world);
});
