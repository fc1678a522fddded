/**
 * What `stratus serve` and `stratus dev` refuse: exit code 1, the reason on stderr, and
 * nothing made by accident.
 * @module
 */
import assert from "node:assert/strict";
import { chmod, copyFile, cp, rm, stat } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { createKeyFile } from "../../src/signer/key-file.ts";
import { makeCa } from "../support/certificates.ts";
import {
  LogFolder,
  runStratus,
  type StratusProcess,
  shardReady,
  type TestShard,
  until,
} from "../support/process.ts";

const ROOT = makeCa();

/**
 * Files and folders that may not change; what LevelDB does in its own folder is its own, and
 * another process that serves keeps a history.
 */
async function listOf(folder: LogFolder): Promise<readonly string[]> {
  return (await folder.list()).filter((path) => !/\/db\/|\/_history/.test(path));
}

/** `serve` must end with 1, say `reason`, and leave what is there. */
async function refuses(folder: LogFolder, reason: RegExp): Promise<void> {
  const before = await listOf(folder);
  const { code, stdout, stderr } = await folder.run("serve");
  assert.equal(code, 1, `${stdout}\n${stderr}`);
  assert.match(stderr, reason);
  assert.doesNotMatch(stdout, /listens on/);
  assert.deepEqual(await listOf(folder), before);
}

test("serve refuses shards of which none was ever created: names one and init", async () => {
  await using folder = await LogFolder.make(ROOT, [{ name: "a2027" }, { name: "b2027" }]);
  await refuses(folder, /FATAL_STORE_MISSING: .*a2027.*stratus init/);
});

test("serve refuses a shard whose key is there but not its store", async () => {
  await using folder = await LogFolder.make(ROOT, [{ name: "a2027" }]);
  await createKeyFile(folder.shardPath("a2027", "key.pem"));
  await refuses(folder, /FATAL_STORE_MISSING: .*a2027.*stratus init/);
  await folder.init();
  await rm(folder.shardPath("a2027", "db"), { recursive: true });
  await refuses(folder, /FATAL_STORE_MISSING: .*a2027.*stratus init/);
});

/** Changes that make another log of `a2027`. */
const CHANGES: readonly (readonly [
  what: string,
  change: (folder: LogFolder) => Promise<unknown>,
  reason: RegExp,
])[] = [
  [
    "origin",
    (folder) => folder.writeConfig(["submissionUrl: https://ct.example.org"]),
    /FATAL_IDENTITY: .*a2027.*origin is 127\.0\.0\.1:1\/a2027, .*ct\.example\.org\/a2027/,
  ],
  [
    "type",
    (folder) => folder.writeConfig([], [{ name: "a2027", type: "static-ct-api" }]),
    /FATAL_IDENTITY: .*type is rfc6962, the configuration says static-ct-api/,
  ],
  [
    "key",
    async (folder) => {
      await rm(folder.shardPath("a2027", "key.pem"));
      await createKeyFile(folder.shardPath("a2027", "key.pem"));
    },
    /FATAL_IDENTITY: .*log ID is /,
  ],
  [
    "folder of another shard",
    async (folder) => {
      await folder.writeConfig([], [{ name: "c2027" }]);
      await cp(folder.shardPath("a2027"), folder.shardPath("c2027"), { recursive: true });
    },
    /FATAL_IDENTITY: .*name is a2027, the configuration says c2027/,
  ],
];

for (const [what, change, reason] of CHANGES) {
  test(`serve refuses data of another ${what}`, async () => {
    await using folder = await LogFolder.make(ROOT, [{ name: "a2027" }]);
    await folder.init();
    await change(folder);
    await refuses(folder, reason);
  });
}

test("serve refuses a window that changed", async () => {
  await using folder = await LogFolder.make(ROOT, [{ name: "a2027" }]);
  await folder.init();
  const { readFile, writeFile } = await import("node:fs/promises");
  const text = await readFile(folder.config, "utf8");
  await writeFile(folder.config, text.replace("2028-01-01", "2028-01-02"));
  await refuses(folder, /FATAL_IDENTITY: .*notAfterLimit is 2028-01-01/);
});

test("serve refuses data that another process has, and that process goes on", async () => {
  await using folder = await LogFolder.make(ROOT, [{ name: "a2027" }]);
  await folder.init();
  await using first = folder.serve();
  const { operationsUrl } = await first.listening();
  await refuses(folder, /FATAL_LOCKED: .*a2027/);
  await refuses(folder, /FATAL_LOCKED: .*a2027/);
  // A copy of the data under the same guard: two trees under one key.
  await cp(folder.shardPath("a2027"), join(folder.path, "copy", "a2027"), { recursive: true });
  await rm(join(folder.path, "copy", "a2027", "running"));
  await folder.writeConfig(["data: ./copy"]);
  await refuses(folder, /FATAL_LOCKED: .*guard/);
  await shardReady(operationsUrl, "a2027");
  assert.equal((await first.stop()).code, 0);
  // Free again, with the data that belong to the guard.
  await folder.writeConfig();
  await using again = folder.serve();
  await shardReady((await again.listening()).operationsUrl, "a2027");
});

for (const mode of [0o644, 0o604, 0o620]) {
  test(`serve and init refuse a key of mode ${mode.toString(8)}`, async () => {
    const shards: readonly TestShard[] = [{ name: "a2027", more: "key: ./given.pem" }];
    await using folder = await LogFolder.make(ROOT, shards);
    const key = join(folder.path, "given.pem");
    await createKeyFile(key);
    await chmod(key, mode);
    const before = await folder.list();
    const init = await folder.run("init");
    assert.equal(init.code, 1, init.stdout);
    assert.match(init.stderr, /given\.pem is open to others .*chmod 600/);
    assert.deepEqual(await folder.list(), before);
    await chmod(key, 0o600);
    await folder.init();
    await chmod(key, mode);
    await refuses(folder, /given\.pem is open to others .*chmod 600/);
  });
}

for (const port of ["listen", "operations"] as const) {
  test(`serve refuses an address in use for ${port}, and ends`, async () => {
    await using folder = await LogFolder.make(ROOT, [{ name: "a2027" }]);
    await folder.init();
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const address = server.address();
      assert(typeof address === "object" && address !== null);
      const flags = [`--${port}`, `127.0.0.1:${address.port}`];
      const ran = await runStratus(["serve", "--config", folder.config, ...flags]);
      assert.equal(ran.code, 1, ran.stdout);
      assert.match(ran.stderr, new RegExp(`EADDRINUSE.*${address.port}`));
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
    await using log = folder.serve();
    await shardReady((await log.listening()).operationsUrl, "a2027");
  });
}

test("serve ends with 0 on SIGINT", async () => {
  await using folder = await LogFolder.make(ROOT, [{ name: "a2027" }]);
  await folder.init();
  await using log = folder.serve();
  await log.listening();
  log.signal("SIGINT");
  assert.deepEqual(await log.end(), { code: 0, signal: null });
  assert.match(log.stdout, /Stopped\.\n$/);
});

test("dev refuses a configuration that is not for development, and creates nothing", async () => {
  await using folder = await LogFolder.make(ROOT, [{ name: "a2027" }]);
  const before = await folder.list();
  const { code, stdout, stderr } = await folder.run("dev");
  assert.equal(code, 1, stdout);
  assert.match(stderr, /development: true.*'init' and 'serve'/s);
  assert.deepEqual(await folder.list(), before);
});

test("serve refuses a key file that holds no key", async () => {
  await using folder = await LogFolder.make(ROOT, [{ name: "a2027" }]);
  await folder.init();
  await copyFile(join(folder.path, "roots.pem"), folder.shardPath("a2027", "key.pem"));
  await chmod(folder.shardPath("a2027", "key.pem"), 0o600);
  await refuses(folder, /FATAL_STORE_MISSING: .* no key .*expected a PKCS#8 private key in PEM/);
});

test("serve says on stdout and in its log which shard is ill, and ends with 0", async () => {
  await using folder = await LogFolder.make(ROOT, [{ name: "a2027" }, { name: "b2027" }]);
  await folder.init();
  await rm(folder.shardPath("a2027", "db", "CURRENT"));
  await using log = folder.serve();
  const { url, operationsUrl } = await log.listening();
  await shardReady(operationsUrl, "b2027");
  assert.match(
    log.stdout,
    /^ {2}a2027 {2}failed .*\n {4}FATAL_STORE_CORRUPT: db\/CURRENT is missing/m,
  );
  assert.match(log.stdout, /^ {2}b2027 {2}open /m);
  const ill = log.logLines().filter((line) => line["shard"] === "a2027");
  const fatal = ill.filter((line) => line["event"] === "shard-fatal");
  assert.equal(fatal.length, 1, log.stderr);
  assert.equal(fatal[0]?.["code"], "FATAL_STORE_CORRUPT");
  const metrics = await (await fetch(`${operationsUrl}/metrics`)).text();
  assert.match(metrics, /shard="a2027"/);
  const sth = await fetch(`${url}/a2027/ct/v1/get-sth`);
  assert.equal(sth.status, 503);
  assert.match(sth.headers.get("retry-after") ?? "", /^[1-9][0-9]*$/);
  assert.deepEqual(await log.stop(), { code: 0, signal: null });
});

/** Whether this process opened the database: LevelDB then begins a new LOG. */
async function hasOpened(folder: LogFolder, log: StratusProcess): Promise<true | undefined> {
  if (log.isOver) return true;
  const { birthtimeMs } = await stat(folder.shardPath("a2027", "db", "LOG")).catch(() => ({
    birthtimeMs: 0,
  }));
  return birthtimeMs > log.startedMs ? true : undefined;
}

test("serve ends at SIGTERM at any moment of its start, and starts again", async (context) => {
  await using folder = await LogFolder.make(ROOT, [{ name: "a2027" }, { name: "b2027" }]);
  await folder.init();
  const startMs = performance.now();
  await using first = folder.serve();
  await first.listening();
  const startupMs = performance.now() - startMs;
  assert.equal((await first.stop()).code, 0);
  const ends: string[] = [];
  for (let index = 0; index < 6; index += 1) {
    await using log = folder.serve();
    const delayMs = Math.round(Math.random() * (index % 2 === 0 ? startupMs : 40));
    // Most of a start is the reading of modules; half of the moments are in the rest of it.
    if (index % 2 === 1) await until("the database opens", () => hasOpened(folder, log));
    await delay(delayMs);
    const isListening = log.stdout.includes("listens on");
    log.signal("SIGTERM");
    const { code, signal } = await log.end(20_000);
    const after = index % 2 === 1 ? "open+" : "";
    ends.push(`${after}${delayMs}${isListening ? "*" : ""}:${code ?? signal}`);
    // Before the handler stands nothing was opened: the system ends the process.
    assert(code === 0 || (signal === "SIGTERM" && !isListening), `${ends.at(-1)}: ${log.stderr}`);
  }
  context.diagnostic(`ms (* listening): exit code or signal: ${ends.join(" ")}`);
  await using log = folder.serve();
  const { operationsUrl } = await log.listening();
  for (const { name } of folder.shards) await shardReady(operationsUrl, name);
});
