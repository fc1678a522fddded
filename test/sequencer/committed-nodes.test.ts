import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readCommitted } from "../../src/sequencer/committed-nodes.ts";
import { proveFrom } from "../../src/sequencer/recover.ts";
import { verifyCommitted } from "../../src/sequencer/verify.ts";
import { commitOnTop } from "../support/commits.ts";
import { sha256 } from "../support/sha256.ts";

/** A store with `before` entries and `count` more on top, and the calls of `readNodes` on it. */
async function fixture(before: number, count: number) {
  const { disk, store, last, commit } = await commitOnTop(before, count);
  const asked: number[] = [];
  const counting = {
    readNodes: (nodes: Parameters<typeof store.readNodes>[0]) => {
      asked.push(nodes.length);
      return store.readNodes(nodes);
    },
    readEntries: store.readEntries.bind(store),
    readIssuer: store.readIssuer.bind(store),
  };
  return { disk, store, counting, asked, last, commit };
}

describe("readCommitted()", () => {
  test("asks the store once for all that a verification and its proof need", async () => {
    for (const [before, count] of [
      [0, 1],
      [1, 0],
      [5, 7],
      [255, 2],
      [250, 600],
      [700, 0],
    ] as const) {
      const { store, counting, asked, last, commit } = await fixture(before, count);
      const read = await readCommitted(counting, last, commit.head);
      await verifyCommitted(sha256, read, last, commit.head, commit.entriesSha256, () => {});
      const proof = await proveFrom(sha256, read, last, commit.head);
      assert.equal(asked.length, 1, `${before} + ${count}: one look`);
      assert.deepEqual(proof, await proveFrom(sha256, store, last, commit.head));
    }
  });

  test("asks for no node twice", async () => {
    const { counting, asked, last, commit } = await fixture(21, 30);
    await readCommitted(counting, last, commit.head);
    const names = new Set<string>();
    await readCommitted(
      {
        ...counting,
        readNodes: (nodes) => {
          for (const { level, index } of nodes) {
            assert.ok(!names.has(`${level}, ${index}`), "once");
            names.add(`${level}, ${index}`);
          }
          return counting.readNodes(nodes);
        },
      },
      last,
      commit.head,
    );
    assert.deepEqual(asked, [names.size, names.size]);
  });

  test("reads what it was not made for from the store, and shows damage as the store does", async () => {
    const { disk, counting, asked, last, commit } = await fixture(5, 3);
    const read = await readCommitted(counting, last, commit.head);
    assert.deepEqual(await read.readNodes([{ level: 1, index: 0 }]), [disk.nodes[1]![0]!]);
    assert.equal(asked.length, 2);
    disk.nodes[0]!.length = 6;
    await assert.rejects(readCommitted(counting, last, commit.head), {
      code: "FATAL_STORE_CORRUPT",
    });
  });
});
