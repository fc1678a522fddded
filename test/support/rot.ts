/**
 * One bit flipped in a shard at rest: in each kind of record, as a disk or a memory does it.
 * @module
 */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Level } from "level";
import { TlsReader } from "../../src/encoding/tls-reader.ts";
import { readTileLeaf, type TileLeaf } from "../../src/static-ct/tile-leaf.ts";
import { SEGMENT_HEADER_BYTES } from "../../src/storage/level/entry-files.ts";
import { openValue, PREFIX, sealValue } from "../../src/storage/level/record.ts";
import { sealedHeaderBytes } from "../../src/storage/level/sealed-format.ts";
import type { RotShard } from "./rot-shard.ts";

/** What is damaged. */
export interface RotKind {
  readonly name: string;
  /** Whether it may hit what nothing rests on: a record that was replaced, an unused byte. */
  readonly mayBeHarmless: boolean;
  /** Whether the checksum was made over the damage: no read can see it. */
  readonly isSealed?: boolean;
  /** Damages; says what and where. */
  readonly rot: (shard: RotShard, random: Random) => Promise<string>;
}

/** A number in [0, bound). */
export type Random = (bound: number) => number;

/** Seeded; the same seed gives the same numbers. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * bound);
  };
}

function flip(bytes: Uint8Array, random: Random, start = 0, end = bytes.length): string {
  const offset = start + random(end - start);
  const bit = random(8);
  bytes[offset] = (bytes[offset] ?? 0) ^ (1 << bit);
  return `byte ${offset}, bit ${bit}`;
}

async function flipInFile(path: string, random: Random): Promise<string> {
  const bytes = new Uint8Array(await readFile(path));
  const where = flip(bytes, random);
  await writeFile(path, bytes);
  return `${path}: ${where}`;
}

/** A bit in one field of an entry; `field` gives views into the segment. */
function inEntry(
  name: string,
  field: (leaf: TileLeaf, start: number, bytes: Uint8Array) => Uint8Array | undefined,
): RotKind {
  return {
    name,
    mayBeHarmless: false,
    async rot(shard, random) {
      const folder = join(shard.folder, "entries");
      const names = (await readdir(folder)).toSorted();
      const path = join(folder, names[random(names.length)] ?? "");
      const bytes = new Uint8Array(await readFile(path));
      const fields: Uint8Array[] = [];
      const reader = new TlsReader(bytes.subarray(SEGMENT_HEADER_BYTES));
      while (!reader.isAtEnd) {
        const start = SEGMENT_HEADER_BYTES + reader.offset;
        const found = field(readTileLeaf(reader), start, bytes);
        if (found !== undefined) fields.push(found);
      }
      const nth = random(fields.length);
      const where = flip(fields[nth] ?? new Uint8Array(0), random);
      await writeFile(path, bytes);
      return `${path}: ${name} number ${nth}: ${where}`;
    },
  };
}

/** A bit in the files of sealed segments of one tile. */
function inSealed(
  name: string,
  range: (bytes: Uint8Array) => readonly [start: number, end: number],
): RotKind {
  return {
    name,
    mayBeHarmless: false,
    async rot(shard, random) {
      const folder = join(shard.folder, "sealed");
      const names = (await readdir(folder)).toSorted();
      const path = join(folder, names[random(names.length)] ?? "");
      const bytes = new Uint8Array(await readFile(path));
      const where = flip(bytes, random, ...range(bytes));
      await writeFile(path, bytes);
      return `${path}: ${where}`;
    },
  };
}

type Edit = (
  key: Uint8Array,
  value: Uint8Array,
  random: Random,
) => readonly [Uint8Array, Uint8Array];

/** A bit in a record, where LevelDB does not see it; `prefixes` are all kinds of it. */
function inRecord(name: string, prefixes: readonly number[], edit: Edit = flipValue): RotKind {
  return {
    name,
    mayBeHarmless: false,
    isSealed: edit === flipSealed,
    async rot(shard, random) {
      const level = new Level<Uint8Array, Uint8Array>(join(shard.folder, "db"), {
        keyEncoding: "view",
        valueEncoding: "view",
      });
      try {
        const records: (readonly [Uint8Array, Uint8Array])[] = [];
        for (const prefix of prefixes) {
          const range = { gte: Uint8Array.of(prefix), lt: Uint8Array.of(prefix + 1) };
          records.push(...(await level.iterator(range).all()));
        }
        const record = records[random(records.length)];
        if (record === undefined) throw new Error(`no record of ${name}`);
        const [key, value] = record.map((bytes) => Uint8Array.from(bytes));
        const [newKey, newValue] = edit(key!, value!, random);
        await level.del(key!);
        await level.put(newKey, newValue);
        return `${name} ${Buffer.from(key!).toString("hex")}`;
      } finally {
        await level.close();
      }
    },
  };
}

function flipValue(
  key: Uint8Array,
  value: Uint8Array,
  random: Random,
): readonly [Uint8Array, Uint8Array] {
  flip(value, random);
  return [key, value];
}

/** Damaged before the checksum was made over it, and after it was read back. */
function flipSealed(
  key: Uint8Array,
  value: Uint8Array,
  random: Random,
): readonly [Uint8Array, Uint8Array] {
  const payload = openValue(key, value).slice();
  flip(payload, random);
  return [key, sealValue(key, payload)];
}

function flipKey(
  key: Uint8Array,
  value: Uint8Array,
  random: Random,
): readonly [Uint8Array, Uint8Array] {
  const damaged = key.slice();
  flip(damaged, random, 1);
  return [damaged, value];
}

function inFile(
  name: string,
  folder: "db" | "guard",
  pattern: RegExp,
  mayBeHarmless = true,
): RotKind {
  return {
    name,
    mayBeHarmless,
    async rot(shard, random) {
      const parent =
        folder === "db" ? join(shard.folder, "db") : join(shard.guard, hex(shard.identity.logId));
      const names = (await readdir(parent)).filter((file) => pattern.test(file)).toSorted();
      const path = join(parent, names[random(names.length)] ?? "");
      return flipInFile(path, random);
    },
  };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** Every kind; a seed takes the one of its number. */
export const ROT_KINDS: readonly RotKind[] = [
  inEntry("certificate", ({ entry }) => (entry.type === "x509" ? entry.certificate : undefined)),
  inEntry("TBS", ({ entry }) => (entry.type === "precert" ? entry.tbs : undefined)),
  inEntry("pre_certificate", ({ precertificate }) => precertificate),
  inEntry("chain", ({ chainFingerprints }) => chainFingerprints[0]),
  inEntry("timestamp", (_leaf, start, bytes) => bytes.subarray(start, start + 8)),
  {
    name: "segment header",
    mayBeHarmless: false,
    async rot(shard, random) {
      const path = join(shard.folder, "entries", "00000000");
      const bytes = new Uint8Array(await readFile(path));
      const where = flip(bytes, random, 0, SEGMENT_HEADER_BYTES);
      await writeFile(path, bytes);
      return `${path}: ${where}`;
    },
  },
  inSealed("sealed tile", (bytes) => [sealedHeaderBytes(1), bytes.length]),
  inSealed("sealed segment's header", () => [0, sealedHeaderBytes(1)]),
  inRecord("sealed segment's record", [PREFIX.sealed]),
  inRecord("tile", [PREFIX.tile]),
  inRecord("tile's growing rows", [PREFIX.row]),
  inRecord("tile, checksum made over it", [PREFIX.tile], flipSealed),
  inRecord("inner hash", [PREFIX.inner]),
  inRecord("inner hash, checksum made over it", [PREFIX.inner], flipSealed),
  inRecord("dedup value", [PREFIX.dedup]),
  inRecord("dedup value, checksum made over it", [PREFIX.dedup], flipSealed),
  inRecord("dedup key", [PREFIX.dedup], flipKey),
  inRecord("leaf-index value", [PREFIX.leaf]),
  inRecord("leaf-index value, checksum made over it", [PREFIX.leaf], flipSealed),
  inRecord("leaf-index key", [PREFIX.leaf], flipKey),
  inRecord("position", [PREFIX.position, PREFIX.positionRow]),
  inRecord("issuer", [PREFIX.issuer]),
  inRecord("issuer, checksum made over it", [PREFIX.issuer], flipSealed),
  inRecord("head record", [PREFIX.head]),
  inRecord("published head", [PREFIX.published]),
  inRecord("identity", [PREFIX.identity]),
  inFile("guard slot", "guard", /^slot-/),
  inFile("LevelDB's log", "db", /\.log$/, false),
  inFile("table block", "db", /\.ldb$/, false),
  inFile("list of tables", "db", /^(?:MANIFEST-\d+|CURRENT)$/, false),
];
