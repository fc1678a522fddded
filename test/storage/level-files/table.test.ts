/**
 * The verifier of tables against tables that LevelDB made: every bit of every byte.
 * @module
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { verifyTable } from "../../../src/storage/level-files/table.ts";
import { temporaryFolder } from "../../support/level.ts";
import { fileOf, makeDatabase } from "../../support/level-files.ts";

/** @returns The bytes that were gone through. */
async function verify(bytes: Uint8Array, size = bytes.length): Promise<number> {
  let total = 0;
  for await (const count of verifyTable(fileOf(bytes), size)) total += count;
  return total;
}

async function makeTable(compression: boolean, recordCount: number): Promise<Uint8Array> {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "db");
  const [name = ""] = await makeDatabase(path, { compression, recordCount, isReopened: true });
  return new Uint8Array(await readFile(join(path, name)));
}

for (const compression of [false, true]) {
  const kind = compression ? "with Snappy" : "without compression";
  test(`verifyTable() finds each bit of a table ${kind}`, async () => {
    const bytes = await makeTable(compression, 100);
    assert.equal(await verify(bytes), bytes.length - 48);
    for (let at = 0; at < bytes.length; at += 1) {
      // All bits of what is parsed, and one of each byte that only a checksum covers.
      const bits = at >= bytes.length - 400 ? [0, 1, 2, 3, 4, 5, 6, 7] : [at % 8];
      for (const bit of bits) {
        bytes[at] = bytes[at]! ^ (1 << bit);
        await assert.rejects(
          verify(bytes),
          { code: "FATAL_STORE_CORRUPT" },
          `byte ${at}, bit ${bit} of ${bytes.length}`,
        );
        bytes[at] = bytes[at]! ^ (1 << bit);
      }
    }
    assert.equal(await verify(bytes), bytes.length - 48);
  });

  test(`verifyTable() refuses a table ${kind} of another length than it has`, async () => {
    const bytes = await makeTable(compression, 20);
    for (const length of [0, 1, 47, 48, bytes.length - 48, bytes.length - 1]) {
      await assert.rejects(verify(bytes.subarray(0, length)), { code: "FATAL_STORE_CORRUPT" });
      await assert.rejects(verify(bytes.subarray(0, length), bytes.length), {
        code: "FATAL_STORE_CORRUPT",
      });
    }
    const longer = Uint8Array.of(...bytes, 0);
    await assert.rejects(verify(longer, bytes.length), /longer than/);
    await assert.rejects(verify(longer), { code: "FATAL_STORE_CORRUPT" });
  });

  test(`verifyTable() goes through a table ${kind} in steps, its index unpacked`, async () => {
    const bytes = await makeTable(compression, 10_000);
    // The index is the last block before the footer; its type stands before its checksum.
    assert.equal(bytes.at(-48 - 5), compression ? 1 : 0);
    const steps: number[] = [];
    for await (const step of verifyTable(fileOf(bytes), bytes.length)) steps.push(step);
    assert.ok(steps.length > 2, `${steps.length} steps`);
    assert.ok(
      steps.every((step) => step > 0 && step <= 262_144),
      steps.join(),
    );
    assert.equal(
      steps.reduce((sum, step) => sum + step, 0),
      bytes.length - 48,
    );
  });
}

test("verifyTable() names the block that is damaged", async () => {
  const bytes = await makeTable(false, 100);
  bytes[10] = bytes[10]! ^ 1;
  await assert.rejects(verify(bytes), /^FatalError: block at byte 0: its checksum differs$/);
});
