/**
 * The filter before LevelDB: a key that is there is never said not to be, however the filter was
 * made, and a new one seldom costs a look.
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { DedupFilter, KeyBits, type Pace } from "../../../src/storage/level/dedup-filter.ts";
import { createLevelStore } from "../../../src/storage/level/folder.ts";
import { type LevelStore, openLevelStore } from "../../../src/storage/level/level-store.ts";
import { REAL_SEAM } from "../../../src/storage/level/real.ts";
import { hashKey, PREFIX } from "../../../src/storage/level/record.ts";
import type { Database, Seam } from "../../../src/storage/level/seam.ts";
import { randomBytes, SyntheticLog, TEST_IDENTITY } from "../../support/commits.ts";
import { LEVEL_OPTIONS, temporaryFolder } from "../../support/level.ts";

/** A pace at which nothing happens before `run`. */
class ManualPace implements Pace {
  readonly #due: (() => void)[] = [];
  nowMs = () => 0;

  after(_delayMs: number, act: () => void): () => void {
    this.#due.push(act);
    return () => {
      const at = this.#due.indexOf(act);
      if (at >= 0) this.#due.splice(at, 1);
    };
  }

  /** Does what is due until something holds that comes of it. */
  async runUntil(isDone: () => Promise<boolean>): Promise<void> {
    for (let round = 0; round < 20_000; round += 1) {
      this.#due.shift()?.();
      await new Promise<void>((resolve) => setImmediate(resolve));
      if (await isDone()) return;
    }
    assert.fail("it never held");
  }

  /** Does all that is due, and what follows of it at once. */
  async run(): Promise<void> {
    let rounds = 0;
    await this.runUntil(async () => ++rounds > 50);
  }
}

const keyOf = (index: number) => randomBytes(`dedup key ${index}`, 32);
const keysOf = (start: number, end: number) =>
  Array.from({ length: end - start }, (_, at) => keyOf(start + at));

/**
 * A world that counts looks at dedup records; others act before a chunk of keys that was read is
 * handed over, and before a batch is written.
 */
function watched(
  onKeys: () => Promise<void>,
  onWrite: () => Promise<void> = async () => {},
): {
  readonly seam: Seam;
  readonly looks: () => number;
} {
  let looks = 0;
  const seam: Seam = {
    ...REAL_SEAM,
    async openDatabase(...args) {
      const database = await REAL_SEAM.openDatabase(...args);
      return {
        ...database,
        get(key) {
          if (key[0] === PREFIX.dedup) looks += 1;
          return database.get(key);
        },
        async *keys(...range) {
          for await (const keys of database.keys(...range)) {
            await onKeys();
            yield keys;
          }
        },
        async write(...args) {
          await onWrite();
          return database.write(...args);
        },
      };
    },
  };
  return { seam, looks: () => looks };
}

test("KeyBits knows each key that was added, and few others", () => {
  const bits = new KeyBits(100_000);
  const known = keysOf(0, 20_000);
  for (const key of known) bits.add(hashKey(PREFIX.dedup, key), 1);
  assert.ok(known.every((key) => bits.mayHold(key)));
  const strangers = keysOf(20_000, 40_000).filter((key) => bits.mayHold(key)).length;
  assert.ok(strangers < 200, `${strangers} of 20,000`);
  assert.ok(Math.abs(bits.capacity - 100_000) < 100, `${bits.capacity}`);
  assert.equal(new KeyBits(1e9).capacity, Number.POSITIVE_INFINITY);
});

test("KeyBits as full as it may be knows 19 of 20 strangers", () => {
  const bits = new KeyBits(60_000);
  for (const key of keysOf(0, 60_000)) bits.add(key);
  const strangers = keysOf(60_000, 80_000).filter((key) => bits.mayHold(key)).length;
  assert.ok(strangers < 1_000, `${strangers} of 20,000`);
});

test("a store finds each key and looks at few others, once all are known", async () => {
  await using root = await temporaryFolder();
  const path = join(root.path, "shard");
  await createLevelStore(path, TEST_IDENTITY, LEVEL_OPTIONS);
  const log = new SyntheticLog({ bodyBytes: 10 });
  const pace = new ManualPace();
  let store: LevelStore;
  let commitsAhead = 0;
  const { seam, looks } = watched(async () => {
    // Between a chunk that was read and its end: before and behind it in the database.
    if (commitsAhead === 0) return;
    commitsAhead -= 1;
    await store.commit(log.next(60));
  });
  store = await openLevelStore(path, { ...LEVEL_OPTIONS, seam, pace });
  await using _store = store;
  await store.load();
  await store.commit(log.next(2_000));
  await store.commit(log.next(600));

  const requireAll = async () => {
    const hits = await store.findDuplicates(log.entries.map(({ dedupKey }) => dedupKey));
    assert.deepEqual(
      hits.map((hit) => hit?.leafIndex),
      log.entries.map((_, index) => index),
    );
  };
  let next = 0;
  /** Looks that 200 new keys take. */
  const looksOfNew = async () => {
    const before = looks();
    const hits = await store.findDuplicates(keysOf(next, next + 200));
    next += 200;
    assert.ok(hits.every((hit) => hit === undefined));
    return looks() - before;
  };

  assert.equal(await looksOfNew(), 200);
  await requireAll();
  commitsAhead = 2;
  await pace.runUntil(async () => (await looksOfNew()) <= 20);
  assert.equal(commitsAhead, 0);
  assert.equal(log.entries.length, 2_720);
  await requireAll();
  await store.commit(log.next(100));
  await requireAll();
  assert.ok((await looksOfNew()) <= 20);
  // What was remembered is dropped, and found out again.
  await store.load();
  assert.equal(await looksOfNew(), 200);
  await store.rewriteDerived(log.head!, log.derived(100));
  await pace.runUntil(async () => (await looksOfNew()) <= 20);
  await requireAll();
});

test("a store finds the keys of a commit during which the filter was begun and made", async () => {
  await using root = await temporaryFolder();
  const path = join(root.path, "shard");
  await createLevelStore(path, TEST_IDENTITY, LEVEL_OPTIONS);
  const log = new SyntheticLog({ bodyBytes: 10 });
  const pace = new ManualPace();
  let onWrite = async () => {};
  const { seam, looks } = watched(
    async () => {},
    () => onWrite(),
  );
  await using store = await openLevelStore(path, { ...LEVEL_OPTIONS, seam, pace });
  await store.load();
  await store.commit(log.next(10));
  const looksOf = async (key: Uint8Array) => {
    const before = looks();
    await store.findDuplicates([key]);
    return looks() - before;
  };
  let next = 0;
  onWrite = () =>
    pace.runUntil(async () => {
      next += 1;
      return (await looksOf(keyOf(next))) === 0;
    });
  await store.commit(log.next(10));
  assert.ok(next > 0);
  const hits = await store.findDuplicates(log.entries.map(({ dedupKey }) => dedupKey));
  assert.deepEqual(
    hits.map((hit) => hit?.leafIndex),
    log.entries.map((_, index) => index),
  );
});

/** A database of these keys, sorted. */
function databaseOf(keys: readonly Uint8Array[]): Pick<Database, "keys"> {
  const all = keys.map((key) => Buffer.from(hashKey(PREFIX.dedup, key))).sort(Buffer.compare);
  return {
    async *keys(start, end, count) {
      const found = all
        .filter((key) => Buffer.compare(key, start) >= 0 && Buffer.compare(key, end) < 0)
        .slice(0, count);
      for (let at = 0; at < found.length; at += 100) yield found.slice(at, at + 100);
    },
  };
}

test("DedupFilter is made anew once there are more keys than it has room for", async () => {
  const pace = new ManualPace();
  const keys = keysOf(0, 50);
  let treeSize = 50;
  let reads = 0;
  const database = (): Database => {
    reads += 1;
    return databaseOf(keys) as Database;
  };
  const filter = new DedupFilter({ pace, database, treeSize: () => treeSize });
  filter.restart();
  assert.ok(filter.mayHold(keyOf(1_000)), "nothing is known yet");
  await pace.run();
  assert.ok(!filter.mayHold(keyOf(1_000)));
  assert.equal(reads, 1);
  // 64 KiB have room for 52,428.
  treeSize = 52_428;
  filter.add([keyOf(50)]);
  await pace.run();
  assert.equal(reads, 1);
  treeSize = 52_429;
  keys.push(keyOf(50));
  filter.add([keyOf(51)]);
  filter.add([keyOf(52)]);
  await pace.run();
  assert.equal(reads, 2);
  for (const key of keysOf(0, 53)) assert.ok(filter.mayHold(key));
  assert.ok(!filter.mayHold(keyOf(1_000)));
});

test("DedupFilter knows the keys of several iterators, and is not whole before the last", async () => {
  const pace = new ManualPace();
  const keys = keysOf(0, 40_150);
  let reads = 0;
  const database = (): Database => {
    reads += 1;
    return databaseOf(keys) as Database;
  };
  const filter = new DedupFilter({ pace, database, treeSize: () => keys.length });
  filter.restart();
  let readsWhileUnknown = 0;
  await pace.runUntil(async () => {
    if (!filter.mayHold(keyOf(50_000))) return true;
    readsWhileUnknown = reads;
    return false;
  });
  assert.deepEqual([readsWhileUnknown, reads], [2, 3]);
  assert.ok(keys.every((key) => filter.mayHold(key)));
});

test("DedupFilter says nothing of a database that cannot be read, or after it was stopped", async () => {
  const pace = new ManualPace();
  const whole = { pace, treeSize: () => 50, database: () => databaseOf(keysOf(0, 50)) as Database };
  const failing = new DedupFilter({
    ...whole,
    database: () => {
      throw new Error("it is closed");
    },
  });
  failing.restart();
  await pace.run();
  assert.ok(failing.mayHold(keyOf(1_000)));
  const stopped = new DedupFilter(whole);
  stopped.restart();
  await pace.run();
  assert.ok(!stopped.mayHold(keyOf(1_000)));
  stopped.stop();
  assert.ok(stopped.mayHold(keyOf(1_000)));
  stopped.restart();
  stopped.stop();
  await pace.run();
  assert.ok(stopped.mayHold(keyOf(1_000)));
});
