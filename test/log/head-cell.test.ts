import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import { HeadCell, REASON_UNITS_MAX, type ShardView } from "../../src/log/head-cell.ts";
import { UNAVAILABLE_CODES } from "../../src/sequencer/message.ts";
import { bytes, record } from "../support/arbitrary.ts";
import { settle } from "../support/manual-clock.ts";

const head = record({
  treeSize: fc.integer({ min: 0, max: 2 ** 40 }),
  timestampMs: fc.maxSafeNat(),
  rootHash: bytes(32),
  signature: fc.uint8Array({ maxLength: 520 }),
});

const view: fc.Arbitrary<ShardView> = record({
  head: fc.option(head, { nil: undefined }),
  state: fc.constantFrom("starting", "open", "read-only", "failed", "stopped"),
  reason: fc.string({ unit: "binary", maxLength: 300 }),
  refusal: fc.constantFrom(undefined, ...UNAVAILABLE_CODES),
});

const HEAD = {
  treeSize: 5,
  timestampMs: 7,
  rootHash: new Uint8Array(32).fill(9),
  signature: Uint8Array.of(4, 3, 0, 1, 1),
};
const OPEN: ShardView = { head: HEAD, state: "open", reason: "", refusal: undefined };

describe("HeadCell", () => {
  test("of a new shard says that it is starting", () => {
    const { head: none, state, refusal } = HeadCell.make().read();
    assert.deepEqual(
      [none, state, refusal],
      [undefined, "starting", "UNAVAILABLE_SHARD_NOT_READY"],
    );
  });

  test("property: another cell over the buffer reads what was last written", () => {
    fc.assert(
      fc.property(fc.array(view, { minLength: 1, maxLength: 6 }), (views) => {
        const cell = HeadCell.make();
        const other = new HeadCell(cell.buffer);
        for (const written of views) {
          cell.write(written);
          assert.deepEqual(other.read(), written);
          assert.deepEqual(cell.read(), written);
        }
      }),
    );
  });

  test("read() gives the same object until something is written, and the same head after that", () => {
    const cell = HeadCell.make();
    cell.write(OPEN);
    const first = cell.read();
    assert.equal(cell.read(), first);
    cell.write({ ...OPEN, state: "failed", reason: "x" });
    const second = cell.read();
    assert.notEqual(second, first);
    assert.equal(second.head, first.head);
    cell.write({ ...OPEN, head: { ...HEAD, timestampMs: 8 } });
    assert.notEqual(cell.read().head, first.head);
  });

  test("a reason that is too long is cut", () => {
    const cell = HeadCell.make();
    cell.write({ ...OPEN, reason: "ab".repeat(REASON_UNITS_MAX) });
    assert.equal(cell.read().reason, "ab".repeat(REASON_UNITS_MAX / 2));
    cell.write({ ...OPEN, reason: "odd" });
    assert.equal(cell.read().reason, "odd");
  });

  test("the pool is seen at once", () => {
    const cell = HeadCell.make();
    const other = new HeadCell(cell.buffer);
    const fullness = { isFull: true, fullness: 1.25, normalFullness: 0.9 };
    const pool = { entryCount: 20_000, bytes: 2 ** 30, ...fullness };
    assert.equal(other.readWaitingMs(5e9), 0, "nothing waits yet");
    cell.writePool(pool, undefined);
    assert.deepEqual(other.readPool(), pool);
    assert.equal(other.readWaitingMs(5e9), 0);
    for (const sinceMs of [0, 0.4, 2 ** 31 - 2, 2 ** 31 - 1, 2 ** 31, 5e9]) {
      cell.writePool(pool, sinceMs);
      assert.equal(other.readWaitingMs(sinceMs), 0, `${sinceMs}`);
      assert.equal(other.readWaitingMs(sinceMs + 700), 700, `${sinceMs}`);
    }
  });

  test("a buffer of another length is no cell", () => {
    assert.throws(() => new HeadCell(new SharedArrayBuffer(64)), /cell/);
  });

  test("a thread that reads while another writes sees whole heads, none older than before", async () => {
    const cell = HeadCell.make();
    cell.write(headOf(0));
    const module = new URL("../../src/log/head-cell.ts", import.meta.url).href;
    const worker = new Worker(READER, { eval: true, workerData: { buffer: cell.buffer, module } });
    await once(worker, "message");
    const result = once(worker, "message");
    let written = 0;
    let isOver = false;
    void result.then(() => {
      isOver = true;
    });
    while (!isOver) {
      for (let turn = 0; turn < 200; turn += 1) {
        written += 1;
        cell.write(headOf(written));
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    const [{ torn, back, distinct }] = (await result) as [Record<string, number>];
    assert.deepEqual([torn, back], [0, 0], `${distinct} heads seen of ${written}`);
    assert.ok(Number(distinct) > 100, `only ${distinct} heads seen of ${written}`);
  });
});

describe("HeadCell.watch", () => {
  test("calls each watcher once for writes of one turn, in a later turn", async () => {
    const cell = HeadCell.make();
    const calls: string[] = [];
    cell.watch(() => calls.push(`a ${cell.read().head?.treeSize}`));
    const stop = cell.watch(() => calls.push("b"));
    cell.write(headOf(1));
    cell.write(headOf(2));
    assert.deepEqual(calls, []);
    await woken(() => calls.length === 2);
    assert.deepEqual(calls, ["a 2", "b"]);
    stop();
    cell.write(headOf(3));
    await woken(() => calls.length === 3);
    assert.deepEqual(calls[2], "a 3");
  });

  test("misses no write between the last read and the call", async () => {
    const cell = HeadCell.make();
    const other = new HeadCell(cell.buffer);
    cell.write(headOf(1));
    assert.equal(other.read().head?.treeSize, 1);
    cell.write(headOf(2));
    let seen = 0;
    other.watch(() => {
      seen = other.read().head?.treeSize ?? 0;
    });
    await woken(() => seen === 2);
    assert.equal(seen, 2);
  });

  test("wakes a thread that did nothing but wait", { timeout: 30_000 }, async () => {
    const cell = HeadCell.make();
    const module = new URL("../../src/log/head-cell.ts", import.meta.url).href;
    const worker = new Worker(WAITER, { eval: true, workerData: { module, buffer: cell.buffer } });
    await once(worker, "message");
    for (let size = 1; size <= 20; size += 1) {
      cell.write(headOf(size));
      assert.deepEqual(await once(worker, "message"), [size]);
    }
    await worker.terminate();
  });
});

/** A view of which every part follows from `size`. */
function headOf(size: number): ShardView {
  const fill = size % 251;
  return {
    ...OPEN,
    head: {
      treeSize: size,
      timestampMs: 3 * size,
      rootHash: new Uint8Array(32).fill(fill),
      signature: new Uint8Array(70 + (size % 3)).fill(fill),
    },
    reason: "r".repeat(size % 7),
  };
}

const READER = `
const { workerData, parentPort } = require("node:worker_threads");
import(workerData.module).then(({ HeadCell }) => {
  const cell = new HeadCell(workerData.buffer);
  parentPort.postMessage("ready");
  let torn = 0, back = 0, distinct = 0, last = 0;
  const endMs = performance.now() + 20000;
  for (let turn = 0; distinct < 2000; turn += 1) {
    if (turn % 1000 === 0 && performance.now() > endMs) break;
    const { head, reason } = cell.read();
    const { treeSize: size, timestampMs, rootHash, signature } = head;
    if (size === last) continue;
    distinct += 1;
    if (size < last) back += 1;
    last = size;
    const whole = timestampMs === 3 * size && signature.length === 70 + (size % 3) &&
      reason === "r".repeat(size % 7) &&
      [...rootHash, ...signature].every((byte) => byte === size % 251);
    if (!whole) torn += 1;
  }
  parentPort.postMessage({ torn, back, distinct });
});
`;

/** Waits, a bounded number of turns, until `isDone`. */
async function woken(isDone: () => boolean): Promise<void> {
  for (let turn = 0; turn < 10_000 && !isDone(); turn += 1) await settle();
}

const WAITER = `
const { workerData, parentPort } = require("node:worker_threads");
import(workerData.module).then(({ HeadCell }) => {
  const cell = new HeadCell(workerData.buffer);
  cell.watch(() => parentPort.postMessage(cell.read().head.treeSize));
  parentPort.on("message", () => undefined);
  parentPort.postMessage("ready");
});
`;
