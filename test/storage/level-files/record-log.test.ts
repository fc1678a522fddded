/**
 * The reader of LevelDB's logs against one that LevelDB wrote, and what crashes leave of it.
 * @module
 */
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type LogItem, readRecordLog } from "../../../src/storage/level-files/record-log.ts";
import { temporaryFolder } from "../../support/level.ts";
import { fileOf, makeDatabase } from "../../support/level-files.ts";

/** One batch of some 37 kB: fragments in two blocks. */
let bytes: Uint8Array;
before(async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "db");
  await makeDatabase(path, { compression: false, recordCount: 270, isReopened: false });
  const names = (await readdir(path)).filter((name) => name.endsWith(".log"));
  bytes = new Uint8Array(await readFile(join(path, names[0] ?? "")));
});
after(() => {
  assert.equal(bytes.length > 32_768 && bytes.length < 65_536, true);
});

async function read(log: Uint8Array): Promise<readonly LogItem[]> {
  const items: LogItem[] = [];
  for await (const item of readRecordLog(fileOf(log))) items.push(item);
  return items;
}

function problems(items: readonly LogItem[]): readonly (LogItem & { readonly problem: string })[] {
  return items.filter((item) => "problem" in item);
}

test("readRecordLog() puts the fragments of a record together", async () => {
  const items = await read(bytes);
  assert.equal(items.length, 1);
  const [item] = items;
  // Two fragments, each with a header.
  assert.ok(item !== undefined && "record" in item && item.record.length === bytes.length - 14);
});

test("readRecordLog() finds each bit of a log", async () => {
  for (let at = 0; at < bytes.length; at += at < 16 || at > 32_760 ? 1 : 131) {
    for (const bit of [0, 3, 7]) {
      bytes[at] = bytes[at]! ^ (1 << bit);
      assert.ok(problems(await read(bytes)).length > 0, `byte ${at}, bit ${bit}`);
      bytes[at] = bytes[at]! ^ (1 << bit);
    }
  }
  assert.deepEqual(problems(await read(bytes)), []);
});

test("readRecordLog() tells a torn end from damage in the middle", async () => {
  for (const length of [1, 6, 7, 8, 32_767, 32_768, 32_769, 32_774, bytes.length - 1]) {
    const [problem, ...more] = problems(await read(bytes.subarray(0, length)));
    assert.ok(problem !== undefined && "isTail" in problem && problem.isTail, `${length} bytes`);
    assert.equal(more.length, 0);
  }
  const zeros = Uint8Array.of(...bytes, ...new Uint8Array(100));
  assert.deepEqual(
    problems(await read(zeros)).map((item) => "isTail" in item && item.isTail),
    [true],
  );
  const middle = Uint8Array.from(bytes);
  middle[100] = middle[100]! ^ 1;
  const [item] = problems(await read(middle));
  assert.deepEqual(item, { offset: 0, problem: "a record's checksum differs", isTail: false });
});

test("readRecordLog() of an empty file is empty", async () => {
  assert.deepEqual(await read(new Uint8Array(0)), []);
});
