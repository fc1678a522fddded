import assert from "node:assert/strict";
import { mkdir, open, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { formatHex } from "../../../src/encoding/hex.ts";
import { createLevelStore } from "../../../src/storage/level/folder.ts";
import { type LevelStore, openLevelStore } from "../../../src/storage/level/level-store.ts";
import { REAL_SEAM } from "../../../src/storage/level/real.ts";
import { RECHECK_FIRST_MAX } from "../../../src/storage/level/recheck.ts";
import {
  encodeIdentity,
  FORMAT,
  hashKey,
  IDENTITY_KEY,
  PREFIX,
  sealValue,
} from "../../../src/storage/level/record.ts";
import type { Database } from "../../../src/storage/level/seam.ts";
import { SyntheticLog, signedHead, TEST_IDENTITY } from "../../support/commits.ts";
import { LEVEL_OPTIONS, type TemporaryFolder, temporaryFolder } from "../../support/level.ts";
import { FaultyWorld } from "../../support/level-faults.ts";
import { assertHolds, assertTree, fatal } from "../../support/store-asserts.ts";

/** A closed store with 600 entries: two full tiles, a growing one, three segments. */
async function filled(root: TemporaryFolder) {
  const path = join(root.path, "shard");
  await createLevelStore(path, TEST_IDENTITY, LEVEL_OPTIONS, 1);
  const log = new SyntheticLog();
  await using store = await openLevelStore(path, LEVEL_OPTIONS);
  await store.commit(log.next(590));
  await store.commit(log.next(10));
  await store.publish(signedHead(log.head!));
  return { path, log };
}

/** Changes records of a closed store. */
async function tamper(path: string, change: (database: Database) => Promise<void>): Promise<void> {
  const database = await REAL_SEAM.openDatabase(join(path, "db"), {
    create: false,
    writeBufferBytes: 1_048_576,
    cacheBytes: 1_048_576,
    multithreading: false,
  });
  await change(database);
  await database.close();
}

async function put(database: Database, key: Uint8Array, value: Uint8Array | undefined) {
  await database.write([[key, value]], { sync: true });
}

/** Every record whose key begins with `prefix`. */
async function recordsOf(database: Database, prefix: number) {
  const records: (readonly [Uint8Array, Uint8Array])[] = [];
  for await (const record of database.scan(Uint8Array.of(prefix), Uint8Array.of(prefix + 1))) {
    records.push(record);
  }
  return records;
}

async function withOpen(path: string, act: (store: LevelStore) => Promise<void>): Promise<void> {
  await using store = await openLevelStore(path, LEVEL_OPTIONS);
  await act(store);
}

describe("LevelStore finds a flipped bit in", () => {
  const kinds: Record<string, (store: LevelStore, log: SyntheticLog) => Promise<unknown>> = {
    tile: (store) => store.readTile(0, 0, 256),
    row: (store) => store.readTile(0, 2, 88),
    inner: (store) => store.readNodes([{ level: 4, index: 0 }]),
    dedup: (store, log) => store.findDuplicates(log.entries.map((entry) => entry.dedupKey)),
    leaf: (store, log) => Promise.all(log.entries.map((entry) => store.findLeaf(entry.leafHash))),
    head: (store) => store.load(),
    published: (store) => store.load(),
    identity: (store) => store.load(),
  };
  for (const [kind, readIt] of Object.entries(kinds)) {
    test(`a record of kind ${kind}: FATAL_STORE_CORRUPT`, async () => {
      await using root = await temporaryFolder();
      const { path, log } = await filled(root);
      await tamper(path, async (database) => {
        const prefix = PREFIX[kind as keyof typeof PREFIX];
        const [key, value] = (await recordsOf(database, prefix))[0]!;
        const flipped = value.slice();
        const bit = Math.floor(value.length / 2);
        flipped[bit] = flipped[bit]! ^ 4;
        await put(database, key, flipped);
      });
      await assert.rejects(
        withOpen(path, async (store) => {
          await readIt(store, log);
        }),
        fatal("FATAL_STORE_CORRUPT"),
      );
    });
  }

  test("any byte of an entry, and in no other read", async () => {
    await using root = await temporaryFolder();
    const { path, log } = await filled(root);
    const file = await open(join(path, "entries", "00000001"), "r+");
    const at = 20 + log.entries.slice(256, 300).reduce((sum, e) => sum + e.tileLeaf.length, 0);
    for (const offset of [0, 40, log.entries[300]!.tileLeaf.length - 1]) {
      const [byte] = (await file.read(Buffer.alloc(1), 0, 1, at + offset)).buffer;
      await file.write(Buffer.of(byte! ^ 1), 0, 1, at + offset);
      await withOpen(path, async (store) => {
        await assert.rejects(store.readEntries(300, 301), fatal("FATAL_STORE_CORRUPT"));
        await assert.rejects(store.readEntries(250, 400), fatal("FATAL_STORE_CORRUPT"));
        await store.readEntries(299, 300);
        await store.readEntries(301, 302);
      });
      await file.write(Buffer.of(byte!), 0, 1, at + offset);
    }
    await file.close();
    await withOpen(path, (store) => assertHolds(store, log));
  });

  test("an issuer's record, and reads its file; and in that file too", async () => {
    await using root = await temporaryFolder();
    const { path, log } = await filled(root);
    await tamper(path, async (database) => {
      for (const [index, [key, value]] of (await recordsOf(database, PREFIX.issuer)).entries()) {
        const flipped = value.slice();
        flipped[index] = flipped[index]! ^ 1;
        await put(database, key, index % 2 === 0 ? flipped : undefined);
      }
    });
    await withOpen(path, (store) => assertHolds(store, log));
    const { issuer } = log.entries[0]!;
    await writeFile(join(path, "issuers", formatHex(issuer.fingerprint)), issuer.der.slice(1));
    await withOpen(path, async (store) => {
      await assert.rejects(store.readIssuer(issuer.fingerprint), fatal("FATAL_STORE_CORRUPT"));
      // The next submission that brings it along mends it.
      const commit = log.next(1);
      await store.commit({ ...commit, issuers: [issuer, ...commit.issuers] });
      await assertHolds(store, log);
    });
  });

  test("the header of a segment", async () => {
    await using root = await temporaryFolder();
    const { path } = await filled(root);
    const file = await open(join(path, "entries", "00000000"), "r+");
    await file.write(Buffer.of(0x41), 0, 1, 12);
    await file.close();
    await withOpen(path, async (store) => {
      await assert.rejects(store.readEntries(0, 1), fatal("FATAL_STORE_CORRUPT"));
    });
  });
});

test("readEntries() of a segment cut off or removed is FATAL_STORE_CORRUPT, others are read", async () => {
  await using root = await temporaryFolder();
  const { path } = await filled(root);
  await truncate(join(path, "entries", "00000001"), 5_000);
  await rm(join(path, "entries", "00000000"));
  await withOpen(path, async (store) => {
    await assert.rejects(store.readEntries(0, 1), fatal("FATAL_STORE_CORRUPT"));
    await assert.rejects(store.readEntries(500, 512), fatal("FATAL_STORE_CORRUPT"));
    await store.readEntries(256, 258);
    await store.readEntries(512, 600);
  });
});

test("load() finds out again where entries are if that was lost", async () => {
  await using root = await temporaryFolder();
  const { path, log } = await filled(root);
  await tamper(path, async (database) => {
    for (const prefix of [PREFIX.position, PREFIX.positionRow]) {
      const records = await recordsOf(database, prefix);
      assert.ok(records.length >= 2);
      for (const [index, [key, value]] of records.entries()) {
        const damaged = value.slice();
        damaged[15] = damaged[15]! ^ 1;
        await put(database, key, index % 2 === 0 ? undefined : damaged);
      }
    }
  });
  await withOpen(path, async (store) => {
    await assert.rejects(store.readEntries(0, 1), fatal("FATAL_STORE_CORRUPT"));
    assert.equal((await store.load()).recheckEntryCount, 600);
    await assertHolds(store, log);
    await store.commit(log.next(300));
  });
  await withOpen(path, async (store) => {
    await assertHolds(store, log);
    await assertTree(store, log);
  });
});

test("load() and rewriteDerived() bring back what a flipped bit in LevelDB's log dropped", async () => {
  await using root = await temporaryFolder();
  const { path, log } = await filled(root);
  await withOpen(path, async (store) => {
    await store.load();
    for (let round = 0; round < 60; round += 1) await store.commit(log.next(3));
    await store.publish(signedHead(log.head!));
  });
  const name = (await readdir(join(path, "db"))).find((file) => file.endsWith(".log"));
  const file = await open(join(path, "db", name!), "r+");
  const middle = Math.floor((await file.stat()).size / 2);
  const [byte] = (await file.read(Buffer.alloc(1), 0, 1, middle)).buffer;
  await file.write(Buffer.of(byte! ^ 16), 0, 1, middle);
  await file.close();
  await withOpen(path, async (store) => {
    // LevelDB says nothing: the head is there, records before it are not.
    const { committed, recheckEntryCount } = await store.load();
    assert.deepEqual(committed, log.head);
    await assert.rejects(assertTree(store, log));
    await store.rewriteDerived(committed!, log.derived(recheckEntryCount));
    await assertTree(store, log);
    await assertHolds(store, log);
    await store.commit(log.next(20));
    await assertHolds(store, log);
  });
});

test("rewriteDerived() brings back tiles and indexes that were lost", async () => {
  await using root = await temporaryFolder();
  const { path, log } = await filled(root);
  const lost = [PREFIX.tile, PREFIX.row, PREFIX.inner, PREFIX.dedup, PREFIX.leaf];
  await tamper(path, async (database) => {
    for (const prefix of lost) {
      const records = await recordsOf(database, prefix);
      const deletes = records.map(([key]) => [key, undefined] as const);
      await database.write(deletes, { sync: true });
    }
  });
  await withOpen(path, async (store) => {
    const { committed, recheckEntryCount } = await store.load();
    assert.equal(recheckEntryCount, 600);
    await assert.rejects(store.readTile(0, 0, 1), fatal("FATAL_STORE_CORRUPT"));
    await store.rewriteDerived(committed!, log.derived(600));
    await assertTree(store, log);
    await assertHolds(store, log);
  });
});

test("recheckEntryCount covers what the write buffers can hold, and not the whole shard", async () => {
  await using root = await temporaryFolder();
  const path = join(root.path, "shard");
  const world = new FaultyWorld();
  const options = { ...LEVEL_OPTIONS, seam: world, writeBufferBytes: 65_536 };
  await createLevelStore(path, TEST_IDENTITY, options, 1);
  const log = new SyntheticLog();
  const store = await openLevelStore(path, options);
  /** For each entry the bytes of batches before and with its own. */
  const bytesAt: number[] = [];
  let bytes = 0;
  for (let round = 0; round < 40; round += 1) {
    world.set(undefined);
    await store.commit(log.next(50));
    for (const call of world.calls) if (call.name === "db.write sync") bytes += call.bytes;
    bytesAt.push(...Array<number>(50).fill(bytes));
  }
  const { recheckEntryCount } = await store.load();
  await store[Symbol.asyncDispose]();
  const start = 2_000 - recheckEntryCount;
  assert.equal(start % 256, 0);
  assert.ok(start > 0, "less than the whole shard");
  const unchecked = bytesAt[start - 1]!;
  assert.ok(bytes - unchecked >= 2 * 65_536, `${bytes - unchecked} bytes since`);
  // A larger buffer than the one that wrote counts.
  await using large = await openLevelStore(path, LEVEL_OPTIONS);
  assert.equal((await large.load()).recheckEntryCount, 2_000);
});

test("recheckLaterCount leaves the newest to the start, and all of them after damage", async () => {
  await using root = await temporaryFolder();
  const path = join(root.path, "shard");
  await createLevelStore(path, TEST_IDENTITY, LEVEL_OPTIONS);
  const log = new SyntheticLog({ bodyBytes: 10 });
  await withOpen(path, async (store) => {
    for (let round = 0; round < 5; round += 1) await store.commit(log.next(4_096));
    await store.publish(signedHead(log.head!));
  });
  const all = 5 * 4_096;
  const counts = async (store: LevelStore) => {
    const { recheckEntryCount, recheckLaterCount } = await store.load();
    return [recheckEntryCount, recheckLaterCount];
  };
  await withOpen(path, async (store) => {
    assert.deepEqual(await counts(store), [all, all - RECHECK_FIRST_MAX]);
    await store.recordsChecked(false);
    assert.deepEqual(await counts(store), [all, 0]);
  });
  await withOpen(path, async (store) => {
    assert.deepEqual(await counts(store), [all, 0]);
    await store.recordsChecked(true);
    assert.deepEqual(await counts(store), [all, all - RECHECK_FIRST_MAX]);
  });
});

describe("openLevelStore()", () => {
  test("of no folder, or an empty one, is FATAL_STORE_MISSING and makes nothing", async () => {
    await using root = await temporaryFolder();
    const path = join(root.path, "shard");
    await assert.rejects(openLevelStore(path, LEVEL_OPTIONS), fatal("FATAL_STORE_MISSING"));
    await mkdir(path);
    await assert.rejects(openLevelStore(path, LEVEL_OPTIONS), fatal("FATAL_STORE_MISSING"));
    assert.deepEqual(await readdir(path), []);
  });

  test("of LevelDB files deleted is FATAL_STORE_CORRUPT", async () => {
    for (const pattern of [/^CURRENT$/, /^MANIFEST/, /\.(ldb|log)$/]) {
      await using root = await temporaryFolder();
      const { path } = await filled(root);
      // Opened once more, so that the records are in a table.
      await withOpen(path, async () => {});
      for (const name of await readdir(join(path, "db"))) {
        if (pattern.test(name)) await rm(join(path, "db", name));
      }
      await assert.rejects(openLevelStore(path, LEVEL_OPTIONS), fatal("FATAL_STORE_CORRUPT"));
      await assert.rejects(openLevelStore(path, LEVEL_OPTIONS), fatal("FATAL_STORE_CORRUPT"));
    }
  });

  test("of a newer format is FATAL_STORE_FORMAT", async () => {
    await using root = await temporaryFolder();
    const { path } = await filled(root);
    await tamper(path, async (database) => {
      const payload = encodeIdentity({
        format: FORMAT.plain,
        identity: TEST_IDENTITY,
        segmentTiles: 1,
      });
      payload[1] = 3;
      await put(database, IDENTITY_KEY, sealValue(IDENTITY_KEY, payload));
    });
    await assert.rejects(openLevelStore(path, LEVEL_OPTIONS), fatal("FATAL_STORE_FORMAT"));
  });

  test("leaves bytes behind the committed size alone, and the next commit overwrites them", async () => {
    await using root = await temporaryFolder();
    const { path, log } = await filled(root);
    const segment = join(path, "entries", "00000002");
    await writeFile(segment, Buffer.alloc(100_000, 0xee), { flag: "a" });
    await writeFile(join(path, "entries", "00000003"), Buffer.alloc(50_000, 0xee));
    await withOpen(path, async (store) => {
      await store.commit(log.next(300));
      await assertHolds(store, log);
    });
  });
});

describe("createLevelStore()", () => {
  test("makes folders that only their owner enters, and segments only their owner reads", async () => {
    await using root = await temporaryFolder();
    const { path } = await filled(root);
    for (const name of [".", "db", "entries"]) {
      assert.equal((await stat(join(path, name))).mode % 0o1000, 0o700, name);
    }
    assert.equal((await stat(join(path, "entries", "00000000"))).mode % 0o1000, 0o600);
  });

  test("refuses a folder with a store, or with what is left of one", async () => {
    await using root = await temporaryFolder();
    const { path, log } = await filled(root);
    const again = () => createLevelStore(path, TEST_IDENTITY, LEVEL_OPTIONS);
    await assert.rejects(again(), fatal("FATAL_IDENTITY"));
    await withOpen(path, (store) => assertHolds(store, log));
    for (const name of ["db", "entries", "issuers"]) {
      await rm(join(path, name), { recursive: true });
      if (name === "issuers") await again();
      else await assert.rejects(again(), fatal("FATAL_IDENTITY"), name);
    }
  });

  test("makes a store beside a key", async () => {
    await using root = await temporaryFolder();
    const path = join(root.path, "shard");
    await mkdir(path);
    await writeFile(join(path, "key.pem"), "mine");
    await createLevelStore(path, TEST_IDENTITY, LEVEL_OPTIONS);
    await withOpen(path, async (store) => {
      assert.equal((await store.load()).committed, undefined);
    });
    assert.equal(await readFile(join(path, "key.pem"), "utf8"), "mine");
  });
});

test("findLeaf() and findDuplicates() do not see records of entries beyond the tree", async () => {
  await using root = await temporaryFolder();
  const { path } = await filled(root);
  const hash = new Uint8Array(32).fill(9);
  await tamper(path, async (database) => {
    const leafKey = hashKey(PREFIX.leaf, hash);
    await put(database, leafKey, sealValue(leafKey, Uint8Array.of(0, 0, 0, 2, 0x58)));
    const dedupKey = hashKey(PREFIX.dedup, hash);
    const hit = Uint8Array.of(0, 0, 0, 2, 0x58, 0, 0, 0, 0, 0, 1);
    await put(database, dedupKey, sealValue(dedupKey, hit));
  });
  await withOpen(path, async (store) => {
    assert.equal(await store.findLeaf(hash), undefined);
    assert.deepEqual(await store.findDuplicates([hash]), [undefined]);
  });
});
