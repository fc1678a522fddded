/**
 * A shard fails alone: each cause of not being ready, with two other shards of the same
 * process that answer and take submissions throughout, and what heals it.
 * @module
 */
import assert from "node:assert/strict";
import { cp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { Agent } from "node:http";
import { join } from "node:path";
import {
  type Cause,
  guardPath,
  ILL,
  keep,
  ROOT,
  restore,
  SHARDS,
  testCause,
  type World,
} from "../support/ill-shard.ts";
import { Ledger } from "../support/ledger.ts";
import { shardReady, until } from "../support/process.ts";
import { type DiskCall, type Here, movedClock, serveHere } from "../support/running.ts";

/** Moves something away; {@link unhide} brings it back. */
const hide = (path: string): Promise<void> => rename(path, `${path}.hidden`);
const unhide = async (path: string): Promise<void> => {
  await rm(path, { recursive: true, force: true });
  await rename(`${path}.hidden`, path);
};

/** Flips one bit of the first entry. */
const flipEntryBit = async ({ folder }: World): Promise<void> => {
  const names = await readdir(folder.shardPath(ILL, "entries"), { recursive: true });
  const [name] = names.filter((found) => !/\.(?:new|tmp)$/.test(found)).sort();
  const path = folder.shardPath(ILL, "entries", name!);
  const bytes = await readFile(path);
  bytes[300] = bytes[300]! ^ 1;
  await writeFile(path, bytes);
};

/** Runs the log once with more entries on the ill shard, then stops it. */
const goOn = async (world: World): Promise<void> => {
  await using here = await world.serve();
  await shardReady(here.operationsUrl, ILL);
  await world.submit(here, [ILL], 5);
};

/** Submits once to a failing disk: the answer is 503, never an SCT. */
const strikeDisk = (call: DiskCall) => async (world: World, here: Here) => {
  world.disk.failing = call;
  const ledger = world.ledgers.get(ILL)!;
  const sent = ledger.next();
  const agent = new Agent();
  const answer = await ledger.submit(`${here.listenUrl}/${ILL}`, sent, agent);
  agent.destroy();
  assert.equal(answer.status, 503, answer.text);
  assert.match(answer.retryAfter ?? "", /^[1-9][0-9]*$/);
};

const healDisk = async (world: World): Promise<void> => {
  world.disk.failing = undefined;
};

const CAUSES: readonly Cause[] = [
  {
    name: "LevelDB does not open: its manifest is gone",
    spoil: ({ folder }) => hide(folder.shardPath(ILL, "db", "CURRENT")),
    reason: /FATAL_STORE_CORRUPT: db\/CURRENT is missing/,
    reads: "nothing",
    mend: ({ folder }) => unhide(folder.shardPath(ILL, "db", "CURRENT")),
  },
  {
    name: "a bit of a table is flipped",
    spoil: async (world) => {
      // Whatever LevelDB's log holds becomes a table at the next start.
      await goOn(world);
      await keep(world);
      const names = await readdir(world.folder.shardPath(ILL, "db"));
      const path = world.folder.shardPath(ILL, "db", names.find((name) => /\.ldb$/.test(name))!);
      const bytes = await readFile(path);
      bytes[40] = bytes[40]! ^ 1;
      await writeFile(path, bytes);
    },
    reason: /FATAL_STORE_CORRUPT: db\/\d+\.ldb: block at byte 0: its checksum differs; bring/,
    reads: "nothing",
    mend: restore,
  },
  {
    name: "LevelDB's tables and logs are damaged",
    spoil: async (world) => {
      await keep(world);
      const path = world.folder.shardPath(ILL, "db");
      for (const name of await readdir(path)) {
        if (!/\.(?:ldb|log)$|^MANIFEST/.test(name)) continue;
        const bytes = await readFile(join(path, name));
        await writeFile(join(path, name), bytes.fill(0x5a));
      }
    },
    reason: /./,
    reads: "nothing",
    mend: restore,
  },
  {
    name: "the disk fails while LevelDB opens",
    spoil: async ({ disk }) => {
      disk.failing = "open database";
    },
    reason: /EIO/,
    reads: "nothing",
    mend: healDisk,
  },
  {
    name: "the disk fails while entries are read at start",
    spoil: async ({ disk }) => {
      disk.failing = "entries read";
    },
    reason: /EIO/,
    reads: "tree",
    mend: healDisk,
  },
  {
    name: "an entry is damaged",
    spoil: async (world) => {
      await keep(world);
      await flipEntryBit(world);
    },
    reason: /FATAL_STORE_CORRUPT: the checksum of entry [0-9]+ differs/,
    reads: "tree",
    mend: restore,
  },
  {
    name: "a batch fails",
    strike: strikeDisk("batch"),
    reason: /FATAL_FSYNC.*EIO/,
    reads: "all",
    mend: healDisk,
  },
  {
    name: "an fsync of entries fails",
    strike: strikeDisk("entries fsync"),
    reason: /FATAL_FSYNC.*EIO/,
    reads: "all",
    mend: healDisk,
  },
  {
    name: "the last head is from the future",
    spoil: async (world) => {
      const early = Date.now();
      await world.folder.writeConfig(["logLevel: fatal"], [SHARDS[0]!]);
      await using here = await world.serve({ clock: movedClock(3_000) });
      await shardReady(here.operationsUrl, ILL);
      await until("a head from the future", async () => {
        const { timestampMs } = await (await world.prover(here, ILL)).head();
        return timestampMs > early + 2_500 ? true : undefined;
      });
      await here.stop();
      await world.folder.writeConfig(["logLevel: fatal"]);
    },
    reason: /the clock is [0-9]+ ms behind the last tree head/,
    reads: "all",
    mend: async () => {},
  },
  {
    name: "the data were rolled back",
    spoil: async (world) => {
      await keep(world);
      await goOn(world);
      await rename(join(world.folder.path, "data", ILL), join(world.folder.path, "newest"));
      await cp(join(world.folder.path, "kept", ILL), world.folder.shardPath(ILL), {
        recursive: true,
      });
    },
    reason: /FATAL_ROLLED_BACK: the store is behind the guard by 5 entries: it holds size 20/,
    reads: "proven",
    mend: async ({ folder }) => {
      await rm(folder.shardPath(ILL), { recursive: true });
      await rename(join(folder.path, "newest"), folder.shardPath(ILL));
    },
  },
  {
    name: "the guard's slots are gone",
    spoil: async (world) => {
      for (const slot of ["slot-0", "slot-1"]) await hide(join(await guardPath(world), slot));
    },
    reason: /FATAL_GUARD_MISSING: cannot read the guard/,
    reads: "proven",
    mend: async (world) => {
      for (const slot of ["slot-0", "slot-1"]) await unhide(join(await guardPath(world), slot));
    },
  },
  {
    name: "both slots of the guard are torn",
    spoil: async (world) => {
      const path = await guardPath(world);
      await cp(path, `${path}.hidden`, { recursive: true });
      for (const slot of ["slot-0", "slot-1"]) {
        const bytes = await readFile(join(path, slot));
        await writeFile(join(path, slot), bytes.fill(0, 20, 60));
      }
    },
    reason: /FATAL_GUARD_MISSING: no record in .* is whole/,
    reads: "proven",
    mend: async (world) => unhide(await guardPath(world)),
  },
  {
    name: "the guard has signed another tree",
    spoil: async (world) => {
      const guard = await guardPath(world);
      await keep(world);
      await cp(guard, `${guard}.old`, { recursive: true });
      await goOn(world);
      // Guard and data of the tree that the world saw go aside.
      await hide(guard);
      await rename(world.folder.shardPath(ILL), join(world.folder.path, "newest"));
      // From the same beginning another tree of the same size, under an old copy of the guard.
      await cp(`${guard}.old`, guard, { recursive: true });
      await cp(join(world.folder.path, "kept", ILL), world.folder.shardPath(ILL), {
        recursive: true,
      });
      const twin = new Ledger(ROOT);
      for (let index = 0; index < 200; index += 1) twin.next();
      await using here = await serveHere(world.folder);
      await shardReady(here.operationsUrl, ILL);
      const agent = new Agent();
      for (const sent of twin.sent.slice(100, 105)) {
        await twin.submit(`${here.listenUrl}/${ILL}`, sent, agent);
      }
      agent.destroy();
      await here.stop();
      await unhide(guard);
    },
    reason: /FATAL_GUARD_DISAGREES/,
    reads: "proven",
    mend: async ({ folder }) => {
      await rm(folder.shardPath(ILL), { recursive: true });
      await rename(join(folder.path, "newest"), folder.shardPath(ILL));
    },
  },
];

for (const cause of CAUSES) testCause(cause);
