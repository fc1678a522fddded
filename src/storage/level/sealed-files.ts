/**
 * The folder `sealed`: one file for each sealed segment, named as the segment. It gets its name
 * once it was verified, and is never changed after that.
 * @module
 */

import { join } from "node:path";
import { crc32 } from "node:zlib";
import { FatalError, messageOf } from "../../base/errors.ts";
import { keep, LinkedMap } from "../../base/linked-map.ts";
import type { Into } from "../store.ts";
import { flushing, readError } from "./file-errors.ts";
import { attempt } from "./folder.ts";
import { corrupt } from "./record.ts";
import {
  decodeSealedHeader,
  encodeSealedHeader,
  type GzipTile,
  groupRange,
  inflateGroups,
  type SealedHeader,
  type SealedTile,
  sealedHeaderBytes,
} from "./sealed-format.ts";
import type { FileSystem, OpenFile } from "./seam.ts";

/**
 * Sealed segments open for reading at most: eight million entries. A place at random in a larger
 * log mostly means to open one, which is why that is done in this thread, too.
 */
const OPEN_SEALED_MAX = 2_048;

/**
 * Headers of sealed segments in memory, a kilobyte each: 16 million entries. To open a segment
 * again is then one call, without a read and a check (*measured*: 15 us in place of 60).
 */
const SEALED_HEADERS_MAX = 4_096;

const DRAFT_SUFFIX = ".new";

/** A sealed segment that is read; closed by its last user once it is no longer listed. */
interface Reading {
  readonly opened: Promise<SealedSegment>;
  users: number;
}

/** Consecutive groups of one tile. */
export interface GroupRange {
  readonly first: number;
  /** The group behind the last. */
  readonly last: number;
  /** Bytes of their entries together. */
  readonly length: number;
}

/** One open file of sealed tiles. */
export class SealedSegment {
  readonly #file: OpenFile;
  readonly #segment: number;
  readonly #header: SealedHeader;

  constructor(file: OpenFile, segment: number, header: SealedHeader) {
    this.#file = file;
    this.#segment = segment;
    this.#header = header;
  }

  /**
   * A tile as it is served: its gzip member, against its checksum.
   * @param position Of the tile in its segment.
   * @param into Gives an array of at least so many bytes for it; absent: a fresh one.
   * @throws FatalError `FATAL_STORE_CORRUPT`; Error of the file system.
   */
  async readTile(position: number, into?: Into): Promise<Uint8Array> {
    const { length, crc } = this.tile(position);
    const bytes = await this.#read(position, 0, length, into);
    if (crc32(bytes) === crc) return bytes;
    throw corrupt(`the checksum of tile ${position} of sealed segment ${this.#segment} differs`);
  }

  /**
   * The entries of some groups of a tile, one after the other. Nothing says that they are those
   * that were sealed: whoever asks compares each with its checksum.
   * @param into As of {@link readTile}; it is asked for what is read, too.
   * @throws FatalError `FATAL_STORE_CORRUPT`; Error of the file system.
   */
  async readGroups(position: number, groups: GroupRange, into?: Into): Promise<Uint8Array> {
    const { start, end } = groupRange(this.tile(position), groups.first, groups.last);
    return this.#inflate(
      position,
      await this.#read(position, start, end - start, into),
      groups,
      into,
    );
  }

  /**
   * As {@link readGroups}, but out of the whole tile against its checksum, which says that they
   * are what was sealed; undefined if it differs: whatever is damaged may be elsewhere in the tile.
   */
  async readChecked(
    position: number,
    groups: GroupRange,
    into?: Into,
  ): Promise<Uint8Array | undefined> {
    const tile = this.tile(position);
    const bytes = await this.#read(position, 0, tile.length, into);
    if (crc32(bytes) !== tile.crc) return undefined;
    const { start, end } = groupRange(tile, groups.first, groups.last);
    return this.#inflate(position, bytes.subarray(start, end), groups, into);
  }

  /** Where the groups of a tile stand. */
  tile(position: number): SealedTile {
    return this.#header.tile(position);
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  #inflate(position: number, bytes: Uint8Array, { length }: GroupRange, into?: Into): Uint8Array {
    try {
      return inflateGroups(bytes, length, into);
    } catch (error) {
      if (!(error instanceof FatalError)) throw error;
      const where = `tile ${position} of sealed segment ${this.#segment}`;
      throw corrupt(`${where}: ${messageOf(error)}`, error);
    }
  }

  async #read(
    position: number,
    start: number,
    length: number,
    into: Into | undefined,
  ): Promise<Uint8Array> {
    const offset = this.#header.startOf(position) + start;
    const bytes = await this.#file.readQuickly(length, offset, into?.(length));
    if (bytes.length === length) return bytes;
    throw this.#cutOff(position);
  }

  #cutOff(position: number): FatalError {
    return corrupt(`sealed segment ${this.#segment} ends in tile ${position}`);
  }
}

/** A sealed segment that is being written: one call at a time. */
export class SealedDraft {
  readonly #file: OpenFile;
  readonly #segment: number;
  readonly #tiles: SealedTile[] = [];
  #position: number;

  constructor(file: OpenFile, segment: number, tileCount: number) {
    this.#file = file;
    this.#segment = segment;
    this.#position = sealedHeaderBytes(tileCount);
  }

  /** Appends a tile. @throws Error of the file system. */
  async add({ bytes, groupEnds }: GzipTile): Promise<void> {
    await this.#file.write(bytes, this.#position);
    this.#position += bytes.length;
    this.#tiles.push({ length: bytes.length, crc: crc32(bytes), groupEnds });
  }

  /** Writes the header and flushes. @throws FatalError `FATAL_FSYNC`; Error of the file system. */
  async finish(): Promise<void> {
    await this.#file.write(encodeSealedHeader(this.#segment, this.#tiles), 0);
    await flushing(`sealed segment ${this.#segment}`, () => this.#file.sync());
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/** See the module. Reads at any time; what writes is for one sealer alone. */
export class SealedFiles {
  readonly #files: FileSystem;
  readonly #folder: string;
  readonly #segmentTiles: number;
  readonly #openMax: number;
  /** Oldest use first. */
  readonly #reading = new LinkedMap<number, Reading>();
  /** Checked when they were read; oldest use first. */
  readonly #headers = new LinkedMap<number, SealedHeader>();

  /** @param openMax See {@link OPEN_SEALED_MAX}. */
  constructor(
    files: FileSystem,
    folder: string,
    segmentTiles: number,
    openMax: number = OPEN_SEALED_MAX,
  ) {
    this.#openMax = openMax;
    this.#files = files;
    this.#folder = folder;
    this.#segmentTiles = segmentTiles;
  }

  /** Whether the segment is open, and thus known to be sealed. */
  isReading(segment: number): boolean {
    return this.#reading.has(segment);
  }

  /**
   * Reads of a sealed segment. Damage counts once a file that was opened afresh shows it too.
   * @throws FatalError `FATAL_STORE_CORRUPT`. @throws UnavailableError `UNAVAILABLE_STORE`.
   */
  async read<T>(segment: number, act: (sealed: SealedSegment) => Promise<T>): Promise<T> {
    try {
      return await this.#readOnce(segment, act);
    } catch (error) {
      if (!(error instanceof FatalError)) throw error;
      this.forget(segment);
      return await this.#readOnce(segment, act);
    }
  }

  /** Drops what is open, and known, of a segment. */
  forget(segment: number): void {
    this.#headers.delete(segment);
    const reading = this.#reading.get(segment);
    this.#reading.delete(segment);
    if (reading?.users === 0) void closeQuietly(reading);
  }

  /** Closes every file; the next read opens them again. */
  async close(): Promise<void> {
    const idle = this.#reading.values().filter((reading) => reading.users === 0);
    this.#reading.clear();
    this.#headers.clear();
    await Promise.all(idle.map(closeQuietly));
  }

  /** Removes what an interrupted sealing left. @throws UnavailableError `UNAVAILABLE_STORE`. */
  async removeDrafts(): Promise<void> {
    await attempt("drafts of sealed segments cannot be removed", async () => {
      for (const name of (await this.#files.listFolder(this.#folder)) ?? []) {
        if (name.endsWith(DRAFT_SUFFIX)) await this.#files.remove(join(this.#folder, name));
      }
    });
  }

  /** Makes the folder if need be. @throws FatalError `FATAL_FSYNC`: it may not be durable. */
  async makeFolder(): Promise<void> {
    await flushing("the folder of sealed segments", () => this.#files.makeFolder(this.#folder));
  }

  /** Begins a segment anew. @throws Error of the file system. */
  async createDraft(segment: number): Promise<SealedDraft> {
    await this.removeDraft(segment);
    const file = await this.#files.openFile(this.#draftPath(segment), "write");
    return new SealedDraft(file, segment, this.#segmentTiles);
  }

  /** Opens a finished draft for verification. @throws as `decodeSealedHeader`, and Error. */
  openDraft(segment: number): Promise<SealedSegment> {
    return this.#open(this.#draftPath(segment), (file) => this.#readHeader(file, segment), segment);
  }

  /** Nothing there is no error. */
  async removeDraft(segment: number): Promise<void> {
    await this.#files.remove(this.#draftPath(segment));
  }

  /** Gives a verified draft its name, durably. @throws FatalError `FATAL_FSYNC`; Error. */
  async publishDraft(segment: number): Promise<void> {
    await this.#files.rename(this.#draftPath(segment), this.#path(segment));
    await flushing("the folder of sealed segments", () => this.#files.syncFolder(this.#folder));
    this.forget(segment);
  }

  async #readOnce<T>(segment: number, act: (sealed: SealedSegment) => Promise<T>): Promise<T> {
    const reading = this.#openReading(segment);
    reading.users += 1;
    try {
      return await act(await reading.opened);
    } catch (cause) {
      throw readError(`sealed segment ${segment}`, cause);
    } finally {
      reading.users -= 1;
      const isListed = this.#reading.get(segment) === reading;
      if (reading.users === 0 && !isListed) await closeQuietly(reading);
      await this.#closeIdle();
    }
  }

  #openReading(segment: number): Reading {
    const known = this.#reading.get(segment);
    const reading = known ?? { opened: this.#openNamed(segment), users: 0 };
    if (known === undefined) {
      reading.opened.catch(() => {
        if (this.#reading.get(segment) === reading) this.#reading.delete(segment);
      });
    }
    this.#reading.set(segment, reading);
    return reading;
  }

  #openNamed(segment: number): Promise<SealedSegment> {
    return this.#open(this.#path(segment), (file) => this.#headerOf(file, segment), segment);
  }

  async #open(
    path: string,
    headerOf: (file: OpenFile) => Promise<SealedHeader>,
    segment: number,
  ): Promise<SealedSegment> {
    const file = await this.#files.openFile(path, "read");
    try {
      return new SealedSegment(file, segment, await headerOf(file));
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** The header of a segment, which never changes: known, or read and checked. */
  async #headerOf(file: OpenFile, segment: number): Promise<SealedHeader> {
    const header = this.#headers.get(segment) ?? (await this.#readHeader(file, segment));
    keep(this.#headers, segment, header, SEALED_HEADERS_MAX);
    return header;
  }

  async #readHeader(file: OpenFile, segment: number): Promise<SealedHeader> {
    const bytes = await file.readQuickly(sealedHeaderBytes(this.#segmentTiles), 0);
    return decodeSealedHeader(bytes, segment, this.#segmentTiles);
  }

  async #closeIdle(): Promise<void> {
    for (const segment of this.#reading.keys()) {
      if (this.#reading.size <= this.#openMax) return;
      const reading = this.#reading.get(segment);
      if (reading === undefined || reading.users > 0) continue;
      this.#reading.delete(segment);
      await closeQuietly(reading);
    }
  }

  #path(segment: number): string {
    return join(this.#folder, segment.toString().padStart(8, "0"));
  }

  #draftPath(segment: number): string {
    return `${this.#path(segment)}${DRAFT_SUFFIX}`;
  }
}

/** What closing a file that was only read says is of no use to anyone. */
async function closeQuietly(reading: Reading): Promise<void> {
  try {
    await (await reading.opened).close();
  } catch {}
}
