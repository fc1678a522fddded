/**
 * What every Store must do. An adapter's test file calls {@link storeContract} with a way to
 * make one; `store-large.ts` has the slow part.
 * @module
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { UnavailableError } from "../../src/base/errors.ts";
import { concatBytes } from "../../src/encoding/bytes.ts";
import type { TreeHead } from "../../src/rfc6962/tree-head.ts";
import { entryOfRun, type Store } from "../../src/storage/store.ts";
import {
  randomBytes,
  type SyntheticEntry,
  SyntheticLog,
  sha256,
  signedHead,
  syntheticEntry,
  TEST_IDENTITY,
} from "../support/commits.ts";
import { assertEntries, assertHolds, assertTree, bytes, fatal } from "../support/store-asserts.ts";
import { inFixture, type StoreFactory } from "./store-fixture.ts";

/** Tests of the port's promises, for the adapter called `name`. */
export function storeContract(name: string, factory: StoreFactory): void {
  const withStore = inFixture(factory);

  describe(`${name} keeps the Store contract`, () => {
    test("load() of a new shard gives its identity and no heads", () =>
      withStore(async (store) => {
        assert.deepEqual(await store.load(), {
          identity: TEST_IDENTITY,
          committed: undefined,
          previous: undefined,
          entriesSha256: undefined,
          published: undefined,
          recheckEntryCount: 0,
          recheckLaterCount: 0,
        });
      }));

    test("commit() is there after reopening, with both heads and the SHA-256", () =>
      withStore(async (first, reopen) => {
        const log = new SyntheticLog();
        const commits = [log.next(3), log.next(0), log.next(300)];
        for (const commit of commits) await first.commit(commit);
        await first.publish(signedHead(commits[1]!.head));
        const store = await reopen();
        const state = await store.load();
        assert.deepEqual(state.committed, commits[2]!.head);
        assert.deepEqual(state.previous, commits[1]!.head);
        assert.deepEqual(bytes(state.entriesSha256), bytes(commits[2]!.entriesSha256));
        assert.deepEqual(state.published, signedHead(commits[1]!.head));
        assert.ok(state.recheckEntryCount <= 303);
        assert.equal(state.recheckLaterCount, 0);
        await store.recordsChecked(true);
        assert.deepEqual(await store.load(), state);
        await assertHolds(store, log);
      }));

    test("commit() of no entries moves the head alone", () =>
      withStore(async (store) => {
        const log = new SyntheticLog();
        await store.commit(log.next(0));
        assert.equal((await store.load()).committed?.treeSize, 0);
        await store.commit(log.next(0));
        await store.commit(log.next(2));
        const idle = log.next(0);
        await store.commit(idle);
        const state = await store.load();
        assert.deepEqual(state.committed, idle.head);
        assert.deepEqual(state.previous, idle.expected);
        await assertHolds(store, log);
      }));

    test("commit() on another head is FATAL_HEAD_CONFLICT and changes nothing", () =>
      withStore(async (store, reopen) => {
        const log = new SyntheticLog();
        const other = new SyntheticLog({ seed: 1 });
        await store.commit(log.next(20));
        await store.publish(signedHead(log.head!));
        other.next(20);
        const before = await store.load();
        const onOther = other.next(5);
        await assert.rejects(store.commit(onOther), fatal("FATAL_HEAD_CONFLICT"));
        const first = new SyntheticLog({ seed: 2 }).next(1);
        await assert.rejects(store.commit(first), fatal("FATAL_HEAD_CONFLICT"));
        assert.deepEqual(await store.load(), before);
        assert.deepEqual(await store.findDuplicates(onOther.dedupKeys), Array(5).fill(undefined));
        const reopened = await reopen();
        assert.deepEqual((await reopened.load()).committed, before.committed);
        await assertHolds(reopened, log);
        await reopened.commit(log.next(5));
        await assertHolds(reopened, log);
      }));

    test("commit() on a head where there is none is FATAL_HEAD_CONFLICT", () =>
      withStore(async (store) => {
        const log = new SyntheticLog();
        log.next(1);
        await assert.rejects(store.commit(log.next(1)), fatal("FATAL_HEAD_CONFLICT"));
        assert.equal((await store.load()).committed, undefined);
      }));

    test("commit() with the same size but another root or time is a conflict", () =>
      withStore(async (store) => {
        const log = new SyntheticLog();
        await store.commit(log.next(2));
        const next = log.next(1);
        const head = next.expected!;
        for (const expected of [
          { ...head, timestampMs: head.timestampMs + 1 },
          { ...head, rootHash: randomBytes("other root", 32) },
        ]) {
          await assert.rejects(store.commit({ ...next, expected }), fatal("FATAL_HEAD_CONFLICT"));
        }
        await store.commit(next);
      }));

    test("readEntries() takes half-open ranges", () =>
      withStore(async (store) => {
        const log = new SyntheticLog();
        for (const count of [1, 254, 2, 300]) await store.commit(log.next(count));
        for (const [start, end] of [
          [0, 1],
          [0, 557],
          [255, 257],
          [256, 512],
          [511, 513],
          [556, 557],
        ] as const) {
          await assertEntries(store, log, start, end);
        }
        for (const [start, end] of [
          [0, 0],
          [1, 0],
          [556, 558],
          [557, 558],
          [-1, 1],
          [0.5, 1],
        ] as const) {
          await assert.rejects(store.readEntries(start, end), RangeError, `[${start}, ${end})`);
        }
      }));

    test("readTile() gives partial tiles of every width", () =>
      withStore(async (store) => {
        const log = new SyntheticLog();
        const tile: Uint8Array[] = [];
        for (let size = 1; size <= 257; size += 1) {
          await store.commit(log.next(1));
          tile.push(log.entries.at(-1)!.leafHash);
          if (size > 256) continue;
          assert.deepEqual(bytes(await store.readTile(0, 0, size)), bytes(concatBytes(...tile)));
        }
        for (let width = 1; width <= 256; width += 1) {
          const expected = concatBytes(...tile.slice(0, width));
          assert.deepEqual(bytes(await store.readTile(0, 0, width)), bytes(expected));
        }
        assert.deepEqual(bytes(await store.readTile(0, 1, 1)), bytes(tile[256]!));
      }));

    test("readTile() and readNodes() equal the naive tree around 16, 256 and 4,096", () =>
      withStore(async (store) => {
        const log = new SyntheticLog({ bodyBytes: 20 });
        for (const size of [1, 2, 15, 16, 17, 31, 33, 255, 256, 257, 272, 511, 513]) {
          await store.commit(log.next(size - log.entries.length));
          await assertTree(store, log);
        }
        for (const size of [4_095, 4_096, 4_097, 4_112]) {
          await store.commit(log.next(size - log.entries.length));
          await assertTree(store, log);
        }
      }));

    test("readNodes() and readTile() beyond the committed tree are FATAL_STORE_CORRUPT", () =>
      withStore(async (store) => {
        const log = new SyntheticLog();
        await store.commit(log.next(19));
        for (const node of [
          { level: 0, index: 19 },
          { level: 1, index: 9 },
          { level: 4, index: 1 },
          { level: 5, index: 0 },
          { level: 8, index: 0 },
        ]) {
          await assert.rejects(store.readNodes([node]), fatal("FATAL_STORE_CORRUPT"));
        }
        await assert.rejects(store.readTile(0, 0, 20), fatal("FATAL_STORE_CORRUPT"));
        await assert.rejects(store.readTile(1, 0, 1), fatal("FATAL_STORE_CORRUPT"));
        await assert.rejects(store.readTile(0, 1, 1), fatal("FATAL_STORE_CORRUPT"));
        assert.deepEqual(await store.readNodes([]), []);
      }));

    test("property: any sequence of groups gives the same tree, entries and indexes", () =>
      fc.assert(
        fc.asyncProperty(
          fc.array(fc.oneof(fc.nat(3), fc.nat(40), fc.integer({ min: 200, max: 300 })), {
            minLength: 1,
            maxLength: 6,
          }),
          fc.nat(),
          async (counts, seed) => {
            await withStore(async (store) => {
              const log = new SyntheticLog({ seed });
              for (const count of counts) await store.commit(log.next(count));
              await store.load();
              await assertTree(store, log);
              await assertHolds(store, log);
            });
          },
        ),
        { numRuns: 10 },
      ));

    test("reads during commits see what was committed before them", () =>
      withStore(async (store) => {
        const log = new SyntheticLog();
        await store.commit(log.next(250));
        const size = 250;
        const tile = bytes(concatBytes(...log.entries.map((entry) => entry.leafHash)));
        const all = [...log.entries];
        for (let round = 0; round < 12; round += 1) {
          const committing = store.commit(log.next(1 + (round % 5)));
          const reads = [];
          for (let read = 0; read < 8; read += 1) {
            reads.push(
              store.readTile(0, 0, size).then((got) => assert.deepEqual(bytes(got), tile)),
              store.readEntries(200, size).then((run) => {
                for (let position = 0; position < run.ends.length; position += 1) {
                  const expected = all[200 + position]!.tileLeaf;
                  assert.deepEqual(bytes(entryOfRun(run, position)), bytes(expected));
                }
              }),
              store.findLeaf(all[3]!.leafHash).then((index) => assert.equal(index, 3)),
              store.readNodes([{ level: 5, index: 6 }]),
            );
          }
          await Promise.all([committing, ...reads]);
        }
        await assertHolds(store, log);
      }));

    test("findLeaf() and findDuplicates() find each entry and nothing else", () =>
      withStore(async (store) => {
        const log = new SyntheticLog();
        await store.commit(log.next(40));
        await store.commit(log.next(7));
        await assertHolds(store, log);
        const unknown = randomBytes("unknown", 32);
        assert.equal(await store.findLeaf(unknown), undefined);
        assert.deepEqual(
          await store.findDuplicates([unknown, log.entries[41]!.dedupKey, unknown]),
          [undefined, { leafIndex: 41, timestampMs: log.entries[41]!.timestampMs }, undefined],
        );
        assert.deepEqual(await store.findDuplicates([]), []);
      }));

    test("readIssuer() gives the issuers of committed groups, stored once or twice", () =>
      withStore(async (store, reopen) => {
        const log = new SyntheticLog();
        const { issuer } = syntheticEntry(0, 0);
        assert.equal(await store.readIssuer(issuer.fingerprint), undefined);
        await store.commit(log.next(10));
        await store.commit(log.next(10));
        const reopened = await reopen();
        for (const entry of log.entries) {
          const der = await reopened.readIssuer(entry.issuer.fingerprint);
          assert.deepEqual(bytes(der), bytes(entry.issuer.der));
        }
      }));

    for (const [kept, dropped] of [
      [0, 3],
      [5, 1],
      [250, 20],
      [256, 1],
      [100, 700],
    ] as const) {
      test(`revert() from ${kept} + ${dropped} entries drops what came after the head`, () =>
        withStore(async (store, reopen) => {
          const log = new SyntheticLog();
          if (kept > 0) await store.commit(log.next(kept));
          const to = log.head;
          await store.commit(log.next(dropped));
          const droppedEntries = log.entries.slice(kept);
          await store.revert(log.head!, to);
          log.undo();
          await assertReverted(await reopen(), log, to, droppedEntries);
        }));
    }

    test("revert() to another head than the previous one is FATAL_HEAD_CONFLICT", () =>
      withStore(async (store) => {
        const log = new SyntheticLog();
        await store.commit(log.next(3));
        const first = log.head!;
        await store.commit(log.next(3));
        await store.commit(log.next(3));
        const last = log.head!;
        await assert.rejects(store.revert(last, first), fatal("FATAL_HEAD_CONFLICT"));
        await assert.rejects(store.revert(last, undefined), fatal("FATAL_HEAD_CONFLICT"));
        await assert.rejects(store.revert(first, undefined), fatal("FATAL_HEAD_CONFLICT"));
        assert.deepEqual((await store.load()).committed, last);
        await assertHolds(store, log);
      }));

    test("rewriteDerived() of any number of last entries changes nothing that was right", () =>
      withStore(async (store, reopen) => {
        const log = new SyntheticLog();
        for (const count of [250, 20, 300]) await store.commit(log.next(count));
        for (const count of [0, 1, 20, 300, 570]) {
          await store.rewriteDerived(log.head!, log.derived(count));
          await assertTree(store, log);
        }
        await store.commit(log.next(30));
        const reopened = await reopen();
        await assertTree(reopened, log);
        await assertHolds(reopened, log);
        const conflict = reopened.rewriteDerived({ ...log.head!, timestampMs: 1 }, log.derived(1));
        await assert.rejects(conflict, fatal("FATAL_HEAD_CONFLICT"));
      }));

    test("a store that was disposed of refuses every call with UNAVAILABLE_STORE", () =>
      withStore(async (store) => {
        const log = new SyntheticLog();
        const commit = log.next(1);
        await store[Symbol.asyncDispose]();
        await store[Symbol.asyncDispose]();
        const key = randomBytes("key", 32);
        for (const call of [
          () => store.load(),
          () => store.commit(commit),
          () => store.publish(signedHead(commit.head)),
          () => store.revert(commit.head, undefined),
          () => store.rewriteDerived(commit.head, log.derived(1)),
          () => store.readNodes([{ level: 0, index: 0 }]),
          () => store.readTile(0, 0, 1),
          () => store.readEntries(0, 1),
          () => store.findLeaf(key),
          () => store.findDuplicates([key]),
          () => store.readIssuer(key),
        ]) {
          await assert.rejects(
            call(),
            (error: unknown) =>
              error instanceof UnavailableError && error.code === "UNAVAILABLE_STORE",
            String(call),
          );
        }
      }));
  });
}

async function assertReverted(
  store: Store,
  log: SyntheticLog,
  to: TreeHead | undefined,
  dropped: readonly SyntheticEntry[],
): Promise<void> {
  const state = await store.load();
  assert.deepEqual(state.committed, to);
  assert.deepEqual(state.previous, to);
  const emptySha256 = to === undefined ? undefined : bytes(sha256(new Uint8Array(0)));
  assert.deepEqual(bytes(state.entriesSha256), emptySha256);
  // Other entries take the places: whatever the index still said of the dropped ones shows.
  const other = log.nextOf(dropped.length + 30, 99);
  await store.commit(other);
  const hits = await store.findDuplicates(dropped.map((entry) => entry.dedupKey));
  assert.deepEqual(hits, Array(dropped.length).fill(undefined));
  for (const entry of dropped) assert.equal(await store.findLeaf(entry.leafHash), undefined);
  await assertTree(store, log);
  await assertHolds(store, log);
}
