import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { formatAbuse, problemsOf, runAbuse } from "../../bench/abuse.ts";
import { openStratus } from "../../bench/server.ts";

test("runAbuse() attacks the real server, and no honest submission is refused", async () => {
  const cacheFolder = await mkdtemp(join(tmpdir(), "stratus-abuse-"));
  try {
    await using server = await openStratus({ seed: 42 });
    const only = ["slow bodies", "bad signatures", "get-entries"];
    const rows = await runAbuse(server, {
      seed: 42,
      treeSize: 600,
      honestPerSecond: 20,
      seconds: 2,
      warmupSeconds: 0,
      forgedCount: 20,
      only,
      cacheFolder,
      log: () => undefined,
    });
    assert.deepEqual(
      rows.map(({ name }) => name),
      only,
    );
    assert.deepEqual(problemsOf(rows), []);
    const [slow, forged, pages] = rows.map(({ attack }) => attack);
    assert.equal(slow?.sentCount, 50);
    assert.deepEqual(Object.keys(forged?.statuses ?? {}), ["400"]);
    assert.deepEqual(Object.keys(pages?.statuses ?? {}), ["200"]);
    assert.equal(formatAbuse(rows).split("\n").length, 6);
  } finally {
    await rm(cacheFolder, { recursive: true });
  }
});
