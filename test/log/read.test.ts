import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { concatBytes } from "../../src/encoding/bytes.ts";
import { Reader } from "../../src/log/read.ts";
import { encodeExtraData, encodeMerkleTreeLeaf } from "../../src/rfc6962/entry.ts";
import { decodeDataTile, decodeTileLeaf } from "../../src/static-ct/tile-leaf.ts";
import { MemoryDisk, openMemoryStore } from "../../src/storage/memory.ts";
import { ReferenceTree } from "../reference/merkle.ts";
import { SyntheticLog, TEST_IDENTITY } from "../support/commits.ts";
import { sha256 } from "../support/sha256.ts";

interface Fixture {
  readonly disk: MemoryDisk;
  readonly reader: Reader;
  readonly log: SyntheticLog;
  readonly tree: ReferenceTree;
}

/** A store that committed `committedSize` entries; the tests say what of it is published. */
async function fixtureOf(committedSize: number): Promise<Fixture> {
  const disk = new MemoryDisk(TEST_IDENTITY);
  const store = openMemoryStore(disk);
  const log = new SyntheticLog();
  await store.commit(log.next(committedSize));
  const tree = new ReferenceTree(log.entries.map(({ leafHash }) => new Uint8Array(leafHash)));
  return { disk, log, tree, reader: new Reader(store, sha256) };
}

const plain = (hashes: readonly Uint8Array[]): string[] =>
  hashes.map((hash) => Buffer.from(hash).toString("hex"));

const TREE_SIZE_UNKNOWN = { code: "REJECTED_TREE_SIZE_UNKNOWN" };

describe("Reader over a store that committed more than is published", () => {
  test("proves consistency of every pair of published sizes, and of none beyond", async () => {
    const { reader, tree } = await fixtureOf(70);
    for (let second = 0; second <= 66; second += 1) {
      for (let first = 0; first <= second; first += 1) {
        const proof = await reader.proveConsistency(first, second, 66);
        assert.deepEqual(plain(proof), plain(tree.proof(first, second)), `${first}, ${second}`);
      }
    }
    await assert.rejects(reader.proveConsistency(3, 67, 66), TREE_SIZE_UNKNOWN);
    await assert.rejects(reader.proveConsistency(0, 67, 66), TREE_SIZE_UNKNOWN);
    await assert.rejects(reader.proveConsistency(67, 67, 66), TREE_SIZE_UNKNOWN);
  });

  test("proves each published leaf by its hash in every size that has it", async () => {
    const { reader, tree, log } = await fixtureOf(40);
    for (const size of [1, 2, 31, 32, 33, 37]) {
      for (let index = 0; index < 40; index += 1) {
        const found = reader.proveByHash(log.entries[index]!.leafHash, size, 37);
        if (index >= size) {
          await assert.rejects(found, { code: "REJECTED_LEAF_UNKNOWN" });
          continue;
        }
        const { leafIndex, path } = await found;
        assert.equal(leafIndex, index);
        assert.deepEqual(plain(path), plain(tree.path(index, 0, size)));
      }
    }
    const committed = log.entries[38]!.leafHash;
    await assert.rejects(reader.proveByHash(committed, 40, 37), { code: "REJECTED_LEAF_UNKNOWN" });
    await assert.rejects(reader.proveByHash(log.entries[3]!.leafHash, 38, 37), TREE_SIZE_UNKNOWN);
    const nobody = new Uint8Array(32);
    await assert.rejects(reader.proveByHash(nobody, 37, 37), { code: "REJECTED_LEAF_UNKNOWN" });
  });

  test("gives entries as they were logged, cut to the published size", async () => {
    const { reader, log, disk } = await fixtureOf(40);
    const entries = await reader.readEntries(30, 40, 37);
    assert.equal(entries.length, 7);
    for (const [offset, { leafInput, extraData }] of entries.entries()) {
      const leaf = decodeTileLeaf(log.entries[30 + offset]!.tileLeaf);
      assert.deepEqual(Buffer.from(leafInput), Buffer.from(encodeMerkleTreeLeaf(leaf)));
      const chain = [log.entries[30 + offset]!.issuer.der];
      const expected = encodeExtraData(leaf.precertificate, chain);
      assert.deepEqual(Buffer.from(extraData), Buffer.from(expected));
    }
    await assert.rejects(reader.readEntries(37, 38, 37), { code: "REJECTED_RANGE" });
    assert.equal((await reader.readEntries(36, 2 ** 50, 37)).length, 1);
    disk.issuers.clear();
    const cold = new Reader(openAgain(disk), sha256);
    await assert.rejects(cold.readEntries(0, 1, 37), { code: "FATAL_STORE_CORRUPT" });
  });

  test("proves an entry together with its bytes", async () => {
    const { reader, tree, log } = await fixtureOf(9);
    const found = await reader.entryAndProof(4, 7, 8);
    assert.deepEqual(plain(found.path), plain(tree.path(4, 0, 7)));
    const leaf = encodeMerkleTreeLeaf(decodeTileLeaf(log.entries[4]!.tileLeaf));
    assert.deepEqual(Buffer.from(found.leafInput), Buffer.from(leaf));
    await assert.rejects(reader.entryAndProof(4, 9, 8), TREE_SIZE_UNKNOWN);
  });

  test("gives hash tiles and data tiles only as far as they are published", async () => {
    const { reader, log } = await fixtureOf(600);
    const published = 520;
    for (const [index, widest] of [
      [0, 256],
      [1, 256],
      [2, 8],
      [3, 0],
    ] as const) {
      for (const width of [1, 7, 8, 9, 255, 256]) {
        const start = index * 256;
        const tile = await reader.readTile(0, index, width, published);
        const data = await reader.readDataTile(index, width, published);
        if (width > widest) {
          assert.deepEqual([tile, data], [undefined, undefined], `${index}, ${width}`);
          continue;
        }
        const entries = log.entries.slice(start, start + width);
        const hashes = concatBytes(...entries.map(({ leafHash }) => leafHash));
        assert.deepEqual(Buffer.from(tile!), Buffer.from(hashes));
        const bytes = concatBytes(...entries.map(({ tileLeaf }) => tileLeaf));
        assert.deepEqual(Buffer.from(data!), Buffer.from(bytes));
        assert.equal(decodeDataTile(data!).length, width);
      }
    }
    const upper = await reader.readTile(1, 0, 2, published);
    assert.equal(upper?.length, 64);
    assert.equal(await reader.readTile(1, 0, 3, published), undefined);
    assert.equal(await reader.readTile(2, 0, 1, published), undefined);
  });

  test("gives a page of at most 1,024 entries", async () => {
    const { reader } = await fixtureOf(1_100);
    assert.equal((await reader.readEntries(0, 1_100, 1_100)).length, 1_024);
    assert.equal((await reader.readEntries(1_090, 9_999, 1_100)).length, 10);
  });
});

function openAgain(disk: MemoryDisk): ReturnType<typeof openMemoryStore> {
  disk.crash();
  return openMemoryStore(disk);
}
