/**
 * Backups of a log that is served, while it takes submissions and seals segments, and of one at
 * rest; and both commands ended by SIGKILL at random moments, again and again.
 * @module
 */
import assert from "node:assert/strict";
import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { fillFolder } from "../../bench/fill.ts";
import { findBackup } from "../../src/backup.ts";
import { fsck } from "../../src/cli/fsck.ts";
import { makeCa } from "../support/certificates.ts";
import { runCommand } from "../support/command-run.ts";
import { SHARD, serveLocal } from "../support/local-log.ts";
import { LostData } from "../support/lost-data.ts";
import { LogFolder, runStratus, StratusProcess, until } from "../support/process.ts";

const SILENT = { isTerminal: false, write: () => {}, nowMs: () => performance.now() };
const KILLS = Number(process.env["STRATUS_KILLS"] ?? 5);

async function requireClean(folder: string, keyFile: string): Promise<void> {
  const run = await runCommand((io) => fsck({ folder, keyFile }, io, SILENT));
  assert.equal(run.exitCode, 0, run.out + run.err);
}

test("backups of a log that takes submissions all the while are of published heads, and whole", async () => {
  await using world = await LostData.make(5);
  await using local = await serveLocal(world.log);
  let serial = 5;
  let isDone = false;
  const submitting = (async () => {
    while (!isDone) {
      await Promise.all([0, 1, 2].map((more) => local.submit(world.ca, serial + more)));
      serial += 3;
      await delay(1);
    }
  })();
  const sizes: number[] = [];
  try {
    for (let round = 0; round < 5; round += 1) {
      const run = await world.backUp();
      assert.equal(run.exitCode, 0, run.err + run.out);
      const { folder, note } = await findBackup(world.backups, SHARD);
      await requireClean(folder, world.log.shardPath(SHARD, "key.pem"));
      sizes.push(note.head.treeSize);
      assert.equal((await readdir(folder)).includes("key.pem"), false, "no key unless asked for");
    }
  } finally {
    isDone = true;
    await submitting;
  }
  assert.deepEqual(
    sizes,
    sizes.toSorted((a, b) => a - b),
  );
  assert.ok((sizes.at(-1) ?? 0) > (sizes[0] ?? 0), "it went on meanwhile");
  const kept = (await readdir(join(world.backups, SHARD))).filter((name) => name !== "partial");
  assert.equal(kept.length, 2, "two are kept");
});

test("what has not changed is one file under two names; what is damaged in a copy is no backup", async () => {
  await using world = await LostData.make(40);
  assert.equal((await world.backUp()).exitCode, 0);
  const first = await findBackup(world.backups, SHARD);
  assert.equal((await world.backUp()).exitCode, 0);
  const second = await findBackup(world.backups, SHARD);
  assert.notEqual(first.folder, second.folder);
  for (const name of await readdir(join(first.folder, "entries"))) {
    const [one, other] = await Promise.all(
      [first, second].map(({ folder }) => stat(join(folder, "entries", name))),
    );
    assert.equal(one?.ino, other?.ino, name);
  }
  // A byte of the shard itself: the copy has it too, and is not declared done.
  const segment = world.log.shardPath(SHARD, "entries", "00000000");
  const bytes = await readFile(segment);
  bytes[500] = (bytes[500] ?? 0) ^ 1;
  await writeFile(segment, bytes);
  const run = await world.backUp();
  assert.equal(run.exitCode, 1);
  assert.match(run.err, /NO BACKUP: the copy is not whole/);
  assert.equal((await findBackup(world.backups, SHARD)).folder, second.folder);
});

test("a backup into the log's own folders is refused before anything is written", async () => {
  await using log = await LogFolder.make(makeCa(), [{ name: SHARD }]);
  await log.init();
  const before = await log.bytes();
  for (const own of ["data", "guard"]) {
    const { code, stdout, stderr } = await runStratus(
      ["backup", "--config", log.config, "all", join(log.path, own, "x")],
      {},
    );
    assert.equal(code, 1, stdout);
    assert.match(stderr, new RegExp(`FATAL_IDENTITY: the backup must not lie in '${own}'`));
    assert.equal(stdout, "");
    assert.deepEqual(await log.bytes(), before);
  }
});

test("a backup while segments are sealed and removed, killed again and again, then restored", async () => {
  await using root = await LostData.make(0);
  const folder = join(root.log.path, "filled");
  await mkdir(folder);
  const size = 3 * 4_096 + 300;
  const where = await fillFolder({
    folder,
    entries: size,
    seed: 1,
    groupEntries: 4_096,
    isSealed: false,
    log: () => {},
  });
  const { config, dataFolder } = where.where;
  const backups = join(root.log.path, "backups");
  const args = ["backup", "--config", config, "all", backups];
  await using server = new StratusProcess(["serve", "--config", config]);
  await server.listening();
  let done = 0;
  for (let kill = 0; kill < KILLS; kill += 1) {
    await using run = new StratusProcess(args);
    // Its start takes some 500 ms, the copy and its check some hundred more.
    await delay(300 + Math.random() * 1_500);
    if (run.isOver) done += 1;
    run.signal("SIGKILL");
    await run.ended;
  }
  const last = await runStratus(args);
  assert.equal(last.code, 0, last.stderr + last.stdout);
  // The server has sealed what was filled meanwhile.
  await until("sealing", async () =>
    (await readdir(join(dataFolder, "sealed"))).length >= 3 ? true : undefined,
  );
  const sealed = await runStratus(args);
  assert.equal(sealed.code, 0, sealed.stderr + sealed.stdout);
  const { folder: backup } = await findBackup(backups, "bench2027");
  assert.equal((await readdir(join(backup, "sealed"))).length, 3);
  assert.equal(
    (await readdir(join(backup, "entries"))).length,
    1,
    "sealed ones are not taken twice",
  );
  await requireClean(backup, join(dataFolder, "key.pem"));
  assert.equal((await server.stop()).code, 0);
  await killRestores({ config, dataFolder, backups });
  assert.ok(done < KILLS, "some were killed");
});

/** The data are lost; every restore but the last is killed. */
async function killRestores(where: {
  readonly config: string;
  readonly dataFolder: string;
  readonly backups: string;
}): Promise<void> {
  const { config, dataFolder, backups } = where;
  for (const name of await readdir(dataFolder)) {
    if (name !== "key.pem") await rm(join(dataFolder, name), { recursive: true });
  }
  const args = ["restore", "--config", config, "bench2027", "--from", backups];
  for (let kill = 0; kill < KILLS; kill += 1) {
    await using run = new StratusProcess(args);
    await delay(300 + Math.random() * 1_500);
    run.signal("SIGKILL");
    await run.ended;
    const isThere = (await readdir(dataFolder)).includes("db");
    if (isThere) break;
  }
  const isThere = (await readdir(dataFolder)).includes("db");
  const last = await runStratus(isThere ? args.slice(0, 4) : args);
  assert.equal(last.code, 0, last.stderr + last.stdout);
  assert.match(last.stdout, /COMPLETE/);
  await requireClean(dataFolder, join(dataFolder, "key.pem"));
  await using server = new StratusProcess(["serve", "--config", config]);
  const { operationsUrl } = await server.listening();
  await until("ready", async () => {
    const answer = await fetch(`${operationsUrl}/readyz/bench2027`);
    return answer.status === 200 ? true : undefined;
  });
}

test("a refill that is killed again and again goes on, and every step of it is of the signed tree", async () => {
  await using world = await LostData.make(20);
  await world.backUp();
  await world.grow(20, 2_600);
  await world.moveTo({ guard: true });
  const from = await world.restore({ from: world.backups });
  assert.match(from.out, /behind its guard by 2580 entries/);
  const source = world.log.shardPath(SHARD);
  const args = ["restore", "--config", world.other.config, SHARD, "--refill", source];
  let sizes = 0;
  for (let kill = 0; kill < KILLS; kill += 1) {
    await using run = new StratusProcess(args);
    await delay(300 + Math.random() * 700);
    if (run.isOver) sizes += 1;
    run.signal("SIGKILL");
    await run.ended;
    if (sizes > 0) break;
    await requireClean(world.other.shardPath(SHARD), world.other.shardPath(SHARD, "key.pem"));
  }
  const last = await runStratus(args);
  assert.equal(last.code, 0, last.stderr + last.stdout);
  await using local = await serveLocal(world.other);
  assert.equal(local.log.head().treeSize, 2_600);
});
