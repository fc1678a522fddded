import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { compareTurns, formatFlat, profileFsck, runFlat } from "../../bench/flat.ts";
import { temporaryFolder } from "../support/level.ts";

test("runFlat() fills, serves, kills and compares two shards, and fsck finds them clean", async () => {
  await using parent = await temporaryFolder();
  await using cache = await temporaryFolder();
  const sizes = [600, 1_200] as const;
  const { small, large, problems } = await runFlat({
    parent: parent.path,
    sizes,
    turns: 1,
    frontends: 0,
    seed: 42,
    rate: 50,
    seconds: 1,
    warmupSeconds: 0,
    readCount: 20,
    readMsMax: 2_000,
    cacheFolder: cache.path,
    quietMsMax: 0,
    log: () => undefined,
  });
  assert.deepEqual(problems, []);
  for (const turn of [...small, ...large]) {
    assert.equal(turn.load.acceptedCount, 50);
    assert.equal(turn.reads.length, 8);
    for (const { readsMs, writesMs } of [turn.afterStop, turn.afterKill]) {
      assert(readsMs > 0 && writesMs > readsMs, `${readsMs}, ${writesMs}`);
    }
  }
  const rows = compareTurns({ small, large });
  assert(rows.every((row) => row.small >= 0 && row.large >= 0));
  assert.match(formatFlat(rows, sizes), /\| figure \| 600 \| 1200 \| ratio \| demand \|/);
  const folder = join(parent.path, "600");
  const text = await profileFsck({ folder, dataFolder: join(folder, "data", "bench2027") });
  assert.match(text, /Clean: everything is as it was signed/);
  assert.match(text, /\| \*\*all\*\* \|/);
});

test("formatFlat() says which demands hold", () => {
  const rows = [
    { name: "steady", small: 10, large: 12, ratioMax: 1.25 },
    { name: "grows", small: 10, large: 13, ratioMax: 1.25 },
    { name: "late", small: 1, large: 501, largeMax: 500 },
    { name: "free", small: 1, large: 9 },
  ];
  const lines = formatFlat(rows, [1, 10]).split("\n");
  assert.equal(lines[2], "| steady | 10.0 | 12.0 | 1.20 | ratio <= 1.25: yes |");
  assert.equal(lines[3], "| grows | 10.0 | 13.0 | 1.30 | ratio <= 1.25: NO |");
  assert.equal(lines[4], "| late | 1.0 | 501.0 | 501.00 | <= 500: NO |");
  assert.equal(lines[5], "| free | 1.0 | 9.0 | 9.00 |  |");
});
