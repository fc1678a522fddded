import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import { crc32, gunzipSync } from "node:zlib";
import fc from "fast-check";
import { concatBytes } from "../../../src/encoding/bytes.ts";
import { formatHex, parseHex } from "../../../src/encoding/hex.ts";
import { REAL_SEAM } from "../../../src/storage/level/real.ts";
import { SealedFiles } from "../../../src/storage/level/sealed-files.ts";
import {
  decodeSealedHeader,
  encodeSealedHeader,
  groupRange,
  gunzipTile,
  inflateGroups,
  isFramed,
  release,
  sealedHeaderBytes,
  TILE_GROUPS,
  TileCompressor,
} from "../../../src/storage/level/sealed-format.ts";
import { randomBytes, SyntheticLog } from "../../support/commits.ts";
import { temporaryFolder } from "../../support/level.ts";
import { fatal } from "../../support/store-asserts.ts";

const VECTOR = new URL("../../vectors/storage/sealed-1.json", import.meta.url);

/** One for all tests: each tile must come out as if it were its first. */
const compressor = new TileCompressor();
after(() => compressor.close());

async function sealedTile(groups: readonly Uint8Array[]) {
  const { bytes, groupEnds } = await compressor.compress(groups);
  return { bytes, tile: { length: bytes.length, crc: crc32(bytes), groupEnds } };
}

/** The groups of the first tile of a synthetic log. */
function syntheticGroups(): readonly Uint8Array[] {
  const log = new SyntheticLog({ bodyBytes: 8 });
  log.next(256);
  return Array.from({ length: TILE_GROUPS }, (_, group) =>
    concatBytes(...log.entries.slice(16 * group, 16 * group + 16).map((entry) => entry.tileLeaf)),
  );
}

/** Bytes of one group: few and many, alike and random, more than zlib puts out at a time. */
const groupArbitrary = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 400 }),
  fc.record({ seed: fc.nat(), length: fc.integer({ min: 1, max: 300_000 }) }).map((shape) => {
    return randomBytes(`${shape.seed}`, Math.min(4_096, shape.length)).length < shape.length
      ? concatBytes(
          ...Array.from({ length: Math.ceil(shape.length / 4_096) }, (_, part) =>
            randomBytes(`${shape.seed}/${part}`, 4_096),
          ),
        )
      : randomBytes(`${shape.seed}`, shape.length);
  }),
  fc.integer({ min: 1, max: 200_000 }).map((length) => new Uint8Array(length)),
);

test("TileCompressor makes one gzip of all, of which any groups inflate by themselves", async () => {
  const all = fc.array(groupArbitrary, { minLength: TILE_GROUPS, maxLength: TILE_GROUPS });
  const ranges = fc.tuple(fc.nat({ max: 15 }), fc.nat({ max: 15 }));
  await fc.assert(
    fc.asyncProperty(all, ranges, async (groups, [a, b]) => {
      const { bytes, tile } = await sealedTile(groups);
      const raw = concatBytes(...groups);
      assert.equal(Buffer.compare(gunzipSync(bytes), raw), 0);
      const again = await sealedTile(groups);
      assert.equal(Buffer.compare(gunzipSync(again.bytes), raw), 0);
      assert.ok(isFramed(again.bytes, again.tile, raw), "nothing of a tile stays for the next");
      assert.equal(Buffer.compare(await gunzipTile(bytes, raw.length), raw), 0);
      assert.ok(isFramed(bytes, tile, raw));
      const [first, last] = [Math.min(a, b), Math.max(a, b) + 1];
      const { start, end } = groupRange(tile, first, last);
      const expected = concatBytes(...groups.slice(first, last));
      const inflated = inflateGroups(bytes.subarray(start, end), expected.length);
      assert.equal(Buffer.compare(inflated, expected), 0);
      const lent = new Uint8Array(expected.length + 3);
      const put = inflateGroups(bytes.subarray(start, end), expected.length, () => lent);
      assert.ok(put.buffer === lent.buffer && put.length === expected.length);
      assert.equal(Buffer.compare(put, expected), 0);
      for (const wrong of [expected.length - 1, expected.length + 1]) {
        const inflating = () => inflateGroups(bytes.subarray(start, end), wrong);
        assert.throws(inflating, fatal("FATAL_STORE_CORRUPT"));
      }
    }),
    { numRuns: 40 },
  );
});

test("release() gives back what was inflated, and never memory that others share", async () => {
  const shared = Buffer.allocUnsafe(100);
  shared.fill(7);
  for (const length of [0, 1_000, 40_000, 65_535, 65_536, 300_000]) {
    const groups = Array.from({ length: TILE_GROUPS }, () => new Uint8Array(length + 16));
    const { bytes, tile } = await sealedTile(groups);
    const { start, end } = groupRange(tile, 3, 4);
    const inflated = inflateGroups(bytes.subarray(start, end), length + 16);
    release(inflated);
    const isPooled = length < 40_000 || length + 17 === Buffer.poolSize;
    assert.equal(inflated.length, isPooled ? length + 16 : 0, `of ${length + 16} bytes`);
  }
  release(shared);
  assert.ok(shared.length === 100 && shared.every((byte) => byte === 7));
});

test("isFramed() and its groups together are what gunzip takes, for any flipped bit", async () => {
  const groups = syntheticGroups();
  const raw = concatBytes(...groups);
  const { bytes, tile } = await sealedTile(groups);
  const isTaken = (damaged: Uint8Array): boolean => {
    if (!isFramed(damaged, tile, raw)) return false;
    return groups.every((group, at) => {
      const { start, end } = groupRange(tile, at, at + 1);
      try {
        return (
          Buffer.compare(inflateGroups(damaged.subarray(start, end), group.length), group) === 0
        );
      } catch {
        return false;
      }
    });
  };
  assert.ok(isTaken(bytes));
  for (let at = 0; at < 8 * bytes.length; at += at < 200 ? 1 : 97) {
    const damaged = bytes.slice();
    damaged[Math.floor(at / 8)] = damaged[Math.floor(at / 8)]! ^ (1 << (at % 8));
    if (!isTaken(damaged)) continue;
    // Two octets of the header are advice; all else that is taken must be the same tile.
    assert.equal(Buffer.compare(gunzipSync(damaged), raw), 0, `bit ${at}`);
  }
  assert.ok(!isTaken(bytes.subarray(0, bytes.length - 1)));
  assert.ok(!isTaken(concatBytes(bytes, Uint8Array.of(0))));
});

test("decodeSealedHeader() reads what encodeSealedHeader() writes, and no other bit of it", async () => {
  const { tile } = await sealedTile(syntheticGroups());
  const tiles = [tile, { ...tile, crc: 0 }, { ...tile, length: 0xffff_ffff }];
  const header = encodeSealedHeader(70_000, tiles);
  assert.equal(header.length, sealedHeaderBytes(3));
  const decoded = decodeSealedHeader(header, 70_000, 3);
  let start = header.length;
  for (const [position, expected] of tiles.entries()) {
    assert.deepEqual(decoded.tile(position), expected);
    assert.equal(decoded.startOf(position), start);
    start += expected.length;
  }
  assert.throws(() => decoded.tile(3), /a tile of the segment/);
  const refused = fatal("FATAL_STORE_CORRUPT");
  for (let bit = 0; bit < 8 * header.length; bit += 1) {
    const flipped = header.slice();
    flipped[Math.floor(bit / 8)] = flipped[Math.floor(bit / 8)]! ^ (1 << (bit % 8));
    assert.throws(() => decodeSealedHeader(flipped, 70_000, 3), refused);
  }
  assert.throws(() => decodeSealedHeader(header, 70_001, 3), refused);
  assert.throws(() => decodeSealedHeader(header, 70_000, 2), refused);
  assert.throws(() => decodeSealedHeader(header.subarray(1), 70_000, 3), refused);
  for (const groupEnds of [[9, ...tile.groupEnds.slice(1)], tile.groupEnds.map(() => 500)]) {
    const crossed = encodeSealedHeader(1, [{ ...tile, groupEnds }]);
    assert.throws(() => decodeSealedHeader(crossed, 1, 1), refused);
  }
  const short = encodeSealedHeader(1, [{ ...tile, length: tile.length - 1 }]);
  assert.throws(() => decodeSealedHeader(short, 1, 1), refused);
});

test("a header of a newer version is FATAL_STORE_FORMAT if its checksum holds", async () => {
  const { tile } = await sealedTile(syntheticGroups());
  const header = encodeSealedHeader(3, [tile]);
  header[9] = 2;
  const refused = (code: "FATAL_STORE_CORRUPT" | "FATAL_STORE_FORMAT") =>
    assert.throws(() => decodeSealedHeader(header, 3, 1), fatal(code));
  refused("FATAL_STORE_CORRUPT");
  new DataView(header.buffer).setUint32(header.length - 4, crc32(header.subarray(0, -4)));
  refused("FATAL_STORE_FORMAT");
});

test("a sealed segment of format 1 is read", async () => {
  const groups = syntheticGroups();
  if (process.env["UPDATE_VECTORS"] !== undefined) {
    const { bytes, tile } = await sealedTile(groups);
    const file = formatHex(concatBytes(encodeSealedHeader(0, [tile]), bytes));
    const vector = { source: "test/storage/level/sealed-format.test.ts", file };
    await writeFile(VECTOR, `${JSON.stringify(vector, undefined, 2)}\n`);
  }
  const { file }: { readonly file: string } = JSON.parse(await readFile(VECTOR, "utf8"));
  await using root = await temporaryFolder();
  const folder = join(root.path, "sealed");
  await mkdir(folder);
  await writeFile(join(folder, "00000000"), parseHex(file));
  const sealed = new SealedFiles(REAL_SEAM.files, folder, 1);
  await sealed.read(0, async (segment) => {
    const raw = concatBytes(...groups);
    assert.deepEqual(await gunzipTile(await segment.readTile(0), raw.length), raw);
    const some = concatBytes(...groups.slice(3, 5));
    assert.deepEqual(await segment.readGroups(0, { first: 3, last: 5, length: some.length }), some);
    const header = encodeSealedHeader(0, [segment.tile(0)]);
    assert.equal(formatHex(header), file.slice(0, 2 * header.length));
  });
  await sealed.close();
});
