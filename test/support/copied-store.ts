/**
 * A store that is open, and copies of it.
 * @module
 */
import { join } from "node:path";
import {
  type CopiedStore,
  copyLevelStore,
  type StoreCopy,
} from "../../src/storage/level/copy-store.ts";
import type { Copied } from "../../src/storage/level/durable-copy.ts";
import { createLevelStore } from "../../src/storage/level/folder.ts";
import { type LevelStore, openLevelStore } from "../../src/storage/level/level-store.ts";
import { sealSegment } from "../../src/storage/level/seal-segment.ts";
import { SyntheticLog, sha256, signedHead, TEST_IDENTITY } from "./commits.ts";
import { LEVEL_OPTIONS, temporaryFolder } from "./level.ts";

/** See {@link makeWorld}. */
export interface CopiedWorld extends AsyncDisposable {
  readonly root: string;
  readonly store: LevelStore;
  readonly log: SyntheticLog;
  /** Copies the store to a folder of that name. */
  copyTo(
    name: string,
    more?: Partial<StoreCopy>,
  ): Promise<{ readonly state: CopiedStore; readonly target: string; readonly files: Copied[] }>;
  /** Commits and publishes so many entries. */
  commit(count: number): Promise<void>;
}

/** An open store of segments of one tile, and where it is copied to. */
export async function makeWorld(): Promise<CopiedWorld> {
  const root = await temporaryFolder();
  const source = join(root.path, "shard");
  await createLevelStore(source, TEST_IDENTITY, LEVEL_OPTIONS, 1);
  const store = await openLevelStore(source, { ...LEVEL_OPTIONS, writeBufferBytes: 65_536 });
  const log = new SyntheticLog();
  const copyTo = (name: string, more: Partial<StoreCopy> = {}) => {
    const files: Copied[] = [];
    const copied = (file: Copied) => files.push(file);
    const { seam } = LEVEL_OPTIONS;
    const target = join(root.path, name);
    const base = { sha256, seam, source, target, previous: undefined, copied, pause: undefined };
    return copyLevelStore({ ...base, ...more }).then((state) => ({ state, target, files }));
  };
  return {
    ...{ root: root.path, store, log, copyTo },
    async commit(count: number): Promise<void> {
      await store.commit(log.next(count));
      await store.publish(signedHead(log.head!));
    },
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await root[Symbol.asyncDispose]();
    },
  };
}

/** Seals a segment, which stays as it was committed too. */
export async function seal(store: LevelStore, segment: number): Promise<void> {
  await store.sealing.places().sealed.makeFolder();
  await sealSegment(store.sealing, segment, async () => {});
}
