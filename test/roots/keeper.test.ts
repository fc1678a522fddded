import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { lockFolder } from "../../src/lock/folder-lock.ts";
import { type KeeperOptions, RootsKeeper } from "../../src/roots/keeper.ts";
import { ledgerPath } from "../../src/roots/ledger.ts";
import { SourceReader } from "../../src/roots/load.ts";
import type { LogEvent } from "../../src/telemetry/observer.ts";
import type { RootSet } from "../../src/x509/roots.ts";
import { makeCa } from "../support/certificates.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { fingerprintOf } from "../support/roots.ts";
import { pemOf } from "../support/running-log.ts";
import { sha256 } from "../support/sha256.ts";

const CAS = Array.from({ length: 12 }, () => makeCa());
const HOUR_MS = 3_600_000;

/** PEM of some of the test's CAs. */
function pems(start: number, end: number): string {
  return CAS.slice(start, end)
    .map(({ der }) => pemOf(der))
    .join("");
}

function printOf(index: number): string {
  return fingerprintOf(CAS[index]?.der ?? Uint8Array.of());
}

/** A keeper over sources that a test writes. */
class World implements AsyncDisposable {
  readonly clock: ManualClock = new ManualClock();
  readonly events: LogEvent[] = [];
  /** Texts by URL; what is not there cannot be fetched. */
  readonly web = new Map<string, string>([["https://x", pems(0, 10)]]);
  /** What each call of `apply` was given. */
  readonly applied: ReadonlyMap<string, RootSet>[] = [];
  readonly folder: string;
  fetchText: (url: string, signal: AbortSignal) => Promise<string> = async (url) => {
    const text = this.web.get(url);
    if (text === undefined) throw new Error(`${url}: no answer`);
    return text;
  };

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async make(): Promise<World> {
    return new World(await mkdtemp(join(tmpdir(), "stratus-keeper-")));
  }

  async open(more: Partial<KeeperOptions> = {}): Promise<RootsKeeper> {
    return await RootsKeeper.open({
      shards: [{ name: "one", sources: ["https://x"] }],
      folder: join(this.folder, "_roots"),
      blocked: { fingerprints: [] },
      intervalMs: HOUR_MS,
      lossPercentMax: 20,
      reader: new SourceReader({ sha256, fetchText: (...args) => this.fetchText(...args) }),
      lockFolder,
      sha256,
      clock: this.clock,
      observer: (event) => this.events.push(event),
      ...more,
    });
  }

  async start(more: Partial<KeeperOptions> = {}): Promise<RootsKeeper> {
    const keeper = await this.open(more);
    await keeper.start(async (changed) => {
      this.applied.push(changed);
    });
    return keeper;
  }

  told(type: LogEvent["type"]): readonly LogEvent[] {
    return this.events.filter((event) => event.type === type);
  }

  /** The changes of the file, shortly. */
  async ledger(): Promise<readonly string[]> {
    const text = await readFile(ledgerPath(join(this.folder, "_roots")), "utf8");
    return text
      .trimEnd()
      .split("\n")
      .map((line) => {
        const { change, fingerprint } = JSON.parse(line);
        return `${change} ${fingerprint}`;
      });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

test("a schedule takes what is new, once it is in the ledger, and hands out the new set", async () => {
  await using world = await World.make();
  await using keeper = await world.start();
  assert.equal(keeper.rootsOf("one").count, 10);
  assert.equal((await world.ledger()).length, 10);
  world.web.set("https://x", pems(1, 11));
  await world.clock.advance(HOUR_MS - 1);
  assert.equal(world.applied.length, 0);
  await world.clock.advance(1);
  await keeper.reload();
  assert.equal(world.applied.length, 1);
  const applied = world.applied[0]?.get("one");
  assert.equal(applied, keeper.rootsOf("one"));
  assert.equal(applied?.count, 11, "what is lost stays");
  const added = `added ${printOf(10)}`;
  assert.deepEqual((await world.ledger()).slice(10), [added, `lost ${printOf(0)}`]);
  world.web.set("https://x", pems(1, 12));
  await world.clock.advance(HOUR_MS);
  await keeper.reload();
  assert.equal(world.applied.length, 2, "the schedule goes on");
});

test("an interval of 0 is no schedule", async () => {
  await using world = await World.make();
  await using keeper = await world.start({ intervalMs: 0 });
  world.web.set("https://x", pems(0, 11));
  await world.clock.advance(1_000 * HOUR_MS);
  assert.equal(keeper.rootsOf("one").count, 10);
  await keeper.reload();
  assert.equal(keeper.rootsOf("one").count, 11);
});

test("a root once accepted is accepted after a restart, by its ledger", async () => {
  await using world = await World.make();
  {
    await using keeper = await world.start();
    world.web.set("https://x", pems(2, 11));
    await keeper.reload();
  }
  {
    await using keeper = await world.start();
    assert.equal(keeper.rootsOf("one").count, 11);
  }
  // Not even its source is needed any more; and a set that lost most of it is not believed.
  world.web.delete("https://x");
  {
    await using keeper = await world.start();
    assert.equal(keeper.rootsOf("one").count, 11);
    await keeper.reload();
    assert.match(keeper.reloadsOf("one").refused ?? "", /no answer/);
  }
  world.web.set("https://x", pems(0, 1));
  await using keeper = await world.start();
  await keeper.reload();
  assert.equal(keeper.rootsOf("one").count, 11);
  assert.match(keeper.reloadsOf("one").refused ?? "", /lost 9 of 9 roots/);
  assert.equal(keeper.reloadsOf("one").reloadedMs, undefined);
});

for (const [title, text] of [
  ["empty", ""],
  ["unparsable", "<html>"],
  ["shorter by more than a fifth", pems(3, 12)],
  ["not there", undefined],
] as const) {
  test(`a set that is ${title} is refused: the old one stays, with an error for metrics and log`, async () => {
    await using world = await World.make();
    await using keeper = await world.start();
    const before = keeper.rootsOf("one");
    if (text === undefined) world.web.delete("https://x");
    else world.web.set("https://x", text);
    await keeper.reload();
    assert.equal(keeper.rootsOf("one"), before);
    assert.equal(world.applied.length, 0);
    assert.equal((await world.ledger()).length, 10);
    const [refused] = world.told("roots-refused");
    assert.ok(refused?.type === "roots-refused");
    assert.equal(refused.shard, "one");
    assert.equal(refused.reason, text === pems(3, 12) ? "lost" : "source");
    const read = world.told("roots-read").at(-1);
    assert.ok(read?.type === "roots-read" && !read.isWhole && read.rootCount === 10);
  });
}

test("a file of blocked certificates counts at once, although a source does not answer", async () => {
  await using world = await World.make();
  const file = join(world.folder, "blocked.txt");
  await writeFile(file, "# none\n");
  await using keeper = await world.start({ blocked: { fingerprints: [printOf(1)], file } });
  assert.equal(keeper.rootsOf("one").count, 9, "what the configuration blocks");
  const gate = Promise.withResolvers<string>();
  world.fetchText = () => gate.promise;
  await writeFile(file, `${printOf(2)} # compromised\n${"ab".repeat(32)}\n`);
  const reload = keeper.reload();
  for (let turn = 0; world.applied.length === 0 && turn < 10_000; turn += 1) {
    await new Promise(setImmediate);
  }
  const blocked = world.applied[0]?.get("one");
  assert.equal(blocked?.count, 8);
  assert.equal(blocked?.blockedKeys.size, 3);
  gate.resolve(pems(0, 10));
  await reload;
  const ledger = await world.ledger();
  assert.deepEqual(ledger.slice(-2), [`blocked ${printOf(2)}`, `blocked ${"ab".repeat(32)}`]);
  await writeFile(file, "# forgiven\n");
  world.fetchText = async () => pems(0, 10);
  await keeper.reload();
  assert.equal(keeper.rootsOf("one").count, 9);
  assert.equal((await world.ledger()).at(-2), `unblocked ${printOf(2)}`);
});

test("a file of blocked certificates that cannot be read blocks what it blocked before", async () => {
  await using world = await World.make();
  const file = join(world.folder, "blocked.txt");
  await writeFile(file, printOf(2));
  await using keeper = await world.start({ blocked: { fingerprints: [], file } });
  for (const text of [undefined, printOf(2).slice(0, 30)]) {
    if (text === undefined) await rm(file);
    else await writeFile(file, text);
    await keeper.reload();
    assert.equal(keeper.rootsOf("one").count, 9);
    const refused = world.told("roots-refused").at(-1);
    assert.ok(refused?.type === "roots-refused" && refused.reason === "blocklist");
    assert.match(keeper.reloadsOf("one").refused ?? "", /what was blocked stays blocked/);
  }
  await assert.rejects(world.open({ blocked: { fingerprints: [], file } }), /line 1: expected/);
});

test("what cannot be written to the ledger is not accepted, but it is blocked", async () => {
  await using world = await World.make();
  const file = join(world.folder, "blocked.txt");
  await writeFile(file, "");
  await writeFile(join(world.folder, "_roots"), "a file where the folder should be");
  // The folder cannot be made: ENOTDIR on reading is told as well.
  await assert.rejects(world.open({ blocked: { fingerprints: [], file } }), /ENOTDIR/);
  await rm(join(world.folder, "_roots"));
  const failing = () => Promise.reject(new Error("EIO: made by a test"));
  await using keeper = await world.start({
    blocked: { fingerprints: [], file },
    lockFolder: failing,
  });
  assert.equal(keeper.rootsOf("one").count, 10, "the log serves");
  world.web.set("https://x", pems(0, 11));
  await writeFile(file, printOf(0));
  await keeper.reload();
  assert.equal(keeper.rootsOf("one").count, 9);
  const refused = world.told("roots-refused").at(-1);
  assert.ok(refused?.type === "roots-refused" && refused.reason === "ledger", "it is told");
});

test("shards of the same roots share one set, and a shard of others has its own", async () => {
  await using world = await World.make();
  world.web.set("https://y", pems(10, 12));
  const shards = [
    { name: "one", sources: ["https://x"] },
    { name: "two", sources: ["https://x"] },
    { name: "three", sources: ["https://y"] },
  ];
  await using keeper = await world.start({ shards });
  assert.equal(keeper.rootsOf("one"), keeper.rootsOf("two"));
  assert.equal(keeper.rootsOf("three").count, 2);
  world.web.set("https://y", pems(9, 12));
  await keeper.reload();
  assert.deepEqual([...(world.applied[0]?.keys() ?? [])], ["three"], "only what changed");
});

test("a set without the Merge Delay Monitor Root is warned about once, at start", async () => {
  await using world = await World.make();
  await using keeper = await world.start();
  await keeper.reload();
  const warnings = world.told("roots-warning");
  assert.equal(warnings.length, 1);
  const [warning] = warnings;
  assert.ok(warning?.type === "roots-warning");
  assert.match(warning.message, /^one: .*Merge Delay Monitor Root .*Chrome requires/);
});

test("a restart takes what files add at once, and asks URLs when it serves", async () => {
  await using world = await World.make();
  const file = join(world.folder, "roots.pem");
  await writeFile(file, pems(10, 11));
  const shards = [{ name: "one", sources: ["https://x", file] }];
  {
    await using _keeper = await world.start({ shards });
  }
  const gate = Promise.withResolvers<string>();
  world.fetchText = () => gate.promise;
  await writeFile(file, pems(11, 12));
  await using keeper = await world.start({ shards });
  assert.equal(keeper.rootsOf("one").count, 12);
  assert.deepEqual(keeper.reloadsOf("one"), { reloadedMs: undefined, refused: undefined });
  assert.equal((await world.ledger()).length, 12, "nothing counts as lost until all are asked");
  gate.resolve(pems(0, 10));
  await keeper.reload();
  assert.notEqual(keeper.reloadsOf("one").reloadedMs, undefined);
  assert.equal((await world.ledger()).at(-1), `lost ${printOf(10)}`);
  assert.equal(keeper.rootsOf("one").count, 12);
});

test("stopping does not wait for a source that does not answer", async () => {
  await using world = await World.make();
  const keeper = await world.start();
  world.fetchText = (_, signal) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(new Error("aborted")));
    });
  const reload = keeper.reload();
  const again = keeper.reload();
  assert.equal(reload, again, "several wishes are one reload");
  await new Promise(setImmediate);
  await keeper[Symbol.asyncDispose]();
  await reload;
  assert.deepEqual(world.told("roots-refused"), []);
});
