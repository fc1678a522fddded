import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { deriveAuthority } from "../../bench/certificates.ts";
import type { Pace } from "../../bench/load-driver.ts";
import { formatReport, type LoadReport } from "../../bench/load-report.ts";
import { type LoadOptions, runLoad } from "../../bench/load-run.ts";
import { BenchLog, type Lie } from "../support/bench-log.ts";

const SEED = 42;
const root = deriveAuthority("p256", SEED).root;
let cacheFolder = "";

before(async () => {
  cacheFolder = await mkdtemp(join(tmpdir(), "stratus-load-"));
});
after(() => rm(cacheFolder, { recursive: true }));

function load(log: BenchLog, changes: Partial<LoadOptions> = {}): Promise<LoadReport> {
  return runLoad({
    url: log.url,
    kind: "p256",
    seed: SEED,
    first: 0,
    count: 60,
    pace: { type: "flat-out" },
    connections: 4,
    sendMs: 20_000,
    warmupMs: 0,
    pids: [process.pid],
    dataFolder: cacheFolder,
    sampleCount: 8,
    cacheFolder,
    workers: 1,
    ...changes,
  });
}

const PACES: readonly Pace[] = [{ type: "flat-out" }, { type: "rate", perSecond: 400 }];
for (const pace of PACES) {
  test(`runLoad() with pace ${pace.type} verifies every SCT and a sample of proofs`, async () => {
    await using log = await BenchLog.open(root);
    const report = await load(log, { pace });
    const { verification } = report;
    assert.deepEqual(verification.problems, []);
    assert.equal(report.acceptedCount, 60);
    assert.equal(log.size, 60);
    assert.equal(verification.sctCount, 60);
    assert.equal(verification.distinctIndexCount, 60);
    assert.deepEqual(verification.proofs, {
      treeCount: 8,
      tileCount: 8,
      treeSize: 60,
      problems: [],
    });
    assert.equal(report.latencyMs.count, 60);
    assert(report.latencyMs.p50 > 0 && report.latencyMs.max >= report.latencyMs.p999);
    assert((report.serverCpuUsPerAccepted ?? 0) >= 0 && (report.rssAnonBytesMax ?? 0) > 0);
    assert.match(formatReport(report), /\nproblems +0\n/);
  });
}

test("runLoad() gives the same result hash for the same submissions, another for others", async () => {
  const hashes: string[] = [];
  for (const first of [0, 0, 1]) {
    await using log = await BenchLog.open(root);
    hashes.push((await load(log, { first, count: 20 })).resultHash);
  }
  assert.equal(hashes[0], hashes[1]);
  assert.notEqual(hashes[0], hashes[2]);
});

test("runLoad() says that submissions were logged before", async () => {
  await using log = await BenchLog.open(root);
  await load(log, { count: 20 });
  const report = await load(log, { first: 15, count: 20 });
  assert.equal(report.verification.problemCount, 5);
  assert.match(report.verification.problems.join("\n"), /logged before this run: .*--first/);
  assert.equal(log.size, 35);
});

test("runLoad() counts refusals by status with a sample of the text", async () => {
  await using log = await BenchLog.open(root, ["refuse-every-third"]);
  const report = await load(log);
  assert.equal(report.acceptedCount, 40);
  assert.deepEqual(report.refused, [{ status: 503, count: 20, sample: "Error: the pool is full" }]);
  assert.equal(report.verification.problemCount, 0);
});

test("runLoad() counts a certificate that the log does not take", async () => {
  await using log = await BenchLog.open(deriveAuthority("p256", SEED + 1).root);
  const report = await load(log, { count: 5 });
  assert.equal(report.acceptedCount, 0);
  assert.deepEqual(
    report.refused.map(({ status, count }) => [status, count]),
    [[400, 5]],
  );
});

test("runLoad() counts requests without an answer", async () => {
  const log = await BenchLog.open(root);
  const publicKey = Buffer.from(
    JSON.parse(await (await fetch(`${log.url}/log.v3.json`)).text()).key,
    "base64",
  );
  await log[Symbol.asyncDispose]();
  const report = await load(log, { publicKey, count: 5 });
  assert.deepEqual(
    report.refused.map(({ status, count }) => [status, count]),
    [[-1, 5]],
  );
  assert.match(report.refused[0]?.sample ?? "", /ECONNREFUSED/);
});

test("runLoad() finds entries by hash where the SCT has no leaf index", async () => {
  await using log = await BenchLog.open(root, ["no-index"]);
  const { verification } = await load(log, { count: 12, sampleCount: 4 });
  assert.deepEqual(verification.problems, []);
  assert.equal(verification.unindexedCount, 12);
  assert.deepEqual(verification.proofs, { treeCount: 4, tileCount: 0, treeSize: 12, problems: [] });
});

const LIES: Readonly<Record<Exclude<Lie, "no-index" | "refuse-every-third">, RegExp>> = {
  "another-entry": /is another leaf/,
  "another-tree-head": /is not signed by the log's key/,
  "future-timestamp": /in the future/,
  "same-index": /share a leaf index/,
  "same-signature": /signature does not hold/,
  "wrong-path": /does not lead to the root/,
};
for (const [lie, problem] of Object.entries(LIES) as [Lie, RegExp][]) {
  test(`runLoad() finds a log out that lies with ${lie}`, async () => {
    await using log = await BenchLog.open(root, [lie]);
    const report = await load(log, { count: 12 });
    assert(report.verification.problemCount > 0);
    assert.match(report.verification.problems.join("\n"), problem);
  });
}
