/**
 * The append-only segments with the serialized TileLeafs: `entries/<number>`, a fixed number of
 * tiles each. Bytes behind the committed size mean nothing and are overwritten. What is where
 * stands in LevelDB (`position.ts`); a tile never spans segments.
 *
 * ```
 * struct { opaque magic[8] = "stratseg"; uint16 version = 1; uint16 tiles; uint32 number;
 *          uint32 crc32; } header;
 * ```
 * @module
 */

import { join } from "node:path";
import { crc32 } from "node:zlib";
import { FatalError, messageOf, UnavailableError } from "../../base/errors.ts";
import { LinkedMap } from "../../base/linked-map.ts";
import { concatBytes, equalBytes, joinBytes } from "../../encoding/bytes.ts";
import { TlsReader } from "../../encoding/tls-reader.ts";
import { TlsWriter } from "../../encoding/tls-writer.ts";
import { encodeUtf8 } from "../../encoding/utf8.ts";
import { TILE_WIDTH } from "../../merkle/tile.ts";
import { flushing, readError } from "./file-errors.ts";
import { attempt } from "./folder.ts";
import { corrupt } from "./record.ts";
import type { FileSystem, OpenFile } from "./seam.ts";

/** Bytes of a segment's header: where its first entry begins. */
export const SEGMENT_HEADER_BYTES = 20;

/** Segments open for reading at most. */
const OPEN_SEGMENTS_MAX = 64;

/** Bytes copied at a time. */
const COPY_BYTES = 1_048_576;

const SEGMENT_VERSION = 1;
const COPY_SUFFIX = ".new";
const MAGIC: Uint8Array = encodeUtf8("stratseg");

/** Entries to be written from one place on. */
export interface Append {
  readonly segment: number;
  /** Where the first entry begins, in bytes from the start of the file. */
  readonly position: number;
  readonly entries: readonly Uint8Array[];
}

/** A file that is read; closed by its last user once it is no longer listed. */
interface Reading {
  readonly file: Promise<OpenFile>;
  users: number;
}

/** What became of a segment made ahead of need: `absent` means that the commit makes it. */
type Prepared = "durable" | "absent" | FatalError;

/** The folder `entries`. One call of `append`, `renew` or `close` at a time; reads at any time. */
export class EntryFiles {
  readonly #files: FileSystem;
  readonly #folder: string;
  readonly #segmentTiles: number;
  /** Oldest use first. */
  readonly #reading = new LinkedMap<number, Reading>();
  #writing: { readonly segment: number; readonly file: OpenFile } | undefined;
  /** The segment made ahead of need; its promise never rejects. Written by `prepare`, `close`. */
  #prepared: { readonly segment: number; readonly outcome: Promise<Prepared> } | undefined;

  constructor(files: FileSystem, folder: string, segmentTiles: number) {
    this.#files = files;
    this.#folder = folder;
    this.#segmentTiles = segmentTiles;
  }

  /** The segment that holds entry `index`. */
  segmentOf(index: number): number {
    return Math.floor(index / (this.#segmentTiles * TILE_WIDTH));
  }

  /** Index of the first entry of segment `segment`. */
  startOf(segment: number): number {
    return segment * this.#segmentTiles * TILE_WIDTH;
  }

  /** Index of the first entry behind segment `segment`. */
  endOf(segment: number): number {
    return (segment + 1) * this.#segmentTiles * TILE_WIDTH;
  }

  /**
   * Writes entries and flushes them; a new file is flushed with its folder's name of it, unless
   * it was made ahead of need.
   *
   * @throws UnavailableError `UNAVAILABLE_STORE` if writing failed: what is there means nothing.
   * @throws FatalError `FATAL_FSYNC` if a flush failed.
   */
  async append(append: Append): Promise<void> {
    const { segment, position, entries } = append;
    const isFirst = position === SEGMENT_HEADER_BYTES;
    const isNew = isFirst && !(await this.#isPrepared(segment));
    const bytes = joinBytes(isNew ? [this.#header(segment), ...entries] : entries);
    const file = await this.#write(segment, bytes, isNew ? 0 : position);
    await flushing(`entries of segment ${segment}`, async () => {
      if (!isNew) return file.syncData();
      await file.sync();
      await this.#files.syncFolder(this.#folder);
    });
  }

  /**
   * Makes segment `segment`, empty, so that the commit that comes to it need not: its name is
   * durable when this resolves, or it is left to the commit. Beside `append`, at any time.
   * @throws FatalError `FATAL_FSYNC` if a flush failed; the next `append` to it says so too.
   */
  async prepare(segment: number): Promise<void> {
    if (this.#prepared?.segment !== segment) {
      this.#prepared = { segment, outcome: this.#make(segment) };
    }
    const outcome = await this.#prepared.outcome;
    if (outcome instanceof FatalError) throw outcome;
  }

  /**
   * `length` bytes of a segment.
   * @param into As for `OpenFile.read`.
   * @throws FatalError `FATAL_STORE_CORRUPT` if it is not there or ends before.
   * @throws UnavailableError `UNAVAILABLE_STORE` if it cannot be read.
   */
  async read(
    segment: number,
    position: number,
    length: number,
    into?: Uint8Array,
  ): Promise<Uint8Array> {
    const bytes = await this.readUpTo(segment, position, length, into);
    if (bytes.length === length) return bytes;
    throw corrupt(`segment ${segment} ends at byte ${position + bytes.length}`);
  }

  /** As `read`, but fewer bytes where the segment ends. */
  async readUpTo(
    segment: number,
    position: number,
    length: number,
    into?: Uint8Array,
  ): Promise<Uint8Array> {
    const reading = this.#openReading(segment);
    reading.users += 1;
    try {
      return await (await reading.file).readQuickly(length, position, into);
    } catch (cause) {
      throw readError(`segment ${segment}`, cause);
    } finally {
      reading.users -= 1;
      const isListed = this.#reading.get(segment) === reading;
      if (reading.users === 0 && !isListed) await closeQuietly(reading);
      await this.#closeIdle(OPEN_SEGMENTS_MAX);
    }
  }

  /**
   * Copies a segment to a new file, flushes it and puts it in the old one's place. One that is
   * not there stays so: reads will tell.
   * @throws UnavailableError `UNAVAILABLE_STORE` if there is no room; the old file is still there.
   */
  async renew(segment: number): Promise<void> {
    const path = this.#path(segment);
    const copyPath = `${path}${COPY_SUFFIX}`;
    try {
      const source = await this.#files.openFile(path, "read");
      try {
        await this.#copy(source, copyPath);
      } finally {
        await source.close();
      }
      await this.#files.rename(copyPath, path);
      await this.#files.syncFolder(this.#folder);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === "ENOENT") return;
      const message = `segment ${segment} cannot be renewed: ${messageOf(cause)}`;
      throw new UnavailableError("UNAVAILABLE_STORE", message, { cause });
    }
  }

  /** Whether a segment is open for reading. */
  isReading(segment: number): boolean {
    return this.#reading.has(segment);
  }

  /** The segments that are open for reading. */
  readingSegments(): readonly number[] {
    return [...this.#reading.keys()];
  }

  /** Drops what is open for reading of a segment. */
  forget(segment: number): void {
    const reading = this.#reading.get(segment);
    this.#reading.delete(segment);
    if (reading?.users === 0) void closeQuietly(reading);
  }

  /** The segments that are there, in order. @throws UnavailableError `UNAVAILABLE_STORE`. */
  async list(): Promise<readonly number[]> {
    const names = await attempt("segments cannot be listed", () =>
      this.#files.listFolder(this.#folder),
    );
    const segments = (names ?? []).filter((name) => /^[0-9]{8,}$/.test(name)).map(Number);
    return segments.sort((a, b) => a - b);
  }

  /** Removes a segment; it may be there again after a crash. @throws as `list`. */
  async remove(segment: number): Promise<void> {
    this.forget(segment);
    if (this.#writing?.segment === segment) await this.#closeWriting();
    const path = this.#path(segment);
    await attempt(`segment ${segment} cannot be removed`, () => this.#files.remove(path));
  }

  /** Removes what an interrupted `renew` left. @throws UnavailableError `UNAVAILABLE_STORE`. */
  async removeCopies(): Promise<void> {
    await attempt("copies of segments cannot be removed", async () => {
      const names = (await this.#files.listFolder(this.#folder)) ?? [];
      for (const name of names) {
        if (name.endsWith(COPY_SUFFIX)) await this.#files.remove(join(this.#folder, name));
      }
    });
  }

  /** Closes every file; the next call opens them again. */
  async close(): Promise<void> {
    await this.#prepared?.outcome;
    this.#prepared = undefined;
    await this.#closeWriting();
    const idle = this.#reading.values().filter((reading) => reading.users === 0);
    this.#reading.clear();
    await Promise.all(idle.map(closeQuietly));
  }

  async #write(segment: number, bytes: Uint8Array, position: number): Promise<OpenFile> {
    try {
      if (this.#writing?.segment !== segment) {
        await this.#closeWriting();
        const file = await this.#files.openFile(this.#path(segment), "write");
        this.#writing = { segment, file };
      }
      await this.#writing.file.write(bytes, position);
      return this.#writing.file;
    } catch (cause) {
      const message = `segment ${segment} cannot be written: ${messageOf(cause)}`;
      throw new UnavailableError("UNAVAILABLE_STORE", message, { cause });
    }
  }

  /** Whether the segment stands there durably. @throws FatalError `FATAL_FSYNC`. */
  async #isPrepared(segment: number): Promise<boolean> {
    const prepared = this.#prepared;
    if (prepared?.segment !== segment) return false;
    const outcome = await prepared.outcome;
    if (outcome instanceof FatalError) throw outcome;
    return outcome === "durable";
  }

  async #make(segment: number): Promise<Prepared> {
    try {
      const file = await this.#files.openFile(this.#path(segment), "write");
      try {
        await file.write(this.#header(segment), 0);
        await flushing(`segment ${segment}`, async () => {
          await file.sync();
          await this.#files.syncFolder(this.#folder);
        });
      } finally {
        await file.close();
      }
      return "durable";
    } catch (error) {
      return error instanceof FatalError ? error : "absent";
    }
  }

  async #copy(source: OpenFile, copyPath: string): Promise<void> {
    const copy = await this.#files.openFile(copyPath, "write");
    try {
      let position = 0;
      for (;;) {
        const bytes = await source.read(COPY_BYTES, position);
        if (bytes.length === 0) break;
        await copy.write(bytes, position);
        position += bytes.length;
      }
      await copy.sync();
    } finally {
      await copy.close();
    }
  }

  #openReading(segment: number): Reading {
    const known = this.#reading.get(segment);
    const reading = known ?? { file: this.#openChecked(segment), users: 0 };
    if (known === undefined) {
      reading.file.catch(() => {
        if (this.#reading.get(segment) === reading) this.#reading.delete(segment);
      });
    }
    this.#reading.set(segment, reading);
    return reading;
  }

  async #openChecked(segment: number): Promise<OpenFile> {
    const file = await this.#files.openFile(this.#path(segment), "read");
    try {
      const header = await file.readQuickly(SEGMENT_HEADER_BYTES, 0);
      this.#requireHeader(header, segment);
      return file;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async #closeIdle(keep: number): Promise<void> {
    for (const segment of this.#reading.keys()) {
      if (this.#reading.size <= keep) return;
      const reading = this.#reading.get(segment);
      if (reading === undefined || reading.users > 0) continue;
      this.#reading.delete(segment);
      await closeQuietly(reading);
    }
  }

  async #closeWriting(): Promise<void> {
    const writing = this.#writing;
    this.#writing = undefined;
    await writing?.file.close();
  }

  #path(segment: number): string {
    return join(this.#folder, segment.toString().padStart(8, "0"));
  }

  #header(segment: number): Uint8Array {
    const writer = new TlsWriter(SEGMENT_HEADER_BYTES)
      .fixed(MAGIC)
      .uint(SEGMENT_VERSION, 2)
      .uint(this.#segmentTiles, 2)
      .uint(segment, 4);
    const bytes = writer.finish();
    return concatBytes(bytes, new TlsWriter(4).uint(crc32(bytes), 4).finish());
  }

  #requireHeader(header: Uint8Array, segment: number): void {
    if (header.length === SEGMENT_HEADER_BYTES && equalBytes(header.subarray(0, 8), MAGIC)) {
      const version = new TlsReader(header.subarray(8)).uint(2);
      const checksum = new TlsReader(header.subarray(16)).uint(4);
      // A version is believed only if its checksum holds: else a flipped bit is a newer program.
      if (version > SEGMENT_VERSION && checksum === crc32(header.subarray(0, 16))) {
        const message = `expected segment format ${SEGMENT_VERSION}, got ${version}`;
        throw new FatalError("FATAL_STORE_FORMAT", message);
      }
      if (equalBytes(header, this.#header(segment))) return;
    }
    throw corrupt(`segment ${segment} has another header`);
  }
}

/** What closing a file that was only read says is of no use to anyone. */
async function closeQuietly(reading: Reading): Promise<void> {
  try {
    await (await reading.file).close();
  } catch {}
}
