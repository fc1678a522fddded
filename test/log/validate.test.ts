import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FatalError, UnavailableError } from "../../src/base/errors.ts";
import type { Verdict } from "../../src/log/validate.ts";
import { decodeLeafIndexExtension } from "../../src/static-ct/extensions.ts";
import { openMemoryStore } from "../../src/storage/memory.ts";
import { chainOf } from "../support/certificates.ts";
import { intercept } from "../support/engine.ts";
import { SHARD_ROOT, ShardMachine } from "../support/log-shard.ts";

const CA = SHARD_ROOT.intermediate();
const CHAIN = chainOf(CA.issue(), CA);

function acceptedOf(verdict: Verdict) {
  assert.equal(verdict.refusal, undefined);
  return verdict.accepted ?? assert.fail("neither accepted nor refused");
}

describe("Log.validate()", () => {
  test("finds a duplicate once it is published, at its SCT's index and time", async () => {
    const machine = new ShardMachine();
    const shard = await machine.open();
    assert.equal(acceptedOf(await shard.validate(undefined, CHAIN)).duplicate, null);
    const sct = await machine.submit(shard, "add-chain", CHAIN);
    const { duplicate } = acceptedOf(await shard.validate(undefined, CHAIN));
    const leafIndex = decodeLeafIndexExtension(sct.extensions);
    assert.deepEqual(duplicate, { leafIndex, timestampMs: sct.timestampMs });
    assert.equal(shard.publishedSize(), 1);
  });

  test("tells nothing of what is committed but not published", async () => {
    const machine = new ShardMachine();
    const store = intercept(openMemoryStore(machine.disk), (method, call) =>
      method === "findDuplicates" ? [{ leafIndex: 7, timestampMs: 1 }] : call(),
    );
    const shard = await machine.open({ store });
    assert.equal(acceptedOf(await shard.validate(undefined, CHAIN)).duplicate, null);
  });

  test("an index that points at another entry is FATAL_STORE_CORRUPT, never a duplicate", async () => {
    const machine = new ShardMachine();
    let isDamaged = false;
    const store = intercept(openMemoryStore(machine.disk), (method, call) =>
      isDamaged && method === "findDuplicates" ? [{ leafIndex: 0, timestampMs: 1 }] : call(),
    );
    const shard = await machine.open({ store });
    await machine.submit(shard, "add-chain", CHAIN);
    isDamaged = true;
    await assert.rejects(
      shard.validate(undefined, CHAIN),
      (error) => error instanceof FatalError && error.code === "FATAL_STORE_CORRUPT",
    );
  });

  test("gives way when the pool is nearly full", async () => {
    const machine = new ShardMachine();
    const shard = await machine.open({ pool: { entriesMax: 8, bytesMax: 1e7 } });
    for (let count = 0; count < 6; count += 1) {
      shard.submit("add-chain", chainOf(CA.issue(), CA)).catch(() => {});
    }
    acceptedOf(await shard.validate(undefined, CHAIN));
    shard.submit("add-chain", chainOf(CA.issue(), CA)).catch(() => {});
    await assert.rejects(
      shard.validate(undefined, CHAIN),
      (error) => error instanceof UnavailableError && error.code === "UNAVAILABLE_POOL_FULL",
    );
  });
});
