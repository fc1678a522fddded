/**
 * Real processes of `serve` that miss a shard: its folder, its store, its key. The others serve,
 * everybody is told what to do, and nothing is made in its place.
 * @module
 */
import assert from "node:assert/strict";
import { chmod, cp, mkdir, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { lockFolder } from "../../src/lock/folder-lock.ts";
import { createKeyFile } from "../../src/signer/key-file.ts";
import { writeRestoredNote } from "../../src/storage/restored-note.ts";
import { makeCa } from "../support/certificates.ts";
import { LogFolder, runStratus, type StratusProcess, shardReady } from "../support/process.ts";

const ROOT = makeCa();
const ILL = "a2027";
const WELL = "b2027";
const SHARDS = [{ name: ILL }, { name: WELL }];

interface Served {
  readonly log: StratusProcess;
  readonly url: string;
  readonly operationsUrl: string;
}

/** A log of two shards that was served and stopped. */
async function served(frontends: number): Promise<LogFolder> {
  const folder = await LogFolder.make(ROOT, SHARDS, [`frontends: ${frontends}`]);
  await folder.init();
  await using log = folder.serve();
  const { operationsUrl } = await log.listening();
  for (const { name } of SHARDS) await shardReady(operationsUrl, name);
  assert.equal((await log.stop()).code, 0);
  return folder;
}

async function get(url: string): Promise<{ readonly status: number; readonly text: string }> {
  const response = await fetch(url);
  return { status: response.status, text: await response.text() };
}

/** Everything that tells of a shard says why it is not served; the other one is well. */
async function requireAlone({ log, url, operationsUrl }: Served, reason: RegExp): Promise<void> {
  await shardReady(operationsUrl, WELL);
  const ready = await get(`${operationsUrl}/readyz`);
  assert.equal(ready.status, 200, ready.text);
  assert.match(ready.text, reason);
  assert.match(ready.text, /then restart the log/);
  const own = await get(`${operationsUrl}/readyz/${ILL}`);
  assert.equal(own.status, 503);
  assert.match(own.text, reason);
  assert.match(own.text, /^FATAL_STORE_MISSING: /);
  const { text: metrics } = await get(`${operationsUrl}/metrics`);
  for (const line of [
    `stratus_shard_ready{shard="${ILL}"} 0`,
    `stratus_shard_ready{shard="${WELL}"} 1`,
    `stratus_shard_state{shard="${ILL}",state="failed"} 1`,
    `stratus_shard_incidents_total{shard="${ILL}",incident="FATAL_STORE_MISSING"} 1`,
  ]) {
    assert(metrics.includes(line), `${line}\n${metrics}`);
  }
  const dashboard = JSON.parse((await get(`${operationsUrl}/dashboard.json`)).text) as {
    readonly warnings: readonly Readonly<Record<string, string>>[];
  };
  const warning = dashboard.warnings.find(({ shard }) => shard === ILL);
  assert.equal(warning?.["alert"], "StratusShardFailed");
  assert.match(warning["message"] ?? "", reason);
  const page = await get(`${operationsUrl}/`);
  assert.equal(page.status, 200);
  assert.match(
    page.text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&#39;", "'"),
    reason,
  );
  const lines = log.logLines().filter(({ shard }) => shard === ILL);
  assert(
    lines.some(
      (line) => line["code"] === "FATAL_STORE_MISSING" && reason.test(String(line["message"])),
    ),
    log.stderr,
  );
  assert.match(log.stdout, reason);
  assert.match(log.stdout, new RegExp(`curl ${url}/${WELL}/`));
  for (const path of [
    "ct/v1/get-sth",
    "checkpoint",
    "tile/0/000",
    "ct/v1/get-entries?start=0&end=1",
  ]) {
    const answer = await get(`${url}/${ILL}/${path}`);
    assert.equal(answer.status, 503, path);
    // Clients are not told of the machine's files.
    assert.doesNotMatch(answer.text, /key\.pem|\/data\/|BUG/);
    if (!path.startsWith("tile"))
      assert.equal(
        (await get(`${url}/${WELL}/${path}`)).status,
        path.includes("entries") ? 400 : 200,
        path,
      );
  }
  const listed = await get(`${url}/logs.json`);
  assert.equal(listed.status, 200);
  assert(listed.text.includes(`/${WELL}/`));
  assert.equal((await get(`${url}/`)).status, 200);
  assert.equal((await get(`${url}/${ILL}/`)).status, 200);
}

/** The folder of the ill shard, as it is to stay. */
async function listOf(folder: LogFolder): Promise<readonly string[]> {
  const home = folder.shardPath(ILL);
  const names = await readdir(home, { recursive: true }).catch(() => ["nothing"]);
  return names.toSorted();
}

/** Serves, looks, stops; nothing is made in the shard's place. */
async function serveWithout(folder: LogFolder, reason: RegExp): Promise<void> {
  const before = await listOf(folder);
  await using log = folder.serve();
  await requireAlone({ log, ...(await log.listening()) }, reason);
  assert.equal((await log.stop()).code, 0);
  assert.deepEqual(await listOf(folder), before);
}

/** Whole again, both shards serve. */
async function requireMended(folder: LogFolder): Promise<void> {
  await using log = folder.serve();
  const { operationsUrl } = await log.listening();
  for (const { name } of SHARDS) await shardReady(operationsUrl, name);
  assert.equal((await log.stop()).code, 0);
}

for (const frontends of [0, 2]) {
  test(`serve without a shard's folder and key serves the others: ${frontends} frontends`, async () => {
    await using folder = await served(frontends);
    const home = folder.shardPath(ILL);
    await rename(home, `${folder.path}/lost`);
    const reason = new RegExp(
      `there is no store in ${home} and no key at ${home}/key\\.pem, though ` +
        `${ILL} was served from here, .*mount its disk, or bring its key back and run ` +
        `'stratus restore ${ILL} --from <backup>'`,
    );
    await serveWithout(folder, reason);
    const listed = await runStratus(["shard", "list", "--config", folder.config]);
    assert.equal(listed.code, 1);
    assert.match(listed.stdout, /^a2027 +missing/m);
    assert.match(listed.stdout, /mend this: there is no store in .*a2027/);
    // What must not be done is refused.
    const init = await folder.run("init");
    assert.equal(init.code, 1, init.stdout);
    await rename(`${folder.path}/lost`, home);
    await requireMended(folder);
  });
}

test("serve without a shard's store, or with a restore that was broken off, serves the others", async () => {
  await using folder = await served(0);
  const lost = join(folder.path, "lost");
  await rename(folder.shardPath(ILL), lost);
  await mkdir(folder.shardPath(ILL), { mode: 0o700 });
  await cp(join(lost, "key.pem"), folder.shardPath(ILL, "key.pem"));
  await serveWithout(folder, /there is no store in .*, though a2027 was served/);
  await mkdir(folder.shardPath(ILL, "restoring"));
  await serveWithout(folder, /a restore of a2027 .* has not come to its end/);
  await rm(folder.shardPath(ILL), { recursive: true });
  await rename(lost, folder.shardPath(ILL));
  await requireMended(folder);
});

test("a lost shard is restored while the others are served, and is there after a restart", async () => {
  await using folder = await served(0);
  const backups = join(folder.path, "backups");
  const config = ["--config", folder.config];
  assert.equal((await runStratus(["backup", ILL, backups, ...config])).code, 0);
  const lost = join(folder.path, "lost");
  await rename(folder.shardPath(ILL), lost);
  {
    await using log = folder.serve();
    const { operationsUrl } = await log.listening();
    await shardReady(operationsUrl, WELL);
    await mkdir(folder.shardPath(ILL), { mode: 0o700 });
    await cp(join(lost, "key.pem"), folder.shardPath(ILL, "key.pem"));
    const { code, stdout, stderr } = await runStratus([
      ...["restore", ILL, "--from", backups],
      ...config,
    ]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /a2027: COMPLETE/);
    await shardReady(operationsUrl, WELL);
    assert.equal((await log.stop()).code, 0);
  }
  await requireMended(folder);
});

test("a folder that a restore holds does not keep the others from starting; another holder does", async () => {
  await using folder = await served(0);
  const home = folder.shardPath(ILL);
  await using _lock = await lockFolder(home);
  const ended = await folder.run("serve");
  assert.equal(ended.code, 1);
  assert.match(ended.stderr, /FATAL_LOCKED: .*a2027/);
  const note = { timeMs: Date.now(), backup: "/mnt/backup", treeSize: 0, readOnly: undefined };
  await writeRestoredNote(home, note);
  await using log = folder.serve();
  const { operationsUrl } = await log.listening();
  await shardReady(operationsUrl, WELL);
  const { status, text } = await get(`${operationsUrl}/readyz/${ILL}`);
  assert.equal(status, 503);
  assert.match(text, /^FATAL_LOCKED: .*a2027/);
  assert.equal((await log.stop()).code, 0);
});

test("serve with a key that is missing, open to others, unreadable or none serves the others", async () => {
  await using folder = await served(0);
  const key = folder.shardPath(ILL, "key.pem");
  const kept = join(folder.path, "kept.pem");
  await rename(key, kept);
  await serveWithout(
    folder,
    /the store of a2027 is there, but there is no key at .*key\.pem: bring it/,
  );
  await mkdir(key, { mode: 0o700 });
  await serveWithout(folder, /the key at .*key\.pem cannot be read \(EISDIR/);
  await rm(key, { recursive: true });
  await writeFile(key, "no key\n", { mode: 0o600 });
  await serveWithout(folder, /what is at .*key\.pem is no key of a log .*: bring the key back/);
  await rm(key);
  await rename(kept, key);
  await chmod(key, 0o644);
  await serveWithout(
    folder,
    /the key at .*key\.pem is open to others \(mode 644\); run: chmod 600 /,
  );
  await chmod(key, 0o600);
  await requireMended(folder);
});

test("serve with a shard that was never created serves the others, and init still creates it", async () => {
  await using folder = await LogFolder.make(ROOT, SHARDS, ["frontends: 0"]);
  await folder.writeConfig(["frontends: 0"], [{ name: WELL }]);
  await folder.init();
  await folder.writeConfig(["frontends: 0"]);
  await serveWithout(folder, / a2027 was never served from here: .*'stratus init'/);
  await folder.init();
  await requireMended(folder);
});

test("a key of another log ends serve, whatever the others", async () => {
  await using folder = await served(0);
  const key = folder.shardPath(ILL, "key.pem");
  await rm(key);
  await createKeyFile(key);
  const ended = await folder.run("serve");
  assert.equal(ended.code, 1);
  assert.match(ended.stderr, /FATAL_IDENTITY: .*a2027.*log ID is /);
});

test("serve without any shard ends", async () => {
  await using folder = await served(0);
  for (const { name } of SHARDS)
    await rename(folder.shardPath(name), `${folder.path}/${name}.lost`);
  const ended = await folder.run("serve");
  assert.equal(ended.code, 1, ended.stdout);
  assert.match(ended.stderr, /FATAL_STORE_MISSING: .*a2027.*stratus restore/);
  for (const { name } of SHARDS) {
    await assert.rejects(stat(folder.shardPath(name)), { code: "ENOENT" });
  }
});
