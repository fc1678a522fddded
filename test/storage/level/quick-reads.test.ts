import assert from "node:assert/strict";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import {
  QUICK_BYTES_MAX,
  QUICK_MS_MAX,
  QuickReads,
  SLOW_REST_FACTOR,
} from "../../../src/storage/level/quick-reads.ts";
import { REAL_SEAM } from "../../../src/storage/level/real.ts";
import { randomBytes } from "../../support/commits.ts";
import { temporaryFolder } from "../../support/level.ts";

test("QuickReads rests after a slow read, a hundred times as long as that took", () => {
  let nowMs = 0;
  const reads = new QuickReads(() => nowMs);
  const take = (ms: number) => () => {
    nowMs += ms;
    return ms;
  };
  assert.equal(reads.timed(take(QUICK_MS_MAX)), QUICK_MS_MAX);
  assert.ok(reads.mayRead(QUICK_BYTES_MAX));
  assert.ok(!reads.mayRead(QUICK_BYTES_MAX + 1));
  reads.timed(take(5));
  nowMs += 5 * SLOW_REST_FACTOR - 1;
  assert.ok(!reads.mayRead(1));
  nowMs += 1;
  assert.ok(reads.mayRead(1));
  const failing = () => {
    nowMs += 2;
    throw new Error("EIO");
  };
  assert.throws(() => reads.timed(failing), /EIO/);
  assert.ok(!reads.mayRead(1), "what failed slowly counts too");
});

test("readQuickly() of a file gives what read() gives, also where it ends", async () => {
  await using root = await temporaryFolder();
  const path = join(root.path, "file");
  const bytes = randomBytes("file", 4_000);
  const writing = await open(path, "w");
  await writing.write(bytes);
  await writing.close();
  const file = await REAL_SEAM.files.openFile(path, "read");
  const into = new Uint8Array(5_000).fill(7);
  for (const [length, position] of [
    [4_000, 0],
    [1, 3_999],
    [100, 3_950],
    [10, 4_000],
    [QUICK_BYTES_MAX + 1, 5],
  ] as const) {
    const expected = await file.read(length, position);
    assert.deepEqual(expected, bytes.slice(position, position + length));
    assert.deepEqual(await file.readQuickly(length, position), expected);
    const lent = await file.readQuickly(length, position, into);
    assert.deepEqual(lent, expected);
    assert.equal(lent.buffer === into.buffer, length <= into.length);
  }
  await file.close();
  await assert.rejects(file.readQuickly(1, 0), /EBADF/);
});
