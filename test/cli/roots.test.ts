import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { loadConfig } from "../../src/cli/load-config.ts";
import { diffRoots, fetchRoots, listRoots, listUrl } from "../../src/cli/roots.ts";
import { SourceError } from "../../src/client/transport.ts";
import { systemClock } from "../../src/clock/system.ts";
import type { Config } from "../../src/config/config.ts";
import { openRoots } from "../../src/keep-roots.ts";
import { formatRootsJson } from "../../src/rfc6962/json.ts";
import { makeCa } from "../support/certificates.ts";
import { fingerprintOf, includedReport } from "../support/roots.ts";
import { pemOf } from "../support/running-log.ts";

const CAS = Array.from({ length: 11 }, (_, index) => makeCa({ subject: `root ${index}` }));
const TIMEOUT_MS = 10_000;

function report(start: number, end: number): string {
  return includedReport(CAS.slice(start, end));
}

function line(index: number): string {
  const { der } = CAS[index] ?? { der: new Uint8Array() };
  return `${fingerprintOf(der)}  CN=root ${index}`;
}

/** A folder, a web server, and what a command said. */
class World implements AsyncDisposable {
  readonly folder: string;
  /** What is answered, by path. */
  readonly pages = new Map<string, string>();
  readonly out: string[] = [];
  readonly err: string[] = [];
  readonly io = {
    out: (text: string) => void this.out.push(text),
    err: (text: string) => void this.err.push(text),
  };
  readonly #server = createServer((request, response) => {
    const page = this.pages.get(request.url ?? "");
    response.writeHead(page === undefined ? 404 : 200).end(page);
  });

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async make(): Promise<World> {
    const world = new World(await mkdtemp(join(tmpdir(), "stratus-roots-cli-")));
    await new Promise<void>((done) => world.#server.listen(0, "127.0.0.1", done));
    return world;
  }

  url(path: string): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}${path}`;
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  fetch(force = false): Promise<number> {
    const url = this.url("/report");
    const out = this.path("roots.csv");
    return fetchRoots({ url, out, force, timeoutMs: TIMEOUT_MS }, this.io);
  }

  /** A configuration over `roots.csv` with one shard. */
  async config(): Promise<Config> {
    const path = this.path("log.yaml");
    const text = `development: true\nroots: [./roots.csv]\nseries: [{ name: log, firstYear: 2027, years: 1 }]\n`;
    await writeFile(path, text);
    return await loadConfig(path, { cwd: this.folder, nowMs: Date.now(), overrides: {} });
  }

  said(): string {
    return this.out.splice(0).join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<unknown>((done) => this.#server.close(done));
    await rm(this.folder, { recursive: true });
  }
}

test("fetchRoots() writes a checked copy, readable by all, and says what changed", async () => {
  await using world = await World.make();
  world.pages.set("/report", report(0, 10));
  assert.equal(await world.fetch(), 0);
  assert.equal(await readFile(world.path("roots.csv"), "utf8"), report(0, 10));
  assert.equal((await stat(world.path("roots.csv"))).mode % 0o1000, 0o644);
  assert.match(world.said(), /roots\.csv: 10 roots, 10 new, 0 gone$/);
  world.pages.set("/report", report(1, 11));
  assert.equal(await world.fetch(), 0);
  const said = world.said();
  assert.match(said, /roots\.csv: 10 roots, 1 new, 1 gone/);
  assert.ok(said.endsWith(`\n+ ${line(10)}\n- ${line(0)}`), said);
  assert.deepEqual(await readdir(world.folder), ["roots.csv"], "no draft is left");
});

test("fetchRoots() refuses a report that lost more than a fifth, unless it is forced", async () => {
  await using world = await World.make();
  world.pages.set("/report", report(0, 10));
  await world.fetch();
  world.pages.set("/report", report(3, 10));
  assert.equal(await world.fetch(), 1);
  assert.match(world.err.join(), /lacks 3 of the 10 roots .*the old copy stays .*--force/);
  assert.equal(await readFile(world.path("roots.csv"), "utf8"), report(0, 10));
  assert.equal(await world.fetch(true), 0);
  assert.equal(await readFile(world.path("roots.csv"), "utf8"), report(3, 10));
});

test("fetchRoots() leaves the copy where the answer is no list, or there is none", async () => {
  await using world = await World.make();
  world.pages.set("/report", report(0, 10));
  await world.fetch();
  for (const page of [
    "",
    "<html>maintenance</html>",
    report(0, 0),
    report(0, 10).slice(0, 3_000),
  ]) {
    world.pages.set("/report", page);
    await assert.rejects(world.fetch(), /is no list of roots: /);
  }
  world.pages.delete("/report");
  await assert.rejects(world.fetch(), (error) => error instanceof SourceError);
  assert.equal(await readFile(world.path("roots.csv"), "utf8"), report(0, 10));
});

test("listRoots() shows the sources of a shard that never ran, then its ledger", async () => {
  await using world = await World.make();
  const config = await world.config();
  await writeFile(world.path("roots.csv"), report(0, 10));
  const own = { config, shard: undefined };
  const how = { json: false, timeoutMs: TIMEOUT_MS };
  assert.equal(await listRoots(own, how, world.io), 0);
  const [head, first, ...rest] = world.out.splice(0);
  assert.equal(head, "log2027: 10 roots accepted, 0 lost by their sources, 0 blocked");
  assert.equal(first, `  ${line(0)}`);
  assert.match(rest.at(-1) ?? "", /warning: Google's Merge Delay Monitor Root is not among them/);
  const blocked = [fingerprintOf(CAS[4]?.der ?? new Uint8Array())];
  await runOnce({ ...config, blocked: { fingerprints: blocked } });
  await writeFile(world.path("roots.csv"), report(1, 11));
  await runOnce({ ...config, blocked: { fingerprints: blocked } });
  await listRoots(own, how, world.io);
  const said = world.said();
  assert.match(said, /^log2027: 10 roots accepted, 1 lost by their sources, 1 blocked\n/);
  assert.match(said, new RegExp(`  ${line(0)}  \\(since 20\\S+Z, lost\\)\n`));
  assert.match(said, new RegExp(`  ${line(4)}  \\(since 20\\S+Z, blocked\\)\n`));
  await listRoots(own, { ...how, json: true }, world.io);
  const { log2027 } = JSON.parse(world.said());
  assert.equal(log2027.length, 11);
  assert.equal(log2027[0].isLost, true);
  await assert.rejects(
    listRoots({ config, shard: "log2028" }, how, world.io),
    /no shard log2028 \(write one of log2027\)/,
  );
});

/** Starts to keep the roots, and stops. */
async function runOnce(config: Config): Promise<void> {
  await using keeper = await openRoots(config, systemClock, () => {});
  await keeper.start(() => Promise.resolve());
}

test("diffRoots() compares with a log, a report and a store: 0 if they are the same", async () => {
  await using world = await World.make();
  const config = await world.config();
  await writeFile(world.path("roots.csv"), report(0, 10));
  await writeFile(world.path("other.csv"), report(0, 10));
  const own = { config, shard: "log2027" };
  const diff = (other: string) => diffRoots(own, other, TIMEOUT_MS, world.io);
  assert.equal(await diff(world.path("other.csv")), 0);
  assert.match(world.said(), /^log2027: 10 roots in both, 0 only in .*other\.csv, 0 only here$/);
  const others = formatRootsJson(CAS.slice(1).map(({ der }) => der));
  world.pages.set("/log/ct/v1/get-roots", others);
  assert.equal(await diff(world.url("/log/")), 1);
  const said = world.said().split("\n");
  assert.match(said[0] ?? "", /^log2027: 9 roots in both, 1 only in http.*, 1 only here$/);
  assert.deepEqual(said.slice(1), [`- ${line(10)}`, `+ ${line(0)}`]);
  assert.equal(await diffRoots({ source: world.url("/log") }, "mozilla", TIMEOUT_MS, world.io), 1);
  await assert.rejects(diff(world.url("/nothing")), /nothing\/ct\/v1\/get-roots: answered 404/);
  await assert.rejects(diff(world.path("absent.pem")), /absent\.pem: ENOENT/);
});

test("diffRoots() says which of the missing roots are blocked here", async () => {
  await using world = await World.make();
  const config = await world.config();
  await writeFile(world.path("roots.csv"), report(0, 10));
  await writeFile(world.path("other.pem"), pemOf(CAS[2]?.der ?? new Uint8Array()));
  const blocked = [fingerprintOf(CAS[2]?.der ?? new Uint8Array())];
  await runOnce({ ...config, blocked: { fingerprints: blocked } });
  const own = { config, shard: undefined };
  assert.equal(await diffRoots(own, world.path("other.pem"), TIMEOUT_MS, world.io), 1);
  assert.equal(world.out[1], `- ${line(2)} (blocked here)`);
});

test("listUrl() asks a log for get-roots, and a list as it stands", () => {
  for (const [url, wanted] of [
    ["https://ct.example/log", "https://ct.example/log/ct/v1/get-roots"],
    ["https://ct.example/csv/log/", "https://ct.example/csv/log/ct/v1/get-roots"],
    ["https://ct.example/log/ct/v1/get-roots", "https://ct.example/log/ct/v1/get-roots"],
    ["https://x.example/RootsReportCSV?a=b", "https://x.example/RootsReportCSV?a=b"],
    ["https://x.example/roots.pem", "https://x.example/roots.pem"],
    ["mozilla", "mozilla"],
  ] as const) {
    assert.equal(listUrl(url), wanted);
  }
});
