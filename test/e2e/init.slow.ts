/**
 * `stratus init` as a real process: it makes what is missing and never a second tree.
 * @module
 */
import assert from "node:assert/strict";
import { createPublicKey } from "node:crypto";
import { mkdir, readFile, rename, rm, stat } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { formatTreeHeadJson } from "../../src/rfc6962/json.ts";
import { encodeTreeHeadToSign } from "../../src/rfc6962/tree-head.ts";
import { createKeyFile, readKeyFile } from "../../src/signer/key-file.ts";
import { makeCa } from "../support/certificates.ts";
import { LogFolder, shardReady } from "../support/process.ts";
import { sha256 } from "../support/sha256.ts";

const ROOT = makeCa();
const TWO = [{ name: "a2027" }, { name: "b2027", type: "static-ct-api" as const }];

/** Serves until the first head is published, then stops: the guard has signed. */
async function serveOnce(folder: LogFolder): Promise<void> {
  await using log = folder.serve();
  const { operationsUrl } = await log.listening();
  for (const { name } of folder.shards) await shardReady(operationsUrl, name);
  assert.equal((await log.stop()).code, 0, log.stderr);
}

test("init creates each shard, says its log ID and public key, and keys are 0600", async () => {
  await using folder = await LogFolder.make(ROOT, TWO);
  const { code, stdout, stderr } = await folder.run("init");
  assert.equal(code, 0, stderr);
  for (const { name } of TWO) {
    const keyPath = folder.shardPath(name, "key.pem");
    assert.equal((await stat(keyPath)).mode % 0o1000, 0o600);
    const spki = createPublicKey(await readFile(keyPath)).export({ format: "der", type: "spki" });
    const logId = Buffer.from(sha256(spki));
    assert.match(stdout, new RegExp(`^${name}: created$`, "m"));
    assert(stdout.includes(spki.toString("base64")), stdout);
    assert(stdout.includes(logId.toString("base64")), stdout);
    assert(stdout.includes(logId.toString("hex")), stdout);
  }
});

test("init run again leaves every byte as it is, and creates only what is missing", async () => {
  await using folder = await LogFolder.make(ROOT, TWO.slice(0, 1));
  await folder.init();
  const before = await folder.bytes();
  const again = await folder.run("init");
  assert.equal(again.code, 0, again.stderr);
  assert.match(again.stdout, /^a2027: exists already, left as it is$/m);
  assert.deepEqual(await folder.bytes(), before);
  await folder.writeConfig([], TWO);
  const third = await folder.run("init");
  assert.equal(third.code, 0, third.stderr);
  assert.match(third.stdout, /^a2027: exists already[\s\S]*^b2027: created$/m);
  const after = await folder.bytes();
  for (const [path, bytes] of before) {
    if (path !== folder.config) assert.equal(after.get(path), bytes, path);
  }
});

test("init uses the key that is at the path", async () => {
  const shards = [{ name: "a2027", more: "key: ./given.pem" }];
  await using folder = await LogFolder.make(ROOT, shards);
  const path = join(folder.path, "given.pem");
  await createKeyFile(path);
  const before = await readFile(path);
  const { code, stdout, stderr } = await folder.run("init");
  assert.equal(code, 0, stderr);
  assert.match(stdout, /given\.pem \(found there\)/);
  assert.deepEqual(await readFile(path), before);
});

test("init goes on from each half of an earlier one", async () => {
  await using folder = await LogFolder.make(ROOT, TWO.slice(0, 1));
  await folder.init();
  const key = await readFile(folder.shardPath("a2027", "key.pem"));
  const steps: readonly (readonly [string, () => Promise<unknown>])[] = [
    ["a key and no guard", () => rm(join(folder.path, "guard"), { recursive: true })],
    ["a key and a guard without heads", async () => {}],
    [
      "a half-made database",
      () => mkdir(folder.shardPath("a2027", "db.new", "x"), { recursive: true }),
    ],
    [
      "a half-made guard",
      async () => {
        await rename(join(folder.path, "guard"), join(folder.path, "old"));
        const { logId } = await folder.key("a2027");
        const name = `${Buffer.from(logId).toString("hex")}.new`;
        await mkdir(join(folder.path, "guard", name), { recursive: true });
      },
    ],
  ];
  for (const [name, leave] of steps) {
    await rm(folder.shardPath("a2027", "db"), { recursive: true });
    await rm(folder.shardPath("a2027", "entries"), { recursive: true });
    await leave();
    const { code, stdout, stderr } = await folder.run("init");
    assert.equal(code, 0, `${name}: ${stderr}`);
    assert.match(stdout, /^a2027: created$/m, name);
    assert.deepEqual(await readFile(folder.shardPath("a2027", "key.pem")), key, name);
  }
  await serveOnce(folder);
});

test("init refuses a key that its guard has signed with, and creates nothing", async () => {
  const shards = [{ name: "a2027", more: "key: ./given.pem" }];
  await using folder = await LogFolder.make(ROOT, shards);
  await folder.init();
  await serveOnce(folder);
  await rm(join(folder.path, "data"), { recursive: true });
  const before = await folder.bytes();
  const { code, stdout, stderr } = await folder.run("init");
  assert.equal(code, 1, stdout);
  assert.match(stderr, /FATAL_IDENTITY: the guard has signed size 0 with this key before/);
  assert.deepEqual(await folder.bytes(), before);
  // The same for another shard of another name: the key is what counts.
  await folder.writeConfig([], [{ name: "b2027", more: "key: ./given.pem" }]);
  const other = await folder.run("init");
  assert.equal(other.code, 1, other.stdout);
  assert.match(other.stderr, /FATAL_IDENTITY/);
  assert(!(await folder.list()).some((path) => path.includes("b2027")));
});

test("init refuses a key that the public URL answers a head of, and another log's URL", async () => {
  await using folder = await LogFolder.make(ROOT, [{ name: "a2027", more: "key: ./given.pem" }]);
  const key = await createKeyFile(join(folder.path, "given.pem"));
  const head = { treeSize: 7, timestampMs: 1_790_000_000_000, rootHash: new Uint8Array(32) };
  let signer = key;
  const server = createServer((request, response) => {
    assert.equal(request.url, "/a2027/ct/v1/get-sth");
    const signature = signer.sign(encodeTreeHeadToSign(head));
    response.end(formatTreeHeadJson({ ...head, signature }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const address = server.address();
    assert(typeof address === "object" && address !== null);
    const submission = `submissionUrl: http://127.0.0.1:${address.port}`;
    await folder.writeConfig([submission]);
    const before = await folder.bytes();
    const known = await folder.run("init");
    assert.equal(known.code, 1, known.stdout);
    assert.match(known.stderr, /FATAL_IDENTITY: .* already answers a tree head of size 7/);
    assert.deepEqual(await folder.bytes(), before);
    signer = await createKeyFile(join(folder.path, "other.pem"));
    const other = await folder.run("init");
    assert.equal(other.code, 1, other.stdout);
    assert.match(other.stderr, /FATAL_IDENTITY: .* already answers for another log/);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
  const alone = await folder.run("init");
  assert.equal(alone.code, 0, alone.stderr);
});

test("init refuses a data folder whose entries lost their database", async () => {
  await using folder = await LogFolder.make(ROOT, TWO.slice(0, 1));
  await folder.init();
  await serveOnce(folder);
  await rm(folder.shardPath("a2027", "db"), { recursive: true });
  const { code, stderr } = await folder.run("init");
  assert.equal(code, 1);
  assert.match(stderr, /FATAL_IDENTITY/);
  assert.equal((await readKeyFile(folder.shardPath("a2027", "key.pem"))).logId.length, 32);
});

test("init makes no second log under a name: not of one that was served from here", async () => {
  await using folder = await LogFolder.make(ROOT, TWO);
  await folder.init();
  await serveOnce(folder);
  // The key is lost with its shard; the other shard, and the ledger of the roots, are there.
  const home = folder.shardPath("a2027");
  const lost = `${home}.lost`;
  await rename(home, lost);
  const { code, stdout, stderr } = await folder.run("init");
  assert.equal(code, 1, stdout);
  assert.match(stderr, /FATAL_IDENTITY: a2027 was served from .* before, and there is no key at/);
  await assert.rejects(stat(home), { code: "ENOENT" });
  await rename(lost, home);
  await serveOnce(folder);
});

test("init makes no second log under a name: not where another log answers", async () => {
  await using folder = await LogFolder.make(ROOT, [{ name: "a2027" }]);
  const key = await createKeyFile(join(folder.path, "other.pem"));
  const head = { treeSize: 7, timestampMs: 1_790_000_000_000, rootHash: new Uint8Array(32) };
  let answer = formatTreeHeadJson({ ...head, signature: key.sign(encodeTreeHeadToSign(head)) });
  const server = createServer((_request, response) => void response.end(answer));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const address = server.address();
    assert(typeof address === "object" && address !== null);
    await folder.writeConfig([`submissionUrl: http://127.0.0.1:${address.port}`]);
    const refused = await folder.run("init");
    assert.equal(refused.code, 1, refused.stdout);
    assert.match(refused.stderr, /FATAL_IDENTITY: .*\/a2027 already answers tree heads, and there/);
    await assert.rejects(stat(folder.shardPath("a2027")), { code: "ENOENT" });
    // A web server that has a page for everything is no log.
    answer = "<html>Coming soon</html>";
    assert.equal((await folder.run("init")).code, 0);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});
