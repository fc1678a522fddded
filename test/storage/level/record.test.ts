import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { formatHex, parseHex } from "../../../src/encoding/hex.ts";
import { createLevelStore } from "../../../src/storage/level/folder.ts";
import { openLevelStore } from "../../../src/storage/level/level-store.ts";
import { REAL_SEAM } from "../../../src/storage/level/real.ts";
import {
  decodeDedupHit,
  decodeHead,
  decodeIdentity,
  decodeLeafIndex,
  decodePublished,
  encodeHead,
  encodeIdentity,
  FORMAT,
  openValue,
  sealValue,
} from "../../../src/storage/level/record.ts";
import { SyntheticLog, signedHead, TEST_IDENTITY } from "../../support/commits.ts";
import { LEVEL_OPTIONS } from "../../support/level.ts";
import { assertHolds, fatal } from "../../support/store-asserts.ts";

interface Vectors {
  readonly source: string;
  readonly records: Readonly<Record<string, string>>;
  readonly segment: string;
}

const VECTORS = new URL("../../vectors/storage/format-1.json", import.meta.url);
const FULL_TILE = new URL("../../vectors/storage/format-1-full-tile.json", import.meta.url);

/** Prefixes of the records of a full tile: hashes, inner hashes, positions. */
const FULL_TILE_KEYS = /^(54|4e|50)/;

/** As the program made them when these bytes were kept. */
const SEGMENT_TILES = 64;

const DATABASE_OPTIONS = {
  writeBufferBytes: 1_048_576,
  cacheBytes: 1_048_576,
  multithreading: false,
};

/** A small store's records by key, and its segment, in hex. */
async function storedBytes(counts: readonly [number, number]): Promise<Vectors> {
  const root = await mkdtemp(join(tmpdir(), "stratus-test-"));
  try {
    const path = join(root, "shard");
    // The head's record says with which write buffer: that of the program that wrote the vector.
    const options = { ...LEVEL_OPTIONS, writeBufferBytes: 16_777_216 };
    await createLevelStore(path, TEST_IDENTITY, options, SEGMENT_TILES);
    const store = await openLevelStore(path, options);
    const log = new SyntheticLog({ bodyBytes: 8 });
    await store.commit(log.next(counts[0]));
    await store.publish(signedHead(log.head!));
    await store.commit(log.next(counts[1]));
    await store[Symbol.asyncDispose]();
    const records: Record<string, string> = {};
    const database = await REAL_SEAM.openDatabase(join(path, "db"), {
      ...DATABASE_OPTIONS,
      create: false,
    });
    for await (const [key, value] of database.scan(Uint8Array.of(0), Uint8Array.of(255))) {
      records[formatHex(key)] = formatHex(value);
    }
    await database.close();
    const segment = formatHex(await readFile(join(path, "entries", "00000000")));
    return { source: "test/storage/level/record.test.ts", records, segment };
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

test("LevelStore writes the bytes of format 1", async () => {
  await requireVector(VECTORS, await storedBytes([2, 15]));
});

test("LevelStore writes the records of a full tile in format 1", async () => {
  const { source, records } = await storedBytes([250, 6]);
  const ofTile = Object.entries(records).filter(([key]) => FULL_TILE_KEYS.test(key));
  assert.equal(ofTile.length, 3);
  await requireVector(FULL_TILE, { source, records: Object.fromEntries(ofTile), segment: "" });
});

test("a store of the bytes of format 1 is opened and read", async () => {
  const { records, segment }: Vectors = JSON.parse(await readFile(VECTORS, "utf8"));
  const root = await mkdtemp(join(tmpdir(), "stratus-test-"));
  try {
    for (const folder of ["entries", "issuers"]) await mkdir(join(root, folder));
    await writeFile(join(root, "entries", "00000000"), parseHex(segment));
    const options = { ...DATABASE_OPTIONS, create: true };
    const database = await REAL_SEAM.openDatabase(join(root, "db"), options);
    const writes = Object.entries(records).map(
      ([key, value]) => [parseHex(key), parseHex(value)] as const,
    );
    await database.write(writes, { sync: true });
    await database.close();
    await using store = await openLevelStore(root, LEVEL_OPTIONS);
    const log = new SyntheticLog({ bodyBytes: 8 });
    log.next(2);
    log.next(15);
    await assertHolds(store, log);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
});

async function requireVector(file: URL, stored: Vectors): Promise<void> {
  if (process.env["UPDATE_VECTORS"] !== undefined) {
    await writeFile(file, `${JSON.stringify(stored, undefined, 2)}\n`);
  }
  assert.deepEqual(stored, JSON.parse(await readFile(file, "utf8")));
}

test("every record of format 1 is read, and no other byte or length of it", async () => {
  const small: Vectors = JSON.parse(await readFile(VECTORS, "utf8"));
  const full: Vectors = JSON.parse(await readFile(FULL_TILE, "utf8"));
  const records = { ...small.records, ...full.records };
  const decoders: Record<string, (payload: Uint8Array) => unknown> = {
    I: decodeIdentity,
    H: decodeHead,
    U: decodePublished,
    D: decodeDedupHit,
    L: decodeLeafIndex,
  };
  for (const [keyHex, valueHex] of Object.entries(records)) {
    const key = parseHex(keyHex);
    const value = parseHex(valueHex);
    const payload = openValue(key, value);
    decoders[String.fromCharCode(key[0]!)]?.(payload);
    for (let at = 0; at < value.length; at += 1) {
      const flipped = value.slice();
      flipped[at] = flipped[at]! ^ (1 << (at % 8));
      assert.throws(() => openValue(key, flipped), fatal("FATAL_STORE_CORRUPT"));
    }
    assert.throws(() => openValue(key, value.subarray(1)), fatal("FATAL_STORE_CORRUPT"));
    assert.throws(() => openValue(key, value.subarray(0, 3)), fatal("FATAL_STORE_CORRUPT"));
    const otherKey = key.slice();
    otherKey[otherKey.length - 1] = otherKey.at(-1)! ^ 1;
    assert.throws(() => openValue(otherKey, value), fatal("FATAL_STORE_CORRUPT"));
  }
});

test("decodeHead() and decodeIdentity() refuse newer versions, cut and trailing bytes", () => {
  const head = { treeSize: 3, timestampMs: 5, rootHash: new Uint8Array(32) };
  const payloads = [
    [
      decodeHead,
      1,
      encodeHead({
        committed: head,
        previous: head,
        entriesSha256: new Uint8Array(32),
        batchBytesTotal: 1,
        batchBytesMax: 1,
        writeBufferBytes: 1,
      }),
    ],
    [
      decodeIdentity,
      2,
      encodeIdentity({ format: FORMAT.plain, identity: TEST_IDENTITY, segmentTiles: 64 }),
    ],
  ] as const;
  for (const [decode, versionBytes, payload] of payloads) {
    decode(payload);
    const newer = payload.slice();
    newer[versionBytes - 1] = 3;
    assert.throws(() => decode(newer), fatal("FATAL_STORE_FORMAT"));
    assert.throws(() => decode(payload.subarray(0, -1)), fatal("FATAL_STORE_CORRUPT"));
    assert.throws(() => decode(Uint8Array.of(...payload, 0)), fatal("FATAL_STORE_CORRUPT"));
  }
});

test("decodeHead() and decodeIdentity() take 0 and 1 as flags, and nothing else", () => {
  const head = { treeSize: 3, timestampMs: 5, rootHash: new Uint8Array(32) };
  const totals = { batchBytesTotal: 1, batchBytesMax: 1, writeBufferBytes: 1 };
  const record = { committed: head, previous: head, entriesSha256: new Uint8Array(32), ...totals };
  const flagged = [
    [decodeHead, 49, encodeHead(record)],
    [
      decodeIdentity,
      2,
      encodeIdentity({ format: FORMAT.plain, identity: TEST_IDENTITY, segmentTiles: 64 }),
    ],
  ] as const;
  for (const [decode, offset, payload] of flagged) {
    assert.equal(payload[offset], 1);
    decode(payload);
    for (const flag of [2, 4, 255]) {
      assert.throws(() => decode(payload.with(offset, flag)), fatal("FATAL_STORE_CORRUPT"));
    }
  }
});

test("sealValue() ends a value with the CRC-32 of key and value", () => {
  // CRC-32 of "123456789" is cbf43926: the check value of the algorithm.
  const sealed = sealValue(Buffer.from("1234"), Buffer.from("56789"));
  assert.equal(formatHex(sealed.subarray(5)), "cbf43926");
});
