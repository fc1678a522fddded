import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openStratus } from "../../bench/server.ts";
import { runSuite, smokeLoads } from "../../bench/suite.ts";

const MAIN = new URL("../../src/main.ts", import.meta.url);
const skip = existsSync(MAIN) ? false : "there is no src/main.ts yet";

test("runSuite() holds against the real server", { skip }, async () => {
  const cacheFolder = await mkdtemp(join(tmpdir(), "stratus-server-"));
  try {
    await using server = await openStratus({ seed: 42 });
    const { loads, reads, problems } = await runSuite(server, {
      loads: smokeLoads(),
      readCount: 40,
      readMsMax: 5_000,
      sampleCount: 20,
      isSettling: false,
      isTimed: false,
      seed: 42,
      cacheFolder,
      log: () => undefined,
    });
    assert.deepEqual(problems, []);
    assert.deepEqual(
      loads.map((load) => load.verification.proofs.treeCount + load.verification.proofs.tileCount),
      [40, 10, 40],
    );
    assert.equal(reads.length, 8);
  } finally {
    await rm(cacheFolder, { recursive: true });
  }
});
