/**
 * Stored formats: what this version wrote is read again, after a clean stop and after SIGKILL;
 * what a newer one wrote is refused, for that shard alone.
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { cp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { Agent } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import { REAL_SEAM } from "../../src/storage/level/real.ts";
import { type Cause, guardPath, ILL, ROOT, testCause, type World } from "../support/ill-shard.ts";
import { Ledger, Prover } from "../support/ledger.ts";
import { LogFolder, shardReady } from "../support/process.ts";

test("data of this version are read again after a clean stop and after SIGKILL", async () => {
  const shards = [{ name: "a2027" }, { name: "b2027", type: "static-ct-api" as const }];
  await using folder = await LogFolder.make(ROOT, shards);
  await folder.init();
  const ledgers = new Map(shards.map(({ name }) => [name, new Ledger(ROOT)]));
  const agent = new Agent({ keepAlive: false });
  for (const ending of ["SIGTERM", "SIGKILL", "SIGTERM"] as const) {
    await using log = folder.serve();
    const { url, operationsUrl } = await log.listening();
    for (const [name, ledger] of ledgers) {
      await shardReady(operationsUrl, name);
      // More than a tile in the end: rows, full tiles and their edges.
      const all = Array.from({ length: 100 }, () => ledger.next());
      await Promise.all(all.map((sent) => ledger.submit(`${url}/${name}`, sent, agent)));
      const prover = new Prover(`${url}/${name}`, await folder.key(name));
      const head = await prover.head();
      await prover.requireAllProven(ledger.sent, head);
      assert.equal(await prover.requireWhole(head, ledger.sent), ledger.sent.length);
    }
    log.signal(ending);
    const { code, signal } = await log.end();
    assert.deepEqual([code, signal], ending === "SIGTERM" ? [0, null] : [null, "SIGKILL"]);
  }
});

/** Changes the value of one record, under a right checksum. */
async function editRecord(
  { folder }: World,
  prefix: string,
  edit: (value: Buffer) => void,
): Promise<void> {
  const options = {
    create: false,
    writeBufferBytes: 1_048_576,
    cacheBytes: 1_048_576,
    multithreading: false,
  };
  const database = await REAL_SEAM.openDatabase(folder.shardPath(ILL, "db"), options);
  const key = Buffer.from(prefix);
  const value = database.get(key);
  assert(value !== undefined, prefix);
  const payload = Buffer.from(value).subarray(0, -4);
  edit(payload);
  const sealed = Buffer.alloc(payload.length + 4);
  payload.copy(sealed);
  sealed.writeUInt32BE(crc32(payload, crc32(key)), payload.length);
  await database.write([[key, sealed]], { sync: true });
  await database.close();
}

/** A cause: something that a later version of the program left behind. */
function newer(name: string, reason: RegExp, reads: Cause["reads"], spoil: Cause["spoil"]): Cause {
  return {
    name: `${name} of a newer version`,
    reason,
    reads,
    mend: async (world) => {
      // The others went on: only the ill shard goes back to what was kept.
      for (const [folder, own] of [
        ["data", ILL],
        ["guard", (await guardPath(world)).split("/").at(-1)!],
      ] as const) {
        const path = join(world.folder.path, folder, own);
        await rm(path, { recursive: true });
        await cp(join(world.folder.path, "kept", folder, own), path, { recursive: true });
      }
    },
    spoil: async (world) => {
      for (const folder of ["data", "guard"]) {
        const path = join(world.folder.path, folder);
        await cp(path, join(world.folder.path, "kept", folder), { recursive: true });
      }
      await spoil?.(world);
    },
  };
}

const STORE = /FATAL_STORE_FORMAT: expected store format 1 or 2, got 3: a newer program wrote it/;
const HEAD = /FATAL_STORE_FORMAT: expected a head of format 1, got 2: a newer program wrote it/;

testCause(
  newer("an identity record", STORE, "nothing", (world) =>
    editRecord(world, "I", (value) => value.writeUInt16BE(3)),
  ),
);

testCause(
  newer("a head record", HEAD, "nothing", (world) =>
    editRecord(world, "H", (value) => value.writeUInt8(2)),
  ),
);

testCause(
  newer(
    "an entry segment",
    /FATAL_STORE_FORMAT: expected segment format 1, got 2/,
    "tree",
    async ({ folder }) => {
      const [name] = await readdir(folder.shardPath(ILL, "entries"));
      const path = folder.shardPath(ILL, "entries", name!);
      const bytes = await readFile(path);
      bytes.writeUInt16BE(2, 8);
      bytes.writeUInt32BE(crc32(bytes.subarray(0, 16)), 16);
      await writeFile(path, bytes);
    },
  ),
);

testCause(
  newer("a guard's record", /version 2, this program knows 1/, "proven", async (world) => {
    for (const slot of ["slot-0", "slot-1"]) {
      const path = join(await guardPath(world), slot);
      const bytes = await readFile(path);
      bytes.writeUInt8(2, 4);
      createHash("sha256").update(bytes.subarray(0, 480)).digest().copy(bytes, 480);
      await writeFile(path, bytes);
    }
  }),
);
