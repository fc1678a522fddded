/**
 * `stratus audit` over HTTP, through both APIs: exit codes, damage, resuming, heads that
 * contradict each other, and logs that are busy.
 * @module
 */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { type AuditCommandOptions, auditLog } from "../../src/cli/audit.ts";
import { parseAuditState } from "../../src/monitor/state.ts";
import { temporaryFolder } from "../support/level.ts";
import { NaiveLog } from "../support/naive-log.ts";
import { precertChain } from "../support/submit-run.ts";

interface Run {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
  readonly waitsMs: readonly number[];
}

async function run(options: AuditCommandOptions): Promise<Run> {
  const out: string[] = [];
  const err: string[] = [];
  const waitsMs: number[] = [];
  const io = { out: (line: string) => out.push(line), err: (line: string) => err.push(line) };
  const progress = { isTerminal: false, write: () => {}, nowMs: () => performance.now() };
  const wait = async (delayMs: number) => {
    waitsMs.push(delayMs);
  };
  const exitCode = await auditLog({ wait, timeoutMs: 5_000, ...options }, io, progress);
  return { exitCode, out: out.join("\n"), err: err.join("\n"), waitsMs };
}

const APIS = ["static", "rfc6962"] as const;

for (const api of APIS) {
  test(`auditLog() of a truthful log is clean: ${api}`, async () => {
    await using log = await NaiveLog.start(600);
    log.roots = [Uint8Array.from(precertChain.at(-1) ?? [])];
    const { exitCode, out, err } = await run({ url: log.url, api });
    assert.equal(exitCode, 0, out + err);
    assert.match(out, /^Head of size 600 /m);
    assert.match(out, /^600 entries, /m);
  });

  test(`auditLog() finds a head of another root: ${api}`, async () => {
    await using log = await NaiveLog.start(300);
    log.lies.head = (truth) => ({ ...truth, rootHash: new Uint8Array(32).fill(1) });
    const { exitCode, out } = await run({ url: log.url, api });
    assert.equal(exitCode, 1);
    assert.match(out, /^DAMAGE root: the head of size 300: the entries do not lead to its root$/m);
  });

  test(`auditLog() finds a signature that is not the key's: ${api}`, async () => {
    await using log = await NaiveLog.start(5);
    log.lies.signedHead = (truth) => {
      const signature = truth.signature.slice();
      signature[20] = (signature[20] ?? 0) ^ 1;
      return { ...truth, signature };
    };
    const { exitCode, out } = await run({ url: log.url, api });
    assert.equal(exitCode, 1);
    assert.match(out, /^DAMAGE signature: the head: /m);
  });

  test(`auditLog() goes on where its state says, and proves the new head: ${api}`, async () => {
    await using log = await NaiveLog.start(300);
    await using files = await temporaryFolder();
    const stateFile = join(files.path, "state.json");
    assert.equal((await run({ url: log.url, api, stateFile })).exitCode, 0);
    const first = parseAuditState(await readFile(stateFile, "utf8"));
    assert.equal(first.frontier.size, 300);
    for (let index = 0; index < 250; index += 1) {
      log.add({ type: "x509", certificate: Uint8Array.of(0x30, 1, index) }, undefined, []);
    }
    log.requests.length = 0;
    const { exitCode, out } = await run({ url: log.url, api, stateFile });
    assert.equal(exitCode, 0, out);
    assert.match(out, /entries from 300 on/);
    assert.match(out, /^250 entries, /m);
    assert.ok(!log.requests.some((path) => /data\/000/.test(path)), "the first tile is done");
    const second = parseAuditState(await readFile(stateFile, "utf8"));
    assert.equal(second.head.treeSize, 550);
  });

  test(`auditLog() finds a log that forked or went back since its state: ${api}`, async () => {
    await using log = await NaiveLog.start(300);
    await using files = await temporaryFolder();
    const stateFile = join(files.path, "state.json");
    assert.equal((await run({ url: log.url, api, stateFile })).exitCode, 0);
    const state = await readFile(stateFile, "utf8");
    log.add({ type: "x509", certificate: Uint8Array.of(0x30, 1, 9) }, undefined, []);
    log.lies.head = (truth) => ({ ...truth, rootHash: new Uint8Array(32).fill(3) });
    const forked = await run({ url: log.url, api, stateFile });
    assert.equal(forked.exitCode, 1);
    assert.match(forked.out, /^DAMAGE consistency: sizes 300 and 301: /m);
    const kept = parseAuditState(await readFile(stateFile, "utf8"));
    assert.equal(kept.head.treeSize, 300, "the head that was contradicted is kept");
    await writeFile(stateFile, state);
    log.lies.head = (truth) => ({ ...truth, treeSize: 299, timestampMs: truth.timestampMs + 1 });
    const shrunk = await run({ url: log.url, api, stateFile });
    assert.equal(shrunk.exitCode, 1);
    assert.match(shrunk.out, /^DAMAGE consistency: .*it goes back/m);
  });

  test(`auditLog() begins at --from, on a proven tree: ${api}`, async () => {
    await using log = await NaiveLog.start(600);
    for (const from of [1, 255, 256, 511, 513, 599]) {
      const { exitCode, out } = await run({ url: log.url, api, from });
      assert.equal(exitCode, 0, `${from}: ${out}`);
      assert.match(
        out,
        new RegExp(`^${from === 599 ? "1 entry" : `${600 - from} entries`}, `, "m"),
      );
    }
    const beyond = await run({ url: log.url, api, from: 600 });
    assert.equal(beyond.exitCode, 2);
    assert.match(beyond.err, /--from/);
  });

  test(`auditLog() waits as long as a busy log wishes: ${api}`, async () => {
    await using log = await NaiveLog.start(300);
    let busy = 2;
    log.lies.answer = (truth, path) => {
      if (!/get-entries|tile\/data/.test(path) || busy === 0) return truth;
      busy -= 1;
      const headers = { "retry-after": "7" };
      return { status: busy === 1 ? 503 : 429, headers, body: "busy" };
    };
    const { exitCode, out, err, waitsMs } = await run({ url: log.url, api, concurrency: 1 });
    assert.equal(exitCode, 0, out + err);
    assert.deepEqual(waitsMs, [7_000, 7_000]);
  });

  test(`auditLog() stops where a log is gone, and says so: ${api}`, async () => {
    await using log = await NaiveLog.start(300);
    log.lies.answer = (truth, path) =>
      /get-entries|tile\/data/.test(path)
        ? { status: 503, headers: { "retry-after": "100000" }, body: "away" }
        : truth;
    const { exitCode, err, waitsMs } = await run({ url: log.url, api });
    assert.equal(exitCode, 1);
    assert.match(err, /^FAILED .*503/m);
    assert.match(err, /Retry-After: 100000/);
    assert.deepEqual(waitsMs, []);
  });
}

test("auditLog() names a hash tile that does not follow from the entries: static", async () => {
  await using log = await NaiveLog.start(600);
  log.lies.plainAnswer = (truth, path) => {
    if (path !== "tile/0/001") return truth;
    const body = Uint8Array.from(truth.body as Uint8Array);
    body[32 * 44] = (body[32 * 44] ?? 0) ^ 1;
    return { ...truth, body };
  };
  const { exitCode, out } = await run({ url: log.url, api: "static" });
  assert.equal(exitCode, 1);
  assert.match(out, /^DAMAGE level-0: entry 300: /m);
  assert.equal(out.match(/^DAMAGE/gm)?.length, 1, out);
});

test("auditLog() names the entry whose bytes are not what the tiles say: static", async () => {
  await using log = await NaiveLog.start(600);
  log.lies.plainAnswer = (truth, path) => {
    if (path !== "tile/data/001") return truth;
    const body = Uint8Array.from(truth.body as Uint8Array);
    body[7] = (body[7] ?? 0) ^ 1;
    return { ...truth, body };
  };
  const { exitCode, out } = await run({ url: log.url, api: "static" });
  assert.equal(exitCode, 1);
  assert.match(out, /^DAMAGE entry: entry 256: the leaf hash of its bytes is not the stored one$/m);
  assert.equal(out.match(/^DAMAGE/gm)?.length, 1, out);
});

test("auditLog() finds an issuer that is gone: static", async () => {
  await using log = await NaiveLog.start(10);
  const issuer = Uint8Array.of(0x30, 7);
  log.add({ type: "x509", certificate: Uint8Array.of(0x30, 2) }, undefined, [issuer]);
  log.lies.answer = (truth, path) =>
    path.startsWith("issuer/") ? { ...truth, status: 404 } : truth;
  const { exitCode, out } = await run({ url: log.url, api: "static" });
  assert.equal(exitCode, 1);
  assert.match(
    out,
    /^DAMAGE issuer: issuer [0-9a-f]{64}: entry 10 names it, and it is not there$/m,
  );
});

test("auditLog() says 2 for a mistake in the command", async () => {
  await using log = await NaiveLog.start(1);
  await using files = await temporaryFolder();
  const stateFile = join(files.path, "state.json");
  await writeFile(stateFile, "{}");
  for (const options of [
    { url: "ftp://x" },
    { url: log.url, keyFile: join(files.path, "nowhere") },
    { url: log.url, stateFile },
  ]) {
    const { exitCode, err } = await run(options);
    assert.equal(exitCode, 2);
    assert.match(err, /^stratus audit: /);
  }
});
