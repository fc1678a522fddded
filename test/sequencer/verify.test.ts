import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { frontierRoot } from "../../src/merkle/frontier.ts";
import type { ReadBack } from "../../src/sequencer/verify.ts";
import { readFrontier, verifyCommitted } from "../../src/sequencer/verify.ts";
import { encodeLeafIndexExtension } from "../../src/static-ct/extensions.ts";
import { decodeTileLeaf, encodeTileLeaf } from "../../src/static-ct/tile-leaf.ts";
import type { Commit } from "../../src/storage/store.ts";
import { type CommittedStore, commitOnTop } from "../support/commits.ts";
import { sha256 } from "../support/sha256.ts";

type Fixture = CommittedStore;

function verify(fixture: Fixture, changes: Partial<Fixture> = {}): Promise<ReadBack> {
  const { store, last, commit } = { ...fixture, ...changes };
  return verifyCommitted(sha256, store, last, commit.head, commit.entriesSha256, () => {});
}

const wrong = { code: "FATAL_VERIFY_MISMATCH" };

describe("verifyCommitted()", () => {
  test("of a commit of any size derives what was committed from the entries alone", async () => {
    for (const [before, count] of [
      [0, 0],
      [0, 1],
      [1, 0],
      [5, 7],
      [255, 2],
      [250, 600],
    ] as const) {
      const fixture = await commitOnTop(before, count);
      const read = await verify(fixture);
      const { commit } = fixture;
      const plain = (runs: Commit["runs"]) =>
        runs.map((run) => ({ ...run, hashes: run.hashes.map((hash) => new Uint8Array(hash)) }));
      assert.deepEqual(plain(read.runs), plain(commit.runs));
      assert.deepEqual(
        read.dedupKeys.map((k) => new Uint8Array(k)),
        commit.dedupKeys.map((k) => new Uint8Array(k)),
      );
      assert.deepEqual(read.timestampsMs, commit.timestampsMs);
      assert.equal(read.leaves.length, count);
    }
  });

  test("sees one bit in any entry, wherever it is", async () => {
    const fixture = await commitOnTop(3, 4);
    for (let index = 3; index < 7; index += 1) {
      const right = fixture.disk.entries[index]!;
      for (let position = 0; position < right.length; position += 1) {
        const flipped = Uint8Array.from(right);
        flipped[position]! ^= 1 << (position % 8);
        fixture.disk.entries[index] = flipped;
        await assert.rejects(verify(fixture), wrong, `entry ${index}, byte ${position}`);
      }
      fixture.disk.entries[index] = right;
    }
    await verify(fixture);
  });

  test("sees one bit in any hash that a store must keep, new or of the edge that was signed", async () => {
    const fixture = await commitOnTop(21, 30);
    const { nodes } = fixture.disk;
    const { hashes } = await readFrontier(fixture.store, 21);
    assert.deepEqual(
      frontierRoot(sha256, { size: 21, hashes }),
      new Uint8Array(fixture.last!.rootHash),
    );
    const edges = [
      [4, 0],
      [2, 4],
      [0, 20],
      [5, 0],
      [4, 2],
      [1, 24],
      [0, 50],
      [4, 1],
    ] as const;
    const leaves = Array.from({ length: 30 }, (_, offset) => [0, 21 + offset] as const);
    for (const [level, index] of [...edges, ...leaves]) {
      const row = nodes[level]!;
      const right = row[index]!;
      row[index] = Uint8Array.from(right);
      row[index]![7]! ^= 16;
      await assert.rejects(verify(fixture), wrong, `node ${level}, ${index}`);
      row[index] = right;
    }
    await verify(fixture);
  });

  test("refuses another head, another last head, and another SHA-256", async () => {
    const fixture = await commitOnTop(5, 3);
    const { commit, last } = fixture;
    const other = new Uint8Array(32).fill(1);
    const cases: Partial<Fixture>[] = [
      { commit: { ...commit, head: { ...commit.head, rootHash: other } } },
      { commit: { ...commit, entriesSha256: other } },
      { last: { ...last!, rootHash: other } },
      { last: { ...last!, treeSize: 4 } },
      { commit: { ...commit, head: { ...commit.head, timestampMs: commit.head.timestampMs - 1 } } },
    ];
    for (const changes of cases) await assert.rejects(verify(fixture, changes), wrong);
  });

  test("refuses an entry that names another place than its own", async () => {
    const fixture = await commitOnTop(5, 3);
    const leaf = decodeTileLeaf(fixture.disk.entries[6]!);
    const moved = { ...leaf, extensions: encodeLeafIndexExtension(7) };
    fixture.disk.entries[6] = encodeTileLeaf(moved);
    await assert.rejects(verify(fixture), { ...wrong, message: /leaf_index/ });
  });

  test("asks checkEntry of each new entry, and makes its word fatal", async () => {
    const { store, last, commit } = await commitOnTop(5, 3);
    const { head, entriesSha256 } = commit;
    let asked = 0;
    await verifyCommitted(sha256, store, last, head, entriesSha256, () => {
      asked += 1;
    });
    assert.equal(asked, 3);
    for (const refuse of [
      () => Promise.reject(new Error("no TBS")),
      () => {
        throw new Error("no TBS");
      },
    ]) {
      const verified = verifyCommitted(sha256, store, last, head, entriesSha256, refuse);
      await assert.rejects(verified, { ...wrong, message: /entry 5: no TBS/ });
    }
  });
});
