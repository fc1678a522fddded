import { MemoryDisk, openMemoryStore } from "../../src/storage/memory.ts";
import { largeStoreContract } from "../conformance/store-large.ts";
import { TEST_IDENTITY } from "../support/commits.ts";

largeStoreContract("MemoryStore", async () => {
  const disk = new MemoryDisk(TEST_IDENTITY);
  return { open: async () => openMemoryStore(disk), remove: async () => {} };
});
