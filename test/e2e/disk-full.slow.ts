/**
 * No room, failing disks and no file descriptors: a shard refuses in time, reads go on, and it
 * goes on by itself once it can.
 * @module
 */
import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { UnavailableError } from "../../src/base/errors.ts";
import { REAL_SEAM } from "../../src/storage/level/real.ts";
import type { OpenFile, Seam } from "../../src/storage/level/seam.ts";
import { makeCa } from "../support/certificates.ts";
import { temporaryFolder } from "../support/level.ts";
import { type LocalLog, SHARD, serveLocal, startLocal } from "../support/local-log.ts";
import { LogFolder, until } from "../support/process.ts";

const MORE = ["logLevel: fatal"];

/** Mounts a small tmpfs on $1 for the command that follows, and for nobody else. */
const MOUNT = 'mount -t tmpfs -o size=32m,mode=0700 tmpfs "$1" && shift && exec "$@"';

function whyNoMounts(): string | undefined {
  const probe = spawnSync("unshare", ["-Urm", "sh", "-c", "mount -t tmpfs tmpfs /mnt"]);
  if (probe.error !== undefined) return "unshare is not installed";
  return probe.status === 0 ? undefined : "mount namespaces are refused";
}

test("a log on a file system of 32 MiB", { skip: whyNoMounts() ?? false }, async () => {
  await using folder = await temporaryFolder();
  const mount = join(folder.path, "small");
  await mkdir(mount);
  const driver = fileURLToPath(new URL("../support/full-disk-driver.ts", import.meta.url));
  const command = [mount, process.execPath, driver, mount];
  await promisify(execFile)("unshare", ["-Urm", "sh", "-c", MOUNT, "sh", ...command]);
});

test("a shard below its bounds refuses submissions with 503, and reads and heads go on", async () => {
  const ca = makeCa();
  const shards = [{ name: SHARD, more: "batch: { idleRefreshMs: 100 }" }];
  await using folder = await LogFolder.make(ca, shards, MORE);
  let freeBytes = 2 ** 40;
  const looked = new Set<string>();
  const messages: string[] = [];
  await using local = await startLocal(folder, {
    readSpace: async (path) => {
      looked.add(path);
      return { freeBytes, totalBytes: 2 ** 40 };
    },
    observer: (event) => {
      if (event.type === "space-short") messages.push(event.message);
    },
  });
  await local.submit(ca, 0);
  assert.deepEqual([...looked].map((path) => path.slice(folder.path.length)).sort(), [
    `/data/${SHARD}`,
    "/guard",
  ]);
  freeBytes = 2 ** 30 - 1;
  await until("the shortage", () => messages.length > 0 || undefined);
  const { operationsUrl, listenUrl } = local.running;
  const ready = await fetch(`${operationsUrl}/readyz/${SHARD}`);
  assert.equal(ready.status, 503);
  assert.match(await ready.text(), /1024 MiB free, 0\.1 %.*make room/);
  const refused = await fetch(`${listenUrl}/${SHARD}/ct/v1/add-chain`, {
    method: "POST",
    body: "{",
  });
  assert.equal(refused.status, 503, "by the headers alone");
  assert.match(refused.headers.get("retry-after") ?? "", /^[0-9]+$/);
  await refused.text();
  await assert.rejects(local.submit(ca, 1), { code: "UNAVAILABLE_STORE" });
  const { timestampMs } = local.log.head();
  await until("a newer head", () => local.log.head().timestampMs > timestampMs || undefined);
  assert.equal((await local.log.readEntries(0, 1)).length, 1);
  freeBytes = 2 ** 40;
  await until("room", () => local.log.status().isReady || undefined);
  await local.submit(ca, 1);
  assert.deepEqual(
    messages.map((message) => message === ""),
    [false, true],
  );
});

const PLACES = ["file.write", "file.open", "batch"] as const;

for (const code of ["EIO", "ENOSPC", "EMFILE"] as const) {
  for (const place of PLACES) {
    // After a batch that failed for another reason than room the disk is not believed.
    const needsRestart = code === "EIO" && place === "batch";
    test(`${code} at every ${place} answers 503, and ${needsRestart ? "a restart" : "time"} mends it`, async () => {
      const root = makeCa();
      await using folder = await LogFolder.make(root, [{ name: SHARD }], MORE);
      const seam = failingWhile(code, place);
      // Of an issuer that was not met before: its file is opened.
      const ca = root.intermediate();
      const submitAll = async (local: LocalLog) => {
        await local.submit(root, 0);
        for (const serial of [1, 2]) await local.submit(ca, serial);
        assert.equal(local.log.head().treeSize, 3, "one entry for each");
        assert.equal((await local.log.readEntries(0, 3)).length, 3);
      };
      {
        await using local = await startLocal(folder, { seam: () => seam });
        await local.submit(root, 0);
        seam.isFailing = true;
        for (const serial of [1, 2]) {
          await assert.rejects(local.submit(ca, serial), UnavailableError);
        }
        assert.ok(seam.failures > 0, "the fault was met");
        assert.equal(local.log.head().treeSize, 1, "the proven head stays");
        assert.equal((await local.log.readEntries(0, 1)).length, 1, "reads go on");
        seam.isFailing = false;
        if (!needsRestart) {
          await until("the shard", () => local.log.status().isReady || undefined);
          await submitAll(local);
        }
      }
      await using again = await serveLocal(folder);
      await submitAll(again);
    });
  }
}

/** The real world, of which one kind of call fails, undone, while `isFailing`. */
function failingWhile(
  code: string,
  place: (typeof PLACES)[number],
): Seam & { isFailing: boolean; failures: number } {
  const world = {
    isFailing: false,
    failures: 0,
    poisoned: new Set<string>(),
    files: {
      ...REAL_SEAM.files,
      async openFile(path: string, mode: "read" | "write"): Promise<OpenFile> {
        if (mode === "write") fail("file.open");
        const file = await REAL_SEAM.files.openFile(path, mode);
        return {
          ...file,
          async write(bytes, position) {
            fail("file.write");
            await file.write(bytes, position);
          },
        };
      },
    },
    async openDatabase(path: string, options: Parameters<Seam["openDatabase"]>[1]) {
      const database = await REAL_SEAM.openDatabase(path, options);
      const write: typeof database.write = async (writes, durability) => {
        fail("batch");
        await database.write(writes, durability);
      };
      return { ...database, write };
    },
  };
  const fail = (at: string) => {
    if (!world.isFailing || at !== place) return;
    world.failures += 1;
    throw Object.assign(new Error(`${code}: injected`), { code });
  };
  return world;
}
