import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { type FillReport, fillFolder } from "../../bench/fill.ts";
import { startStratusIn } from "../../bench/server.ts";
import { fsck } from "../../src/cli/fsck.ts";
import { temporaryFolder } from "../support/level.ts";

test("fillFolder() goes on where it ended, and what it made is clean and served", async () => {
  await using temporary = await temporaryFolder();
  const folder = join(temporary.path, "shard");
  const options = { folder, seed: 42, groupEntries: 512, isSealed: false, log: () => undefined };
  const sizes: (readonly [number, number])[] = [];
  let report: FillReport | undefined;
  for (const entries of [700, 2_100, 2_100]) {
    report = await fillFolder({ ...options, entries });
    sizes.push([report.start, report.treeSize]);
  }
  assert.deepEqual(sizes, [
    [0, 700],
    [700, 2_100],
    [2_100, 2_100],
  ]);
  const { where } = report ?? assert.fail("it was filled");
  const lines: string[] = [];
  const io = { out: (line: string) => lines.push(line), err: (line: string) => lines.push(line) };
  const output = { isTerminal: false, write: () => undefined, nowMs: () => performance.now() };
  const guard = join(folder, "guard");
  assert.equal(await fsck({ folder: where.dataFolder, guard }, io, output), 0, lines.join("\n"));
  await using server = await startStratusIn(where);
  const head = await (await fetch(`${server.url}/ct/v1/get-sth`)).json();
  assert.equal(Reflect.get(Object(head), "tree_size"), 2_100);
});

test("fillFolder() that is stopped leaves a whole shard", async () => {
  await using temporary = await temporaryFolder();
  const options = {
    folder: temporary.path,
    seed: 42,
    groupEntries: 256,
    isSealed: false,
    log: () => undefined,
  };
  const signal = AbortSignal.abort();
  const stopped = await fillFolder({ ...options, entries: 5_000, signal });
  assert.equal(stopped.treeSize, 256);
  const { treeSize } = await fillFolder({ ...options, entries: 300 });
  assert.equal(treeSize, 300);
});
