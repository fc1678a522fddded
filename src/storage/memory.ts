/**
 * A Store in memory, for tests and the simulation. What is "on disk" lives in a
 * {@link MemoryDisk}, which outlives the store that has it open.
 * @module
 */
import { hash } from "node:crypto";
import { assert, defined } from "../base/assert.ts";
import { FatalError, UnavailableError } from "../base/errors.ts";
import { bytesKey, concatBytes } from "../encoding/bytes.ts";
import type { NodeId } from "../merkle/node.ts";
import { TILE_HEIGHT, TILE_WIDTH } from "../merkle/tile.ts";
import type { SignedTreeHead, TreeHead } from "../rfc6962/tree-head.ts";
import { requireDerived, requireEntryRange, requireHead, requireShape } from "./shape.ts";
import type {
  Commit,
  DedupHit,
  DerivedRecords,
  EntryRun,
  ShardIdentity,
  Store,
  StoreState,
} from "./store.ts";

/** What survives a store: give it to {@link openMemoryStore} again. Tests may tamper with it. */
export class MemoryDisk {
  readonly identity: ShardIdentity;
  committed: TreeHead | undefined;
  previous: TreeHead | undefined;
  entriesSha256: Uint8Array | undefined;
  published: SignedTreeHead | undefined;
  /** TileLeafs, by index. */
  entries: Uint8Array[] = [];
  /** Hashes of complete subtrees, by level and index. */
  nodes: Uint8Array[][] = [];
  /** By `bytesKey` of the dedup key. */
  readonly dedup: Map<string, DedupHit> = new Map();
  /** By `bytesKey` of the leaf hash. */
  readonly leaves: Map<string, number> = new Map();
  /** By `bytesKey` of the fingerprint. */
  readonly issuers: Map<string, Uint8Array> = new Map();
  /** The store that has it open; written by that store and by `crash`. */
  holder: MemoryStore | undefined;

  constructor(identity: ShardIdentity) {
    this.identity = identity;
  }

  /** The process that had it open is dead: its store answers nothing any more. */
  crash(): void {
    this.holder = undefined;
  }
}

/** Opens `disk`. @throws FatalError `FATAL_LOCKED` if a store has it open. */
export function openMemoryStore(disk: MemoryDisk): MemoryStore {
  if (disk.holder !== undefined) throw new FatalError("FATAL_LOCKED", "the disk is in use");
  const store = new MemoryStore(disk);
  disk.holder = store;
  return store;
}

/** See {@link openMemoryStore}. */
export class MemoryStore implements Store {
  readonly #disk: MemoryDisk;

  constructor(disk: MemoryDisk) {
    this.#disk = disk;
  }

  async load(): Promise<StoreState> {
    const { identity, committed, previous, entriesSha256, published } = this.#open();
    const recheck = { recheckEntryCount: 0, recheckLaterCount: 0 };
    return { identity, committed, previous, entriesSha256, published, ...recheck };
  }

  async commit(commit: Commit): Promise<void> {
    const disk = this.#open();
    requireHead(disk.committed, commit.expected);
    requireShape(commit);
    const start = commit.expected?.treeSize ?? 0;
    for (const issuer of commit.issuers) {
      disk.issuers.set(bytesKey(issuer.fingerprint), new Uint8Array(issuer.der));
    }
    commit.entries.forEach((entry, offset) => {
      disk.entries[start + offset] = new Uint8Array(entry);
    });
    this.#putDerived(start, commit);
    disk.previous = disk.committed;
    disk.committed = commit.head;
    disk.entriesSha256 = new Uint8Array(commit.entriesSha256);
  }

  async publish(head: SignedTreeHead): Promise<void> {
    this.#open().published = head;
  }

  async rewriteDerived(expected: TreeHead, records: DerivedRecords): Promise<void> {
    const disk = this.#open();
    requireHead(disk.committed, expected);
    const start = expected.treeSize - records.dedupKeys.length;
    requireDerived(records, start, expected.treeSize);
    this.#putDerived(start, records);
  }

  async recordsChecked(_areSound: boolean): Promise<void> {
    this.#open();
  }

  async revert(expected: TreeHead, to: TreeHead | undefined): Promise<void> {
    const disk = this.#open();
    requireHead(disk.committed, expected);
    requireHead(disk.previous, to);
    const treeSize = to?.treeSize ?? 0;
    assert((disk.published?.treeSize ?? 0) <= treeSize, "a published head is never reverted");
    disk.entries.length = treeSize;
    disk.nodes.forEach((row, level) => {
      row.length = Math.min(row.length, Math.floor(treeSize / 2 ** level));
    });
    for (const [key, hit] of disk.dedup) if (hit.leafIndex >= treeSize) disk.dedup.delete(key);
    for (const [key, index] of disk.leaves) if (index >= treeSize) disk.leaves.delete(key);
    disk.committed = to;
    disk.entriesSha256 =
      to === undefined ? undefined : new Uint8Array(hash("sha256", new Uint8Array(0), "buffer"));
  }

  async readNodes(nodes: readonly NodeId[]): Promise<readonly Uint8Array[]> {
    this.#open();
    return nodes.map((node) => this.#node(node.level, node.index));
  }

  async readTile(level: number, index: number, width: number): Promise<Uint8Array> {
    this.#open();
    if (width < 1 || width > TILE_WIDTH) throw new RangeError(`no tile has width ${width}`);
    const hashes: Uint8Array[] = [];
    for (let position = 0; position < width; position += 1) {
      hashes.push(this.#node(TILE_HEIGHT * level, TILE_WIDTH * index + position));
    }
    return concatBytes(...hashes);
  }

  async readEntries(start: number, end: number): Promise<EntryRun> {
    const disk = this.#open();
    requireEntryRange(start, end, disk.committed?.treeSize ?? 0);
    const entries = disk.entries.slice(start, end);
    if (entries.length < end - start) {
      throw new FatalError("FATAL_STORE_CORRUPT", `entries of [${start}, ${end}) are missing`);
    }
    let length = 0;
    const ends = entries.map((entry) => {
      length += entry.length;
      return length;
    });
    return { start, bytes: concatBytes(...entries), ends };
  }

  async readSealedTile(_index: number): Promise<undefined> {
    this.#open();
  }

  async findLeaf(leafHash: Uint8Array): Promise<number | undefined> {
    const disk = this.#open();
    const index = disk.leaves.get(bytesKey(leafHash));
    return index !== undefined && index < (disk.committed?.treeSize ?? 0) ? index : undefined;
  }

  async readIssuer(fingerprint: Uint8Array): Promise<Uint8Array | undefined> {
    return this.#open().issuers.get(bytesKey(fingerprint));
  }

  async findDuplicates(
    dedupKeys: readonly Uint8Array[],
  ): Promise<readonly (DedupHit | undefined)[]> {
    const disk = this.#open();
    const treeSize = disk.committed?.treeSize ?? 0;
    return dedupKeys.map((key) => {
      const hit = disk.dedup.get(bytesKey(key));
      return hit !== undefined && hit.leafIndex < treeSize ? hit : undefined;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#disk.holder === this) this.#disk.holder = undefined;
  }

  #open(): MemoryDisk {
    if (this.#disk.holder !== this) {
      throw new UnavailableError("UNAVAILABLE_STORE", "the store is closed");
    }
    return this.#disk;
  }

  #node(level: number, index: number): Uint8Array {
    const treeSize = this.#disk.committed?.treeSize ?? 0;
    const hash = this.#disk.nodes[level]?.[index];
    if (hash === undefined || (index + 1) * 2 ** level > treeSize) {
      throw new FatalError("FATAL_STORE_CORRUPT", `no node ${level}, ${index} of ${treeSize}`);
    }
    return hash;
  }

  #putDerived(start: number, records: DerivedRecords): void {
    const disk = this.#disk;
    for (const run of records.runs) {
      const row = disk.nodes[run.level] ?? [];
      disk.nodes[run.level] = row;
      run.hashes.forEach((hash, offset) => {
        row[run.start + offset] = new Uint8Array(hash);
      });
    }
    const leafHashes = records.runs[0]?.hashes ?? [];
    records.dedupKeys.forEach((key, offset) => {
      const leafIndex = start + offset;
      const timestampMs = defined(records.timestampsMs[offset], "a timestamp for each entry");
      disk.dedup.set(bytesKey(key), { leafIndex, timestampMs });
      const leafHash = defined(leafHashes[offset], "a leaf hash for each entry");
      disk.leaves.set(bytesKey(leafHash), leafIndex);
    });
  }
}
