import assert from "node:assert/strict";
import { test } from "node:test";
import { Reader } from "../../src/log/read.ts";
import { MemoryDisk, openMemoryStore } from "../../src/storage/memory.ts";
import { SyntheticLog, TEST_IDENTITY } from "../support/commits.ts";
import { sha256 } from "../support/sha256.ts";

test("Reader ends a page before 32 MB of JSON, but gives one entry", async () => {
  const disk = new MemoryDisk(TEST_IDENTITY);
  const store = openMemoryStore(disk);
  const log = new SyntheticLog({ bodyBytes: 9_000_000 });
  await store.commit(log.next(3));
  const reader = new Reader(store, sha256);
  assert.equal((await reader.readEntries(0, 3, 3)).length, 2);
});
