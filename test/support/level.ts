/**
 * LevelStores in temporary folders.
 * @module
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lockFolder } from "../../src/lock/folder-lock.ts";
import {
  createLevelStore,
  LEVEL_DEFAULTS,
  type LevelStoreOptions,
} from "../../src/storage/level/folder.ts";
import { type LevelStore, openLevelStore } from "../../src/storage/level/level-store.ts";
import { REAL_SEAM } from "../../src/storage/level/real.ts";
import { sha256, TEST_IDENTITY } from "./commits.ts";

/** Options of the real world. */
export const LEVEL_OPTIONS: LevelStoreOptions = {
  ...LEVEL_DEFAULTS,
  sha256,
  lockFolder,
  seam: REAL_SEAM,
};

/** A folder that is removed when it is disposed of. */
export interface TemporaryFolder extends AsyncDisposable {
  readonly path: string;
}

/** Makes an empty folder. */
export async function temporaryFolder(): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(tmpdir(), "stratus-test-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** A fixture of the Store contract. */
export async function levelFixture(segmentTiles: number): Promise<{
  open(): Promise<LevelStore>;
  remove(): Promise<void>;
}> {
  const folder = await temporaryFolder();
  const path = join(folder.path, "shard");
  await createLevelStore(path, TEST_IDENTITY, LEVEL_OPTIONS, segmentTiles);
  return {
    open: () => openLevelStore(path, LEVEL_OPTIONS),
    remove: async () => folder[Symbol.asyncDispose](),
  };
}
