import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { bytesKey } from "../../src/encoding/bytes.ts";
import { submissionBytes } from "../../src/sequencer/message.ts";
import { Pool } from "../../src/sequencer/pool.ts";
import { makeSubmission } from "../support/engine.ts";

const NO_LIMITS = { entriesMax: 1_000, bytesMax: 1e9 };
const low = (index: number) => makeSubmission(index, { priority: "low" });
const waiter = (): void => {};
const keyOf = (index: number): string => bytesKey(makeSubmission(index).dedupKey);

function keysOf(group: readonly { readonly key: string }[] | undefined): string[] {
  assert.ok(group !== undefined);
  return group.map(({ key }) => key);
}

describe("Pool", () => {
  test("gives normal before low, each in its order", () => {
    const pool = new Pool(NO_LIMITS);
    for (const submission of [low(1), makeSubmission(2), low(3), makeSubmission(4)]) {
      assert.deepEqual(pool.add(submission, waiter, 7), []);
    }
    assert.deepEqual(keysOf(pool.take(NO_LIMITS)), [2, 4, 1, 3].map(keyOf));
    assert.equal(pool.entryCount, 0);
    assert.equal(pool.bytes, 0);
  });

  test("add() of a twin joins it: one entry, all waiters", () => {
    const pool = new Pool({ entriesMax: 1, bytesMax: 1e9 });
    for (let turn = 0; turn < 3; turn += 1) pool.add(makeSubmission(1), waiter, 7);
    assert.equal(pool.entryCount, 1);
    assert.equal(pool.take(NO_LIMITS)[0]?.waiters.length, 3);
  });

  test("add() of a normal twin raises a low one; a low twin lowers nothing", () => {
    const pool = new Pool({ entriesMax: 3, bytesMax: 1e9 });
    pool.add(low(1), waiter, 7);
    pool.add(low(2), waiter, 7);
    pool.add(makeSubmission(2), waiter, 7);
    pool.add(low(2), waiter, 7);
    pool.add(makeSubmission(3), waiter, 7);
    // Full: the raised one stays, the low one gives way.
    assert.deepEqual(keysOf(pool.add(makeSubmission(4), waiter, 7)), [keyOf(1)]);
    assert.deepEqual(keysOf(pool.take(NO_LIMITS)), [2, 3, 4].map(keyOf));
  });

  test("add() is refused at entriesMax, and evicts the newest low ones for normal ones only", () => {
    const pool = new Pool({ entriesMax: 3, bytesMax: 1e9 });
    for (const index of [1, 2, 3]) pool.add(low(index), waiter, 7);
    assert.equal(pool.add(low(4), waiter, 7), undefined);
    assert.equal(pool.isFull, false);
    assert.deepEqual(keysOf(pool.add(makeSubmission(5), waiter, 7)), [keyOf(3)]);
    assert.deepEqual(keysOf(pool.add(makeSubmission(6), waiter, 7)), [keyOf(2)]);
    assert.deepEqual(keysOf(pool.add(makeSubmission(7), waiter, 7)), [keyOf(1)]);
    assert.equal(pool.isFull, true);
    assert.equal(pool.add(makeSubmission(8), waiter, 7), undefined);
    assert.equal(pool.entryCount, 3);
  });

  test("add() is refused at bytesMax, and evicts as many low ones as it takes", () => {
    const small = submissionBytes(makeSubmission(0));
    const pool = new Pool({ entriesMax: 100, bytesMax: 4 * small });
    const of = (index: number) => low(index * 6);
    for (const index of [1, 2, 3, 4]) assert.deepEqual(pool.add(of(index), waiter, 7), []);
    assert.equal(pool.add(of(5), waiter, 7), undefined);
    const large = makeSubmission(60, { bodyBytes: 60 + small });
    assert.deepEqual(keysOf(pool.add(large, waiter, 7)), [24, 18].map(keyOf));
    assert.equal(pool.bytes, 4 * small);
    const huge = makeSubmission(66, { bodyBytes: 5 * small });
    assert.equal(pool.add(huge, waiter, 7), undefined, "too large for the pool");
    assert.equal(pool.entryCount, 3, "nobody gave way for nothing");
  });

  test("take() keeps its bounds, but gives at least one", () => {
    const pool = new Pool(NO_LIMITS);
    for (const index of [0, 6, 12, 18]) pool.add(makeSubmission(index), waiter, 7);
    const bytes = submissionBytes(makeSubmission(0));
    assert.equal(pool.take({ entriesMax: 2, bytesMax: 1e9 }).length, 2);
    assert.equal(pool.take({ entriesMax: 9, bytesMax: bytes - 1 }).length, 1);
    assert.equal(pool.take({ entriesMax: 9, bytesMax: bytes }).length, 1);
    assert.deepEqual(pool.take(NO_LIMITS), []);
  });

  test("property: bytes and entries are those of what is in it, and under its limits", () => {
    const operation = fc.record({
      index: fc.nat(30),
      bodyBytes: fc.integer({ min: 1, max: 400 }),
      isLow: fc.boolean(),
      isTake: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 80 }), (operations) => {
        const limits = { entriesMax: 8, bytesMax: 2_500 };
        const pool = new Pool(limits);
        const inside = new Map<string, number>();
        for (const { index, bodyBytes, isLow, isTake } of operations) {
          if (isTake) {
            for (const { key } of pool.take({ entriesMax: 3, bytesMax: 700 })) inside.delete(key);
          } else {
            const priority = isLow ? "low" : "normal";
            const submission = makeSubmission(index, { priority, bodyBytes });
            const key = bytesKey(submission.dedupKey);
            const evicted = pool.add(submission, waiter, 7);
            if (evicted !== undefined && !inside.has(key)) {
              inside.set(key, submissionBytes(submission));
            }
            for (const gone of evicted ?? []) inside.delete(gone.key);
          }
          const bytes = [...inside.values()].reduce((sum, count) => sum + count, 0);
          assert.deepEqual([pool.entryCount, pool.bytes], [inside.size, bytes]);
          assert.ok(pool.entryCount <= limits.entriesMax && pool.bytes <= limits.bytesMax);
        }
        assert.deepEqual(new Set(keysOf(pool.clear())), new Set(inside.keys()));
        assert.deepEqual([pool.entryCount, pool.bytes], [0, 0]);
      }),
    );
  });
});
