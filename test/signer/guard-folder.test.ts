import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { SignedTreeHead } from "../../src/rfc6962/tree-head.ts";
import {
  createGuardFolder,
  type GuardFolder,
  guardFolderPath,
  openGuardFolder,
} from "../../src/signer/guard-folder.ts";
import { encodeGuardRecord, type GuardRecord, SLOT_BYTES } from "../../src/signer/guard-record.ts";

const LOG_ID = new Uint8Array(32).fill(3);

/** Runs `body` with a guard's parent folder that is removed afterwards. */
async function inFolder(body: (guard: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "stratus-guard-"));
  try {
    await body(join(folder, "guard"));
  } finally {
    await rm(folder, { recursive: true });
  }
}

const noLock = async (): Promise<AsyncDisposable> => ({ [Symbol.asyncDispose]: async () => {} });
const open = (guard: string): Promise<GuardFolder> => openGuardFolder(guard, LOG_ID, noLock);
const slotOf = (guard: string, slot: number): string =>
  join(guardFolderPath(guard, LOG_ID), `slot-${slot}`);

function recordOf(sequence: number): GuardRecord {
  const head: SignedTreeHead = {
    treeSize: sequence,
    timestampMs: sequence,
    rootHash: new Uint8Array(32).fill(sequence),
    signature: Uint8Array.of(4, 3, 0, 1, sequence),
  };
  return { sequence, logId: LOG_ID, head };
}

/** A guard in which records 2 to `last` were written. */
async function written(guard: string, last: number): Promise<void> {
  await createGuardFolder(guard, LOG_ID);
  await using folder = await open(guard);
  for (let sequence = 2; sequence <= last; sequence += 1) await folder.write(recordOf(sequence));
}

test("createGuardFolder() makes a guard without a head, for its owner alone", () =>
  inFolder(async (guard) => {
    await createGuardFolder(guard, LOG_ID);
    await using folder = await open(guard);
    assert.deepEqual(folder.last, { sequence: 1, logId: LOG_ID, head: undefined });
    assert.equal((await stat(guardFolderPath(guard, LOG_ID))).mode % 0o1000, 0o700);
    assert.equal((await stat(slotOf(guard, 0))).mode % 0o1000, 0o600);
  }));

test("createGuardFolder() of a key that the guard knows is FATAL_IDENTITY, and changes nothing", () =>
  inFolder(async (guard) => {
    await written(guard, 4);
    const before = await readFile(slotOf(guard, 0));
    await assert.rejects(createGuardFolder(guard, LOG_ID), { code: "FATAL_IDENTITY" });
    assert.deepEqual(await readFile(slotOf(guard, 0)), before);
  }));

test("createGuardFolder() goes through after one that was cut off", () =>
  inFolder(async (guard) => {
    await createGuardFolder(guard, new Uint8Array(32));
    const unfinished = `${guardFolderPath(guard, LOG_ID)}.new`;
    await mkdir(unfinished);
    await writeFile(join(unfinished, "slot-0"), "half");
    await assert.rejects(open(guard), { code: "FATAL_GUARD_MISSING" });
    await createGuardFolder(guard, LOG_ID);
    await using folder = await open(guard);
    assert.equal(folder.last.sequence, 1);
    await assert.rejects(stat(unfinished), { code: "ENOENT" });
  }));

test("write() is there after reopening, and leaves the record before in the other slot", () =>
  inFolder(async (guard) => {
    await createGuardFolder(guard, LOG_ID);
    for (let sequence = 2; sequence <= 6; sequence += 1) {
      await using folder = await open(guard);
      assert.equal(folder.last.sequence, sequence - 1);
      await folder.write(recordOf(sequence));
      assert.deepEqual(folder.last, recordOf(sequence));
    }
    const slots = [await readFile(slotOf(guard, 0)), await readFile(slotOf(guard, 1))];
    const expected = [5, 6].map((sequence) => Buffer.from(encodeGuardRecord(recordOf(sequence))));
    assert.deepEqual(slots, expected);
  }));

test("openGuardFolder() takes the other slot if the newest is torn, and writes over the torn one", () =>
  inFolder(async (guard) => {
    await written(guard, 6);
    await writeFile(slotOf(guard, 1), new Uint8Array(SLOT_BYTES).fill(9));
    {
      await using folder = await open(guard);
      assert.equal(folder.last.sequence, 5);
      await folder.write(recordOf(6));
    }
    const kept = await readFile(slotOf(guard, 0));
    assert.deepEqual(kept, Buffer.from(encodeGuardRecord(recordOf(5))));
    await using folder = await open(guard);
    assert.equal(folder.last.sequence, 6);
  }));

test("openGuardFolder() refuses what is no guard of this log", () =>
  inFolder(async (guard) => {
    await assert.rejects(open(guard), { code: "FATAL_GUARD_MISSING" });
    await written(guard, 3);
    const slots = [await readFile(slotOf(guard, 0)), await readFile(slotOf(guard, 1))];
    const restore = async (): Promise<void> => {
      for (const [slot, bytes] of slots.entries()) await writeFile(slotOf(guard, slot), bytes);
    };
    await writeFile(slotOf(guard, 0), new Uint8Array(SLOT_BYTES));
    await writeFile(slotOf(guard, 1), "");
    await assert.rejects(open(guard), { code: "FATAL_GUARD_MISSING" }, "both are torn");
    await restore();
    await rm(slotOf(guard, 0));
    await assert.rejects(open(guard), { code: "FATAL_GUARD_MISSING" }, "one is gone");
    await restore();
    const stranger = { ...recordOf(9), logId: new Uint8Array(32) };
    await writeFile(slotOf(guard, 0), encodeGuardRecord(stranger));
    await assert.rejects(open(guard), { code: "FATAL_IDENTITY" }, "another log's");
    await restore();
    await using folder = await open(guard);
    assert.equal(folder.last.sequence, 3);
  }));

test("openGuardFolder() holds the lock until it is disposed of, and frees it if it fails", () =>
  inFolder(async (guard) => {
    await written(guard, 2);
    let held = 0;
    const lock = async (path: string): Promise<AsyncDisposable> => {
      assert.equal(path, guardFolderPath(guard, LOG_ID));
      held += 1;
      return {
        [Symbol.asyncDispose]: async () => {
          held -= 1;
        },
      };
    };
    const folder = await openGuardFolder(guard, LOG_ID, lock);
    assert.equal(held, 1);
    await folder[Symbol.asyncDispose]();
    assert.equal(held, 0);
    const losing = async (path: string): Promise<AsyncDisposable> => {
      const got = await lock(path);
      await rm(slotOf(guard, 0));
      return got;
    };
    await assert.rejects(openGuardFolder(guard, LOG_ID, losing), { code: "FATAL_GUARD_MISSING" });
    assert.equal(held, 0);
  }));

test("openGuardFolder() reads the record that the holder before wrote last", () =>
  inFolder(async (guard) => {
    await written(guard, 2);
    // While this process waits for the lock, the one that has it signs two more heads.
    const late = async (): Promise<AsyncDisposable> => {
      await using holder = await open(guard);
      await holder.write(recordOf(3));
      await holder.write(recordOf(4));
      return noLock();
    };
    await using folder = await openGuardFolder(guard, LOG_ID, late);
    assert.equal(folder.last.sequence, 4);
    await folder.write(recordOf(5));
    assert.deepEqual(
      await readFile(slotOf(guard, 1)),
      Buffer.from(encodeGuardRecord(recordOf(4))),
      "the newest record was not written over",
    );
  }));
