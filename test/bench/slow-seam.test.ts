import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { perCommit } from "../../bench/slow-disk.ts";
import { FlushMeter, meterGuard, meterSeam } from "../../bench/slow-seam.ts";
import type { GuardFolder } from "../../src/signer/guard-folder.ts";
import type { GuardRecord } from "../../src/signer/guard-record.ts";
import { createLevelStore } from "../../src/storage/level/folder.ts";
import { openLevelStore } from "../../src/storage/level/level-store.ts";
import { SyntheticLog, signedHead, TEST_IDENTITY } from "../support/commits.ts";
import { LEVEL_OPTIONS, temporaryFolder } from "../support/level.ts";

test("meterSeam() counts one flush of a file and one of a batch for each commit", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "shard");
  let delays = 0;
  const meter = new FlushMeter(async () => {
    delays += 1;
  });
  const options = { ...LEVEL_OPTIONS, seam: meterSeam(LEVEL_OPTIONS.seam, meter) };
  await createLevelStore(path, TEST_IDENTITY, options);
  assert(meter.counts.batch === 1 && meter.counts.folder > 0, "making it is flushed too");
  await using store = await openLevelStore(path, options);
  const log = new SyntheticLog();
  await store.commit(log.next(10)); // Makes the segment and writes issuers.
  const before = meter.counts;
  for (const count of [1, 7, 0, 30]) {
    const commit = log.next(count);
    await store.commit(commit);
    await store.publish(signedHead(commit.head)); // Not flushed.
  }
  const { counts } = meter;
  assert.deepEqual(perCommit({ flushes: before, commits: 1 }, { flushes: counts, commits: 5 }), {
    file: 0.75, // A head without entries has no bytes of entries.
    folder: 0,
    batch: 1,
    guard: 0,
  });
  assert.equal(delays, counts.file + counts.folder + counts.batch);
  const run = await store.readEntries(0, 48);
  assert.deepEqual(run.bytes, new Uint8Array(Buffer.concat(log.entries.map((e) => e.tileLeaf))));
});

test("a flush through FlushMeter begins after its delay, and its error is the caller's", async () => {
  const order: string[] = [];
  const meter = new FlushMeter(async () => {
    order.push("delay");
  });
  const failing = meter.flush("file", async () => {
    order.push("flush");
    throw new Error("EIO");
  });
  await assert.rejects(failing, /EIO/);
  assert.deepEqual(order, ["delay", "flush"]);
  assert.equal(meter.counts.file, 1);
});

test("meterGuard() counts each record and shows the folder's last", async () => {
  const records: GuardRecord[] = [{ sequence: 1, logId: new Uint8Array(32), head: undefined }];
  let isDisposed = false;
  const folder: GuardFolder = {
    get last() {
      return records.at(-1) ?? assert.fail("there is one");
    },
    write: async (record) => {
      records.push(record);
    },
    [Symbol.asyncDispose]: async () => {
      isDisposed = true;
    },
  };
  const meter = new FlushMeter(async () => {});
  const guard = meterGuard(folder, meter);
  const next = { ...folder.last, sequence: 2 };
  await guard.write(next);
  assert.equal(guard.last, next);
  assert.equal(meter.counts.guard, 1);
  await guard[Symbol.asyncDispose]();
  assert(isDisposed);
});
