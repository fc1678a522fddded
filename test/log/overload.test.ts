/**
 * What a shard refuses by the headers alone when it has too much to do: add-chain before
 * add-pre-chain, and neither while it keeps up.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { UNANSWERED_MIN, UNANSWERED_MS_MAX } from "../../src/log/frontend.ts";
import type { SubmitEndpoint } from "../../src/log/log.ts";
import type { Shard } from "../../src/log/shard.ts";
import { ADD_CHAIN_FULLNESS_MAX } from "../../src/policy/limits.ts";
import { openMemoryStore } from "../../src/storage/memory.ts";
import { chainOf } from "../support/certificates.ts";
import { intercept } from "../support/engine.ts";
import { SHARD_ROOT, ShardMachine } from "../support/log-shard.ts";
import { CLOCK_START_MS } from "../support/manual-clock.ts";

const CA = SHARD_ROOT.intermediate();

/** The code that each endpoint is refused with by its headers. */
function refusals(shard: Shard): Readonly<Record<SubmitEndpoint, string>> {
  const of = (endpoint: SubmitEndpoint) => shard.refusalOf(endpoint)?.code ?? "";
  return { "add-chain": of("add-chain"), "add-pre-chain": of("add-pre-chain") };
}

const NONE = { "add-chain": "", "add-pre-chain": "" };
const FULL = "UNAVAILABLE_POOL_FULL";
const BEHIND = "UNAVAILABLE_OVERLOADED";

/** Answers are of no interest. */
function send(shard: Shard, chain: readonly Uint8Array[]): void {
  shard.submit("add-chain", chain).catch(() => {});
}

test("the last part of the pool is for precertificates: ADD_CHAIN_FULLNESS_MAX", async () => {
  const entriesMax = 32;
  const machine = new ShardMachine();
  const shard = await machine.open({ pool: { entriesMax, bytesMax: 1e7 } });
  // Old ones would be of low priority, which gives way in other ways.
  const notBefore = new Date(CLOCK_START_MS);
  const chains = Array.from({ length: entriesMax }, () => chainOf(CA.issue({ notBefore }), CA));
  const room = entriesMax * ADD_CHAIN_FULLNESS_MAX;
  assert.ok(room < entriesMax);
  for (const [count, chain] of chains.entries()) {
    const expected = count < room ? NONE : { ...NONE, "add-chain": FULL };
    assert.deepEqual(refusals(shard), expected, `${count} wait`);
    send(shard, chain);
  }
  assert.deepEqual(refusals(shard), { "add-chain": FULL, "add-pre-chain": FULL });
  await machine.clock.advance(200);
  assert.deepEqual(refusals(shard), NONE);
  assert.equal(shard.publishedSize(), entriesMax);
});

test("a shard behind with its answers takes no more, add-chain first, until it has answered", async () => {
  const machine = new ShardMachine();
  let release = (): void => {};
  const store = intercept(openMemoryStore(machine.disk), async (method, call, args) => {
    const [commit] = args as [{ entries?: unknown[] }];
    if (method === "commit" && commit.entries?.length === 1) {
      await new Promise<void>((resolve) => {
        release = resolve;
      });
    }
    return call();
  });
  const intervalMs = 100;
  const shard = await machine.open({ store });
  // Twins wait together: one entry, and as many who wait.
  const chain = chainOf(CA.issue(), CA);
  for (let count = 1; count < UNANSWERED_MIN; count += 1) send(shard, chain);
  await machine.clock.advance(intervalMs + UNANSWERED_MS_MAX + 1);
  assert.deepEqual(refusals(shard), NONE, "few may wait for long: a slow disk is no overload");
  send(shard, chain);
  assert.deepEqual(refusals(shard), { "add-chain": BEHIND, "add-pre-chain": BEHIND });
  release();
  await machine.clock.advance(0);
  assert.deepEqual(refusals(shard), NONE);

  const other = chainOf(CA.issue(), CA);
  for (let count = 0; count < UNANSWERED_MIN; count += 1) send(shard, other);
  await machine.clock.advance(intervalMs + UNANSWERED_MS_MAX / 2);
  assert.deepEqual(refusals(shard), NONE);
  await machine.clock.advance(1);
  assert.deepEqual(refusals(shard), { ...NONE, "add-chain": BEHIND });
  await machine.clock.advance(UNANSWERED_MS_MAX / 2);
  assert.deepEqual(refusals(shard), { "add-chain": BEHIND, "add-pre-chain": BEHIND });
  release();
  await machine.clock.advance(0);
  assert.deepEqual(refusals(shard), NONE);
  assert.equal(shard.publishedSize(), 2);
});
