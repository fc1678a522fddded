/**
 * How the Store contract gets its stores.
 * @module
 */
import type { Store } from "../../src/storage/store.ts";

/** One shard's storage, empty but for `TEST_IDENTITY`. */
export interface StoreFixture {
  /** Opens it; the store before must have been disposed of. */
  open(): Promise<Store>;
  /** Removes all traces. */
  remove(): Promise<void>;
}

/** Makes a fixture; called for each test. */
export type StoreFactory = () => Promise<StoreFixture>;

/** A test on a fresh store. */
export type StoreTest = (store: Store, reopen: () => Promise<Store>) => Promise<void>;

/** Runs a test on a fresh store; `reopen` closes the open one first. */
export function inFixture(factory: StoreFactory): (run: StoreTest) => Promise<void> {
  return async (run) => {
    const fixture = await factory();
    let store = await fixture.open();
    try {
      await run(store, async () => {
        await store[Symbol.asyncDispose]();
        store = await fixture.open();
        return store;
      });
    } finally {
      await store[Symbol.asyncDispose]();
      await fixture.remove();
    }
  };
}
