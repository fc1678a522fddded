/**
 * LevelStore when the world fails it: every call of a commit, an idle commit, a revert, a
 * rewrite and an opening fails before or after it was done, or is the last of its process.
 * @module
 */
import assert from "node:assert/strict";
import { cp, readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { FatalError, UnavailableError } from "../../../src/base/errors.ts";
import { createLevelStore } from "../../../src/storage/level/folder.ts";
import { type LevelStore, openLevelStore } from "../../../src/storage/level/level-store.ts";
import { sealSegment } from "../../../src/storage/level/seal-segment.ts";
import { SyntheticLog, signedHead, TEST_IDENTITY } from "../../support/commits.ts";
import { LEVEL_OPTIONS, type TemporaryFolder, temporaryFolder } from "../../support/level.ts";
import { type Call, type Fault, FaultyWorld, faultPoints } from "../../support/level-faults.ts";
import { AT_ONCE, sealSegments } from "../../support/sealing.ts";
import { assertHolds, assertTree, fatal } from "../../support/store-asserts.ts";

/** Entries before most acts; the next segment begins at 256. */
const BASE = 250;

interface Scenario {
  readonly name: string;
  /** Brings `log` to where the prepared folder is. */
  readonly prepared: () => SyntheticLog;
  /** Sizes of the tree before and after `act`. */
  readonly sizes: readonly [number, number];
  readonly act: (store: LevelStore, log: SyntheticLog) => Promise<void>;
  /** Makes `log` what it is after `act`. */
  readonly advance: (log: SyntheticLog) => void;
}

const SCENARIOS: readonly Scenario[] = [
  commitOf("a commit of one entry", 1),
  commitOf("a commit over three segments", 300),
  commitOf("an idle commit", 0),
  {
    name: "a revert",
    prepared: () => grown(BASE, 20),
    sizes: [BASE + 20, BASE],
    act: (store, log) => store.revert(log.head!, grown(BASE).head),
    advance: (log) => log.undo(),
  },
  {
    name: "a rewrite of derived records",
    prepared: () => grown(BASE, 20),
    sizes: [BASE + 20, BASE + 20],
    act: (store, log) => store.rewriteDerived(log.head!, log.derived(20)),
    advance: () => {},
  },
];

/** Entries before sealing: two segments can be sealed. */
const SEALED_BASE = 600;

const CODES = ["EIO", "ENOSPC", "EMFILE"] as const;

/** Every code at every call with STRATUS_FULL, else the codes in turn. */
function codesOf(index: number): readonly (typeof CODES)[number][] {
  return process.env["STRATUS_FULL"] === undefined ? [CODES[index % CODES.length]!] : CODES;
}

let root: TemporaryFolder;
let copies = 0;
before(async () => {
  root = await temporaryFolder();
  for (const counts of [[BASE], [BASE, 20], [SEALED_BASE]]) {
    const path = join(root.path, counts.join("+"));
    await createLevelStore(path, TEST_IDENTITY, LEVEL_OPTIONS, 1);
    const store = await openLevelStore(path, LEVEL_OPTIONS);
    const log = new SyntheticLog();
    for (const count of counts) await store.commit(log.next(count));
    if (counts.length === 1) await store.publish(signedHead(log.head!));
    await store[Symbol.asyncDispose]();
  }
});
after(() => root[Symbol.asyncDispose]());

for (const scenario of SCENARIOS) {
  describe(`LevelStore in ${scenario.name}`, () => {
    test("that dies at any call holds the old state or the new one", async () => {
      for (const at of await pointsOf(scenario)) {
        for (const mode of ["crash", "torn crash"] as const) {
          for (const losesUnsynced of [false, true]) {
            await dieAt(scenario, { at, mode, code: "EIO" }, losesUnsynced);
          }
        }
      }
    });

    test("that was acknowledged is there when the machine dies at once", async () => {
      const { path, world, store, log } = await start(scenario);
      await scenario.act(store, log);
      await world.kill(true);
      scenario.advance(log);
      await assertState(path, log);
    });

    test("that fails at any call says what is known, and goes on", async () => {
      const points = await pointsOf(scenario);
      for (const mode of ["before", "after"] as const) {
        for (const [index, at] of points.entries()) {
          for (const code of codesOf(index)) await failAt(scenario, { at, mode, code });
        }
      }
    });
  });
}

describe("LevelStore that is being sealed", () => {
  const modes = ["crash", "torn crash", "before", "after"] as const;
  /** Seals two segments, and removes what they stood in before. */
  const act = async (store: LevelStore) => sealSegments(store, 2);
  let points: readonly number[];
  before(async () => {
    const { world, store } = await startSealing();
    world.set(undefined);
    await act(store);
    points = faultPoints(world.calls);
    assert.equal((await store.readSealedTile(1)) !== undefined, true);
    await world.kill(false);
  });

  for (const mode of modes) {
    test(`and meets a fault at any call, ${mode}, holds every entry`, async () => {
      for (const [index, at] of points.entries()) {
        const isFull = process.env["STRATUS_FULL"] !== undefined;
        for (const losesUnsynced of isFull ? [false, true] : [index % 2 === 0]) {
          const { path, world, store, log } = await startSealing();
          const fault: Fault = { at, mode, code: CODES[index % CODES.length]! };
          world.set(fault);
          const outcome = await act(store).catch((error: unknown) => error);
          const label = describeFault(fault, world);
          const isBatch = world.calls[at]?.name === "db.write sync";
          if (!world.isDead) {
            world.set(undefined);
            // A batch that failed is LevelDB's own log: that is a matter of the whole store.
            if (!isBatch) await store.commit(log.next(3));
            if (outcome === undefined) assert.match(world.calls[at]?.name ?? "close", /close|db/);
          }
          await world.kill(losesUnsynced);
          const held = await openLevelStore(path, LEVEL_OPTIONS);
          await held.load();
          await assertGoesOn(held, log).catch((cause) => {
            throw new Error(label, { cause });
          });
          const again = await openLevelStore(path, LEVEL_OPTIONS);
          const left = await readdir(join(path, "sealed"));
          assert.ok(
            left.every((name) => !name.endsWith(".new")),
            `${label}: ${left}`,
          );
          await resealed(again);
          await assertHolds(again, log);
          await again[Symbol.asyncDispose]();
        }
      }
    });
  }

  /** What a sealer makes of what is left: both segments are sealed in the end. */
  async function resealed(store: LevelStore): Promise<void> {
    for (const segment of [0, 1]) {
      if ((await store.readSealedTile(segment)) !== undefined) continue;
      await sealSegment(store.sealing, segment, AT_ONCE);
    }
    for (const segment of [0, 1]) await store.sealing.places().entries.remove(segment);
  }

  async function startSealing() {
    const log = grown(SEALED_BASE);
    const path = await copyOf(SEALED_BASE);
    const world = new FaultyWorld();
    const store = await openLevelStore(path, optionsOf(world));
    await store.load();
    return { path, world, store, log };
  }
});

test("openLevelStore() that dies or fails at any call opens the next time", async () => {
  const undisturbed = new FaultyWorld();
  const first = await copyOf(BASE + 20);
  await (await openLevelStore(first, optionsOf(undisturbed)))[Symbol.asyncDispose]();
  for (const mode of ["crash", "torn crash", "before", "after"] as const) {
    for (const at of faultPoints(undisturbed.calls)) {
      const path = await copyOf(BASE + 20);
      const world = new FaultyWorld();
      const fault: Fault = { at, mode, code: "EIO" };
      world.set(fault);
      const outcome = await openLevelStore(path, optionsOf(world)).catch((error) => error);
      const isMet = world.isMet;
      if (isMet && outcome instanceof Error && !world.isDead) {
        assert.ok(
          outcome instanceof UnavailableError,
          `${describeFault(fault, world)}: ${outcome}`,
        );
      }
      await world.kill(true);
      await assertState(path, grown(BASE, 20));
    }
  }
});

test("createLevelStore() that dies at any call leaves no store or a whole one", async () => {
  for (const mode of ["crash", "torn crash"] as const) {
    for (let at = 0; ; at += 1) {
      copies += 1;
      const path = join(root.path, `new ${copies}`);
      const world = new FaultyWorld();
      world.set({ at, mode, code: "EIO" });
      await createLevelStore(path, TEST_IDENTITY, optionsOf(world), 1).catch(() => {});
      await world.kill(true);
      const opened = await openLevelStore(path, LEVEL_OPTIONS).catch((error) => error);
      if (opened instanceof Error) {
        assert.ok(fatal("FATAL_STORE_MISSING")(opened));
        await createLevelStore(path, TEST_IDENTITY, LEVEL_OPTIONS, 1);
        await assertState(path, new SyntheticLog());
      } else {
        assert.equal((await opened.load()).committed, undefined);
        await opened[Symbol.asyncDispose]();
      }
      if (!world.isMet) break;
    }
  }
});

test("load() that cannot open the database again leaves the store unavailable, until it can", async () => {
  const path = await copyOf(BASE);
  const world = new FaultyWorld();
  const store = await openLevelStore(path, optionsOf(world));
  const log = grown(BASE);
  await store.load();
  world.set(undefined);
  await store.publish(signedHead(log.head!));
  const writes = world.calls.findIndex((call) => call.name === "db.write");
  world.set({ at: writes, mode: "before", code: "ENOSPC" });
  await assert.rejects(store.publish(signedHead(log.head!)), fatal("FATAL_COMMIT_UNKNOWN"));
  world.set({ at: 1, mode: "before", code: "ENOSPC" });
  await assert.rejects(store.load(), UnavailableError);
  assert.equal(world.calls[1]?.name, "db.open");
  await assert.rejects(store.readTile(0, 0, 1), UnavailableError);
  await assert.rejects(store.commit(log.next(3)), fatal("FATAL_COMMIT_UNKNOWN"));
  log.undo();
  world.set(undefined);
  assert.deepEqual((await store.load()).committed, log.head);
  await assertGoesOn(store, log);
});

test("commit() with a slow flush is seen by no read before its end", async () => {
  const path = await copyOf(BASE);
  const world = new FaultyWorld();
  const store = await openLevelStore(path, optionsOf(world));
  const log = grown(BASE);
  await store.load();
  const { promise, resolve } = Promise.withResolvers<void>();
  world.slowFlush = () => promise;
  const commit = log.next(1);
  const committing = store.commit(commit);
  await store.readEntries(0, BASE);
  assert.deepEqual(await store.findDuplicates(commit.dedupKeys), [undefined]);
  resolve();
  await committing;
  assert.equal((await store.findDuplicates(commit.dedupKeys))[0]?.leafIndex, BASE);
  await world.kill(true);
});

function commitOf(name: string, count: number): Scenario {
  return {
    name,
    prepared: () => grown(BASE),
    sizes: [BASE, BASE + count],
    act: (store, log) => {
      const commit = log.next(count);
      log.undo();
      return store.commit(commit);
    },
    advance: (log) => {
      log.next(count);
    },
  };
}

/** A log that has grown by groups of these sizes. */
function grown(...counts: readonly number[]): SyntheticLog {
  const log = new SyntheticLog();
  for (const count of counts) log.next(count);
  return log;
}

/** The calls of an undisturbed run that a fault is tried at. */
async function pointsOf(scenario: Scenario): Promise<readonly number[]> {
  const { world, store, log } = await start(scenario);
  world.set(undefined);
  await scenario.act(store, log);
  const points = faultPoints(world.calls);
  await world.kill(false);
  assert.ok(points.length >= 3, "calls to try");
  return points;
}

async function dieAt(scenario: Scenario, fault: Fault, losesUnsynced: boolean): Promise<void> {
  const { path, world, store, log } = await start(scenario);
  world.set(fault);
  await scenario.act(store, log).then(
    () => assert.fail("a dead process does not resolve"),
    () => assert.ok(world.isDead, "only the crash throws"),
  );
  const label = describeFault(fault, world);
  await world.kill(losesUnsynced);
  const held = await openLevelStore(path, LEVEL_OPTIONS);
  const { committed } = await held.load();
  if (committed?.treeSize !== scenario.sizes[0]) scenario.advance(log);
  assert.deepEqual(committed, log.head, label);
  await assertGoesOn(held, log);
}

async function failAt(scenario: Scenario, fault: Fault): Promise<void> {
  const { path, world, store, log } = await start(scenario);
  world.set(fault);
  const outcome = await scenario.act(store, log).then(
    () => undefined,
    (error: unknown) => error,
  );
  const call = world.calls[fault.at];
  const label = describeFault(fault, world);
  world.set(undefined);
  if (outcome === undefined) {
    assert.ok(call?.name.endsWith(".close"), `${label}: only closing may fail unnoticed`);
    scenario.advance(log);
  } else if (outcome instanceof UnavailableError) {
    assert.equal(outcome.code, "UNAVAILABLE_STORE");
    assert.ok(!/sync/i.test(call?.name ?? ""), `${label}: ${outcome.message}`);
    await scenario.act(store, log);
    scenario.advance(log);
  } else {
    await assertFatal(scenario, { fault, call, outcome, store, log, label });
  }
  await world.kill(false);
  await assertState(path, log);
}

interface Failure {
  readonly fault: Fault;
  readonly call: Call | undefined;
  readonly outcome: unknown;
  readonly store: LevelStore;
  readonly log: SyntheticLog;
  readonly label: string;
}

async function assertFatal(scenario: Scenario, failure: Failure): Promise<void> {
  const { fault, call, outcome, store, log, label } = failure;
  assert.ok(outcome instanceof FatalError, `${label}: ${outcome}`);
  assert.match(call?.name ?? "", /sync/i, label);
  const isBatch = call?.name === "db.write sync";
  const isUnknown = isBatch && fault.code !== "EIO";
  assert.equal(outcome.code, isUnknown ? "FATAL_COMMIT_UNKNOWN" : "FATAL_FSYNC", label);
  // The store refuses before and, unless it is only the outcome that is unknown, after a load.
  await assert.rejects(store.publish(signedHead(log.head!)), fatal(outcome.code));
  const { committed } = await store.load();
  const isDone = isBatch && fault.mode === "after";
  if (isDone) scenario.advance(log);
  assert.deepEqual(committed, log.head, label);
  if (isUnknown) {
    await store.publish(signedHead(log.head!));
  } else {
    await assert.rejects(store.commit(log.next(1)), fatal("FATAL_FSYNC"));
    log.undo();
    await store.readEntries(0, BASE);
  }
}

async function start(scenario: Scenario) {
  const log = scenario.prepared();
  const path = await copyOf(log.entries.length);
  const world = new FaultyWorld();
  const store = await openLevelStore(path, optionsOf(world));
  await store.load();
  return { path, world, store, log };
}

async function assertState(path: string, log: SyntheticLog): Promise<void> {
  const store = await openLevelStore(path, LEVEL_OPTIONS);
  const { committed } = await store.load();
  assert.deepEqual(committed, log.head);
  await assertGoesOn(store, log);
}

/** The store holds `log`, and takes another group. Closes it. */
async function assertGoesOn(store: LevelStore, log: SyntheticLog): Promise<void> {
  await store.commit(log.next(9));
  await assertTree(store, log);
  await assertHolds(store, log);
  await store[Symbol.asyncDispose]();
}

async function copyOf(size: number): Promise<string> {
  copies += 1;
  const path = join(root.path, `copy ${copies}`);
  const name = size === BASE + 20 ? `${BASE}+20` : `${size}`;
  await cp(join(root.path, name), path, { recursive: true });
  return path;
}

function optionsOf(world: FaultyWorld) {
  const lockFolder = async () => ({ [Symbol.asyncDispose]: async () => {} });
  return { ...LEVEL_OPTIONS, seam: world, lockFolder };
}

function describeFault(fault: Fault, world: FaultyWorld): string {
  return `${fault.code} ${fault.mode} ${world.calls[fault.at]?.name} (${fault.at})`;
}
