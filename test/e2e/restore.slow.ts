/**
 * A backup in the place of lost data, what it lacks brought back from whoever has it, and
 * whether the log may sign: with its guard, with none, with an old one, and against sources
 * that lie.
 * @module
 */
import assert from "node:assert/strict";
import { cp, readdir, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { UnavailableError } from "../../src/base/errors.ts";
import { SHARD, serveLocal } from "../support/local-log.ts";
import { LostData, readWhole } from "../support/lost-data.ts";

/** More than a piece of a refill, and an odd rest. */
const BEFORE = 300;
const AFTER = 1_500;

for (const api of ["static-ct-api", "RFC 6962", "folder", "backup"] as const) {
  test(`a backup is restored and refilled from a ${api} to the last signed head, byte for byte`, async () => {
    await using world = await LostData.make(BEFORE);
    const backup = await world.backUp();
    assert.equal(backup.exitCode, 0, backup.err + backup.out);
    await world.grow(BEFORE, AFTER);
    await world.moveTo({ guard: true });
    const first = await world.restore({ from: world.backups });
    assert.equal(first.exitCode, 1, first.err);
    assert.match(first.out, /READ-ONLY: it is behind its guard by 1200 entries: it holds size 300/);
    await using original = await serveLocal(world.log);
    const url = `${original.running.listenUrl}/${SHARD}`;
    const whole = await readWhole(url, AFTER);
    let source = url;
    await using proxy = await openProxy(url, api === "RFC 6962" ? noStatic : undefined);
    if (api === "RFC 6962") source = proxy.url;
    if (api === "folder") source = await download(url, join(world.other.path, "mirror"), AFTER);
    if (api === "backup") {
      const second = await world.backUp();
      assert.equal(second.exitCode, 0, second.err);
      source = world.backups;
    }
    const done = await world.restore({ refill: source });
    assert.equal(done.exitCode, 0, done.err + done.out);
    assert.match(done.out, /COMPLETE: size 1,500 of .* is the last head that the guard has signed/);
    await using restored = await serveLocal(world.other);
    assert.equal(restored.log.status().reason, "");
    assert.deepEqual(await readWhole(`${restored.running.listenUrl}/${SHARD}`, AFTER), whole);
    // What was logged is found again, and what is new goes on behind it.
    await restored.submit(world.ca, 1_234);
    assert.equal(restored.log.head().treeSize, AFTER);
    await restored.submit(world.ca, AFTER);
    assert.equal(restored.log.head().treeSize, AFTER + 1);
  });
}

test("nothing is restored over data, and a backup of another log is refused", async () => {
  await using world = await LostData.make(3);
  await using stranger = await LostData.make(3);
  await world.backUp();
  await stranger.backUp();
  const over = await world.restore({ from: world.backups }, world.log);
  assert.equal(over.exitCode, 1);
  assert.match(over.err, /FATAL_IDENTITY: .* holds a store, and nothing is restored over one/);
  await world.moveTo({ guard: true });
  const other = await world.restore({ from: stranger.backups });
  assert.match(other.err, /FATAL_IDENTITY: .*log ID/);
  assert.equal((await readdir(world.other.shardPath(SHARD))).includes("db"), false);
});

/** What a mirror may do to the answers of the log. */
const LIES: Readonly<Record<string, (path: string, body: Buffer) => Buffer>> = {
  "another certificate": (path, body) => (isData(path) ? flip(body, 700) : body),
  "another order": (path, body) => (isData(path) ? swapHalves(body) : body),
  "another timestamp": (path, body) => (isData(path) ? flip(body, 5) : body),
  "another hash": (path, body) => (path.includes("/tile/0/") ? flip(body, 100) : body),
  "another issuer": (path, body) => (path.includes("/issuer/") ? flip(body, 200) : body),
  "another head": (path, body) => (path.endsWith("/checkpoint") ? flip(body, 60) : body),
};

for (const [lie, change] of Object.entries(LIES)) {
  test(`a mirror with ${lie} is refused, and the true one completes it afterwards`, async () => {
    await using world = await LostData.make(40);
    await world.backUp();
    await world.grow(40, 300);
    await world.moveTo({ guard: true });
    await world.restore({ from: world.backups });
    // The issuer must be fetched: the backup's goes, as if it had none.
    await using original = await serveLocal(world.log);
    const url = `${original.running.listenUrl}/${SHARD}`;
    await using proxy = await openProxy(url, change);
    const refused = await world.restore({ refill: proxy.url });
    if (lie === "another issuer") {
      // It is stored already and nobody asks for it.
      assert.equal(refused.exitCode, 0, refused.err);
      return;
    }
    assert.equal(refused.exitCode, 1, lie);
    assert.match(refused.err, /MALFORMED_/);
    {
      await using local = await serveLocal(world.other);
      assert.match(
        local.log.status().reason,
        /FATAL_ROLLED_BACK: .* behind the guard by 260 entries/,
      );
      assert.throws(() => local.log.head(), UnavailableError);
    }
    const done = await world.restore({ refill: url });
    assert.equal(done.exitCode, 0, done.err + done.out);
  });
}

test("a fork under the same key is refused, whichever way it is shown", async () => {
  await using world = await LostData.make(40);
  await world.backUp();
  await world.moveTo({ guard: true });
  // The other machine goes on by itself: a second tree under the key.
  await cp(world.log.shardPath(SHARD), world.other.shardPath(SHARD), { recursive: true });
  {
    await using fork = await serveLocal(world.other);
    for (let serial = 500; serial < 560; serial += 1) await fork.submit(world.ca, serial);
  }
  await world.grow(40, 100);
  await using fork = await serveLocal(world.other);
  const url = `${fork.running.listenUrl}/${SHARD}`;
  await rm(world.log.shardPath(SHARD, "db"), { recursive: true });
  for (const name of ["entries", "sealed", "issuers"]) {
    await rm(world.log.shardPath(SHARD, name), { recursive: true });
  }
  const behind = await world.restore({ from: world.backups }, world.log);
  assert.match(behind.out, /behind its guard by 60 entries/);
  const forked = await world.restore({ refill: url }, world.log);
  assert.equal(forked.exitCode, 1);
  assert.match(forked.err + forked.out, /MALFORMED_PROOF|which the guard does not know/);
  await using local = await serveLocal(world.log);
  assert.throws(() => local.log.head(), UnavailableError);
});

test("a source that is behind itself brings what it has, and says what is left", async () => {
  await using world = await LostData.make(20);
  await world.backUp();
  await world.grow(20, 60);
  const second = join(world.log.path, "second");
  await cp(world.log.shardPath(SHARD), second, { recursive: true });
  await world.grow(60, 90);
  await world.moveTo({ guard: true });
  const part = await world.restore({ from: world.backups, refill: second });
  assert.equal(part.exitCode, 1);
  assert.match(part.out, /shows a signed head of size 60/);
  assert.match(part.out, /behind its guard by 30 entries: it holds size 60/);
  {
    await using local = await serveLocal(world.other);
    assert.equal(local.log.publishedSize(), 60);
  }
  const done = await world.restore({ refill: world.log.shardPath(SHARD) });
  assert.equal(done.exitCode, 0, done.err + done.out);
});

test("without its guard a restored shard is read-only for ever, and no guard is made", async () => {
  await using world = await LostData.make(30);
  await world.backUp();
  await world.grow(30, 50);
  await world.moveTo({ guard: false });
  const first = await world.restore({ from: world.backups, refill: world.log.shardPath(SHARD) });
  assert.equal(first.exitCode, 1);
  assert.match(first.out, /READ-ONLY: the data were restored from a backup, and .*guard/);
  assert.match(first.out, /signs nothing any more, and no new guard is made/);
  const note = JSON.parse(await readFile(world.other.shardPath(SHARD, "restored.json"), "utf8"));
  assert.match(note.readOnly, /nobody knows what was signed/);
  assert.equal((await world.other.run("init")).code, 0);
  for (let start = 0; start < 2; start += 1) {
    await using local = await serveLocal(world.other);
    assert.match(local.log.status().reason, /FATAL_GUARD_MISSING/);
    assert.equal(local.log.publishedSize(), 50, "what is proven is read");
    assert.throws(() => local.log.head(), UnavailableError);
    await assert.rejects(local.submit(world.ca, 99), UnavailableError);
  }
  const guards = await readdir(join(world.other.path, "guard")).catch(() => []);
  assert.deepEqual(guards, []);
  await using original = await serveLocal(world.log);
  const url = `${original.running.listenUrl}/${SHARD}/checkpoint`;
  const given = await world.restore({ checkpoint: url });
  assert.match(given.err, /FATAL_GUARD_MISSING: the data were restored from a backup/);
  // An old guard does not help; the true one does.
  await world.copyGuard();
  const done = await world.restore({});
  assert.equal(done.exitCode, 0, done.err + done.out);
  assert.equal((await readdir(world.other.shardPath(SHARD))).includes("restored.json"), false);
});

test("a guard that is older than the backup is an old copy: read-only for ever", async () => {
  await using world = await LostData.make(10);
  const old = join(world.log.path, "old-guard");
  await cp(join(world.log.path, "guard"), old, { recursive: true });
  await world.grow(10, 30);
  await world.backUp();
  await world.moveTo({ guard: false });
  await cp(old, join(world.other.path, "guard"), { recursive: true });
  const run = await world.restore({ from: world.backups });
  assert.equal(run.exitCode, 1);
  assert.match(run.out, /the guard's last head, size 10 of .* is older than the backup's, size 30/);
  await using local = await serveLocal(world.other);
  assert.match(local.log.status().reason, /FATAL_GUARD_MISSING: .*old copy.*restored\.json/);
});

/** Answers what `url` answers, changed. */
async function openProxy(
  url: string,
  change: (path: string, body: Buffer) => Buffer | undefined = (_, body) => body,
): Promise<AsyncDisposable & { readonly url: string }> {
  const origin = new URL(url).origin;
  const server = createServer((request, response) => {
    const path = request.url ?? "";
    void fetch(`${origin}${path}`).then(async (answer) => {
      const body = change(path, Buffer.from(await answer.arrayBuffer()));
      response.writeHead(body === undefined ? 404 : answer.status).end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/${SHARD}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function noStatic(path: string, body: Buffer): Buffer | undefined {
  return path.includes("/ct/v1/") ? body : undefined;
}

function isData(path: string): boolean {
  return path.includes("/tile/data/");
}

function flip(body: Buffer, at: number): Buffer {
  const changed = Buffer.from(body);
  changed[at] = (changed[at] ?? 0) ^ 1;
  return changed;
}

/** The first two entries change places. */
function swapHalves(body: Buffer): Buffer {
  return Buffer.concat([body.subarray(1_000), body.subarray(0, 1_000)]);
}

/** The static files of a log, as an archive has them. */
async function download(url: string, folder: string, size: number): Promise<string> {
  const { mkdir, writeFile } = await import("node:fs/promises");
  const save = async (path: string) => {
    const response = await fetch(`${url}/${path}`);
    assert.equal(response.status, 200, path);
    const bytes = Buffer.from(await response.arrayBuffer());
    await mkdir(join(folder, path, ".."), { recursive: true });
    await writeFile(join(folder, path), bytes);
    return bytes;
  };
  await save("checkpoint");
  const fingerprints = new Set<string>();
  for (let tile = 0; tile * 256 < size; tile += 1) {
    const width = Math.min(256, size - tile * 256);
    const name = `${String(tile).padStart(3, "0")}${width === 256 ? "" : `.p/${width}`}`;
    await save(`tile/0/${name}`);
    await save(`tile/data/${name}`);
  }
  await save(`tile/1/000.p/${Math.floor(size / 256)}`);
  const page = await (await fetch(`${url}/ct/v1/get-entries?start=0&end=0`)).json();
  const extra = Buffer.from(
    (page as { entries: { extra_data: string }[] }).entries[0]!.extra_data,
    "base64",
  );
  // A chain of one certificate: two lengths of three octets before it.
  const { createHash } = await import("node:crypto");
  fingerprints.add(createHash("sha256").update(extra.subarray(6)).digest("hex"));
  for (const name of fingerprints) await save(`issuer/${name}`);
  return folder;
}
