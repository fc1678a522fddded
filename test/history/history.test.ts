import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { History, type HistoryOptions } from "../../src/history/history.ts";
import type { RingFile } from "../../src/history/ring.ts";
import { PROCESS, type Sample } from "../../src/history/sample.ts";
import { ManualClock } from "../support/manual-clock.ts";

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;

/** A process that counts, over a folder that stays. */
class World implements AsyncDisposable {
  readonly clock = new ManualClock();
  readonly folder: string;
  readonly unwritten: string[] = [];
  accepted = 0;
  poolEntries = 0;
  looks = 0;
  runMs = this.clock.nowMs();

  constructor(folder: string) {
    this.folder = folder;
  }

  sample(): Sample {
    return {
      timeMs: this.clock.nowMs(),
      runMs: this.runMs,
      counts: { accepted: this.accepted },
      buckets: {},
      gauges: { poolEntries: this.poolEntries },
      issuers: {},
    };
  }

  /** As a process that starts: with nothing counted. */
  async start(more: Partial<HistoryOptions> = {}): Promise<History> {
    this.accepted = 0;
    this.runMs = this.clock.nowMs();
    const history = new History({
      folder: this.folder,
      shards: ["a"],
      look: async () => {
        this.looks += 1;
        return new Map([
          ["a", this.sample()],
          [PROCESS, this.sample()],
        ]);
      },
      clock: this.clock,
      onUnwritten: (message) => this.unwritten.push(message),
      ...more,
    });
    history.start();
    await history.lookNow();
    return history;
  }

  /** Time passes in tens of seconds, each look written before the next. */
  async pass(history: History, ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 10 * SECOND_MS) {
      const looks = this.looks;
      await this.clock.advance(10 * SECOND_MS);
      // `lookNow` waits for the one that the clock began, and is no row of its own.
      await history.lookNow();
      assert.equal(this.looks, looks + 2);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }
}

async function makeWorld(): Promise<World> {
  return new World(await mkdtemp(join(tmpdir(), "stratus-history-")));
}

const acceptedIn = (history: History, range: "hour" | "day"): number =>
  history.steps("a", range).reduce((sum, { counts }) => sum + (counts["accepted"] ?? 0), 0);

test("History looks every ten seconds, and for the day every five minutes", async () => {
  await using world = await makeWorld();
  await using history = await world.start();
  for (let minute = 0; minute < 10; minute += 1) {
    world.accepted += 6;
    await world.pass(history, MINUTE_MS);
  }
  assert.equal(history.steps("a", "hour").length, 61);
  assert.equal(history.steps("a", "day").length, 3);
  assert.equal(history.steps(PROCESS, "day").length, 3);
  assert.equal(acceptedIn(history, "hour"), 60);
  assert.equal(acceptedIn(history, "day"), 60);
  assert.deepEqual(history.steps("other", "day"), []);
});

test("History forgets what is older than its range", async () => {
  await using world = await makeWorld();
  await using history = await world.start();
  world.accepted = 50;
  await world.pass(history, MINUTE_MS);
  await world.pass(history, 61 * MINUTE_MS);
  assert.equal(acceptedIn(history, "hour"), 0);
  assert.equal(history.steps("a", "hour").length, 360);
  assert.equal(acceptedIn(history, "day"), 50);
});

test("History.stepsUntil() counts what came since the last look", async () => {
  await using world = await makeWorld();
  await using history = await world.start();
  await world.clock.advance(3 * SECOND_MS);
  world.accepted = 4;
  const last = history.stepsUntil("a", "day", world.sample()).at(-1);
  assert.deepEqual(last?.counts, { accepted: 4 });
  assert.equal(last.endMs - last.startMs, 3 * SECOND_MS);
  assert.equal(acceptedIn(history, "day"), 0);
});

test("History tells the peak of a pool in a longer time", async () => {
  await using world = await makeWorld();
  await using history = await world.start();
  await world.pass(history, MINUTE_MS);
  world.poolEntries = 900;
  await world.pass(history, 10 * SECOND_MS);
  world.poolEntries = 2;
  await world.pass(history, 4 * MINUTE_MS);
  assert.equal(history.steps("a", "day").at(-1)?.gauges["poolEntries"], 900);
  assert.equal(history.steps("a", "hour").at(-1)?.gauges["poolEntries"], 2);
});

test("History outlives its process, however that ended", async () => {
  await using world = await makeWorld();
  let isAlive = true;
  const { clock } = world;
  const mortal = {
    nowMs: () => clock.nowMs(),
    monotonicMs: () => clock.monotonicMs(),
    after: (delayMs: number, run: () => void) => clock.after(delayMs, () => isAlive && run()),
  };
  const killed = await world.start({ clock: mortal });
  world.accepted = 7;
  await world.pass(killed, 2 * MINUTE_MS);
  isAlive = false;
  await world.clock.advance(5 * SECOND_MS);
  await using history = await world.start();
  assert.equal(acceptedIn(history, "hour"), 7);
  assert.equal(acceptedIn(history, "day"), 7, "between two looks of the day it ended");
  world.accepted = 3;
  await world.pass(history, MINUTE_MS);
  assert.equal(acceptedIn(history, "hour"), 10);
  const names = [`${PROCESS}.day`, `${PROCESS}.hour`, "a.day", "a.hour"];
  assert.deepEqual((await readdir(world.folder)).sort(), names);
  await killed[Symbol.asyncDispose]();
});

test("History counts what came before its first look, but not what its full ring forgot", async () => {
  await using world = await makeWorld();
  const first = await world.start({ look: async () => new Map([["a", world.sample()]]) });
  world.accepted = 7;
  await first[Symbol.asyncDispose]();
  await world.clock.advance(SECOND_MS);
  const second = await world.start();
  assert.equal(acceptedIn(second, "hour"), 7);
  world.accepted = 1_000;
  await world.pass(second, MINUTE_MS);
  await world.pass(second, 62 * MINUTE_MS);
  await second[Symbol.asyncDispose]();
  await using third = await world.start();
  assert.equal(acceptedIn(third, "hour"), 0);
  assert.equal(acceptedIn(third, "day"), 1_007);
});

test("History that is closed keeps what came since its last look", async () => {
  await using world = await makeWorld();
  const closed = await world.start();
  await world.clock.advance(2 * SECOND_MS);
  world.accepted = 7;
  await closed[Symbol.asyncDispose]();
  await world.clock.advance(SECOND_MS);
  await using history = await world.start();
  assert.equal(acceptedIn(history, "hour"), 7);
  assert.equal(acceptedIn(history, "day"), 7);
});

test("History goes on without files, and says so once", async () => {
  await using world = await makeWorld();
  const file = join(world.folder, "file");
  await writeFile(file, "");
  await using history = await world.start({ folder: join(file, "below") });
  world.accepted = 7;
  await world.pass(history, MINUTE_MS);
  assert.equal(acceptedIn(history, "hour"), 7);
  assert.equal(history.isKept, false);
  assert.equal(world.unwritten.length, 1);
  assert.match(world.unwritten[0] ?? "", /ENOTDIR|EEXIST/);
});

test("History says once that a disk is full, and again the next time that it is", async () => {
  await using world = await makeWorld();
  let isFull = false;
  let written = 0;
  const openRing = (async () => ({
    ring: {
      append: async () => {
        if (isFull) throw new Error("ENOSPC");
        written += 1;
      },
      close: async () => {},
    },
    rows: [],
    isFromStart: false,
  })) as unknown as typeof RingFile.open;
  await using history = await world.start({ openRing });
  for (const full of [true, false, true]) {
    isFull = full;
    await world.pass(history, MINUTE_MS);
    assert.equal(history.isKept, !full);
  }
  assert.deepEqual(world.unwritten, ["ENOSPC", "ENOSPC"]);
  assert.ok(written > 0);
  assert.equal(history.steps("a", "hour").length, 19);
});

test("History survives a look that fails", async () => {
  await using world = await makeWorld();
  let isBroken = false;
  await using history = await world.start({
    look: async () => {
      world.looks += 1;
      if (isBroken) throw new Error("no answer");
      return new Map([["a", world.sample()]]);
    },
  });
  isBroken = true;
  await world.pass(history, 10 * SECOND_MS);
  isBroken = false;
  world.accepted = 2;
  await world.pass(history, 20 * SECOND_MS);
  assert.equal(acceptedIn(history, "hour"), 2);
  assert.deepEqual(world.unwritten, ["no answer"]);
});

test("History keeps counting when the clock is set back, and shows nothing of the future", async () => {
  await using world = await makeWorld();
  await using history = await world.start();
  world.accepted = 5;
  await world.pass(history, MINUTE_MS);
  world.clock.wallMs -= 30 * MINUTE_MS;
  world.accepted = 8;
  await world.pass(history, MINUTE_MS);
  const times = history.steps("a", "hour").map(({ endMs }) => endMs);
  assert.ok(times.every((timeMs) => timeMs <= world.clock.nowMs()));
  assert.deepEqual(
    times,
    times.toSorted((a, b) => a - b),
  );
  assert.equal(acceptedIn(history, "hour"), 3);
});
