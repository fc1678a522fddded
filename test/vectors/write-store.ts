/**
 * Writes a small store as the program around it does, and prints its files as a vector:
 * `scripts/node24 test/vectors/write-store.ts <source> [sealed]`. It was run once in a checkout
 * of each older version (copy this file there): stores of those cannot be made by this one.
 * @module
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { createLevelStore } from "../../src/storage/level/folder.ts";
import { openLevelStore } from "../../src/storage/level/level-store.ts";
import { SyntheticLog, signedHead, TEST_IDENTITY } from "../support/commits.ts";
import { LEVEL_OPTIONS, temporaryFolder } from "../support/level.ts";

/** One whole segment of one tile, and some entries more. */
const SIZE = 300;

const [source = "", sealed] = process.argv.slice(2);
await using root = await temporaryFolder();
const path = join(root.path, "shard");
await createLevelStore(path, TEST_IDENTITY, LEVEL_OPTIONS, 1);
const log = new SyntheticLog();
{
  await using store = await openLevelStore(path, LEVEL_OPTIONS);
  for (const count of [256, SIZE - 256]) {
    await store.commit(log.next(count));
    await store.publish(signedHead(log.head!));
  }
  if (sealed !== undefined) {
    const { sealSegment } = await import("../../src/storage/level/seal-segment.ts");
    await sealSegment(store.sealing, 0, async () => {});
    await store.sealing.places().entries.remove(0);
  }
}
// Opened once more, so that records are in a table.
await (await openLevelStore(path, LEVEL_OPTIONS))[Symbol.asyncDispose]();
const files: Record<string, string> = {};
const names = await readdir(path, { recursive: true, withFileTypes: true });
for (const entry of names.filter((found) => found.isFile())) {
  const file = join(entry.parentPath, entry.name);
  const name = file.slice(path.length + 1);
  if (/^db\/(?:LOCK|LOG)/.test(name)) continue;
  files[name] = gzipSync(await readFile(file), { level: 9 }).toString("base64");
}
const sorted = Object.fromEntries(Object.entries(files).toSorted());
process.stdout.write(`${JSON.stringify({ source, size: SIZE, files: sorted }, undefined, 2)}\n`);
