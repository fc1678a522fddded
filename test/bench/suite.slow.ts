import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { deriveAuthority } from "../../bench/certificates.ts";
import { RFC6962_READS, STATIC_CT_READS } from "../../bench/read-plans.ts";
import { formatSuite, runSuite, type SuiteReport, smokeLoads } from "../../bench/suite.ts";
import { BenchLog, type Lie } from "../support/bench-log.ts";

let cacheFolder = "";
before(async () => {
  cacheFolder = await mkdtemp(join(tmpdir(), "stratus-suite-"));
});
after(() => rm(cacheFolder, { recursive: true }));

async function runAgainst(lies: readonly Lie[]): Promise<SuiteReport> {
  await using log = await BenchLog.open(deriveAuthority("p256", 42).root, lies);
  const server = { url: log.url, pid: process.pid, dataFolder: undefined };
  return await runSuite(
    { ...server, [Symbol.asyncDispose]: async () => undefined },
    {
      loads: smokeLoads(),
      readCount: 20,
      readMsMax: 5_000,
      sampleCount: 6,
      isSettling: false,
      isTimed: false,
      seed: 42,
      cacheFolder,
      log: () => undefined,
    },
  );
}

test("runSuite() measures loads and every kind of read, verified", async () => {
  const report = await runAgainst([]);
  assert.deepEqual(report.problems, []);
  assert.deepEqual(
    report.loads.map((load) => load.acceptedCount),
    [30, 5, 265],
  );
  assert.deepEqual(
    report.reads.map((read) => read.kind),
    [...RFC6962_READS, ...STATIC_CT_READS],
  );
  for (const read of report.reads) {
    assert.equal(read.answeredCount, 20, read.kind);
    assert(read.verifiedCount === 6 || read.verifiedCount === 1, read.kind);
    assert((read.serverCpuUsPerRequest ?? -1) >= 0 && read.bytesPerAnswer > 0, read.kind);
  }
  assert.match(formatSuite(report), /\| p256 \| flat out \| [0-9]+ \|[\s\S]*\| data-tile \|/);
});

test("runSuite() reports refusals and wrong proofs", async () => {
  const report = await runAgainst(["wrong-path", "refuse-every-third"]);
  const text = report.problems.join("\n");
  assert.match(text, /89 answered 503/);
  assert.match(text, /get-entry-and-proof .*does not lead to the root/);
});
