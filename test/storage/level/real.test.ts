/** What LevelDB's iterators keep after they have ended. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { readCounters } from "../../../bench/process.ts";
import { LEVEL_DEFAULTS } from "../../../src/storage/level/folder.ts";
import { REAL_SEAM } from "../../../src/storage/level/real.ts";
import { randomBytes } from "../../support/commits.ts";
import { temporaryFolder } from "../../support/level.ts";

const ROUNDS = 2_000;
const KEYS = 490;

async function openFilled(path: string) {
  const database = await REAL_SEAM.openDatabase(path, { ...LEVEL_DEFAULTS, create: true });
  const keys = Array.from({ length: KEYS }, (_, at) => randomBytes(`key ${at}`, 33));
  await database.write(
    keys.map((key) => [key, Uint8Array.of(1)] as const),
    { sync: false },
  );
  return { database, sorted: keys.map((key) => Buffer.from(key)).sort(Buffer.compare) };
}

const ALL = [new Uint8Array(0), new Uint8Array(34).fill(0xff)] as const;

test("keys() and scan() give all of a range in order, keys() as many as are asked for", async () => {
  await using root = await temporaryFolder();
  const { database, sorted } = await openFilled(join(root.path, "db"));
  const some: Uint8Array[] = [];
  for await (const keys of database.keys(...ALL, KEYS - 1)) some.push(...keys);
  assert.deepEqual(some.map(Buffer.from), sorted.slice(0, -1));
  const scanned: Uint8Array[] = [];
  for await (const [key, value] of database.scan(...ALL)) {
    assert.deepEqual(value, Uint8Array.of(1));
    scanned.push(key);
  }
  assert.deepEqual(scanned.map(Buffer.from), sorted);
  // One that is left early lets go of the database.
  for await (const _ of database.scan(...ALL)) break;
  await database.close();
});

test("iterators that have ended keep little, though V8 collects them late", {
  skip: process.platform === "linux" ? false : "RssAnon is Linux's",
}, async () => {
  await using root = await temporaryFolder();
  const { database } = await openFilled(join(root.path, "db"));
  const rssAnonBytes = () => readCounters([process.pid]).rssAnonBytes;
  const before = rssAnonBytes();
  let count = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    for await (const keys of database.keys(...ALL, KEYS)) count += keys.length;
  }
  assert.equal(count, ROUNDS * KEYS);
  // Some 64 kB each if all are read in one turn.
  const grownMb = (rssAnonBytes() - before) / 2 ** 20;
  assert.ok(grownMb < 60, `${ROUNDS} iterators left ${grownMb} MB`);
  await database.close();
});
