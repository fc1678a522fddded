/**
 * `stratus fsck`: exit codes, what it says of damage, and that it changes nothing.
 * @module
 */
import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type FsckOptions, fsck } from "../../src/cli/fsck.ts";
import { Progress } from "../../src/cli/progress.ts";
import { createKeyFile } from "../../src/signer/key-file.ts";
import { createLevelStore } from "../../src/storage/level/folder.ts";
import { openLevelStore } from "../../src/storage/level/level-store.ts";
import { SyntheticLog, TEST_IDENTITY } from "../support/commits.ts";
import { LEVEL_OPTIONS, temporaryFolder } from "../support/level.ts";
import { RotShard } from "../support/rot-shard.ts";

let golden: RotShard;
before(async () => {
  golden = await RotShard.make(300);
});
after(() => golden[Symbol.asyncDispose]());

async function run(
  options: FsckOptions,
): Promise<{ readonly exitCode: number; readonly out: string; readonly err: string }> {
  const out: string[] = [];
  const err: string[] = [];
  const io = { out: (line: string) => out.push(line), err: (line: string) => err.push(line) };
  const progress = { isTerminal: false, write: () => {}, nowMs: () => performance.now() };
  const exitCode = await fsck(options, io, progress);
  return { exitCode, out: out.join("\n"), err: err.join("\n") };
}

async function digest(folder: string): Promise<ReadonlyMap<string, string>> {
  const digests = new Map<string, string>();
  for (const name of await readdir(folder, { recursive: true })) {
    const path = join(folder, name);
    const found = await stat(path);
    const bytes = found.isFile() ? hash("sha256", await readFile(path)) : "";
    digests.set(name, `${found.mtimeMs} ${bytes}`);
  }
  return digests;
}

test("fsck() of a whole shard is clean, and changes no file", async () => {
  await using shard = await golden.copy();
  const before = await digest(shard.parent);
  const { exitCode, out, err } = await run({ folder: shard.folder, guard: shard.guard });
  assert.equal(exitCode, 0, out + err);
  assert.match(out, /Head of size 300/);
  assert.match(out, /^Clean/m);
  assert.deepEqual(await digest(shard.parent), before);
});

test("fsck() names the entry whose bytes are damaged, and what can be done", async () => {
  await using shard = await golden.copy();
  const path = join(shard.folder, "entries", "00000001");
  const bytes = await readFile(path);
  bytes[200] = (bytes[200] ?? 0) ^ 4;
  await writeFile(path, bytes);
  const { exitCode, out } = await run({ folder: shard.folder });
  assert.equal(exitCode, 1);
  assert.match(out, /^DAMAGE entry: entry 256: .*checksum of entry 256 differs$/m);
  assert.equal(out.match(/^DAMAGE/gm)?.length, 1, out);
  assert.match(out, /entry: bring the bytes back from a mirror or backup/);
});

test("fsck() takes no flipped bit in a segment's version for a newer program", async () => {
  await using shard = await golden.copy();
  const path = join(shard.folder, "entries", "00000000");
  const bytes = await readFile(path);
  bytes[8] = 2;
  await writeFile(path, bytes);
  const { exitCode, out } = await run({ folder: shard.folder });
  assert.equal(exitCode, 1);
  assert.match(out, /^DAMAGE entry: entries \[0, 256\): segment 0 has another header$/m);
});

test("fsck() names a segment that is missing once, with all its entries", async () => {
  await using shard = await golden.copy();
  await rm(join(shard.folder, "entries", "00000001"));
  const { exitCode, out } = await run({ folder: shard.folder });
  assert.equal(exitCode, 1);
  assert.match(out, /^DAMAGE entry: entries \[256, 300\): segment 1 is missing$/m);
});

test("fsck() refuses a shard that is served, and one that is not there: exit code 2", async () => {
  await using shard = await golden.copy();
  const running = await shard.serve();
  const served = await run({ folder: shard.folder });
  await running[Symbol.asyncDispose]();
  assert.equal(served.exitCode, 2);
  assert.match(served.err, /FATAL_LOCKED/);
  const absent = await run({ folder: shard.parent });
  assert.equal(absent.exitCode, 2);
  assert.match(absent.err, /FATAL_STORE_MISSING/);
});

test("fsck() refuses another log's key, and a file that is no key: exit code 2", async () => {
  await using files = await temporaryFolder();
  const keyFile = join(files.path, "key.pem");
  await createKeyFile(keyFile);
  const other = await run({ folder: golden.folder, keyFile });
  assert.equal(other.exitCode, 2);
  assert.match(other.err, /another log's/);
  await writeFile(keyFile, "no key");
  assert.equal((await run({ folder: golden.folder, keyFile })).exitCode, 2);
  await rm(keyFile);
  assert.equal((await run({ folder: golden.folder, keyFile })).exitCode, 2);
});

test("fsck() finds a store that is behind its guard", async () => {
  await using old = await golden.copy();
  await using newer = await golden.copy();
  const running = await newer.serve();
  await running.submit(1_000);
  await running[Symbol.asyncDispose]();
  const { exitCode, out } = await run({ folder: old.folder, guard: newer.guard });
  assert.equal(exitCode, 1);
  assert.match(out, /^DAMAGE guard: the guard's head of size 301: the store is behind it by 1 /m);
});

test("fsck() finds a guard slot whose checksum differs, and a guard that is not there", async () => {
  await using shard = await golden.copy();
  const logId = Buffer.from(shard.identity.logId).toString("hex");
  const slot = join(shard.guard, logId, "slot-1");
  const bytes = await readFile(slot);
  bytes[20] = (bytes[20] ?? 0) ^ 1;
  await writeFile(slot, bytes);
  const rotten = await run({ folder: shard.folder, guard: shard.guard });
  assert.equal(rotten.exitCode, 1);
  assert.match(rotten.out, /^DAMAGE guard: .*slot-1: its checksum differs$/m);
  const absent = await run({ folder: shard.folder, guard: join(shard.parent, "nowhere") });
  assert.equal(absent.exitCode, 1);
  assert.match(absent.out, /it never signed, but size 300 was published/);
});

test("fsck() of a shard without entries is clean", async () => {
  await using shard = await RotShard.make(0);
  assert.equal((await run({ folder: shard.folder, guard: shard.guard })).exitCode, 0);
});

test("fsck() names the damaged blocks of LevelDB's tables, and has nobody open them", async () => {
  await using shard = await golden.copy();
  const folder = join(shard.folder, "db");
  const names = (await readdir(folder)).filter((name) => name.endsWith(".ldb")).toSorted();
  assert.ok(names.length > 0);
  for (const name of names) {
    const bytes = await readFile(join(folder, name));
    bytes[7] = bytes[7]! ^ 1;
    await writeFile(join(folder, name), bytes);
  }
  const { exitCode, out } = await run({ folder: shard.folder });
  assert.equal(exitCode, 1);
  const found = out.split("\n").filter((line) => line.startsWith("DAMAGE"));
  const expected = names.map(
    (name) => `DAMAGE table: db/${name}: block at byte 0: its checksum differs`,
  );
  assert.deepEqual(found.toSorted(), expected);
  assert.match(out, /^Nothing more was looked at: LevelDB may abort/m);
  assert.match(out, /^ {2}table: stop the shard, and bring the file back from a backup/m);
});

test("fsck() names the place in LevelDB's log that is damaged", async () => {
  await using shard = await golden.copy();
  const folder = join(shard.folder, "db");
  const [name = ""] = (await readdir(folder)).filter((file) => file.endsWith(".log"));
  const bytes = await readFile(join(folder, name));
  bytes[100] = bytes[100]! ^ 1;
  await writeFile(join(folder, name), bytes);
  const { exitCode, out } = await run({ folder: shard.folder });
  assert.equal(exitCode, 1);
  const line = `^DAMAGE database-log: db/${name}: byte 0: a record's checksum differs$`;
  assert.match(out, new RegExp(line, "m"));
});

test("fsck() finds records that no entry explains", async () => {
  await using files = await temporaryFolder();
  const folder = join(files.path, "shard");
  await createLevelStore(folder, TEST_IDENTITY, LEVEL_OPTIONS, 1);
  const log = new SyntheticLog();
  {
    await using store = await openLevelStore(folder, LEVEL_OPTIONS);
    await store.commit(log.next(20));
    const derived = log.derived(5);
    const keys = derived.dedupKeys.map((key) => key.map((byte) => byte ^ 1));
    const head = log.head;
    assert.ok(head);
    await store.rewriteDerived(head, { ...derived, dedupKeys: keys });
  }
  const { exitCode, out } = await run({ folder });
  assert.equal(exitCode, 1);
  assert.match(out, /^DAMAGE record: records dedup: expected 20, one for each entry, got 25$/m);
});

test("Progress shows share, rate and time left: a bar on a terminal, lines elsewhere", () => {
  let nowMs = 0;
  const written: string[] = [];
  const output = { write: (text: string) => written.push(text), nowMs: () => nowMs };
  const bar = new Progress({ ...output, isTerminal: true }, "entries", 4_000, 1_000);
  nowMs = 50;
  bar.update(1_100);
  assert.deepEqual(written, []);
  nowMs = 10_000;
  bar.update(2_000);
  bar.end();
  assert.equal(
    written.join(""),
    "\r[############............] 50 %  2,000 of 4,000 entries, 100/s, 20 s left\u001b[K\r\u001b[K",
  );
  written.length = 0;
  const lines = new Progress({ ...output, isTerminal: false }, "records", 10);
  nowMs = 21_000;
  lines.update(5);
  lines.end();
  assert.deepEqual(written, ["50 %  5 of 10 records, 0/s, 11 s left\n"]);
});
