/**
 * The part of the Store contract that takes its time: call it from a `*.slow.ts` file.
 * @module
 */
import { test } from "node:test";
import { SyntheticLog } from "../support/commits.ts";
import { assertEntries, assertTree } from "../support/store-asserts.ts";
import { inFixture, type StoreFactory } from "./store-fixture.ts";

/** The contract at the size where a tile of level 1 is full: 65,536 entries. */
export function largeStoreContract(name: string, factory: StoreFactory): void {
  const withStore = inFixture(factory);
  test(`${name}: tiles and nodes equal the naive tree around 65,536`, () =>
    withStore(async (store, reopen) => {
      const log = new SyntheticLog({ bodyBytes: 20 });
      const sizes = [65_535, 65_536, 65_537, 65_552];
      while (log.entries.length < 65_535) {
        await store.commit(log.next(Math.min(4_001, 65_535 - log.entries.length)));
      }
      await assertTree(store, log);
      for (const size of sizes.slice(1)) {
        await store.commit(log.next(size - log.entries.length));
        await assertTree(store, log);
      }
      const reopened = await reopen();
      await reopened.load();
      await assertTree(reopened, log);
      await assertEntries(reopened, log, 61_500, 65_552);
      await assertEntries(reopened, log, 16_300, 16_500);
    }));
}
