import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { bytesKey } from "../../src/encoding/bytes.ts";
import { findDuplicates } from "../../src/sequencer/duplicates.ts";
import type { Submission } from "../../src/sequencer/message.ts";
import type { Waiting } from "../../src/sequencer/pool.ts";
import { type MemoryStore, openMemoryStore } from "../../src/storage/memory.ts";
import { Engine, makeSubmission } from "../support/engine.ts";
import { sha256 } from "../support/sha256.ts";

function waitingFor(submission: Submission): Waiting {
  return { key: bytesKey(submission.dedupKey), submission, bytes: 1, sinceMs: 0, waiters: [] };
}

/** A store that holds the entries 0 to 4, each at its own index. */
async function storeOfFive(): Promise<{ engine: Engine; store: MemoryStore }> {
  const engine = new Engine();
  await engine.open();
  await engine.log(0, 1, 2, 3, 4);
  engine.crash();
  return { engine, store: openMemoryStore(engine.disk) };
}

const mismatch = { code: "FATAL_DEDUP_MISMATCH" };

describe("findDuplicates()", () => {
  test("splits a group into what is logged, with its place, and what is not", async () => {
    const { store } = await storeOfFive();
    const group = [7, 3, 8, 0].map((index) => waitingFor(makeSubmission(index)));
    const { fresh, duplicates } = await findDuplicates(sha256, store, group, 5);
    assert.deepEqual(fresh, [group[0], group[2]]);
    assert.deepEqual(
      duplicates.map(({ leafIndex, waiting }) => [leafIndex, waiting]),
      [
        [3, group[1]],
        [0, group[3]],
      ],
    );
    for (const { dedupKey, waiting } of duplicates) {
      assert.deepEqual(dedupKey, waiting.submission.dedupKey);
    }
  });

  test("of no group asks nothing", async () => {
    const { store } = await storeOfFive();
    await store[Symbol.asyncDispose]();
    assert.deepEqual(await findDuplicates(sha256, store, [], 5), { fresh: [], duplicates: [] });
  });

  test("refuses a hit at or beyond the published size", async () => {
    const { store } = await storeOfFive();
    const group = [waitingFor(makeSubmission(4))];
    await findDuplicates(sha256, store, group, 5);
    await assert.rejects(findDuplicates(sha256, store, group, 4), mismatch);
  });

  test("refuses a hit whose entry is another, or has another time", async () => {
    const { engine, store } = await storeOfFive();
    const key = bytesKey(makeSubmission(2).dedupKey);
    const hit = engine.disk.dedup.get(key)!;
    for (const wrong of [
      { ...hit, leafIndex: 1 },
      { ...hit, timestampMs: hit.timestampMs + 1 },
    ]) {
      engine.disk.dedup.set(key, wrong);
      const group = [7, 2].map((index) => waitingFor(makeSubmission(index)));
      await assert.rejects(findDuplicates(sha256, store, group, 5), mismatch);
    }
  });

  test("refuses a submission whose key is another entry's", async () => {
    const { store } = await storeOfFive();
    const lying = { ...makeSubmission(9), dedupKey: makeSubmission(2).dedupKey };
    await assert.rejects(findDuplicates(sha256, store, [waitingFor(lying)], 5), mismatch);
  });
});
