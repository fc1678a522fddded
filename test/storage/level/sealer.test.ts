import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { sealedKey } from "../../../src/storage/level/entry-pieces.ts";
import { createLevelStore } from "../../../src/storage/level/folder.ts";
import { type LevelStore, openLevelStore } from "../../../src/storage/level/level-store.ts";
import { PREFIX, RecordBatch, sealValue } from "../../../src/storage/level/record.ts";
import { Sealer, SealingTurn } from "../../../src/storage/level/sealer.ts";
import { SyntheticLog, signedHead, TEST_IDENTITY } from "../../support/commits.ts";
import { LEVEL_OPTIONS, temporaryFolder } from "../../support/level.ts";
import { FaultyWorld } from "../../support/level-faults.ts";
import { assertHolds } from "../../support/store-asserts.ts";

/** The sealer's time passes so much faster: its grace of a minute in 0.3 s. */
const HASTE = 200;

/** A store of segments of one tile, its log and its sealer, which is not started. */
class World implements AsyncDisposable {
  readonly path: string;
  readonly store: LevelStore;
  readonly faults: FaultyWorld;
  readonly log: SyntheticLog;
  readonly sealer: Sealer;
  readonly told: number[] = [];
  readonly failures: string[] = [];
  publishedSize: number | undefined;
  isBusy = false;
  readonly #folder: AsyncDisposable;

  private constructor(
    folder: AsyncDisposable,
    path: string,
    store: LevelStore,
    parts: { readonly faults: FaultyWorld; readonly log: SyntheticLog },
  ) {
    this.#folder = folder;
    this.path = path;
    this.store = store;
    this.faults = parts.faults;
    this.log = parts.log;
    this.publishedSize = parts.log.head?.treeSize;
    this.sealer = this.makeSealer();
  }

  static async make(size: number): Promise<World> {
    const folder = await temporaryFolder();
    const path = join(folder.path, "shard");
    await createLevelStore(path, TEST_IDENTITY, LEVEL_OPTIONS, 1);
    const faults = new FaultyWorld();
    const lockFolder = async () => ({ [Symbol.asyncDispose]: async () => {} });
    const store = await openLevelStore(path, { ...LEVEL_OPTIONS, seam: faults, lockFolder });
    const log = new SyntheticLog();
    const world = new World(folder, path, store, { faults, log });
    await world.commit(size);
    return world;
  }

  makeSealer(): Sealer {
    return new Sealer({
      store: this.store.sealing,
      publishedSize: () => this.publishedSize,
      isBusy: () => this.isBusy,
      lagEntriesMax: 1_024,
      turn: new SealingTurn(),
      nowMs: () => HASTE * performance.now(),
      after: (delayMs, act) => {
        const timer = setTimeout(act, delayMs / HASTE);
        return () => clearTimeout(timer);
      },
      progress: (unsealed) => this.told.push(unsealed),
      failed: (message) => this.failures.push(message),
    });
  }

  async commit(count: number): Promise<void> {
    await this.store.commit(this.log.next(count));
    await this.store.publish(signedHead(this.log.head!));
    this.publishedSize = this.log.head!.treeSize;
    this.sealer.notice(this.publishedSize);
  }

  names(folder: "entries" | "sealed"): Promise<readonly string[]> {
    return readdir(join(this.path, folder)).then((names) => names.toSorted());
  }

  async sealedCount(): Promise<number> {
    return (await this.names("sealed")).filter((name) => !name.endsWith(".new")).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.sealer.stop();
    await this.store[Symbol.asyncDispose]();
    await this.#folder[Symbol.asyncDispose]();
  }
}

async function until(isDone: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!(await isDone())) {
    assert.ok(performance.now() < deadline, "it did not come about");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test("Sealer seals what is published, tells its lag, and removes segments after a while", async () => {
  await using world = await World.make(1_100);
  world.publishedSize = 900;
  world.sealer.start();
  await until(() => world.told.at(-1) === 0);
  assert.equal(await world.sealedCount(), 3, "segments 0 to 2 of 900 entries");
  assert.ok((await world.names("entries")).length >= 3, "not removed at once");
  await world.commit(300);
  await until(() => world.told.at(-1) === 0);
  assert.equal(await world.sealedCount(), 5);
  assert.ok(world.told.includes(512), `${world.told}`);
  await until(async () => (await world.names("entries")).length <= 2);
  await assertHolds(world.store, world.log);
  assert.deepEqual(world.failures, []);
});

test("Sealer seals nothing while the shard is not open", async () => {
  await using world = await World.make(600);
  world.publishedSize = undefined;
  world.sealer.start();
  await pause(100);
  assert.equal(await world.sealedCount(), 0);
  world.publishedSize = 600;
  await until(async () => (await world.sealedCount()) === 2);
});

test("Sealer waits while the sequencer is busy, unless it lags too far behind", async () => {
  await using world = await World.make(1_024);
  world.isBusy = true;
  world.sealer.start();
  await pause(200);
  assert.equal(await world.sealedCount(), 0);
  assert.equal(world.sealer.lagEntries, 1_024);
  await world.commit(600);
  await until(async () => (await world.sealedCount()) >= 2);
  await pause(100);
  assert.ok(world.sealer.lagEntries >= 1_024, "it waits again");
  world.isBusy = false;
  await until(() => world.told.at(-1) === 0);
});

for (const code of ["ENOSPC", "EMFILE"] as const) {
  test(`Sealer that meets ${code} says so, tries again later, and the shard goes on`, async () => {
    await using world = await World.make(700);
    world.faults.set(undefined);
    world.sealer.start();
    await until(() => world.faults.calls.some(({ name }) => name === "copy.write"));
    world.faults.set({ at: 3, mode: "before", code });
    await until(() => world.failures.length > 0);
    assert.match(world.failures[0]!, new RegExp(code));
    await world.commit(9);
    await until(() => world.told.at(-1) === 0);
    await assertHolds(world.store, world.log);
  });
}

test("Sealer that meets a failed flush ends until a restart, and the shard goes on", async () => {
  await using world = await World.make(700);
  const { sealed } = world.store.sealing.places();
  await sealed.makeFolder();
  world.faults.slowFlush = async () => {
    throw Object.assign(new Error("EIO: injected"), { code: "EIO" });
  };
  world.sealer.start();
  await until(() => world.failures.length > 0);
  assert.match(world.failures[0]!, /flushing .*EIO.*: sealing ends until a restart/);
  world.faults.slowFlush = async () => {};
  await world.commit(300);
  await pause(150);
  assert.equal(await world.sealedCount(), 0);
  await assertHolds(world.store, world.log);
  const again = world.makeSealer();
  again.start();
  await until(() => world.told.at(-1) === 0);
  await again.stop();
  await assertHolds(world.store, world.log);
});

test("Sealer leaves a damaged segment as it is, and goes on with the next", async () => {
  await using world = await World.make(800);
  const key = Uint8Array.of(PREFIX.tile, 0, 0, 0, 0, 1);
  const batch = new RecordBatch();
  const wrong = new Uint8Array(8_192);
  assert.equal(sealValue(key, wrong).length, 8_196);
  batch.put(key, wrong);
  await world.store.sealing.write(batch);
  world.sealer.start();
  await until(() => world.told.at(-1) === 256);
  assert.deepEqual(await world.names("sealed"), ["00000000", "00000002"]);
  assert.match(world.failures.join(), /segment 1 is not sealed: .*leaf hash of entry 256/);
  await until(async () => !(await world.names("entries")).includes("00000002"));
  assert.ok((await world.names("entries")).includes("00000001"));
});

test("Sealer names a sealed segment again whose record was lost", async () => {
  await using world = await World.make(800);
  world.sealer.start();
  await until(() => world.told.at(-1) === 0);
  await until(async () => (await world.names("entries")).length <= 2);
  await world.sealer.stop();
  const lost = new RecordBatch();
  lost.delete(sealedKey(1));
  await world.store.sealing.write(lost);
  await world.store.load();
  assert.equal(await world.store.readSealedTile(1), undefined);
  // Now the sealed file is open, which is not the same as being named.
  await assertHolds(world.store, world.log);
  assert.notEqual(await world.store.readSealedTile(1), undefined);
  const again = world.makeSealer();
  again.start();
  await until(async () => {
    await world.store.load();
    return (await world.store.readSealedTile(1)) !== undefined;
  });
  await again.stop();
  assert.deepEqual(world.failures, []);
});

test("Sealer that is stopped leaves no draft, and does not remove what is not sealed", async () => {
  await using world = await World.make(2_000);
  world.sealer.start();
  await until(async () => (await world.names("sealed")).length > 0);
  await world.sealer.stop();
  assert.ok((await world.names("sealed")).every((name) => !name.endsWith(".new")));
  await assertHolds(world.store, world.log);
});

test("a commit that comes to a segment made ahead of need flushes neither it nor its folder", async () => {
  await using world = await World.make(100);
  world.sealer.start();
  const before = await world.names("entries");
  assert.deepEqual(before, ["00000000"]);
  await world.commit(50);
  await until(async () => (await world.names("entries")).length === 2);
  await world.store.sealing.prepareSegment(1);
  await world.sealer.stop();
  world.faults.set(undefined);
  // New issuers would have files of their own.
  await world.store.commit({ ...world.log.next(140), issuers: [] });
  const names = world.faults.calls.map(({ name }) => name);
  assert.ok(names.includes("entries.syncData"));
  assert.ok(!names.includes("files.syncFolder") && !names.includes("entries.sync"), `${names}`);
  assert.equal((await world.store.readEntries(0, 290)).ends.length, 290);
  // Made, but empty, when the process ends: the next one takes it as it is.
  await world.store.sealing.prepareSegment(2);
  await world.store.load();
  world.faults.set(undefined);
  await world.store.commit({ ...world.log.next(300), issuers: [] });
  assert.ok(world.faults.calls.some(({ name }) => name === "files.syncFolder"));
  assert.equal((await world.store.readEntries(0, 590)).ends.length, 590);
});

test("a segment made ahead of need whose flush failed is a failed fsync of the store", async () => {
  await using world = await World.make(200);
  world.faults.slowFlush = async () => {
    throw Object.assign(new Error("EIO: injected"), { code: "EIO" });
  };
  await assert.rejects(world.store.sealing.prepareSegment(1), /FATAL_FSYNC|flushing/);
  world.faults.slowFlush = async () => {};
  await assert.rejects(world.store.commit(world.log.next(1)), /only a restart recovers/);
});
