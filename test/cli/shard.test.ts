/**
 * `stratus shard list` and `next`, and a log that starts before its next shard was created.
 * @module
 */
import assert from "node:assert/strict";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { initShards } from "../../src/cli/init.ts";
import { loadConfig } from "../../src/cli/load-config.ts";
import { createNextShards, listShards } from "../../src/cli/shard.ts";
import { startStratus } from "../../src/compose.ts";
import { runCommand } from "../support/command-run.ts";
import { temporaryFolder } from "../support/level.ts";

const YEAR = new Date().getUTCFullYear();
const YEAR_MS = 365 * 86_400_000;

const LINES = [
  "listen: 127.0.0.1:0",
  "operations: 127.0.0.1:0",
  "publicUrl: http://127.0.0.1:1",
  "development: true",
  "logLevel: fatal",
  "frontends: 0",
  "roots: [mozilla]",
];

/** A folder with a configuration, as a person has one. */
async function setUp(...lines: readonly string[]) {
  const folder = await temporaryFolder();
  const write = (...more: readonly string[]) =>
    writeFile(join(folder.path, "log.yaml"), `${[...LINES, ...lines, ...more].join("\n")}\n`);
  await write();
  const load = (nowMs: number = Date.now()) =>
    loadConfig("log.yaml", { cwd: folder.path, nowMs, overrides: {} });
  const list = async (json = false, nowMs = Date.now()) => {
    const config = await load(nowMs);
    return runCommand((io) => listShards(config, { json, nowMs }, io));
  };
  const next = (untilMs = Date.now() + YEAR_MS) =>
    runCommand((io) => createNextShards({ loadConfig: load, nowMs: Date.now(), untilMs }, io));
  return {
    path: folder.path,
    write,
    load,
    list,
    next,
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

const SERIES = "series: [{ name: nimbus, years: 2 }]";

test("createNextShards() creates what the configuration wants within a year, once", async () => {
  await using log = await setUp(SERIES);
  await initShards(await log.load(), () => {});
  const first = await log.next();
  assert.equal(first.exitCode, 0, first.err);
  const name = `nimbus${YEAR + 2}`;
  assert.match(first.out, new RegExp(`^${name}: created$`, "m"));
  assert.match(first.out, new RegExp(`^To announce ${name}:$`, "m"));
  assert.match(first.out, new RegExp(`^ {2}submissions +http://127.0.0.1:1/${name}/$`, "m"));
  assert.match(first.out, /restart the log/);
  const key = join(log.path, "data", name, "key.pem");
  const pem = await readFile(key, "utf8");
  const again = await log.next();
  assert.match(again.out, /^Nothing to create/);
  assert.equal(await readFile(key, "utf8"), pem, "what exists is left alone");
  // From now on the configuration has the shard by itself.
  assert.ok((await log.load()).shards.some((shard) => shard.name === name));
  const far = await log.next(Date.UTC(YEAR + 2, 6));
  assert.match(far.out, new RegExp(`^nimbus${YEAR + 3}: created$`, "m"));
  const folders = (await readdir(join(log.path, "data"))).filter((one) => one.startsWith("nimbus"));
  assert.equal(folders.length, 4);
});

test("listShards() says where each shard stands, and what to do next", async () => {
  await using log = await setUp(SERIES);
  const before = await log.list();
  assert.equal(before.exitCode, 0);
  assert.match(before.out, /not created .*\n {2}next: stratus shard next/);
  await initShards(await log.load(), () => {});
  assert.match((await log.list()).out, /never signed\n {2}next: start the log/);
  const opens = new Date(Math.floor(Date.now() / 1_000) * 1_000 + 3_600_000);
  await log.write(
    `dates: [{ shard: nimbus${YEAR + 1}, opens: ${opens.toISOString().replace(".000", "")} }]`,
  );
  const running = await startStratus(await log.load());
  try {
    const { out, exitCode } = await log.list();
    assert.equal(exitCode, 0);
    assert.match(out, new RegExp(`^nimbus${YEAR} +(open|closing) .* 0  +2`, "m"));
    assert.match(out, new RegExp(`^nimbus${YEAR + 1} +planned .*\\n.*it opens at `, "m"));
    const [shard] = JSON.parse((await log.list(true)).out);
    assert.equal(shard.tree_size, 0);
    assert.equal(shard.closes, `${YEAR + 1}-01-08T00:00:00Z`);
  } finally {
    await running.stop();
  }
  const behind = await log.list(false, Date.UTC(YEAR + 1, 5));
  assert.match(behind.out, /next: start the log: it is past a date \(read-only\)/);
});

test("listShards() fails for a shard whose key or guard is gone, and tells which", async () => {
  await using log = await setUp(SERIES);
  await initShards(await log.load(), () => {});
  await rm(join(log.path, "data", `nimbus${YEAR}`, "key.pem"));
  const { exitCode, out } = await log.list();
  assert.equal(exitCode, 1);
  assert.match(out, /next: mend this: .*key\.pem/);
  await rm(join(log.path, "guard"), { recursive: true });
  const [, second] = JSON.parse((await log.list(true)).out);
  assert.match(second.problem, /slot-0/);
});

test("a log starts without the next shard of a series, and says so", async () => {
  await using log = await setUp(SERIES);
  await initShards(await log.load(), () => {});
  const config = await log.load(Date.now() + YEAR_MS);
  const name = `nimbus${YEAR + 2}`;
  assert.deepEqual(config.ahead, [name]);
  const running = await startStratus(config);
  try {
    assert.deepEqual(running.left, [name]);
    assert.deepEqual([...running.logs.keys()], [`nimbus${YEAR}`, `nimbus${YEAR + 1}`]);
    const ready = await (await fetch(`${running.operationsUrl}/readyz`)).text();
    assert.match(ready, new RegExp(`^${name}: not created: 'stratus shard next' does it$`, "m"));
  } finally {
    await running.stop();
  }
});

test("a log that lacks a shard that the file wants now serves the others, and says so", async () => {
  await using log = await setUp(`series: [{ name: nimbus, firstYear: ${YEAR}, years: 1 }]`);
  await initShards(await log.load(), () => {});
  await writeFile(
    join(log.path, "log.yaml"),
    `${[...LINES, `series: [{ name: nimbus, firstYear: ${YEAR}, years: 2 }]`].join("\n")}\n`,
  );
  const running = await startStratus(await log.load());
  try {
    const states = [...running.logs].map(([name, shard]) => [name, shard.status().state]);
    assert.deepEqual(states, [
      [`nimbus${YEAR}`, "open"],
      [`nimbus${YEAR + 1}`, "failed"],
    ]);
    assert.deepEqual(running.left, []);
    const { reason } = running.logs.get(`nimbus${YEAR + 1}`)?.status() ?? { reason: "" };
    assert.match(reason, /never served from here: .*'stratus init' creates it/);
  } finally {
    await running.stop();
  }
});
