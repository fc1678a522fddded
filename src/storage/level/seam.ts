/**
 * All that LevelStore asks of the world: a handful of functions, so that a test can fail or
 * stop between any two of them. `real.ts` is the world; errors carry Node's `code`.
 * @module
 */

/** An open file; positions and lengths in bytes. */
export interface OpenFile {
  /**
   * The bytes from `position` on: fewer than `length` only where the file ends.
   * @param into Where they may be put; else, and if it is too short, they are a fresh array.
   */
  read(length: number, position: number, into?: Uint8Array): Promise<Uint8Array>;
  /** As `read`, for one short piece: in this thread, as long as that is quick. */
  readQuickly(length: number, position: number, into?: Uint8Array): Promise<Uint8Array>;
  /** Writes all of `bytes`. */
  write(bytes: Uint8Array, position: number): Promise<void>;
  /** fdatasync: the bytes and the length. */
  syncData(): Promise<void>;
  /** fsync. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** Folders and files. */
export interface FileSystem {
  /**
   * Makes a folder, and those above it, with mode 0700; one that is there stays. The names of
   * all of them are durable when it resolves.
   */
  makeFolder(path: string): Promise<void>;
  /** Names in a folder; undefined if there is no such folder. */
  listFolder(path: string): Promise<readonly string[] | undefined>;
  /**
   * Opens a file, to read it in this thread as long as that is quick; `write` makes it, with mode
   * 0600, if it is not there.
   */
  openFile(path: string, mode: "read" | "write"): Promise<OpenFile>;
  rename(path: string, to: string): Promise<void>;
  /** Removes a file, or a folder with all that is in it; nothing there is no error. */
  remove(path: string): Promise<void>;
  /** fsync of a folder: its names are durable. */
  syncFolder(path: string): Promise<void>;
}

/** A key, and its value or undefined to delete it. */
export type Write = readonly [key: Uint8Array, value: Uint8Array | undefined];

/** An open LevelDB. */
export interface Database {
  /** The value; undefined if there is none. */
  get(key: Uint8Array): Uint8Array | undefined;
  /** Applies all writes in order, or none; durable on return if `sync`. */
  write(writes: readonly Write[], options: { readonly sync: boolean }): Promise<void>;
  /** The first `count` keys with `start <= key < end` as they are now, in order, some at a time. */
  keys(start: Uint8Array, end: Uint8Array, count: number): AsyncIterable<readonly Uint8Array[]>;
  /** Records with `start <= key < end`, in order. */
  scan(start: Uint8Array, end: Uint8Array): AsyncIterable<readonly [Uint8Array, Uint8Array]>;
  close(): Promise<void>;
}

/** Tuning of LevelDB. */
export interface DatabaseOptions {
  /** Make it, where nothing may be; else it must be there. */
  readonly create: boolean;
  /** Bytes of one of the two write buffers. */
  readonly writeBufferBytes: number;
  /** Bytes of uncompressed blocks to keep. */
  readonly cacheBytes: number;
  /** Whether other threads of this process may open it too. */
  readonly multithreading: boolean;
}

/** The world of one process. */
export interface Seam {
  readonly files: FileSystem;
  openDatabase(path: string, options: DatabaseOptions): Promise<Database>;
  /** Folders of which this process has seen a flush fail: it commits to them no more. */
  readonly poisoned: Set<string>;
}
