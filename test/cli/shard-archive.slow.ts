/**
 * A shard's last years: closed, read-only, retired, archived while it is served and at rest, and
 * the archive served by a plain static server and audited by a stranger.
 * @module
 */
import assert from "node:assert/strict";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { gunzipSync } from "node:zlib";
import type { ArchiveOptions } from "../../src/archive.ts";
import { auditLog } from "../../src/cli/audit.ts";
import { archive } from "../../src/cli/shard-archive.ts";
import type { DataTileForm } from "../../src/client/static-files.ts";
import type { Clock } from "../../src/clock/clock.ts";
import { systemClock } from "../../src/clock/system.ts";
import type { Config } from "../../src/config/config.ts";
import { lookAtShard } from "../../src/shards.ts";
import { makeCa } from "../support/certificates.ts";
import { runCommand } from "../support/command-run.ts";
import { type RunningLog, startRunningLog } from "../support/running-log.ts";
import { serveFolder } from "../support/static-server.ts";

const CLOSES = Date.UTC(2021, 0, 8);
const RETIRES = CLOSES + 3_600_000;
const ENTRIES = 300;
const SILENT = { isTerminal: false, write: () => {}, nowMs: () => performance.now() };

const root = makeCa({ subject: "archive root" });
const issuer = root.intermediate({ subject: "archive issuer" });

/** The system's clock, set so that the process starts at `startMs`. */
function clockFrom(startMs: number): Clock {
  const offsetMs = startMs - systemClock.nowMs();
  return { ...systemClock, nowMs: () => systemClock.nowMs() + offsetMs };
}

let log: RunningLog;
let config: Config;
let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "stratus-archive-"));
  const window = ["2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z"] as const;
  log = await startRunningLog(
    [{ name: "old", roots: [root], window }],
    { clock: clockFrom(CLOSES - 60_000) },
    () => Promise.resolve(),
    0,
    ["dates: [{ shard: old, retires: 2021-01-08T01:00:00Z }]"],
  );
  ({ config } = log);
  const chains = Array.from({ length: ENTRIES }, (_, index) => {
    const precert = index % 7 === 0;
    const leaf = issuer.issue({ precert, notAfter: new Date("2020-06-01T00:00:00Z") });
    return { precert, chain: [leaf, issuer.der] };
  });
  await Promise.all(
    chains.map(({ precert, chain }) =>
      log.submitted("old", precert ? "add-pre-chain" : "add-chain", chain),
    ),
  );
});
after(async () => {
  await log[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function runArchive(
  name: string,
  more: Partial<Pick<ArchiveOptions, "url" | "form" | "look">> = {},
) {
  const [shard] = config.shards;
  assert.ok(shard);
  const nowMs = Date.now();
  const look = await lookAtShard(config, shard, nowMs);
  const options = {
    config,
    look,
    folder: join(folder, name),
    url: undefined,
    form: "both" as DataTileForm,
    nowMs,
    timeoutMs: 5_000,
    ...more,
  };
  return runCommand((io) => archive(options, io, SILENT));
}

const audited = (url: string) =>
  runCommand((io) => auditLog({ url, wait: async () => {} }, io, SILENT));

async function filesOf(name: string): Promise<ReadonlyMap<string, string>> {
  const path = join(folder, name);
  const found = await readdir(path, { recursive: true, withFileTypes: true });
  const files = new Map<string, string>();
  for (const entry of found.filter((one) => one.isFile())) {
    const file = join(entry.parentPath, entry.name);
    files.set(file.slice(path.length + 1), (await readFile(file)).toString("base64"));
  }
  return files;
}

interface Head {
  readonly tree_size: number;
  readonly timestamp: number;
  readonly sha256_root_hash: string;
}

/** The final head as every place shows it, which must be one and the same. */
async function finalHead(): Promise<Head> {
  const sth = await log.json("/old/ct/v1/get-sth");
  const { timestamp, tree_size, sha256_root_hash } = sth as unknown as Head;
  const [, size, rootHash] = (await log.call("/old/checkpoint")).text.split("\n");
  assert.deepEqual([Number(size), rootHash], [tree_size, sha256_root_hash]);
  const described = await log.json("/old/log.v3.json");
  assert.deepEqual(described["final_tree_head"], { sha256_root_hash, tree_size });
  return { tree_size, timestamp, sha256_root_hash };
}

describe("stratus shard archive", { concurrency: false }, () => {
  test("is refused while the tree still grows", async () => {
    const { exitCode, err } = await runArchive("early");
    assert.equal(exitCode, 2);
    assert.match(err, /old is closing: its tree is final only from 2021-01-08T00:00:00.000Z on/);
  });

  test("of a read-only shard that is served: audited through a plain static server", async () => {
    await log.restart({ clock: clockFrom(CLOSES + 1_000) });
    assert.equal((await finalHead()).tree_size, ENTRIES);
    const { exitCode, out, err } = await runArchive("served", { url: log.url("old") });
    assert.equal(exitCode, 0, err);
    assert.match(out, /^Complete: read back/m);
    assert.match(out, /^The shard is not retired/m);
    await using server = await serveFolder(join(folder, "served"));
    const audit = await audited(server.origin);
    assert.equal(audit.exitCode, 0, audit.out + audit.err);
    assert.match(audit.out, /^300 entries, .*\n.*Clean/m);
  });

  test("of a retired shard: its last head everywhere, and the same bytes served or at rest", async () => {
    await log.restart({ clock: clockFrom(RETIRES + 1_000) });
    const head = await finalHead();
    assert.equal(head.tree_size, ENTRIES);
    const state = (await log.json("/old/log.v3.json"))["state"];
    assert.deepEqual(state, { retired: { timestamp: "2021-01-08T01:00:00Z" } });
    const served = await runArchive("retired", { url: log.url("old") });
    assert.equal(served.exitCode, 0, served.err);
    await log.restart({ clock: clockFrom(RETIRES + 30_000) });
    assert.deepEqual(await finalHead(), head, "no head after the last");
    await log.stop();
    const rested = await runArchive("rested");
    assert.equal(rested.exitCode, 0, rested.err);
    const files = await filesOf("rested");
    assert.deepEqual(files, await filesOf("retired"));
    assert.deepEqual(
      JSON.parse(await readFile(join(folder, "rested/ct/v1/get-sth"), "utf8")).timestamp,
      head.timestamp,
    );
    const names = [...files.keys()].filter((name) => name.startsWith("tile/")).sort();
    assert.deepEqual(names, [
      "tile/0/000",
      "tile/0/001.p/44",
      "tile/1/000.p/1",
      "tile/data/000",
      "tile/data/000.gz",
      "tile/data/001.p/44",
      "tile/data/001.p/44.gz",
    ]);
    const issuers = [...files.keys()].filter((name) => name.startsWith("issuer/"));
    assert.equal(issuers.length, 2);
  });

  test("goes on where it was broken off, into the same bytes", async () => {
    await cp(join(folder, "rested"), join(folder, "half"), { recursive: true });
    const about = JSON.parse(await readFile(join(folder, "half/archive.json"), "utf8"));
    const { files: _files, software: _software, ...rest } = about;
    const marker = join(folder, "half/archive.unfinished.json");
    await writeFile(marker, `${JSON.stringify(rest, undefined, 2)}\n`);
    for (const name of ["archive.json", "tile/0/000", "tile/data/000", "checkpoint"]) {
      await rm(join(folder, "half", name));
    }
    const { exitCode, out } = await runArchive("half");
    assert.equal(exitCode, 0);
    assert.match(out, /^Going on with what is in /m);
    assert.deepEqual(await filesOf("half"), await filesOf("rested"));
  });

  test("refuses a folder with anything else in it, or that is complete", async () => {
    assert.match((await runArchive("rested")).err, /holds a complete archive already/);
    const other = await runArchive("half2", { form: "plain" });
    assert.equal(other.exitCode, 0);
    await rm(join(folder, "half2/archive.json"));
    assert.match((await runArchive("half2")).err, /half2 is not empty/);
  });

  test("does not call complete what is damaged in the folder", async () => {
    await cp(join(folder, "half"), join(folder, "damaged"), { recursive: true });
    const about = JSON.parse(await readFile(join(folder, "damaged/archive.json"), "utf8"));
    const { files: _files, software: _software, ...rest } = about;
    const marker = `${JSON.stringify(rest, undefined, 2)}\n`;
    await writeFile(join(folder, "damaged/archive.unfinished.json"), marker);
    await rm(join(folder, "damaged/archive.json"));
    const tile = join(folder, "damaged/tile/0/001.p/44");
    const bytes = await readFile(tile);
    bytes[7] = (bytes[7] ?? 0) ^ 1;
    await writeFile(tile, bytes);
    const { exitCode, out, err } = await runArchive("damaged");
    assert.equal(exitCode, 1);
    assert.match(out, /^DAMAGE /m);
    assert.match(err, /^NOT complete/m);
    assert.ok((await readdir(join(folder, "damaged"))).includes("archive.unfinished.json"));
  });

  test("as .gz alone is what gzip_static serves, and a stranger audits it", async () => {
    const { exitCode } = await runArchive("gzip", { form: "gzip" });
    assert.equal(exitCode, 0);
    const packed = await readFile(join(folder, "gzip/tile/data/001.p/44.gz"));
    const plain = await readFile(join(folder, "rested/tile/data/001.p/44"));
    assert.deepEqual(gunzipSync(packed), plain);
    await using server = await serveFolder(join(folder, "gzip"), true);
    const audit = await audited(server.origin);
    assert.equal(audit.exitCode, 0, audit.out + audit.err);
  });

  for (const [what, path, finding] of [
    ["an entry", "tile/data/000", /^DAMAGE /m],
    ["an entry of the partial tile", "tile/data/001.p/44", /^DAMAGE /m],
    ["a hash", "tile/0/000", /^DAMAGE /m],
    ["the checkpoint", "checkpoint", /FAILED|DAMAGE/],
  ] as const) {
    test(`a stranger's audit finds ${what} that was changed`, async () => {
      const copy = join(folder, `changed-${path.replaceAll("/", "-")}`);
      await cp(join(folder, "rested"), copy, { recursive: true });
      const bytes = await readFile(join(copy, path));
      bytes[20] = (bytes[20] ?? 0) ^ 1;
      await writeFile(join(copy, path), bytes);
      await using server = await serveFolder(copy);
      const { exitCode, out, err } = await audited(server.origin);
      assert.equal(exitCode, 1);
      assert.match(out + err, finding);
    });
  }

  test("a stranger's audit finds an issuer that is missing", async () => {
    const copy = join(folder, "no-issuer");
    await cp(join(folder, "rested"), copy, { recursive: true });
    const [name = ""] = await readdir(join(copy, "issuer"));
    await rm(join(copy, "issuer", name));
    await using server = await serveFolder(copy);
    const { exitCode, out } = await audited(server.origin);
    assert.equal(exitCode, 1);
    assert.match(out, new RegExp(`DAMAGE issuer: .*${name}`));
  });
});
