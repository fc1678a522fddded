/**
 * Data, guard and the world disagree: real folders are copied back, cut, deleted and swapped,
 * and the log that is served from them must sign nothing, say what is wrong and what to do,
 * and go on showing what is proven.
 * @module
 */
import assert from "node:assert/strict";
import { readdir, rm, stat, truncate } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { UnavailableError } from "../../src/base/errors.ts";
import { REAL_SEAM } from "../../src/storage/level/real.ts";
import type { Seam } from "../../src/storage/level/seam.ts";
import { makeCa, type TestCa } from "../support/certificates.ts";
import {
  copyParts,
  grow,
  type LocalLog,
  openBillboard,
  SHARD,
  serveLocal,
  startLocal,
} from "../support/local-log.ts";
import { LogFolder } from "../support/process.ts";

/** A log that has `count` entries and was stopped, at `url`. */
async function logOf(ca: TestCa, count: number, url = "http://127.0.0.1:1"): Promise<LogFolder> {
  const folder = await LogFolder.make(ca, [{ name: SHARD }], ["logLevel: fatal"]);
  await pointTo(folder, url);
  await grow(folder, ca, numbers(0, count));
  return folder;
}

async function pointTo(folder: LogFolder, url: string): Promise<void> {
  await folder.writeConfig([
    "logLevel: fatal",
    "submissionUrl: http://127.0.0.1:1",
    `monitoringUrl: ${url}`,
  ]);
}

function numbers(start: number, end: number): number[] {
  return Array.from({ length: end - start }, (_, at) => start + at);
}

/** No SCT, no head; the reason says `message`; the first `readable` entries are shown. */
async function requireRefusal(
  local: LocalLog,
  ca: TestCa,
  message: RegExp,
  readable: number,
): Promise<void> {
  const { state, isReady, reason } = local.log.status();
  assert.equal(isReady, false, `${state}: ${reason}`);
  assert.match(reason, message);
  assert.ok(local.log.refusalOf("add-chain") instanceof UnavailableError);
  await assert.rejects(local.submit(ca, 9_999), UnavailableError);
  if (state === "read-only") assert.throws(() => local.log.head(), UnavailableError);
  assert.equal(local.log.publishedSize() >= readable, true, "what is proven stays readable");
  for (let index = 0; index < readable; index += 1) {
    const entries = await local.log.readEntries(index, index + 1);
    assert.equal(entries.length, 1, `entry ${index}`);
  }
}

for (const shown of ["get-sth", "checkpoint"] as const) {
  test(`data and guard restored together are refused while the world has a newer ${shown}`, async () => {
    const ca = makeCa();
    await using world = await openBillboard();
    await using folder = await logOf(ca, 3, world.url);
    await using backup = await LogFolder.make(ca);
    await copyParts(folder, backup, ["data", "guard"]);
    {
      await using newer = await serveLocal(folder);
      await newer.submit(ca, 3);
      world.show(newer.log);
      const text = { sth: undefined, checkpoint: newer.log.checkpoint() };
      if (shown === "checkpoint") world.showTexts({ checkpoint: text.checkpoint });
    }
    await copyParts(backup, folder, ["data", "guard"]);
    await using local = await serveLocal(folder);
    await requireRefusal(
      local,
      ca,
      /FATAL_ROLLED_BACK.*by 1 entry and [0-9]+ ms: http.*restored/,
      3,
    );
  });
}

test("a guard that never signed is refused while the world has a head of its key", async () => {
  const ca = makeCa();
  await using world = await openBillboard();
  await using folder = await LogFolder.make(ca);
  await pointTo(folder, world.url);
  await grow(folder, ca, []);
  await using fresh = await LogFolder.make(ca);
  await copyParts(folder, fresh, ["data", "guard"]);
  {
    await using local = await serveLocal(folder);
    await local.submit(ca, 0);
    world.show(local.log);
  }
  await copyParts(fresh, folder, ["data", "guard"]);
  await using local = await serveLocal(folder);
  await requireRefusal(local, ca, /FATAL_ROLLED_BACK.*by 1 entry/, 0);
});

test("the shard goes on where the world has its own head, an older one, another key's, or none", async () => {
  const ca = makeCa();
  await using world = await openBillboard();
  await using folder = await logOf(ca, 2, world.url);
  await using stranger = await logOf(ca, 5);
  const texts = async (of: LogFolder) => {
    await using local = await serveLocal(of);
    world.show(local.log);
  };
  await texts(folder);
  for (const prepare of [
    async () => {},
    async () => grow(folder, ca, [2]),
    async () => texts(stranger),
    async () => world.showTexts({ sth: "{", checkpoint: "nonsense" }),
    async () => world.showTexts({}),
    async () => pointTo(folder, "http://127.0.0.1:1"),
  ]) {
    await prepare();
    await using local = await serveLocal(folder);
    assert.equal(local.log.status().reason, "");
    await local.submit(ca, 100);
  }
});

test("one key that signed two trees is refused once the world shows the other one", async () => {
  const ca = makeCa();
  await using world = await openBillboard();
  await using folder = await logOf(ca, 3, world.url);
  await using twin = await LogFolder.make(ca);
  await copyParts(folder, twin, ["data", "guard"]);
  await twin.writeConfig(["submissionUrl: http://127.0.0.1:1"]);
  {
    await using other = await serveLocal(twin);
    await other.submit(ca, 50);
    world.show(other.log);
  }
  const older = world;
  await pointTo(folder, "http://127.0.0.1:1");
  await grow(folder, ca, [51]);
  await pointTo(folder, older.url);
  await using local = await serveLocal(folder);
  await requireRefusal(local, ca, /FATAL_GUARD_DISAGREES.*size 4.*another tree.*two logs/, 4);
});

test("the same guard for two data folders is refused while it is held, and behind afterwards", async () => {
  const ca = makeCa();
  await using folder = await logOf(ca, 2);
  await using copy = await LogFolder.make(ca);
  await copyParts(folder, copy, ["data"]);
  const guard = join(folder.path, "guard");
  await copy.writeConfig([`guard: ${guard}`, "logLevel: fatal"]);
  {
    await using first = await serveLocal(folder);
    await first.submit(ca, 2);
    await assert.rejects(serveLocal(copy), { code: "FATAL_LOCKED" });
    await first.submit(ca, 3);
  }
  await using second = await serveLocal(copy);
  await requireRefusal(second, ca, /FATAL_ROLLED_BACK.*behind the guard by 2 entries/, 2);
});

test("a larger tree that forked is refused by the guard", async () => {
  const ca = makeCa();
  await using folder = await logOf(ca, 3);
  await using fork = await LogFolder.make(ca);
  await copyParts(folder, fork, ["data", "guard"]);
  await grow(fork, ca, [60, 61, 62, 63]);
  await grow(folder, ca, [3]);
  await copyParts(fork, folder, ["data"]);
  await using local = await serveLocal(folder);
  await requireRefusal(local, ca, /FATAL_GUARD_DISAGREES/, 3);
});

test("an entry segment that was cut is refused, and what is left of it is shown", async () => {
  const ca = makeCa();
  await using folder = await logOf(ca, 6);
  const segment = folder.shardPath(SHARD, "entries", "00000000");
  await truncate(segment, (await stat(segment)).size - 10);
  await using local = await serveLocal(folder);
  await requireRefusal(local, ca, /FATAL_STORE_CORRUPT.*segment 0 ends at byte [0-9]+.*restore/, 5);
});

test("an entry segment that is gone is refused", async () => {
  const ca = makeCa();
  await using folder = await logOf(ca, 6);
  await rm(folder.shardPath(SHARD, "entries", "00000000"));
  await using local = await serveLocal(folder);
  await requireRefusal(local, ca, /FATAL_STORE_CORRUPT.*segment 0 is missing.*restore/, 0);
});

for (const [name, pattern] of [
  ["CURRENT", /^CURRENT$/],
  ["the manifest", /^MANIFEST-/],
  ["the log", /\.log$/],
  ["the tables", /\.ldb$/],
] as const) {
  test(`a database that lost ${name} is refused`, async () => {
    const ca = makeCa();
    await using folder = await logOf(ca, 4);
    // A second life leaves tables of what the first one logged.
    await grow(folder, ca, [4]);
    const database = folder.shardPath(SHARD, "db");
    const lost = (await readdir(database)).filter((file) => pattern.test(file));
    assert.ok(lost.length > 0);
    for (const file of lost) await rm(join(database, file));
    await using local = await serveLocal(folder);
    const reason =
      /db\/\S+ (?:it )?is missing|behind the guard by [0-9]+ (?:entry|entries)|no identity/;
    await requireRefusal(local, ca, reason, 0);
  });
}

test("a database that is gone is refused at the start", async () => {
  const ca = makeCa();
  await using folder = await logOf(ca, 2);
  await rm(folder.shardPath(SHARD, "db"), { recursive: true });
  await assert.rejects(serveLocal(folder), { code: "FATAL_STORE_MISSING" });
});

for (const what of ["entries", "batch"] as const) {
  test(`a flush of the ${what} that fails once ends signing until a restart`, async () => {
    const ca = makeCa();
    await using folder = await logOf(ca, 2);
    {
      const seam = failingOnce(what);
      await using local = await startLocal(folder, { seam: () => seam });
      seam.arm();
      await assert.rejects(local.submit(ca, 2), { code: "UNAVAILABLE_OUTCOME_UNKNOWN" });
      await requireRefusal(local, ca, /FATAL_FSYNC/, 2);
      assert.equal(local.log.head().treeSize, 2);
      assert.equal(seam.failures, 1);
    }
    await using again = await serveLocal(folder);
    assert.equal(again.log.status().reason, "");
    await again.submit(ca, 2);
    assert.equal(again.log.head().treeSize, 3, "one entry for the one submission");
  });
}

/** The real world, of which one flush fails once it is armed. */
function failingOnce(what: "entries" | "batch"): Seam & { arm(): void; failures: number } {
  let isArmed = false;
  const seam = {
    poisoned: new Set<string>(),
    failures: 0,
    arm() {
      isArmed = true;
    },
    files: {
      ...REAL_SEAM.files,
      openFile: async (path: string, mode: "read" | "write") => {
        const file = await REAL_SEAM.files.openFile(path, mode);
        const flush = async (run: () => Promise<void>) => {
          await run();
          if (what === "entries" && path.includes("/entries/")) fail();
        };
        return {
          ...file,
          sync: () => flush(file.sync),
          syncData: () => flush(file.syncData),
        };
      },
    },
    openDatabase: async (path: string, options: Parameters<Seam["openDatabase"]>[1]) => {
      const database = await REAL_SEAM.openDatabase(path, options);
      return {
        ...database,
        write: async (...args: Parameters<typeof database.write>) => {
          await database.write(...args);
          if (what === "batch" && args[1].sync) fail();
        },
      };
    },
  };
  const fail = () => {
    if (!isArmed) return;
    isArmed = false;
    seam.failures += 1;
    throw Object.assign(new Error("EIO: i/o error, fdatasync"), { code: "EIO" });
  };
  return seam;
}
