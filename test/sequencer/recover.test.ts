import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { bytesKey } from "../../src/encoding/bytes.ts";
import type { Outcome } from "../../src/sequencer/message.ts";
import type { MemoryDisk } from "../../src/storage/memory.ts";
import type { Store, StoreState } from "../../src/storage/store.ts";
import {
  Engine,
  type EngineOptions,
  intercept,
  MemoryGuard,
  makeSubmission,
} from "../support/engine.ts";
import { settle } from "../support/manual-clock.ts";

/** Options under which `method` of the store is applied or not, and then never returns. */
function hang(method: string, when: "applied" | "unapplied", onHang = () => {}): EngineOptions {
  return {
    wrapStore: (store) =>
      intercept(store, async (name, call, args) => {
        const [commit] = args as [{ entries?: unknown[] }];
        if (name !== method || (name === "commit" && commit.entries?.length === 0)) return call();
        if (when === "applied") await call();
        onHang();
        return new Promise(() => {});
      }),
  };
}

const PLAIN: EngineOptions = { wrapStore: (store) => store, wrapSigner: (signer) => signer };

/** Three entries are logged and published; the next process has these options. */
async function engineWithThree(options: EngineOptions = PLAIN): Promise<Engine> {
  const engine = new Engine();
  await engine.open();
  await engine.log(0, 1, 2);
  engine.crash();
  await engine.open(options);
  return engine;
}

/** Submits entries 3 and 4 to a process that will not answer, lets it die, starts the next. */
async function crashInCommit(engine: Engine, options: EngineOptions = PLAIN): Promise<void> {
  for (const index of [3, 4]) void engine.submit(makeSubmission(index));
  await engine.clock.advance(200);
  engine.crash();
  await engine.open(options);
}

async function placesOf(engine: Engine, ...indices: number[]): Promise<unknown[]> {
  const outcomes: readonly Outcome[] = await engine.log(...indices);
  return outcomes.map((outcome) =>
    outcome.type === "logged" ? [outcome.leafIndex, outcome.isDuplicate] : outcome.code,
  );
}

/** Every head that was published extends the one before, by the model of the disk's entries. */
function assertOneChain(engine: Engine): void {
  let last = engine.heads[0];
  for (const head of engine.heads) {
    assert.ok(head.treeSize >= last!.treeSize && head.timestampMs >= last!.timestampMs);
    if (head.timestampMs === last!.timestampMs) assert.deepEqual(head, last);
    last = head;
  }
}

function snapshot(disk: MemoryDisk): () => void {
  const { committed, previous, entriesSha256, published } = disk;
  const entries = [...disk.entries];
  const nodes = disk.nodes.map((row) => [...row]);
  const dedup = [...disk.dedup];
  const leaves = [...disk.leaves];
  return () => {
    Object.assign(disk, { committed, previous, entriesSha256, published, entries, nodes });
    disk.dedup.clear();
    disk.leaves.clear();
    for (const [key, hit] of dedup) disk.dedup.set(key, hit);
    for (const [key, index] of leaves) disk.leaves.set(key, index);
  };
}

function flip(bytes: Uint8Array | undefined): Uint8Array {
  assert.ok(bytes !== undefined);
  const flipped = bytes.slice();
  flipped[flipped.length - 1]! ^= 1;
  return flipped;
}

/** Nothing is signed, nothing is taken, nothing of the store is changed. */
async function assertRefuses(engine: Engine, code: string, state: string): Promise<void> {
  assert.equal(engine.fatalCode, code);
  assert.equal(engine.sequencer.state, state);
  const written = engine.guard.written.length;
  await engine.clock.advance(30_000);
  assert.equal(engine.guard.written.length, written, "nothing was signed");
  const [outcome] = await engine.log(9);
  assert.equal(outcome?.type === "unavailable" && outcome.code, "UNAVAILABLE_SHARD_NOT_READY");
}

describe("recover() after a crash", () => {
  test("after 5, before the commit: nothing was promised, nothing is there", async () => {
    const engine = await engineWithThree(hang("commit", "unapplied"));
    await crashInCommit(engine);
    assert.equal(engine.head?.treeSize, 3);
    assert.deepEqual(await placesOf(engine, 4, 3), [
      [3, false],
      [4, false],
    ]);
  });

  test("after 6: the committed head is proven, signed and published; a retry finds its entry", async () => {
    const engine = await engineWithThree(hang("commit", "applied"));
    await crashInCommit(engine);
    assert.equal(engine.head?.treeSize, 5);
    assert.deepEqual(engine.head, engine.guard.last.head);
    assert.deepEqual(await placesOf(engine, 4, 3, 5), [
      [4, true],
      [3, true],
      [5, false],
    ]);
    assertOneChain(engine);
  });

  for (const [what, damage] of [
    ["a leaf hash", (disk: MemoryDisk) => (disk.nodes[0]![4] = flip(disk.nodes[0]![4]))],
    ["a lost hash", (disk: MemoryDisk) => delete disk.nodes[0]![4]],
    ["an inner hash", (disk: MemoryDisk) => (disk.nodes[2]![0] = flip(disk.nodes[2]![0]))],
  ] as const) {
    test(`after 7 found ${what} wrong: the records are written again, the head goes on`, async () => {
      const engine = await engineWithThree();
      engine.crash();
      await engine.open(hang("commit", "applied", () => damage(engine.disk)));
      await crashInCommit(engine);
      assert.equal(engine.head?.treeSize, 5);
      assert.match(engine.eventsOf("recovery-step").at(-1)?.message ?? "", /again/);
      assert.deepEqual(await placesOf(engine, 3, 4, 0), [
        [3, true],
        [4, true],
        [0, true],
      ]);
      assertOneChain(engine);
    });
  }

  test("after 7 found the bytes of an entry wrong: back to the head before, 503, then logged afresh", async () => {
    const engine = await engineWithThree();
    engine.crash();
    const keys = [...engine.disk.dedup.keys()];
    await engine.open(
      hang("commit", "applied", () => {
        engine.disk.entries[4] = flip(engine.disk.entries[4]);
      }),
    );
    await crashInCommit(engine);
    assert.equal(engine.head?.treeSize, 3);
    assert.match(engine.eventsOf("recovery-step").at(-1)?.message ?? "", /took back/);
    assert.deepEqual([...engine.disk.dedup.keys()], keys, "no record of bad bytes is left");
    assert.deepEqual(await placesOf(engine, 4, 3), [
      [3, false],
      [4, false],
    ]);
    assertOneChain(engine);
  });

  test("7 in one process: its waiters get 503, it mends itself, the retry gets the entry", async () => {
    let isDamaged = false;
    const engine = await engineWithThree();
    engine.crash();
    await engine.open({
      wrapStore: (store) =>
        intercept(store, async (name, call, args) => {
          const [commit] = args as [{ entries?: unknown[] }];
          const result = await call();
          if (name !== "commit") return result;
          if (commit.entries?.length === 1 && !isDamaged) {
            isDamaged = true;
            engine.disk.nodes[0]![3] = flip(engine.disk.nodes[0]![3]);
          }
          return undefined;
        }),
    });
    const [outcome] = await engine.log(3);
    assert.equal(outcome?.type === "unavailable" && outcome.code, "UNAVAILABLE_OUTCOME_UNKNOWN");
    assert.equal(engine.fatalCode, "FATAL_VERIFY_MISMATCH");
    await engine.clock.advance(1_500);
    assert.deepEqual(await placesOf(engine, 3), [[3, true]]);
  });

  for (const isRecorded of [true, false]) {
    test(`in 8, the guard's record ${isRecorded ? "" : "not "}durable: one head, the same bytes if it was`, async () => {
      const engine = await engineWithThree();
      engine.guard.onWrite = async (apply) => {
        if (isRecorded) apply();
        return new Promise(() => {});
      };
      for (const index of [3, 4]) void engine.submit(makeSubmission(index));
      await engine.clock.advance(200);
      assert.equal(engine.head?.treeSize, 3);
      engine.crash();
      engine.guard.onWrite = async (apply) => apply();
      const recorded = engine.guard.last.head;
      await engine.open();
      assert.equal(engine.head?.treeSize, 5);
      if (isRecorded) assert.deepEqual(engine.head, recorded);
      assert.deepEqual(await placesOf(engine, 3), [[3, true]]);
      assertOneChain(engine);
    });
  }

  test("after 9, published but not answered: the retry gets the entry", async () => {
    const engine = await engineWithThree({
      wrapSigner: (signer) =>
        intercept(signer, (name, call) => (name === "signScts" ? new Promise(() => {}) : call())),
    });
    await crashInCommit(engine);
    assert.equal(engine.head?.treeSize, 5);
    assert.deepEqual(await placesOf(engine, 4), [[4, true]]);
  });

  test("a head that the guard knows is never taken back, whatever became of its entries", async () => {
    const engine = await engineWithThree();
    engine.crash();
    engine.disk.entries[2] = flip(engine.disk.entries[2]);
    await engine.open();
    assert.equal(engine.disk.committed?.treeSize, 3);
    assert.equal(engine.head?.treeSize, 3);
  });

  test("a damaged head that was published is not taken back, though the guard lost its record", async () => {
    const engine = await engineWithThree();
    const before = engine.guard.last;
    await engine.log(3);
    engine.crash();
    engine.guard.last = before;
    engine.disk.entries[3] = flip(engine.disk.entries[3]);
    await engine.open();
    await assertRefuses(engine, "FATAL_STORE_CORRUPT", "failed");
    assert.equal(engine.disk.committed?.treeSize, 4);
  });

  test("an unsigned head on a signed tree that is damaged: refused, and nothing is changed", async () => {
    const engine = await engineWithThree(hang("commit", "applied"));
    for (const index of [3, 4]) void engine.submit(makeSubmission(index));
    await engine.clock.advance(200);
    engine.crash();
    engine.disk.nodes[1]![0] = flip(engine.disk.nodes[1]![0]);
    const { committed } = engine.disk;
    await engine.open(PLAIN);
    await assertRefuses(engine, "FATAL_STORE_CORRUPT", "failed");
    assert.equal(engine.disk.committed, committed);
  });

  test("a committed head from the future waits for its time, and is signed then", async () => {
    const engine = await engineWithThree();
    engine.crash();
    engine.clock.wallMs += 300_000;
    await engine.open(hang("commit", "applied"));
    void engine.submit(makeSubmission(3));
    await engine.clock.advance(200);
    engine.crash();
    engine.clock.wallMs -= 300_000;
    await engine.open(PLAIN);
    assert.equal(engine.fatalCode, "FATAL_CLOCK");
    const written = engine.guard.written.length;
    await engine.clock.advance(250_000);
    assert.equal(engine.guard.written.length, written);
    await engine.clock.advance(51_000);
    assert.equal(engine.sequencer.state, "open");
    assert.deepEqual(await placesOf(engine, 3), [[3, true]]);
  });
});

describe("recover() of a store that is not the guard's", () => {
  test("behind it: FATAL_ROLLED_BACK, read-only, what is proven is shown, by how much is said", async () => {
    const engine = await engineWithThree();
    const restore = snapshot(engine.disk);
    await engine.log(3, 4);
    engine.crash();
    restore();
    const shown = engine.heads.length;
    await engine.open();
    await assertRefuses(engine, "FATAL_ROLLED_BACK", "read-only");
    assert.match(engine.sequencer.reason, /behind the guard by 2 entries: it holds size 3/);
    assert.deepEqual(engine.heads.slice(shown), [engine.disk.published]);
  });

  test("behind it by an idle refresh alone: FATAL_ROLLED_BACK", async () => {
    const engine = await engineWithThree();
    const restore = snapshot(engine.disk);
    await engine.clock.advance(11_000);
    engine.crash();
    restore();
    await engine.open();
    await assertRefuses(engine, "FATAL_ROLLED_BACK", "read-only");
  });

  test("wiped: FATAL_ROLLED_BACK", async () => {
    const engine = await engineWithThree();
    engine.crash();
    const fresh = new Engine();
    fresh.guard.last = engine.guard.last;
    await fresh.open();
    await assertRefuses(fresh, "FATAL_ROLLED_BACK", "read-only");
  });

  for (const isPublishedLost of [false, true]) {
    test(`without any record in the guard (published head lost: ${isPublishedLost}): FATAL_GUARD_MISSING`, async () => {
      const engine = await engineWithThree();
      engine.crash();
      engine.guard.last = new MemoryGuard().last;
      if (isPublishedLost) engine.disk.published = undefined;
      await engine.open();
      await assertRefuses(engine, "FATAL_GUARD_MISSING", "read-only");
    });
  }

  test("of the same size with another root: FATAL_GUARD_DISAGREES", async () => {
    const ours = await engineWithThree();
    const theirs = new Engine();
    await theirs.open();
    await theirs.log(7, 8, 9);
    theirs.crash();
    theirs.guard.last = ours.guard.last;
    await theirs.open();
    await assertRefuses(theirs, "FATAL_GUARD_DISAGREES", "read-only");
  });

  for (const count of [1, 2]) {
    test(`larger and forked, ${count} heads on: FATAL_GUARD_DISAGREES, and nothing of it is changed`, async () => {
      const ours = await engineWithThree();
      const theirs = new Engine();
      await theirs.open();
      await theirs.log(7, 8, 9);
      await theirs.clock.advance(5_000);
      for (let turn = 0; turn < count; turn += 1) await theirs.log(10 + turn);
      theirs.crash();
      theirs.guard.last = ours.guard.last;
      const { committed } = theirs.disk;
      await theirs.open();
      await assertRefuses(theirs, "FATAL_GUARD_DISAGREES", "read-only");
      assert.equal(theirs.disk.committed, committed);
      assert.equal(theirs.eventsOf("recovery-step").length, 0);
    });
  }

  test("ahead of a guard that was restored from an older copy: the guard proves it, and goes on", async () => {
    const engine = await engineWithThree();
    const before = engine.guard.last;
    await engine.log(3);
    await engine.log(4);
    await engine.log(5);
    engine.crash();
    engine.guard.last = before;
    await engine.open();
    assert.equal(engine.sequencer.state, "open");
    assert.deepEqual(await placesOf(engine, 5, 6), [
      [5, true],
      [6, false],
    ]);
    const roots = new Map(engine.heads.map((head) => [head.treeSize, bytesKey(head.rootHash)]));
    for (const head of engine.heads)
      assert.equal(bytesKey(head.rootHash), roots.get(head.treeSize));
  });

  test("of another key: FATAL_IDENTITY", async () => {
    const engine = new Engine();
    Object.assign(engine.disk, {
      identity: { ...engine.disk.identity, logId: new Uint8Array(32) },
    });
    await engine.open();
    await assertRefuses(engine, "FATAL_IDENTITY", "read-only");
  });

  test("a head that cannot be proven is not shown", async () => {
    const engine = await engineWithThree();
    const restore = snapshot(engine.disk);
    await engine.log(3, 4);
    engine.crash();
    restore();
    engine.disk.nodes[0]![2] = flip(engine.disk.nodes[0]![2]);
    const shown = engine.heads.length;
    await engine.open();
    await assertRefuses(engine, "FATAL_ROLLED_BACK", "read-only");
    assert.equal(engine.heads.length, shown);
  });
});

/** A store that asks for the records of its last 4 entries to be checked. */
function rechecking(store: Store): Store {
  return intercept(store, async (name, call) => {
    if (name !== "load") return call();
    return { ...((await call()) as StoreState), recheckEntryCount: 4 };
  });
}

describe("recheckRecords() writes again", () => {
  const lose: Readonly<Record<string, (disk: MemoryDisk) => void>> = {
    "a dedup key": (disk) => disk.dedup.delete(bytesKey(makeSubmission(4).dedupKey)),
    "a dedup key's place": (disk) =>
      disk.dedup.set(bytesKey(makeSubmission(4).dedupKey), { leafIndex: 3, timestampMs: 1 }),
    "a leaf's place": (disk) => disk.leaves.delete([...disk.leaves.keys()][4]!),
    "a leaf hash": (disk) => delete disk.nodes[0]![4],
    "a leaf hash of the right edge": (disk) => delete disk.nodes[0]![6],
    "an inner hash of the right edge": (disk) => delete disk.nodes[1]![2],
  };
  for (const [what, act] of Object.entries(lose)) {
    test(`${what} that was lost, before the shard opens`, async () => {
      const engine = new Engine();
      await engine.open();
      await engine.log(0, 1, 2, 3, 4, 5, 6);
      engine.crash();
      act(engine.disk);
      await engine.open({ wrapStore: rechecking });
      assert.equal(engine.sequencer.state, "open");
      assert.match(engine.eventsOf("recovery-step").at(-1)?.message ?? "", /again/);
      assert.deepEqual(await placesOf(engine, 4, 6, 7), [
        [4, true],
        [6, true],
        [7, false],
      ]);
      assertOneChain(engine);
    });
  }

  test("nothing where nothing was lost", async () => {
    const engine = new Engine();
    await engine.open();
    await engine.log(0, 1, 2, 3, 4, 5, 6);
    engine.crash();
    await engine.open({
      wrapStore: (store) =>
        intercept(rechecking(store), (name, call) => {
          assert.notEqual(name, "rewriteDerived");
          return call();
        }),
    });
    await settle();
    assert.equal(engine.sequencer.state, "open");
  });

  test("nothing where an entry is damaged: FATAL_STORE_CORRUPT", async () => {
    const engine = new Engine();
    await engine.open();
    await engine.log(0, 1, 2, 3, 4, 5, 6);
    engine.crash();
    // The last byte is of the chain, which no hash covers; this one is of the certificate.
    const entry = engine.disk.entries[5]!.slice();
    entry[30]! ^= 1;
    engine.disk.entries[5] = entry;
    await engine.open({ wrapStore: rechecking });
    assert.equal(engine.fatalCode, "FATAL_STORE_CORRUPT");
    assert.equal(engine.sequencer.state, "failed");
  });
});
