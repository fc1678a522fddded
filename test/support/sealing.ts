/**
 * Segments of synthetic stores, sealed.
 * @module
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { createLevelStore } from "../../src/storage/level/folder.ts";
import { type LevelStore, openLevelStore } from "../../src/storage/level/level-store.ts";
import { sealSegment } from "../../src/storage/level/seal-segment.ts";
import { SyntheticLog, signedHead, TEST_IDENTITY } from "./commits.ts";
import { LEVEL_OPTIONS, type TemporaryFolder } from "./level.ts";

/** No pause between two steps. */
export const AT_ONCE = async (): Promise<void> => {};

/** Seals the segments [first, end), and removes what they stood in before. */
export async function sealSegments(store: LevelStore, end: number, first = 0): Promise<void> {
  const { sealing } = store;
  await sealing.places().sealed.makeFolder();
  for (let segment = first; segment < end; segment += 1) {
    await sealSegment(sealing, segment, AT_ONCE);
    await sealing.places().entries.remove(segment);
  }
}

/** A closed store of 2,300 entries in segments of two tiles, of which the first three are sealed. */
export async function sealedStore(
  root: TemporaryFolder,
): Promise<{ readonly path: string; readonly log: SyntheticLog }> {
  const path = join(root.path, "shard");
  await createLevelStore(path, TEST_IDENTITY, LEVEL_OPTIONS, 2);
  const log = new SyntheticLog();
  await using store = await openLevelStore(path, LEVEL_OPTIONS);
  for (const count of [700, 1_000, 600]) await store.commit(log.next(count));
  await store.publish(signedHead(log.head!));
  await sealSegments(store, 3);
  return { path, log };
}

/** Path of a sealed segment. */
export function sealedPath(path: string, segment: number): string {
  return join(path, "sealed", segment.toString().padStart(8, "0"));
}

/** Removes a segment as it was committed. */
export async function removeSegment(path: string, segment: number): Promise<void> {
  await rm(join(path, "entries", segment.toString().padStart(8, "0")));
}
