/**
 * Proofs over HTTP on a real store, for past tree sizes that were published and that never
 * were, against the definitions of RFC 6962, section 2.1: all of them up to 130, and random
 * ones up to 70,000. `STRATUS_PROOFS` sets how many random ones.
 * @module
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Random } from "../fuzz/fuzz.ts";
import { ReferenceTree } from "../reference/merkle.ts";
import { makeCa } from "../support/certificates.ts";
import { type Filled, fillShard } from "../support/fill-shard.ts";
import { type RunningLog, startRunningLog } from "../support/running-log.ts";

const EXHAUSTIVE_SIZE = 130;
const TREE_SIZE = 70_000;
const GROUP = 4_096;
const RANDOM_COUNT = Number(process.env["STRATUS_PROOFS"] ?? 500);
const SEED = Number(process.env["STRATUS_SEED"] ?? 42);

let log: RunningLog;
let filled: Filled;
let tree: ReferenceTree;

before(async () => {
  const groups: number[] = [1, 2, 4, 120];
  let rest = TREE_SIZE - 127;
  for (; rest > GROUP; rest -= GROUP) groups.push(GROUP);
  groups.push(rest);
  log = await startRunningLog([{ name: "big", roots: [makeCa()] }], {}, async (config) => {
    filled = await fillShard(config, groups);
  });
  tree = new ReferenceTree(filled.leafHashes);
});
after(() => log[Symbol.asyncDispose]());

test("get-sth answers the root of all 70,000 entries", async () => {
  const sth = await log.json("/big/ct/v1/get-sth");
  assert.equal(sth["tree_size"], TREE_SIZE);
  assert.equal(sth["sha256_root_hash"], base64(tree.root(0, TREE_SIZE)));
  assert.equal(filled.publishedSizes.has(100), false, "100 was never published");
});

test("get-sth-consistency of all pairs up to 130", async () => {
  await each(pairs(EXHAUSTIVE_SIZE), ([first, second]) => requireConsistency(first, second));
});

test("both inclusion proofs of all entries in all trees up to 130", async () => {
  const all = pairs(EXHAUSTIVE_SIZE).filter(([index, size]) => index < size);
  await each(all, ([index, size]) => requireInclusion(index, size));
});

test(`${RANDOM_COUNT} random proofs of each kind up to 70,000, seed ${SEED}`, async () => {
  const random = new Random(SEED);
  const sizes = Array.from({ length: RANDOM_COUNT }, () => 1 + random.below(TREE_SIZE));
  assert.ok(sizes.filter((size) => !filled.publishedSizes.has(size)).length > RANDOM_COUNT / 2);
  await each(sizes, async (size) => {
    await requireConsistency(random.below(size + 1), size);
    await requireInclusion(random.below(size), size);
  });
});

async function requireConsistency(first: number, second: number): Promise<void> {
  const query = `first=${first}&second=${second}`;
  const reply = await log.call(`/big/ct/v1/get-sth-consistency?${query}`);
  const expected = JSON.stringify({ consistency: tree.proof(first, second).map(base64) });
  assert.equal(reply.text, expected, query);
}

async function requireInclusion(index: number, size: number): Promise<void> {
  const path = tree.path(index, 0, size).map(base64);
  const hash = encodeURIComponent(base64(filled.leafHashes[index] ?? assert.fail()));
  const query = `hash=${hash}&tree_size=${size}`;
  const byHash = await log.call(`/big/ct/v1/get-proof-by-hash?${query}`);
  assert.equal(byHash.text, JSON.stringify({ leaf_index: index, audit_path: path }), query);
  const place = `leaf_index=${index}&tree_size=${size}`;
  const entry = await log.json(`/big/ct/v1/get-entry-and-proof?${place}`);
  assert.deepEqual(entry["audit_path"], path, place);
}

/** All pairs (a, b) with 0 <= a <= b <= max. */
function pairs(max: number): readonly (readonly [number, number])[] {
  const all: [number, number][] = [];
  for (let b = 0; b <= max; b += 1) for (let a = 0; a <= b; a += 1) all.push([a, b]);
  return all;
}

/** Runs `act` for each item, sixteen at a time. */
async function each<Item>(
  items: readonly Item[],
  act: (item: Item) => Promise<void>,
): Promise<void> {
  const queue = [...items];
  const work = async (): Promise<void> => {
    for (let item = queue.pop(); item !== undefined; item = queue.pop()) await act(item);
  };
  await Promise.all(Array.from({ length: 16 }, work));
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}
