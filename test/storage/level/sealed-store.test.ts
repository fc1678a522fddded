import assert from "node:assert/strict";
import { access, open, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { concatBytes } from "../../../src/encoding/bytes.ts";
import { sealedKey } from "../../../src/storage/level/entry-pieces.ts";
import { type LevelStore, openLevelStore } from "../../../src/storage/level/level-store.ts";
import { REAL_SEAM } from "../../../src/storage/level/real.ts";
import { PREFIX, sealValue } from "../../../src/storage/level/record.ts";
import { sealSegment } from "../../../src/storage/level/seal-segment.ts";
import { SealedFiles } from "../../../src/storage/level/sealed-files.ts";
import { sealedHeaderBytes } from "../../../src/storage/level/sealed-format.ts";
import type { Database, FileSystem, OpenFile, Seam } from "../../../src/storage/level/seam.ts";
import { SharedReader } from "../../../src/storage/level/shared-reader.ts";
import type { StoreReader } from "../../../src/storage/store.ts";
import { type SyntheticLog, sha256, signedHead } from "../../support/commits.ts";
import { LEVEL_OPTIONS, temporaryFolder } from "../../support/level.ts";
import { AT_ONCE, removeSegment, sealedPath, sealedStore } from "../../support/sealing.ts";
import { assertHolds, assertTree, fatal } from "../../support/store-asserts.ts";

const SEALED = 1_536;
const SIZE = 2_300;

const tileLeafs = (log: SyntheticLog, start: number, end: number) =>
  concatBytes(...log.entries.slice(start, end).map(({ tileLeaf }) => tileLeaf));

async function withOpen(
  path: string,
  act: (store: LevelStore) => Promise<void>,
  seam: Seam = REAL_SEAM,
): Promise<void> {
  await using store = await openLevelStore(path, { ...LEVEL_OPTIONS, seam });
  await act(store);
}

async function changeRecord(
  path: string,
  key: Uint8Array,
  change: (value: Uint8Array) => Uint8Array | undefined,
): Promise<void> {
  const { writeBufferBytes, cacheBytes } = LEVEL_OPTIONS;
  const options = { create: false, writeBufferBytes, cacheBytes, multithreading: false };
  const database: Database = await REAL_SEAM.openDatabase(join(path, "db"), options);
  const value = database.get(key) ?? assert.fail("no such record");
  await database.write([[key, change(value.slice())]], { sync: true });
  await database.close();
}

async function flipByte(path: string, at: number): Promise<void> {
  const bytes = await readFile(path);
  bytes[at] = bytes[at]! ^ 1;
  await writeFile(path, bytes);
}

/** A world in which the first read of each opened file of `folder` flips a bit of what it reads. */
function flippingOnce(folder: string): { readonly seam: Seam; readonly flips: () => number } {
  let flips = 0;
  const files: FileSystem = {
    ...REAL_SEAM.files,
    async openFile(path, mode) {
      const file = await REAL_SEAM.files.openFile(path, mode);
      if (!path.includes(folder) || mode === "write") return file;
      const flipping =
        (read: OpenFile["read"]): OpenFile["read"] =>
        async (length, position, into) => {
          const bytes = await read(length, position, into);
          if (flips > 0 || position === 0) return bytes;
          flips += 1;
          const middle = Math.floor(bytes.length / 2);
          bytes[middle] = bytes[middle]! ^ 1;
          return bytes;
        };
      return { ...file, read: flipping(file.read), readQuickly: flipping(file.readQuickly) };
    },
  };
  return { seam: { ...REAL_SEAM, files }, flips: () => flips };
}

describe("a store with sealed segments", () => {
  test("reads any range as it was committed, in the store's thread and beside it", async () => {
    await using root = await temporaryFolder();
    const { path, log } = await sealedStore(root);
    assert.deepEqual((await readdir(join(path, "entries"))).toSorted(), ["00000003", "00000004"]);
    const options = { ...LEVEL_OPTIONS, multithreading: true };
    await using store = await openLevelStore(path, options);
    await using beside = new SharedReader(path, { ...options, treeSize: () => SIZE });
    await beside.resume();
    const ranges = fc.tuple(fc.nat({ max: SIZE - 1 }), fc.integer({ min: 1, max: 600 }));
    await fc.assert(
      fc.asyncProperty(ranges, async ([start, count]) => {
        const end = Math.min(SIZE, start + count);
        for (const reader of [store, beside] satisfies StoreReader[]) {
          const run = await reader.readEntries(start, end);
          assert.equal(run.start, start);
          assert.deepEqual(run.bytes, tileLeafs(log, start, end));
          assert.equal(run.ends.length, end - start);
          assert.equal(run.ends.at(-1), run.bytes.length);
          // Put where it is told to, it is the same, and nothing of it is in two places.
          const lent: Uint8Array[] = [];
          const again = await reader.readEntries(start, end, (length) => {
            const bytes = new Uint8Array(length + 1).fill(0xff);
            lent.push(bytes);
            return bytes;
          });
          assert.deepEqual(again, run);
          assert.ok(lent.some(({ buffer }) => buffer === again.bytes.buffer));
        }
      }),
    );
    await assertHolds(store, log);
    await assertTree(store, log);
  });

  test("gives each sealed tile as the gzip of its entries, and no other tile", async () => {
    await using root = await temporaryFolder();
    const { path, log } = await sealedStore(root);
    await withOpen(path, async (store) => {
      for (let tile = 0; tile * 256 < SIZE; tile += 1) {
        const bytes = await store.readSealedTile(tile);
        assert.equal(bytes !== undefined, tile * 256 < SEALED, `tile ${tile}`);
        if (bytes === undefined) continue;
        const raw = new Uint8Array(gunzipSync(bytes));
        assert.deepEqual(raw, tileLeafs(log, tile * 256, tile * 256 + 256));
      }
      assert.equal(await store.readSealedTile(1_000), undefined);
    });
  });

  test("goes on: commits, a restart, and a check of all records from the start", async () => {
    await using root = await temporaryFolder();
    const { path, log } = await sealedStore(root);
    await withOpen(path, async (store) => {
      assert.equal((await store.load()).recheckEntryCount, SIZE);
      await store.commit(log.next(300));
      await store.publish(signedHead(log.head!));
      await store.rewriteDerived(log.head!, log.derived(SIZE + 300));
      await assertHolds(store, log);
      await assertTree(store, log);
    });
    await withOpen(path, (store) => assertHolds(store, log));
  });

  test("finds entries whose segment is gone though no index says that it is sealed", async () => {
    await using root = await temporaryFolder();
    const { path, log } = await sealedStore(root);
    await changeRecord(path, sealedKey(1), () => undefined);
    await changeRecord(path, sealedKey(2), (value) => {
      value[0] = 7;
      return value;
    });
    await withOpen(path, (store) => assertHolds(store, log));
  });

  test("finds out again where sealed entries are if that was lost", async () => {
    await using root = await temporaryFolder();
    const { path, log } = await sealedStore(root);
    const key = Uint8Array.of(PREFIX.position, 0, 0, 0, 3);
    await changeRecord(path, key, () => undefined);
    await withOpen(path, async (store) => {
      await assert.rejects(store.readEntries(800, 801), fatal("FATAL_STORE_CORRUPT"));
      await store.load();
      await assertHolds(store, log);
    });
  });

  test("a reader that meets a segment removed after it looked finds it sealed", async () => {
    await using root = await temporaryFolder();
    const { path, log } = await sealedStore(root);
    // Opening a segment as it was committed is where the index was looked at before.
    let act: (() => Promise<void>) | undefined;
    const files: FileSystem = {
      ...REAL_SEAM.files,
      async openFile(name, mode) {
        if (mode === "read" && name.endsWith("entries/00000003")) {
          const now = act;
          act = undefined;
          await now?.();
        }
        return REAL_SEAM.files.openFile(name, mode);
      },
    };
    const options = { ...LEVEL_OPTIONS, multithreading: true };
    await using store = await openLevelStore(path, options);
    const seam = { ...REAL_SEAM, files };
    await using beside = new SharedReader(path, { ...options, seam, treeSize: () => SIZE });
    await beside.resume();
    act = async () => {
      await sealSegment(store.sealing, 3, AT_ONCE);
      await removeSegment(path, 3);
    };
    const run = await beside.readEntries(1_600, 1_650);
    assert.deepEqual(run.bytes, tileLeafs(log, 1_600, 1_650));
    assert.equal(act, undefined);
    await assert.rejects(access(join(path, "entries", "00000003")));
  });
});

describe("damage of a sealed segment", () => {
  test("in a group is FATAL_STORE_CORRUPT for its entries and its tile alone", async () => {
    await using root = await temporaryFolder();
    const { path, log } = await sealedStore(root);
    const file = await open(sealedPath(path, 1), "r");
    const header = await file.read(Buffer.alloc(sealedHeaderBytes(2)), 0, sealedHeaderBytes(2), 0);
    await file.close();
    // The second tile's member begins behind the first's; its third group behind two ends.
    const lengthOfFirst = header.buffer.readUInt32BE(16);
    const tileAt = sealedHeaderBytes(2) + lengthOfFirst;
    const groupAt = tileAt + header.buffer.readUInt32BE(16 + 72 + 8 + 4);
    await flipByte(sealedPath(path, 1), groupAt + 20);
    await withOpen(path, async (store) => {
      const first = 768 + 32;
      await assert.rejects(store.readEntries(first, first + 1), fatal("FATAL_STORE_CORRUPT"));
      await assert.rejects(store.readEntries(first + 15, first + 16), /sealed segment 1/);
      await assert.rejects(store.readSealedTile(3), fatal("FATAL_STORE_CORRUPT"));
      await store.readEntries(first - 1, first);
      await store.readEntries(first + 16, 1_100);
      await store.readSealedTile(2);
      assert.deepEqual((await store.readEntries(0, 700)).bytes, tileLeafs(log, 0, 700));
    });
  });

  test("in any byte of its header, or its absence, is FATAL_STORE_CORRUPT", async () => {
    await using root = await temporaryFolder();
    const { path } = await sealedStore(root);
    const sound = await readFile(sealedPath(path, 0));
    for (let at = 0; at < sealedHeaderBytes(2); at += 13) {
      await flipByte(sealedPath(path, 0), at);
      await withOpen(path, async (store) => {
        await assert.rejects(store.readEntries(0, 1), fatal("FATAL_STORE_CORRUPT"), `byte ${at}`);
        await assert.rejects(store.readSealedTile(1), fatal("FATAL_STORE_CORRUPT"));
        await store.readEntries(512, 513);
      });
      await writeFile(sealedPath(path, 0), sound);
    }
    await writeFile(sealedPath(path, 0), sound.subarray(0, sound.length - 1));
    await withOpen(path, (store) =>
      assert.rejects(store.readSealedTile(1), fatal("FATAL_STORE_CORRUPT")),
    );
  });

  test("in the first or the last bytes of a tile is seen where the tile is served", async () => {
    await using root = await temporaryFolder();
    const { path } = await sealedStore(root);
    const { length } = await readFile(sealedPath(path, 0));
    // The time of the gzip header, and the last byte of the length at its end.
    await flipByte(sealedPath(path, 0), sealedHeaderBytes(2) + 5);
    await flipByte(sealedPath(path, 0), length - 1);
    await withOpen(path, async (store) => {
      for (const tile of [0, 1]) {
        await assert.rejects(store.readSealedTile(tile), fatal("FATAL_STORE_CORRUPT"));
      }
      await store.readEntries(0, 512);
    });
  });

  test("within a tile is no matter to entries of its other groups, however many are read", async () => {
    await using root = await temporaryFolder();
    const { path, log } = await sealedStore(root);
    let groupEnd = 0;
    await withOpen(path, async (store) => {
      await store.sealing.places().sealed.read(0, async (segment) => {
        groupEnd = segment.tile(1).groupEnds[0] ?? 0;
        groupEnd += sealedHeaderBytes(2) + segment.tile(0).length;
      });
    });
    // In the first group of tile 1: entries 256 to 271.
    await flipByte(sealedPath(path, 0), groupEnd - 200);
    await withOpen(path, async (store) => {
      for (const end of [276, 384, 512]) {
        await assert.rejects(store.readEntries(271, end), fatal("FATAL_STORE_CORRUPT"));
        await assert.rejects(store.readEntries(200, end), fatal("FATAL_STORE_CORRUPT"));
      }
      for (const end of [273, 335, 336, 400, 512]) {
        const { bytes } = await store.readEntries(272, end);
        assert.deepEqual(bytes, tileLeafs(log, 272, end));
      }
    });
  });

  test("that a file opened afresh does not show is no damage", async () => {
    await using root = await temporaryFolder();
    const { path, log } = await sealedStore(root);
    for (const act of [
      (store: LevelStore) => store.readSealedTile(0),
      (store: LevelStore) => store.readEntries(40, 50),
    ]) {
      const { seam, flips } = flippingOnce("sealed");
      await withOpen(path, async (store) => void (await act(store)), seam);
      assert.equal(flips(), 1);
    }
    const { seam } = flippingOnce("sealed");
    await withOpen(path, (store) => assertHolds(store, log), seam);
  });
});

describe("sealSegment()", () => {
  test("refuses entries whose leaf hashes are not the tree's, and leaves nothing", async () => {
    await using root = await temporaryFolder();
    const { path, log } = await sealedStore(root);
    const key = Uint8Array.of(PREFIX.tile, 0, 0, 0, 0, 7);
    await changeRecord(path, key, (value) => {
      const payload = value.subarray(0, value.length - 4);
      payload[32 * 17] = payload[32 * 17]! ^ 1;
      return sealValue(key, payload);
    });
    await withOpen(path, async (store) => {
      const sealing = sealSegment(store.sealing, 3, AT_ONCE);
      await assert.rejects(sealing, /leaf hash of entry 1809 is not the stored one/);
      assert.equal(await store.readSealedTile(6), undefined);
      assert.deepEqual((await store.readEntries(1_536, 2_048)).ends.length, 512);
      assert.deepEqual((await readdir(join(path, "sealed"))).length, 3);
      await assertHolds(store, log);
    });
  });

  test("refuses what is not read back as it was written", async () => {
    await using root = await temporaryFolder();
    const { path, log } = await sealedStore(root);
    const { seam, flips } = flippingOnce(".new");
    await withOpen(
      path,
      async (store) => {
        await assert.rejects(sealSegment(store.sealing, 3, AT_ONCE), fatal("FATAL_STORE_CORRUPT"));
        assert.equal(flips(), 1);
        assert.equal(await store.readSealedTile(6), undefined);
        await await sealSegment(store.sealing, 3, AT_ONCE);
        assert.notEqual(await store.readSealedTile(6), undefined);
        await assertHolds(store, log);
      },
      seam,
    );
  });

  test("replaces a sealed file that no index names, and a start removes drafts", async () => {
    await using root = await temporaryFolder();
    const { path, log } = await sealedStore(root);
    await writeFile(sealedPath(path, 3), "from a process that died");
    await writeFile(`${sealedPath(path, 3)}.new`, "half");
    await withOpen(path, async (store) => {
      assert.deepEqual((await readdir(join(path, "sealed"))).length, 4);
      await assertHolds(store, log);
      await sealSegment(store.sealing, 3, AT_ONCE);
      await removeSegment(path, 3);
      await assertHolds(store, log);
    });
    assert.equal(sha256(await readFile(sealedPath(path, 3))).length, 32);
  });
});

test("SealedFiles reads a header once, and again after damage", async () => {
  await using root = await temporaryFolder();
  const { path } = await sealedStore(root);
  let headers = 0;
  const openFiles = new Set<OpenFile>();
  const counting: FileSystem = {
    ...REAL_SEAM.files,
    async openFile(name, mode) {
      const file = await REAL_SEAM.files.openFile(name, mode);
      const counted: OpenFile = {
        ...file,
        readQuickly(length, position, into) {
          if (position === 0) headers += 1;
          return file.readQuickly(length, position, into);
        },
        close() {
          openFiles.delete(counted);
          return file.close();
        },
      };
      openFiles.add(counted);
      return counted;
    },
  };
  const segmentTiles = 2;
  const sealed = new SealedFiles(counting, join(path, "sealed"), segmentTiles, 1);
  const read = (segment: number) => sealed.read(segment, (file) => file.readTile(1));
  const [first, second] = [await read(0), await read(1)];
  for (let round = 0; round < 3; round += 1) {
    assert.deepEqual(await read(0), first);
    assert.deepEqual(await read(1), second);
    assert.equal(openFiles.size, 1);
  }
  assert.equal(headers, 2);
  // A tile that is not what the header says: both are looked at again.
  await flipByte(sealedPath(path, 0), sealedHeaderBytes(segmentTiles) + 20);
  await assert.rejects(
    sealed.read(0, (file) => file.readTile(0)),
    fatal("FATAL_STORE_CORRUPT"),
  );
  assert.equal(headers, 3);
  await sealed.close();
  assert.equal(openFiles.size, 0);
  assert.deepEqual(await read(1), second);
  assert.equal(headers, 4);
  await sealed.close();
});
