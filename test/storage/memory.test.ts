import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryDisk, openMemoryStore } from "../../src/storage/memory.ts";
import { storeContract } from "../conformance/store.ts";
import { SyntheticLog, TEST_IDENTITY } from "../support/commits.ts";
import { fatal } from "../support/store-asserts.ts";

storeContract("MemoryStore", async () => {
  const disk = new MemoryDisk(TEST_IDENTITY);
  return { open: async () => openMemoryStore(disk), remove: async () => {} };
});

test("openMemoryStore() of a disk in use is FATAL_LOCKED, until its process crashed", async () => {
  const disk = new MemoryDisk(TEST_IDENTITY);
  const store = openMemoryStore(disk);
  assert.throws(() => openMemoryStore(disk), fatal("FATAL_LOCKED"));
  const log = new SyntheticLog();
  await store.commit(log.next(2));
  disk.crash();
  const next = openMemoryStore(disk);
  await assert.rejects(store.commit(log.next(1)), { code: "UNAVAILABLE_STORE" });
  assert.equal((await next.load()).committed?.treeSize, 2);
});
