/**
 * Entries of one tile, wherever they are: in a segment as they were committed, or sealed. The
 * index says which; whoever meets a segment that is gone meanwhile finds it sealed.
 * @module
 */
import { defined } from "../../base/assert.ts";
import { FatalError } from "../../base/errors.ts";
import { TILE_WIDTH } from "../../merkle/tile.ts";
import type { EntryRun, Into } from "../store.ts";
import { numberedKey } from "./column.ts";
import type { EntryFiles } from "./entry-files.ts";
import { readPositions, requireEntries } from "./position.ts";
import { corrupt, PREFIX, readRecord, unlessCorrupt } from "./record.ts";
import type { SealedFiles } from "./sealed-files.ts";
import { GROUP_ENTRIES, gunzipTile } from "./sealed-format.ts";
import type { Database } from "./seam.ts";

/** Where entries are. */
export interface EntryPlaces {
  readonly database: Database;
  readonly entries: EntryFiles;
  readonly sealed: SealedFiles;
}

const SEALED_VERSION = 1;

/**
 * From so many entries on, the whole tile is read and compared with the one checksum that its
 * gzip has, in place of one for each entry: an eighth of the bytes, and no call for each.
 */
const CHECKED_ENTRIES_MIN = 64;

/** What a tile is taken to hold at most when nothing else says how long it is. */
const WHOLE_BYTES_MAX = 268_435_456;

/** Key of the record that says that a segment is sealed. */
export function sealedKey(segment: number): Uint8Array {
  return numberedKey([PREFIX.sealed], segment, 4);
}

/** That record: `uint8 version(1)`. */
export function encodeSealed(): Uint8Array {
  return Uint8Array.of(SEALED_VERSION);
}

/** Reads what {@link encodeSealed} writes. @throws FatalError `FATAL_STORE_CORRUPT`. */
export function requireSealed(payload: Uint8Array): void {
  const [version] = payload;
  if (version === SEALED_VERSION && payload.length === 1) return;
  throw corrupt("the record of a sealed segment is malformed");
}

/** Whether the index says that a segment is sealed: then its sealed file is durable. */
export function isNamedSealed(
  { database }: Pick<EntryPlaces, "database">,
  segment: number,
): boolean {
  return unlessCorrupt(() => readRecord(database, sealedKey(segment))) !== undefined;
}

/**
 * Whether a read goes to the sealed segment. A record that is damaged says nothing: then
 * the segment as it was committed is gone, and that leads to the sealed one as well.
 */
function isSealed(places: EntryPlaces, segment: number): boolean {
  return places.sealed.isReading(segment) || isNamedSealed(places, segment);
}

/**
 * Entries [start, end) of one tile, against their checksums.
 * @param isFull Whether the tile is known to be full.
 * @param into As of {@link readCommitted}.
 * @throws FatalError `FATAL_STORE_CORRUPT`. @throws UnavailableError `UNAVAILABLE_STORE`.
 */
export async function readPiece(
  places: EntryPlaces,
  start: number,
  end: number,
  isFull: boolean,
  into?: Into,
): Promise<EntryRun> {
  const { entries } = places;
  const segment = entries.segmentOf(start);
  if (!isFull) return readCommitted(places, start, end, false, into);
  if (isSealed(places, segment)) {
    entries.forget(segment);
    return readSealed(places, start, end, into);
  }
  closeSealed(places, segment);
  try {
    return await readCommitted(places, start, end, true, into);
  } catch (error) {
    if (!isMissing(error)) throw error;
    try {
      return await readSealed(places, start, end, into);
    } catch (other) {
      throw isMissing(other) ? error : other;
    }
  }
}

/**
 * As {@link readPiece}, from the segment as it was committed alone.
 * @param into Gives an array of at least so many bytes for them; absent: a fresh one.
 */
export async function readCommitted(
  { database, entries }: EntryPlaces,
  start: number,
  end: number,
  isFull: boolean,
  into?: Into,
): Promise<EntryRun> {
  const positions = readPositions((key) => readRecord(database, key), start, end, isFull);
  const length = defined(positions.ends.at(-1), "at least one entry");
  const segment = entries.segmentOf(start);
  const bytes = await entries.read(segment, positions.start, length, into?.(length));
  requireEntries(bytes, positions, start);
  return { start, bytes, ends: positions.ends };
}

/**
 * The gzip member of a full tile that is sealed; undefined if it is not.
 * @param into As of {@link readCommitted}.
 * @throws as `readPiece`.
 */
export async function readSealedTile(
  places: EntryPlaces,
  tile: number,
  into?: Into,
): Promise<Uint8Array | undefined> {
  const segment = places.entries.segmentOf(tile * TILE_WIDTH);
  if (!isSealed(places, segment)) return undefined;
  return places.sealed.read(segment, (sealed) => sealed.readTile(positionOf(places, tile), into));
}

/**
 * The entries of a full tile that is sealed, without their positions; undefined if it is not
 * sealed, or what there is does not inflate.
 */
export async function readWholeTile(
  places: EntryPlaces,
  tile: number,
): Promise<Uint8Array | undefined> {
  const segment = places.entries.segmentOf(tile * TILE_WIDTH);
  try {
    const bytes = await places.sealed.read(segment, (sealed) =>
      sealed.readTile(positionOf(places, tile)),
    );
    return await gunzipTile(bytes, WHOLE_BYTES_MAX);
  } catch (error) {
    if (error instanceof FatalError) return undefined;
    throw error;
  }
}

/** Whether what was thrown says that there is no such file. */
export function isMissing(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return (cause as NodeJS.ErrnoException | undefined)?.code === "ENOENT";
}

/** The position of a tile in its segment. */
function positionOf({ entries }: EntryPlaces, tile: number): number {
  const segment = entries.segmentOf(tile * TILE_WIDTH);
  return tile - Math.floor(entries.startOf(segment) / TILE_WIDTH);
}

/** Groups are inflated as a whole; what was not asked for is not looked at. */
function readSealed(
  places: EntryPlaces,
  start: number,
  end: number,
  into?: Into,
): Promise<EntryRun> {
  const { database, entries, sealed } = places;
  const first = start - (start % GROUP_ENTRIES);
  const last = Math.ceil(end / GROUP_ENTRIES) * GROUP_ENTRIES;
  const all = readPositions((key) => readRecord(database, key), first, last, true);
  const length = defined(all.ends.at(-1), "at least one entry");
  const tile = Math.floor(start / TILE_WIDTH);
  const firstGroup = (first % TILE_WIDTH) / GROUP_ENTRIES;
  const lastGroup = firstGroup + (last - first) / GROUP_ENTRIES;
  const skipped = start === first ? 0 : defined(all.ends[start - first - 1], "an entry before");
  const ends = all.ends.slice(start - first, end - first).map((offset) => offset - skipped);
  const crcs = all.crcs.slice(start - first, end - first);
  const part = (groups: Uint8Array) =>
    groups.subarray(skipped, skipped + defined(ends.at(-1), "an entry"));
  return sealed.read(entries.segmentOf(start), async (file) => {
    const position = positionOf(places, tile);
    const range = { first: firstGroup, last: lastGroup, length };
    if (end - start >= CHECKED_ENTRIES_MIN) {
      const groups = await file.readChecked(position, range, into);
      // Sealing has compared each entry that the tile inflates to.
      if (groups !== undefined) return { start, bytes: part(groups), ends };
    }
    const bytes = part(await file.readGroups(position, range, into));
    requireEntries(bytes, { origin: all.origin, start: 0, ends, crcs }, start);
    return { start, bytes, ends };
  });
}

/** A file that was removed takes room for as long as it is open: drops those that are sealed. */
function closeSealed(places: EntryPlaces, segment: number): void {
  const { entries } = places;
  if (entries.isReading(segment)) return;
  for (const other of entries.readingSegments()) {
    if (isSealed(places, other)) entries.forget(other);
  }
}
