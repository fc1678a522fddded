import assert from "node:assert/strict";
import { test } from "node:test";
import { formatSlowDisk, problemsOf, runSlowDisk } from "../../bench/slow-disk.ts";
import { temporaryFolder } from "../support/level.ts";

test("runSlowDisk() delays and counts every flush of the real server, the guard's too", async () => {
  await using cache = await temporaryFolder();
  const rows = await runSlowDisk({
    seed: 42,
    delayMs: 5,
    frontends: 0,
    connections: 64,
    turns: 1,
    flatOutSeconds: 60,
    rateSeconds: 1,
    warmupSeconds: 0,
    flatOutCount: 300,
    cacheFolder: cache.path,
    log: () => undefined,
  });
  assert.deepEqual(problemsOf(rows), []);
  assert.deepEqual(
    rows.map(({ delayMs }) => delayMs),
    [0, 5],
  );
  for (const { flatOut, rate, perCommit, commits } of rows) {
    assert.deepEqual([rate.acceptedCount, flatOut.acceptedCount], [200, 300]);
    assert(commits > 5);
    for (const kind of ["file", "batch", "guard"] as const) {
      // The first commit of a shard writes its segment and its issuers.
      assert(perCommit[kind] > 0.85 && perCommit[kind] < 1.5, `${kind} ${perCommit[kind]}`);
    }
  }
  const [, slow] = rows;
  assert((slow?.rate.latencyMs.p50 ?? 0) >= 15, "three flushes, one after the other");
  assert.match(formatSlowDisk(rows), /\| \+5 ms \|[\s\S]*Flat out [0-9.]+ % of the rate without/);
});
