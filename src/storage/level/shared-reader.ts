/**
 * Reads of a shard in another thread of the process that has its store open: its own files and
 * its own handle on the one LevelDB of the process. It never opens a store by itself.
 * @module
 */
import { join } from "node:path";
import { UnavailableError } from "../../base/errors.ts";
import type { Sha256 } from "../../merkle/hash.ts";
import type { NodeId } from "../../merkle/node.ts";
import type { DedupHit, EntryRun, Into, StoreReader } from "../store.ts";
import { EntryFiles } from "./entry-files.ts";
import { openDatabase, pathsOf } from "./folder.ts";
import { IssuerFiles } from "./issuer-files.ts";
import { LevelReader } from "./reader.ts";
import { corrupt, decodeIdentity, IDENTITY_KEY, readRecord } from "./record.ts";
import { SealedFiles } from "./sealed-files.ts";
import type { Database, Seam } from "./seam.ts";

/** What a reader is made with. */
export interface SharedReaderOptions {
  readonly sha256: Sha256;
  readonly seam: Seam;
  /** As the store opened it: LevelDB takes the tuning of whoever comes first. */
  readonly writeBufferBytes: number;
  readonly cacheBytes: number;
  /** Leaves that reads may count on: the published size. */
  readonly treeSize: () => number;
}

/** What it has open. */
interface Held {
  readonly database: Database;
  readonly entries: EntryFiles;
  readonly sealed: SealedFiles;
}

/**
 * A reader beside the `LevelStore` of another thread, which must have been opened before, with
 * `multithreading`. It opens the database with `resume`, and where that failed, once a read
 * asks for it: until then reads are `UNAVAILABLE_STORE`.
 */
export class SharedReader implements StoreReader, AsyncDisposable {
  readonly #folder: string;
  readonly #options: SharedReaderOptions;
  readonly #reader: LevelReader;
  #held: Held | undefined;
  #isReleased = true;
  #opening: Promise<void> | undefined;

  constructor(folder: string, options: SharedReaderOptions) {
    const { issuers } = pathsOf(folder);
    const issuerFiles = new IssuerFiles(options.seam.files, issuers, options.sha256);
    this.#folder = folder;
    this.#options = options;
    this.#reader = new LevelReader(options.sha256, {
      database: () => this.#open().database,
      entries: () => this.#open().entries,
      sealed: () => this.#open().sealed,
      issuers: () => issuerFiles,
      treeSize: options.treeSize,
    });
  }

  /**
   * Lets go of the database, so that its owner can really open it again: LevelDB closes with
   * the last handle. Reads are `UNAVAILABLE_STORE` until `resume`.
   */
  async release(): Promise<void> {
    this.#isReleased = true;
    await this.#opening;
    const held = this.#held;
    this.#held = undefined;
    await held?.entries.close();
    await held?.sealed.close();
    await held?.database.close();
  }

  /** Opens the database if it can; harmless if it is open. Never throws. */
  async resume(): Promise<void> {
    this.#isReleased = false;
    await this.#tryOpen();
  }

  async #tryOpen(): Promise<void> {
    if (this.#held !== undefined) return;
    this.#opening ??= this.#openHeld().then(
      (held) => {
        this.#held = held;
        this.#opening = undefined;
      },
      () => {
        // The owner of the store meets the same and says it; the next read tries again.
        this.#opening = undefined;
      },
    );
    await this.#opening;
  }

  async #openHeld(): Promise<Held> {
    const { seam, writeBufferBytes, cacheBytes } = this.#options;
    const paths = pathsOf(this.#folder);
    const options = { seam, writeBufferBytes, cacheBytes, multithreading: true };
    const database = await openDatabase(paths.database, options);
    const identity = readRecord(database, IDENTITY_KEY);
    if (identity === undefined) {
      await database.close();
      throw corrupt(`${join(this.#folder, "db")} has no identity record`);
    }
    const { segmentTiles } = decodeIdentity(identity);
    const entries = new EntryFiles(seam.files, paths.entries, segmentTiles);
    const sealed = new SealedFiles(seam.files, paths.sealed, segmentTiles);
    return { database, entries, sealed };
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

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  #open(): Held {
    if (this.#held !== undefined) return this.#held;
    if (!this.#isReleased) void this.#tryOpen();
    throw new UnavailableError("UNAVAILABLE_STORE", "the store is being opened");
  }
}
