/**
 * The check of records that goes on while the shard is open: what it finds is mended, and until it
 * has ended the store is not told that all is well.
 * @module
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { bytesKey } from "../../src/encoding/bytes.ts";
import type { MemoryDisk } from "../../src/storage/memory.ts";
import type { Store, StoreState } from "../../src/storage/store.ts";
import { Engine, intercept, makeSubmission } from "../support/engine.ts";
import { settle } from "../support/manual-clock.ts";

const ENTRIES = 200;
/** Of these the last 10 are checked first, the 180 before them later. */
const RECHECK = { recheckEntryCount: 190, recheckLaterCount: 180 };

interface Watched {
  readonly engine: Engine;
  /** Calls of the store that change or settle something, in order. */
  readonly calls: string[];
}

/** A shard of 200 entries that died, changed by `act`, and opened again. */
async function reopened(act: (disk: MemoryDisk) => void, recheck = RECHECK): Promise<Watched> {
  const engine = new Engine();
  await engine.open();
  await engine.log(...Array.from({ length: ENTRIES }, (_, index) => index));
  engine.crash();
  act(engine.disk);
  const calls: string[] = [];
  const wrapStore = (store: Store): Store =>
    intercept(store, async (name, call, args) => {
      if (name === "recordsChecked") calls.push(`${name} ${args[0]}`);
      else if (/^(commit|rewriteDerived|revert)$/.test(name)) calls.push(name);
      const result = await call();
      if (name !== "load") return result;
      const isDoubtful = calls.at(-1) === "recordsChecked false";
      const now = isDoubtful ? { ...recheck, recheckLaterCount: 0 } : recheck;
      return { ...(result as StoreState), ...now };
    });
  await engine.open({ wrapStore });
  return { engine, calls };
}

/** Lets the check and what it leads to come to their end. */
async function finish({ engine }: Watched): Promise<void> {
  for (let round = 0; round < 20; round += 1) await engine.clock.advance(100);
}

const DEDUP_KEY = bytesKey(makeSubmission(50).dedupKey);

describe("LaterRecheck", () => {
  test("finds nothing where nothing is wrong, and the store hears of it at the end", async () => {
    const watched = await reopened(() => {});
    assert.equal(watched.engine.sequencer.state, "open");
    assert.deepEqual(watched.calls, []);
    await finish(watched);
    assert.deepEqual(watched.calls, ["recordsChecked true"]);
    assert.equal(watched.engine.sequencer.state, "open");
  });

  test("is not made where all are checked before the shard opens", async () => {
    const watched = await reopened(() => {}, { recheckEntryCount: 190, recheckLaterCount: 0 });
    assert.equal(watched.engine.sequencer.state, "open");
    assert.deepEqual(watched.calls, ["recordsChecked true"]);
  });

  const lose: Readonly<Record<string, (disk: MemoryDisk) => void>> = {
    "a dedup key": (disk) => disk.dedup.delete(DEDUP_KEY),
    "a dedup key's place": (disk) => disk.dedup.set(DEDUP_KEY, { leafIndex: 3, timestampMs: 1 }),
    "a leaf's place": (disk) => disk.leaves.delete([...disk.leaves.keys()][50]!),
    "a leaf hash": (disk) => delete disk.nodes[0]![50],
    "an inner hash": (disk) => delete disk.nodes[4]![3],
  };
  for (const [what, act] of Object.entries(lose)) {
    test(`has ${what} that is wrong mended while the shard is open`, async () => {
      const watched = await reopened(act);
      const { engine } = watched;
      assert.equal(engine.sequencer.state, "open");
      assert.deepEqual(engine.eventsOf("recovery-step"), []);
      await finish(watched);
      assert.deepEqual(watched.calls, [
        "recordsChecked false",
        "rewriteDerived",
        "recordsChecked true",
      ]);
      assert.match(engine.eventsOf("recovery-step").at(-1)?.message ?? "", /again/);
      assert.equal(engine.sequencer.state, "open");
      assert.equal(engine.disk.dedup.get(DEDUP_KEY)?.leafIndex, 50);
      assert.deepEqual([...engine.disk.leaves.values()].toSorted((a, b) => a - b).at(50), 50);
      assert.ok(engine.disk.nodes[0]![50] !== undefined && engine.disk.nodes[4]![3] !== undefined);
      const [outcome] = await engine.log(50);
      assert.ok(outcome?.type === "logged" && outcome.isDuplicate && outcome.leafIndex === 50);
    });
  }

  test("mends entries that were logged meanwhile with it", async () => {
    const watched = await reopened((disk) => disk.dedup.delete(DEDUP_KEY));
    const { engine } = watched;
    const [outcome] = await engine.log(ENTRIES);
    assert.ok(outcome?.type === "logged" && outcome.leafIndex === ENTRIES);
    await finish(watched);
    assert.equal(engine.disk.dedup.get(DEDUP_KEY)?.leafIndex, 50);
    assert.equal(engine.sequencer.state, "open");
    const [next] = await engine.log(ENTRIES + 1);
    assert.ok(next?.type === "logged" && next.leafIndex === ENTRIES + 1);
  });

  test("stops a shard whose entries are damaged: nothing is signed over it", async () => {
    const watched = await reopened((disk) => {
      const entry = disk.entries[50]!.slice();
      entry[30]! ^= 1;
      disk.entries[50] = entry;
    });
    const { engine } = watched;
    assert.equal(engine.sequencer.state, "open");
    await finish(watched);
    assert.equal(engine.fatalCode, "FATAL_STORE_CORRUPT");
    assert.equal(engine.sequencer.state, "failed");
    // It reloads, and does not open again.
    const states = engine.eventsOf("shard-state").map(({ state }) => state);
    await engine.clock.advance(3_000);
    assert.ok(engine.eventsOf("shard-fatal").length > 1);
    assert.ok(
      !engine
        .eventsOf("shard-state")
        .slice(states.length)
        .some(({ state }) => state === "open"),
    );
    assert.deepEqual(watched.calls, ["recordsChecked false"]);
    const heads = engine.heads.length;
    const [outcome] = await engine.log(ENTRIES);
    assert.equal(outcome?.type, "unavailable");
    assert.equal(engine.heads.length, heads);
  });

  test("ends with its sequencer", async () => {
    const watched = await reopened((disk) => disk.dedup.delete(DEDUP_KEY));
    await watched.engine.sequencer.stop();
    await settle();
    assert.deepEqual(watched.calls, []);
    assert.equal(watched.engine.sequencer.state, "stopped");
  });
});
