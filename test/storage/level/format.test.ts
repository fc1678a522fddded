import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { FatalError } from "../../../src/base/errors.ts";
import { createLevelStore } from "../../../src/storage/level/folder.ts";
import { type LevelStore, openLevelStore } from "../../../src/storage/level/level-store.ts";
import {
  encodeIdentity,
  FORMAT,
  IDENTITY_KEY,
  readIdentity,
  sealValue,
} from "../../../src/storage/level/record.ts";
import { sealSegment } from "../../../src/storage/level/seal-segment.ts";
import { SyntheticLog, signedHead, TEST_IDENTITY } from "../../support/commits.ts";
import { LEVEL_OPTIONS, temporaryFolder } from "../../support/level.ts";
import { assertHolds } from "../../support/store-asserts.ts";

interface StoreVector {
  readonly source: string;
  readonly size: number;
  readonly files: Readonly<Record<string, string>>;
}

/** Lays a stored store out in `path`. */
async function layOut(name: string, path: string): Promise<StoreVector> {
  const url = new URL(`../../vectors/storage/${name}.json`, import.meta.url);
  const vector = JSON.parse(await readFile(url, "utf8")) as StoreVector;
  for (const folder of ["db", "entries", "issuers"]) {
    await mkdir(join(path, folder), { recursive: true });
  }
  for (const [file, base64] of Object.entries(vector.files)) {
    await mkdir(dirname(join(path, file)), { recursive: true });
    await writeFile(join(path, file), gunzipSync(Buffer.from(base64, "base64")));
  }
  return vector;
}

/** The log that the vectors were made of: groups of 256 and 44. */
function vectorLog(): SyntheticLog {
  const log = new SyntheticLog();
  log.next(256);
  log.next(44);
  return log;
}

function formatOf(store: LevelStore): number {
  return readIdentity(store.sealing.places().database).format;
}

const VERSIONS = [
  { name: "store-1", format: FORMAT.plain },
  { name: "store-1-sealed", format: FORMAT.sealed },
  { name: "store-2", format: FORMAT.sealed },
] as const;

for (const { name, format } of VERSIONS) {
  test(`${name}: a store that an older version wrote is read whole, goes on and is format ${format}`, async () => {
    await using root = await temporaryFolder();
    const { size } = await layOut(name, root.path);
    const log = vectorLog();
    {
      await using store = await openLevelStore(root.path, LEVEL_OPTIONS);
      assert.equal((await store.load()).committed?.treeSize, size);
      await assertHolds(store, log);
      assert.equal(formatOf(store), format);
      await store.commit(log.next(300));
      await assertHolds(store, log);
    }
    await using store = await openLevelStore(root.path, LEVEL_OPTIONS);
    await assertHolds(store, log);
    assert.equal(formatOf(store), format, "opening alone does not raise it");
  });
}

test("the batch that makes the first segment sealed raises the format", async () => {
  await using root = await temporaryFolder();
  await layOut("store-1", root.path);
  await using store = await openLevelStore(root.path, LEVEL_OPTIONS);
  const batches: (readonly string[])[] = [];
  const sealing = {
    ...store.sealing,
    write: async (batch: { readonly writes: readonly (readonly [Uint8Array, unknown])[] }) => {
      batches.push(batch.writes.map(([key]) => String.fromCharCode(key[0] ?? 0)));
      await store.sealing.write(batch as Parameters<typeof store.sealing.write>[0]);
    },
  };
  await store.sealing.places().sealed.makeFolder();
  await sealSegment(sealing, 0, async () => {});
  assert.deepEqual(batches, [["I", "S"]]);
  assert.equal(formatOf(store), FORMAT.sealed);
  const log = vectorLog();
  await store.commit(log.next(256));
  await store.publish(signedHead(log.head!));
  await sealSegment(sealing, 1, async () => {});
  assert.deepEqual(batches.at(-1), ["S"]);
  await assertHolds(store, log);
});

test("the program before sealing refuses a store with sealed segments by its number", async () => {
  // Its rule, as it stood: the first two octets are 1, or "a newer program wrote it".
  await using root = await temporaryFolder();
  await layOut("store-1-sealed", root.path);
  await using store = await openLevelStore(root.path, LEVEL_OPTIONS);
  const value = store.sealing.places().database.get(IDENTITY_KEY);
  assert.deepEqual([...(value ?? []).slice(0, 2)], [0, 2]);
});

test("a format that this version does not know is refused, and nothing is changed", async () => {
  await using root = await temporaryFolder();
  const path = join(root.path, "shard");
  await createLevelStore(path, TEST_IDENTITY, LEVEL_OPTIONS, 1);
  const { seam } = LEVEL_OPTIONS;
  const options = { ...LEVEL_OPTIONS, create: false };
  const payload = encodeIdentity({ format: 1, identity: TEST_IDENTITY, segmentTiles: 1 });
  payload[1] = 3;
  const value = sealValue(IDENTITY_KEY, payload);
  const database = await seam.openDatabase(join(path, "db"), options);
  await database.write([[IDENTITY_KEY, value]], { sync: true });
  await database.close();
  await assert.rejects(openLevelStore(path, LEVEL_OPTIONS), (error) => {
    assert.ok(error instanceof FatalError && error.code === "FATAL_STORE_FORMAT");
    assert.match(error.message, /expected store format 1 or 2, got 3: a newer program wrote it/);
    return true;
  });
  const again = await seam.openDatabase(join(path, "db"), options);
  assert.deepEqual([...(again.get(IDENTITY_KEY) ?? [])], [...value]);
  await again.close();
});
