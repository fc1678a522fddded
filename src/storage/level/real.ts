/**
 * The world as LevelStore uses it: `node:fs` and the package `level`.
 * @module
 */
import {
  close,
  closeSync,
  constants,
  fdatasync,
  fsync,
  open,
  openSync,
  read,
  readSync,
  writeSync,
} from "node:fs";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { Level } from "level";
import { QuickReads } from "./quick-reads.ts";
import type { Database, DatabaseOptions, FileSystem, OpenFile, Seam } from "./seam.ts";

const openAsync = promisify(open);
const readAsync = promisify(read);
const syncAsync = promisify(fsync);
const syncDataAsync = promisify(fdatasync);
const closeAsync = promisify(close);

/** Of all files of this thread: they mostly are on one disk. */
const quickReads = new QuickReads(() => performance.now());

/** Opening and closing, which seldom waits for a disk where reading does. */
const quickOpens = new QuickReads(() => performance.now());

const REAL_FILES: FileSystem = {
  async makeFolder(path) {
    await mkdir(path, { recursive: true, mode: 0o700 });
    // Of those above it, it cannot be known who made them, and whether they were flushed.
    for (let above = dirname(path); ; above = dirname(above)) {
      await syncFolder(above).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== "EACCES" && error.code !== "EPERM") throw error;
      });
      if (above === dirname(above)) return;
    }
  },
  async listFolder(path) {
    try {
      return await readdir(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  },
  async openFile(path, mode) {
    if (mode === "read") {
      const openHere = () => openSync(path, constants.O_RDONLY);
      const isQuick = quickOpens.mayRead(0);
      const descriptor = isQuick ? quickOpens.timed(openHere) : await openAsync(path, "r");
      return openFileOf(descriptor, () => closeRead(descriptor));
    }
    // "r+" with O_CREAT has no name among Node's flags; never O_TRUNC.
    const descriptor = await openAsync(path, constants.O_RDWR + constants.O_CREAT, 0o600);
    return openFileOf(descriptor, () => closeAsync(descriptor));
  },
  rename,
  async remove(path) {
    await rm(path, { recursive: true, force: true });
  },
  syncFolder,
};

/** The real world; one for all stores of a process. */
export const REAL_SEAM: Seam = {
  files: REAL_FILES,
  openDatabase: openLevel,
  poisoned: new Set(),
};

async function syncFolder(path: string): Promise<void> {
  const descriptor = await openAsync(path, "r");
  try {
    await syncAsync(descriptor);
  } finally {
    await closeAsync(descriptor);
  }
}

/** Of a file that was read, nothing is left to be written; one that was removed may take a while. */
async function closeRead(descriptor: number): Promise<void> {
  if (quickOpens.mayRead(0)) quickOpens.timed(() => closeSync(descriptor));
  else await closeAsync(descriptor);
}

function openFileOf(descriptor: number, close: () => Promise<void>): OpenFile {
  const readRest = async (bytes: Uint8Array, length: number, from: number, position: number) => {
    let done = from;
    while (done < length) {
      const rest = length - done;
      const { bytesRead } = await readAsync(descriptor, bytes, done, rest, position + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return new Uint8Array(bytes.buffer, bytes.byteOffset, done);
  };
  return {
    read: (length, position, into) => readRest(roomFor(length, into), length, 0, position),
    async readQuickly(length, position, into) {
      const bytes = roomFor(length, into);
      const readHere = () => readSync(descriptor, bytes, 0, length, position);
      const done = quickReads.mayRead(length) ? quickReads.timed(readHere) : 0;
      if (done === length) return new Uint8Array(bytes.buffer, bytes.byteOffset, done);
      return readRest(bytes, length, done, position);
    },
    // Into the page cache: some 50 us for a full group, where a trip to the thread pool waits for
    // its turn of the event loop on the way back, behind all that is being judged. The flush,
    // which does wait for the disk, goes there.
    async write(bytes, position) {
      let done = 0;
      while (done < bytes.length) {
        done += writeSync(descriptor, bytes, done, bytes.length - done, position + done);
      }
    },
    syncData: () => syncDataAsync(descriptor),
    sync: () => syncAsync(descriptor),
    close,
  };
}

function roomFor(length: number, into: Uint8Array | undefined): Uint8Array {
  return into !== undefined && into.length >= length ? into : Buffer.allocUnsafeSlow(length);
}

async function openLevel(path: string, options: DatabaseOptions): Promise<Database> {
  const level = new Level<Uint8Array, Uint8Array>(path, {
    keyEncoding: "view",
    valueEncoding: "view",
    createIfMissing: options.create,
    errorIfExists: options.create,
    writeBufferSize: options.writeBufferBytes,
    cacheSize: options.cacheBytes,
    multithreading: options.multithreading,
  });
  try {
    await level.open();
  } catch (error) {
    // The reason (locked, no such file, no space) is in the cause.
    throw error instanceof Error && error.cause instanceof Error ? error.cause : error;
  }
  // What is read once takes no place in LevelDB's cache.
  const range = (start: Uint8Array, end: Uint8Array) => ({ gte: start, lt: end, fillCache: false });
  return {
    get: (key) => plain(level.getSync(key)),
    // Measured: half the main thread's time of `db.batch(operations)`.
    async write(writes, { sync }) {
      const batch = level.batch();
      for (const [key, value] of writes) {
        if (value === undefined) batch.del(key);
        else batch.put(key, value);
      }
      await batch.write({ sync });
    },
    keys: (start, end, count) => inTurns(level.keys({ ...range(start, end), limit: count })),
    scan: (start, end) => scan(inTurns(level.iterator(range(start, end)))),
    close: () => level.close(),
  };
}

/**
 * Records that an iterator reads in one turn. It makes room for 80 bytes of each, which are given
 * back only when V8 collects its object, and V8 does not know of them: of 1,000, 80 MB hung on
 * iterators that had ended (*measured*).
 */
const RECORDS_PER_TURN = 100;

/** All of an iterator, which is closed in the end, however that comes. */
async function* inTurns<Item>(iterator: {
  nextv(count: number): Promise<Item[]>;
  close(): Promise<void>;
}): AsyncIterable<readonly Item[]> {
  try {
    for (;;) {
      const items = await iterator.nextv(RECORDS_PER_TURN);
      if (items.length === 0) return;
      yield items;
    }
  } finally {
    await iterator.close();
  }
}

async function* scan(
  turns: AsyncIterable<readonly (readonly [Uint8Array, Uint8Array])[]>,
): AsyncIterable<readonly [Uint8Array, Uint8Array]> {
  for await (const records of turns) {
    for (const [key, value] of records) yield [plain(key), plain(value)];
  }
}

/** Without Buffer's own methods, whose `slice` is a view. */
function plain<T extends Uint8Array | undefined>(bytes: T): T | Uint8Array {
  if (bytes === undefined) return bytes;
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}
