/**
 * A whole log on a small file system of its own: `full-disk-driver.ts <folder>`. It is run in
 * a mount namespace where a tmpfs lies on the folder, and fails with what does not hold.
 * @module
 */
import assert from "node:assert/strict";
import { open, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { UnavailableError } from "../../src/base/errors.ts";
import { makeCa, type TestCa } from "./certificates.ts";
import { type LocalLog, SHARD, serveLocal, startLocal } from "./local-log.ts";
import { LogFolder, until } from "./process.ts";

/** Writes zeros to `path` until `bytes` are written or the disk is full. */
async function fill(path: string, bytes: number): Promise<void> {
  const file = await open(path, "w");
  try {
    const zeros = Buffer.alloc(65_536);
    for (let done = 0; done < bytes; done += zeros.length) await file.write(zeros);
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, "ENOSPC");
  } finally {
    await file.close();
  }
}

async function requireReads(local: LocalLog, count: number): Promise<void> {
  assert.equal((await local.log.readEntries(0, count)).length, count);
  assert.ok(local.log.head().treeSize >= count);
}

/** The bounds of the configuration: refused in time, heads and reads go on, taken again. */
async function belowBounds(folder: LogFolder, ca: TestCa): Promise<void> {
  await folder.writeConfig(settings(8 * 1_048_576));
  await using local = await startLocal(folder);
  await local.submit(ca, 0);
  const ballast = join(folder.path, "ballast");
  await fill(ballast, 26 * 1_048_576);
  await until("the refusal", () => !local.log.status().isReady || undefined);
  assert.match(local.log.status().reason, /MiB free.*needed are 8\.0 MiB.*make room/);
  const refused = { code: "UNAVAILABLE_STORE" };
  assert.equal(local.log.refusalOf("add-chain")?.code, refused.code);
  await assert.rejects(local.submit(ca, 1), refused);
  const { timestampMs } = local.log.head();
  await until("a newer head", () => local.log.head().timestampMs > timestampMs || undefined);
  await requireReads(local, 1);
  await rm(ballast);
  await until("room", () => local.log.status().isReady || undefined);
  await local.submit(ca, 1);
  await requireReads(local, 2);
}

/** Without bounds the disk runs full in mid-commit: nothing is lost, and it goes on by itself. */
async function runsFull(folder: LogFolder, ca: TestCa): Promise<void> {
  await folder.writeConfig(settings(0));
  const answered: number[] = [];
  {
    await using local = await serveLocal(folder);
    const ballast = join(folder.path, "ballast");
    await fill(ballast, Number.POSITIVE_INFINITY);
    let refusals = 0;
    for (let serial = 100; refusals < 3; serial += 1) {
      assert.ok(serial < 20_000, "the disk is full");
      try {
        await local.submit(ca, serial);
        answered.push(serial);
      } catch (error) {
        assert.ok(error instanceof UnavailableError, String(error));
        refusals += 1;
      }
    }
    await rm(ballast);
    await until("room", () => local.log.status().isReady || undefined);
    for (let serial = 100; serial < 110 + answered.length; serial += 1) {
      await local.submit(ca, serial);
    }
    assert.equal(local.log.head().treeSize, 2 + 10 + answered.length, "no entry stands twice");
  }
  await using again = await serveLocal(folder);
  assert.equal(again.log.status().reason, "");
  await requireReads(again, 2 + answered.length);
}

function settings(bytesMin: number): string[] {
  return ["logLevel: fatal", `freeSpace: { bytesMin: ${bytesMin}, percentMin: 0 }`];
}

const [path] = process.argv.slice(2);
if (path !== undefined) {
  process.env["TMPDIR"] = path;
  assert.deepEqual(await readdir(path), [], "the small file system is mounted");
  const ca = makeCa();
  await using folder = await LogFolder.make(ca, [
    { name: SHARD, more: "batch: { idleRefreshMs: 300 }" },
  ]);
  await belowBounds(folder, ca);
  await runsFull(folder, ca);
}
