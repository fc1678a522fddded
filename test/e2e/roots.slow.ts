/**
 * Roots of a real process, in one thread and with two frontends: reloaded, refused, remembered,
 * blocked, and told about, over HTTP and signals alone.
 * @module
 */
import assert from "node:assert/strict";
import { readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import { chainOf, makeCa, type TestCa } from "../support/certificates.ts";
import { call } from "../support/http-call.ts";
import {
  LogFolder,
  runStratus,
  type StratusProcess,
  shardReady,
  until,
} from "../support/process.ts";
import { fingerprintOf, includedReport } from "../support/roots.ts";
import { chainJson, pemOf } from "../support/running-log.ts";

const CAS: readonly TestCa[] = Array.from({ length: 14 }, (_, index) =>
  makeCa({ subject: `e2e root ${index}` }),
);
const WINDOW = { notAfter: new Date("2027-06-01T00:00:00Z") };

/** Connections of their own: enough that the system spreads them over both threads. */
const CONNECTIONS = 24;

function caAt(index: number): TestCa {
  const ca = CAS[index];
  if (ca === undefined) throw new RangeError(`no CA ${index}`);
  return ca;
}

function pems(...cas: readonly TestCa[]): string {
  return cas.map(({ der }) => pemOf(der)).join("");
}

/** A log that serves, and its addresses. */
interface Served {
  readonly process: StratusProcess;
  readonly url: string;
  readonly operationsUrl: string;
}

async function serve(folder: LogFolder): Promise<Served> {
  const process = folder.serve();
  try {
    const { url, operationsUrl } = await process.listening();
    await shardReady(operationsUrl, "test2027");
    return { process, url, operationsUrl };
  } catch (error) {
    await process[Symbol.asyncDispose]();
    throw error;
  }
}

/** Fingerprints of get-roots, which must be the same on many connections. */
async function shownRoots({ url }: Served): Promise<readonly string[]> {
  const answers = await Promise.all(
    Array.from({ length: CONNECTIONS }, () =>
      call(url, "/test2027/ct/v1/get-roots", { fresh: true }),
    ),
  );
  const [first] = answers;
  assert.ok(first !== undefined);
  for (const answer of answers) {
    assert.equal(answer.status, 200);
    assert.equal(answer.text, first.text, "every thread shows the same");
  }
  const { certificates } = JSON.parse(first.text) as { readonly certificates: readonly string[] };
  return certificates.map((text) => fingerprintOf(Buffer.from(text, "base64")));
}

/** Statuses and texts of fresh certificates of a CA, each on a connection of its own. */
async function submitAll(
  { url }: Served,
  issuer: TestCa,
): Promise<readonly { readonly status: number; readonly text: string }[]> {
  return await Promise.all(
    Array.from({ length: CONNECTIONS }, () => {
      const body = chainJson(chainOf(issuer.issue(WINDOW), issuer));
      return call(url, "/test2027/ct/v1/add-chain", { body, fresh: true });
    }),
  );
}

async function requireAccepted(log: Served, issuer: TestCa): Promise<void> {
  for (const { status, text } of await submitAll(log, issuer)) assert.equal(status, 200, text);
}

async function requireRefused(log: Served, issuer: TestCa, reason: RegExp): Promise<void> {
  for (const { status, text } of await submitAll(log, issuer)) {
    assert.equal(status, 400, text);
    assert.match(text, reason);
  }
}

interface RootsJson {
  readonly shards: {
    readonly test2027: {
      readonly count: number;
      readonly refused: string | null;
      readonly reloaded: string;
      readonly roots: readonly {
        readonly fingerprint: string;
        readonly subject: string;
        readonly isLost: boolean;
        readonly isBlocked: boolean;
      }[];
    };
  };
  readonly changes: readonly {
    readonly time: string;
    readonly change: string;
    readonly source: string;
    readonly fingerprint: string;
    readonly subject: string;
  }[];
}

async function rootsJson({ operationsUrl }: Served): Promise<RootsJson> {
  const response = await fetch(`${operationsUrl}/roots`);
  assert.equal(response.status, 200);
  return (await response.json()) as RootsJson;
}

async function metric({ operationsUrl }: Served, name: string): Promise<number | undefined> {
  const text = await (await fetch(`${operationsUrl}/metrics`)).text();
  const line = text.split("\n").find((item) => item.startsWith(`${name} `));
  return line === undefined ? undefined : Number(line.slice(name.length + 1));
}

/** Sends SIGHUP and waits until `/roots` says that they were read, whole or refused. */
async function reload(log: Served, isDone: (roots: RootsJson) => boolean): Promise<RootsJson> {
  const before = (await rootsJson(log)).shards.test2027.reloaded;
  log.process.signal("SIGHUP");
  return await until("the reload", async () => {
    const roots = await rootsJson(log);
    // It is said when every thread goes by the new set.
    const { reloaded, refused } = roots.shards.test2027;
    return isDone(roots) && (reloaded !== before || refused !== null) ? roots : undefined;
  });
}

function isChanged(change: string, index: number): (roots: RootsJson) => boolean {
  const fingerprint = fingerprintOf(caAt(index).der);
  return ({ changes }) =>
    changes.some((item) => item.change === change && item.fingerprint === fingerprint);
}

for (const frontends of [0, 2]) {
  const more = [`frontends: ${frontends}`, "blocked: { file: ./blocked.txt }"];
  describe(`roots of a process with ${frontends} frontend threads`, () => {
    test("SIGHUP: what is new is accepted everywhere, what is lost stays, also after a restart", async () => {
      await using folder = await LogFolder.make(caAt(0), undefined, more);
      const path = join(folder.path, "roots.pem");
      await writeFile(path, pems(...CAS.slice(0, 10)));
      await writeFile(join(folder.path, "blocked.txt"), "");
      await folder.init();
      const first = await serve(folder);
      await using process = first.process;
      assert.equal((await shownRoots(first)).length, 10);
      await requireRefused(first, caAt(10), /unknown authority/);
      const warned = process.logLines().find((line) => line["event"] === "roots-warning");
      assert.match(String(warned?.["message"]), /test2027: .*Merge Delay Monitor Root/);
      await writeFile(path, pems(...CAS.slice(1, 11)));
      const told = await reload(first, isChanged("lost", 0));
      assert.equal((await shownRoots(first)).length, 11);
      await requireAccepted(first, caAt(10));
      await requireAccepted(first, caAt(0));
      const added = told.changes.at(-2);
      assert.equal(added?.change, "added");
      assert.equal(added?.source, path);
      assert.equal(added?.subject, "CN=e2e root 10");
      assert.ok(Math.abs(Date.parse(added?.time ?? "") - Date.now()) < 60_000);
      assert.equal(await metric(first, 'stratus_roots{shard="test2027"}'), 11);
      assert.equal(await metric(first, 'stratus_roots_lost{shard="test2027"}'), 1);
      const ledger = await readFile(join(folder.path, "data/_roots/ledger.jsonl"), "utf8");
      const lines = ledger
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line));
      assert.deepEqual(
        lines.map(({ certificate: _, ...line }) => line),
        told.changes,
      );
      assert.equal((await process.stop()).code, 0);
      // The source is gone for good: the ledger alone says what was accepted.
      await rm(path);
      const second = await serve(folder);
      await using again = second.process;
      assert.equal((await shownRoots(second)).length, 11);
      await requireAccepted(second, caAt(0));
      assert.equal((await again.stop()).code, 0);
    });

    test("an empty, unparsable or much smaller set is refused: the old one stays", async () => {
      await using folder = await LogFolder.make(caAt(0), undefined, more);
      const path = join(folder.path, "roots.pem");
      await writeFile(path, pems(...CAS.slice(0, 10)));
      await writeFile(join(folder.path, "blocked.txt"), "");
      await folder.init();
      const log = await serve(folder);
      await using process = log.process;
      const before = await shownRoots(log);
      for (const [text, reason, why] of [
        ["", "source", /no certificate/],
        [pems(caAt(0)).slice(0, 300), "source", /no end of "CERTIFICATE"/],
        [pems(...CAS.slice(3, 13)), "lost", /lost 3 of 10 roots, more than 20 %/],
      ] as const) {
        await writeFile(path, text);
        const told = await reload(log, ({ shards }) => why.test(shards.test2027.refused ?? ""));
        assert.equal(told.changes.length, 10, "nothing changed");
        assert.deepEqual(await shownRoots(log), before);
        const name = `stratus_roots_refused_total{shard="test2027",reason="${reason}"}`;
        assert.ok(((await metric(log, name)) ?? 0) >= 1, name);
        const line = process.logLines().findLast((item) => item["event"] === "roots-refused");
        assert.equal(line?.["level"], 50);
        assert.match(String(line?.["message"]), why);
      }
      await requireAccepted(log, caAt(0));
      await requireRefused(log, caAt(12), /unknown authority/);
      await writeFile(path, pems(...CAS.slice(0, 11)));
      const isAdded = isChanged("added", 10);
      // The ledger tells it first, and the rest once every thread goes by it.
      await reload(log, (roots) => isAdded(roots) && roots.shards.test2027.refused === null);
      await requireAccepted(log, caAt(10));
    });

    test("a root and an intermediate are blocked by SIGHUP, in every thread", async () => {
      await using folder = await LogFolder.make(caAt(0), undefined, more);
      const blocked = join(folder.path, "blocked.txt");
      await writeFile(join(folder.path, "roots.pem"), pems(...CAS.slice(0, 3)));
      await writeFile(blocked, "# nothing yet\n");
      await folder.init();
      const log = await serve(folder);
      await using _process = log.process;
      const bad = caAt(1).intermediate({ subject: "bad" });
      const good = caAt(1).intermediate({ subject: "good" });
      await requireAccepted(log, bad);
      const body = chainJson(chainOf(bad.issue(WINDOW), bad));
      const answered = () => call(log.url, "/test2027/ct/v1/add-chain", { body, fresh: true });
      assert.equal((await answered()).status, 200);
      await writeFile(blocked, `${fingerprintOf(caAt(0).der)}\n${fingerprintOf(bad.der)} # bad\n`);
      await reload(log, isChanged("blocked", 0));
      assert.equal((await shownRoots(log)).length, 2);
      await requireRefused(log, caAt(0), /certificate 1 of the chain is blocked/);
      await requireRefused(log, bad, new RegExp(`blocked .* SHA-256 ${fingerprintOf(bad.der)}`));
      for (let count = 0; count < CONNECTIONS; count += 1) {
        assert.equal((await answered()).status, 400, "not even what was answered before");
      }
      await requireAccepted(log, good);
      const { roots, count } = (await rootsJson(log)).shards.test2027;
      assert.equal(count, 2);
      assert.deepEqual(
        roots.map(({ isBlocked }) => isBlocked),
        [true, false, false],
      );
      assert.equal(await metric(log, "stratus_roots_blocked"), 2);
      await writeFile(blocked, "");
      await reload(log, isChanged("unblocked", 0));
      assert.equal((await shownRoots(log)).length, 3);
      await requireAccepted(log, caAt(0));
    });
  });
}

test("a report behind a URL is read by the schedule; list and diff show what came of it", async () => {
  let report = includedReport(CAS.slice(0, 10));
  const server = createServer((_, response) => response.end(report));
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  await using _server = {
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise<unknown>((done) => server.close(done));
    },
  };
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/RootsReportCSV`;
  const shards = [{ name: "test2027", more: `roots: ["${url}", ./roots.pem]` }];
  const lines = ["rootsReload: { intervalMs: 200 }"];
  await using folder = await LogFolder.make(caAt(13), shards, lines);
  await folder.init();
  const log = await serve(folder);
  await using process = log.process;
  assert.equal((await shownRoots(log)).length, 11, "merged");
  report = includedReport(CAS.slice(0, 11));
  await until("the schedule", async () =>
    isChanged("added", 10)(await rootsJson(log)) ? true : undefined,
  );
  await until("the new set", async () =>
    (await shownRoots(log)).length === 12 ? true : undefined,
  );
  await requireAccepted(log, caAt(10));
  const listed = await runStratus(["roots", "list", "--config", folder.config]);
  assert.equal(listed.code, 0, listed.stderr);
  assert.match(listed.stdout, /^test2027: 12 roots accepted, 0 lost by their sources, 0 blocked\n/);
  const diff = (other: string) => runStratus(["roots", "diff", "--config", folder.config, other]);
  assert.equal((await diff(`${log.url}/test2027`)).code, 0, "the log shows what its ledger says");
  const differs = await diff(url);
  assert.equal(differs.code, 1);
  assert.match(differs.stdout, /11 roots in both, 0 only in .*, 1 only here\n\+ .*e2e root 13/);
  const out = join(folder.path, "copy.csv");
  const fetched = await runStratus(["roots", "fetch", url, "--out", out]);
  assert.equal(fetched.code, 0, fetched.stderr);
  assert.equal(await readFile(out, "utf8"), report);
  assert.equal((await process.stop()).code, 0);
});

test("neither start nor stop waits for a source; SIGHUP while the log starts does not end it", async () => {
  let isSilent = false;
  const server = createServer((_, response) => {
    if (!isSilent) response.end(pems(caAt(1)));
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  await using _server = {
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise<unknown>((done) => server.close(done));
    },
  };
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/roots.pem`;
  const shards = [{ name: "test2027", more: `roots: ["${url}", ./roots.pem]` }];
  await using folder = await LogFolder.make(caAt(0), shards);
  await folder.init();
  {
    const { process } = await serve(folder);
    await using _process = process;
    assert.equal((await process.stop()).code, 0);
  }
  isSilent = true;
  await writeFile(join(folder.path, "roots.pem"), pems(caAt(0), caAt(2)));
  const startMs = performance.now();
  await using child = folder.serve();
  await until("the handler of SIGHUP", async () => {
    const status = await readFile(`/proc/${child.pid}/status`, "utf8");
    const caught = /^SigCgt:\t[0-9a-f]*([0-9a-f])$/m.exec(status)?.[1] ?? "0";
    return Number.parseInt(caught, 16) % 2 === 1 ? true : undefined;
  });
  child.signal("SIGHUP");
  const { url: origin, operationsUrl } = await child.listening();
  await shardReady(operationsUrl, "test2027");
  const log = { process: child, url: origin, operationsUrl };
  assert.equal((await shownRoots(log)).length, 3, "the ledger's, and what a file adds");
  child.signal("SIGHUP");
  assert.equal((await child.stop()).code, 0);
  const tookMs = performance.now() - startMs;
  assert.ok(tookMs < 25_000, `start and stop took ${tookMs} ms, a source may take 30 s`);
});
