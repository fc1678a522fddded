/**
 * A Store on one machine: LevelDB for tiles, indexes and heads, append-only files for entries.
 * The commit is one synced LevelDB batch; everything it names was flushed before.
 *
 * It keeps no tiles in memory: each commit reads the growing rows again. After a failed batch
 * LevelDB's log may be torn where it stands and what comes after it would be lost, so that the
 * database is written to no more until `load` has opened it again.
 * @module
 */
import { resolve } from "node:path";
import { assert } from "../../base/assert.ts";
import { FatalError } from "../../base/errors.ts";
import { emptyRoot } from "../../merkle/hash.ts";
import type { NodeId } from "../../merkle/node.ts";
import type { SignedTreeHead, TreeHead } from "../../rfc6962/tree-head.ts";
import { requireDerived, requireHead, requireShape } from "../shape.ts";
import type {
  Commit,
  DedupHit,
  DerivedRecords,
  EntryRun,
  Into,
  ShardIdentity,
  Store,
  StoreState,
} from "../store.ts";
import { DedupFilter } from "./dedup-filter.ts";
import { EntryFiles } from "./entry-files.ts";
import type { EntryPlaces } from "./entry-pieces.ts";
import { batchError, closedError, poisonError } from "./file-errors.ts";
import { attempt, type LevelStoreOptions, openDatabase, pathsOf } from "./folder.ts";
import { readRaisedIdentity } from "./format.ts";
import { IssuerFiles } from "./issuer-files.ts";
import {
  findTail,
  newIssuers,
  planAppends,
  planCommit,
  planCut,
  planDerived,
  putHead,
  scanBeyond,
} from "./plan.ts";
import { LevelReader } from "./reader.ts";
import { mendNewest, RECHECK_FIRST_MAX, renewTail } from "./recheck.ts";
import {
  decodePublished,
  encodePublished,
  HEAD_KEY,
  PUBLISHED_KEY,
  RecordBatch,
  readHead,
  readRecord,
} from "./record.ts";
import { beginRunning, endRunning, markRunning } from "./running.ts";
import type { SealingStore } from "./seal-segment.ts";
import { SealedFiles } from "./sealed-files.ts";
import type { Database } from "./seam.ts";

/**
 * Opens the store in the folder `path`. If the last head was not published here, the segments
 * with the entries since are copied to new files and flushed: see {@link renewTail}. Tables are
 * verified before LevelDB opens them: see {@link beginRunning}.
 *
 * @throws FatalError `FATAL_STORE_MISSING` if there is none: it is never made here;
 *   `FATAL_LOCKED` if it is in use; `FATAL_STORE_FORMAT` if a newer program wrote it;
 *   `FATAL_STORE_CORRUPT`; `FATAL_FSYNC` if this process has seen a flush of it fail.
 * @throws UnavailableError `UNAVAILABLE_STORE` if it does not open now.
 */
export async function openLevelStore(
  path: string,
  options: LevelStoreOptions,
): Promise<LevelStore> {
  const folder = resolve(path);
  const paths = pathsOf(folder);
  const names = await attempt(`${folder} cannot be read`, () =>
    options.seam.files.listFolder(folder),
  );
  if (names === undefined || !names.includes("db")) {
    throw new FatalError(
      "FATAL_STORE_MISSING",
      `there is no store in ${folder}; 'stratus init' creates one, if there never was one`,
    );
  }
  if (options.seam.poisoned.has(folder)) throw poisonError(folder);
  const lock = await options.lockFolder(folder);
  let database: Database | undefined;
  try {
    const isDoubtful = await attempt(`${folder} cannot be looked at`, () =>
      beginRunning(options.seam.files, folder, paths.database),
    );
    database = await openDatabase(paths.database, options);
    const { identity, segmentTiles } = await readRaisedIdentity(database);
    const entries = new EntryFiles(options.seam.files, paths.entries, segmentTiles);
    const sealed = new SealedFiles(options.seam.files, paths.sealed, segmentTiles);
    await entries.removeCopies();
    await sealed.removeDrafts();
    await renewTail(database, entries);
    const issuers = new IssuerFiles(options.seam.files, paths.issuers, options.sha256);
    const held = { lock, database, entries, sealed, issuers, isDoubtful };
    return new LevelStore(folder, identity, options, held);
  } catch (error) {
    await database?.close();
    await lock[Symbol.asyncDispose]();
    throw error;
  }
}

/** What a store holds while it is open. */
interface Held {
  readonly lock: AsyncDisposable;
  readonly database: Database;
  readonly entries: EntryFiles;
  readonly sealed: SealedFiles;
  readonly issuers: IssuerFiles;
  /** See {@link beginRunning}. */
  readonly isDoubtful: boolean;
}

/** See {@link openLevelStore}. Calls that write run one after the other. */
export class LevelStore implements Store {
  readonly #folder: string;
  readonly #identity: ShardIdentity;
  readonly #options: LevelStoreOptions;
  readonly #lock: AsyncDisposable;
  readonly #entries: EntryFiles;
  readonly #sealed: SealedFiles;
  readonly #issuers: IssuerFiles;
  readonly #reader: LevelReader;
  readonly #filter: DedupFilter | undefined;
  /** Undefined while it is closed; written by `load` and dispose. */
  #database: Database | undefined;
  /** Leaves of the committed tree; written by `load`, `commit` and `revert` after their writes. */
  #treeSize: number;
  /** Set by a failed batch, cleared by `load`, which opens the database again. */
  #isTorn = false;
  /** Whether LevelDB's log may have lost records, and they were not checked since. */
  #isDoubtful: boolean;
  #isDisposed = false;
  /** The end of the last call that writes. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(folder: string, identity: ShardIdentity, options: LevelStoreOptions, held: Held) {
    this.#folder = folder;
    this.#identity = identity;
    this.#options = options;
    this.#lock = held.lock;
    this.#entries = held.entries;
    this.#sealed = held.sealed;
    this.#issuers = held.issuers;
    this.#database = held.database;
    this.#isDoubtful = held.isDoubtful;
    this.#treeSize = readHead(held.database)?.committed.treeSize ?? 0;
    this.#reader = new LevelReader(options.sha256, {
      database: () => this.#open(),
      entries: () => this.#entries,
      sealed: () => this.#sealed,
      issuers: () => this.#issuers,
      treeSize: () => this.#treeSize,
      mayHold: (dedupKey) => this.#filter?.mayHold(dedupKey) ?? true,
    });
    const { pace } = options;
    const source = { database: () => this.#open(), treeSize: () => this.#treeSize };
    this.#filter = pace && new DedupFilter({ ...source, pace });
  }

  load(): Promise<StoreState> {
    return this.#inTurn(async () => {
      this.#filter?.restart();
      await this.#reopen();
      const database = this.#open();
      const head = readHead(database);
      const published = readRecord(database, PUBLISHED_KEY);
      const treeSize = head?.committed.treeSize ?? 0;
      this.#treeSize = treeSize;
      const places: EntryPlaces = { database, entries: this.#entries, sealed: this.#sealed };
      const isPoisoned = this.#options.seam.poisoned.has(this.#folder);
      const start = await mendNewest(places, head, this.#options.writeBufferBytes, (batch) =>
        isPoisoned ? Promise.resolve() : this.#write(database, batch, true),
      );
      return {
        identity: this.#identity,
        committed: head?.committed,
        previous: head?.previous,
        entriesSha256: head?.entriesSha256,
        published: published === undefined ? undefined : decodePublished(published),
        recheckEntryCount: treeSize - start,
        recheckLaterCount: this.#isDoubtful ? 0 : Math.max(0, treeSize - start - RECHECK_FIRST_MAX),
      };
    });
  }

  recordsChecked(areSound: boolean): Promise<void> {
    return this.#inTurn(async () => {
      this.#isDoubtful = !areSound;
      await markRunning(this.#options.seam.files, this.#folder, this.#isDoubtful);
    });
  }

  commit(commit: Commit): Promise<void> {
    return this.#inTurn(async () => {
      const database = this.#writable();
      const head = readHead(database);
      requireHead(head?.committed, commit.expected);
      requireShape(commit);
      const start = commit.expected?.treeSize ?? 0;
      const tail = findTail(database, this.#entries, start);
      const issuers = newIssuers(database, commit.issuers);
      // A crash in here leaves files that nothing names: written again by the retry.
      await this.#poisoning(() => this.#issuers.write(issuers));
      // A crash in here leaves bytes behind the committed size: overwritten by the next commit.
      for (const append of planAppends(this.#entries, start, tail.position, commit.entries)) {
        await this.#poisoning(() => this.#entries.append(append));
      }
      const batch = planCommit(database, this.#entries, { commit, issuers, tail, head });
      const { entriesSha256, dedupKeys } = commit;
      const { writeBufferBytes } = this.#options;
      const heads = { committed: commit.head, previous: head?.committed, before: head };
      putHead(batch, { ...heads, entriesSha256, writeBufferBytes });
      // A crash in here leaves the old head or the new one: LevelDB's batch is atomic.
      await this.#writeKeys(database, batch, dedupKeys);
      this.#treeSize = commit.head.treeSize;
    });
  }

  publish(head: SignedTreeHead): Promise<void> {
    return this.#inTurn(async () => {
      const batch = new RecordBatch();
      batch.put(PUBLISHED_KEY, encodePublished(head));
      await this.#write(this.#writable(), batch, false);
    });
  }

  rewriteDerived(expected: TreeHead, records: DerivedRecords): Promise<void> {
    return this.#inTurn(async () => {
      const database = this.#writable();
      requireHead(readHead(database)?.committed, expected);
      const start = expected.treeSize - records.dedupKeys.length;
      requireDerived(records, start, expected.treeSize);
      const batch = new RecordBatch();
      planDerived(batch, database, start, records);
      await this.#writeKeys(database, batch, records.dedupKeys);
    });
  }

  revert(expected: TreeHead, to: TreeHead | undefined): Promise<void> {
    return this.#inTurn(async () => {
      const database = this.#writable();
      const head = readHead(database);
      requireHead(head?.committed, expected);
      requireHead(head?.previous, to);
      const treeSize = to?.treeSize ?? 0;
      const batch = new RecordBatch();
      planCut(batch, database, treeSize, expected.treeSize);
      await scanBeyond(batch, database, treeSize);
      if (to === undefined) batch.delete(HEAD_KEY);
      else {
        const entriesSha256 = emptyRoot(this.#options.sha256);
        const { writeBufferBytes } = this.#options;
        const heads = { committed: to, previous: to, before: head };
        putHead(batch, { ...heads, entriesSha256, writeBufferBytes });
      }
      const published = readRecord(database, PUBLISHED_KEY);
      const publishedSize = published === undefined ? 0 : decodePublished(published).treeSize;
      assert(publishedSize <= treeSize, "a published head is never reverted");
      await this.#write(database, batch, true);
      this.#treeSize = treeSize;
    });
  }

  readNodes(nodes: readonly NodeId[]): Promise<readonly Uint8Array[]> {
    return this.#reader.readNodes(nodes);
  }

  readTile(level: number, index: number, width: number): Promise<Uint8Array> {
    return this.#reader.readTile(level, index, width);
  }

  readEntries(start: number, end: number, into?: Into): Promise<EntryRun> {
    return this.#reader.readEntries(start, end, into);
  }

  readSealedTile(index: number, into?: Into): Promise<Uint8Array | undefined> {
    return this.#reader.readSealedTile(index, into);
  }

  findLeaf(leafHash: Uint8Array): Promise<number | undefined> {
    return this.#reader.findLeaf(leafHash);
  }

  readIssuer(fingerprint: Uint8Array): Promise<Uint8Array | undefined> {
    return this.#reader.readIssuer(fingerprint);
  }

  findDuplicates(dedupKeys: readonly Uint8Array[]): Promise<readonly (DedupHit | undefined)[]> {
    return this.#reader.findDuplicates(dedupKeys);
  }

  /** What a sealer of this store works on; it must have ended before the store is closed. */
  get sealing(): SealingStore {
    const entries = this.#entries;
    const sealed = this.#sealed;
    return {
      sha256: this.#options.sha256,
      segmentEntries: entries.endOf(0),
      places: () => ({ database: this.#writable(), entries, sealed }),
      write: (batch) => this.#inTurn(() => this.#write(this.#writable(), batch, true)),
      prepareSegment: (segment) => this.#poisoning(() => entries.prepare(segment)),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.#filter?.stop();
    await this.#turn;
    const database = this.#database;
    this.#database = undefined;
    await this.#entries.close();
    await this.#sealed.close();
    if (database !== undefined) {
      await database.close();
      // If it stays, the next start looks at more.
      const end = () => endRunning(this.#options.seam.files, this.#folder);
      if (!this.#isDoubtful) await end().catch(() => {});
    }
    await this.#lock[Symbol.asyncDispose]();
  }

  /** Runs `act` once the calls before it have ended. */
  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    if (this.#isDisposed) return Promise.reject(closedError());
    const result = this.#turn.then(act);
    this.#turn = result.catch(() => {});
    return result;
  }

  #open(): Database {
    if (this.#database === undefined || this.#isDisposed) throw closedError();
    return this.#database;
  }

  #writable(): Database {
    if (this.#options.seam.poisoned.has(this.#folder)) throw poisonError(this.#folder);
    if (this.#isTorn) {
      throw new FatalError("FATAL_COMMIT_UNKNOWN", "a batch failed before: load again");
    }
    return this.#open();
  }

  /** Afterwards again, for a filter that was begun meanwhile and did not find them yet. */
  async #writeKeys(database: Database, batch: RecordBatch, keys: readonly Uint8Array[]) {
    this.#filter?.add(keys);
    await this.#write(database, batch, true);
    this.#filter?.add(keys);
  }

  async #write(database: Database, batch: RecordBatch, sync: boolean): Promise<void> {
    try {
      await database.write(batch.writes, { sync });
    } catch (cause) {
      this.#isTorn = true;
      throw this.#poisoned(batchError(cause));
    }
  }

  #poisoning<T>(act: () => Promise<T>): Promise<T> {
    return act().catch((error: unknown) => {
      throw this.#poisoned(error);
    });
  }

  /** Remembers a flush that failed. */
  #poisoned(error: unknown): unknown {
    const isFlush = error instanceof FatalError && error.code === "FATAL_FSYNC";
    if (isFlush) this.#options.seam.poisoned.add(this.#folder);
    return error;
  }

  /** Drops open files; opens the database again if a batch failed, which repairs its log. */
  async #reopen(): Promise<void> {
    await this.#entries.close();
    await this.#sealed.close();
    const isPoisoned = this.#options.seam.poisoned.has(this.#folder);
    if (this.#database !== undefined && (!this.#isTorn || isPoisoned)) return;
    const old = this.#database;
    this.#database = undefined;
    await old?.close();
    const resume = await this.#options.releaseOthers?.();
    try {
      this.#database = await openDatabase(pathsOf(this.#folder).database, this.#options);
    } finally {
      resume?.();
    }
    this.#isTorn = false;
    this.#isDoubtful = true;
  }
}
