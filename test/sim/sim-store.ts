/**
 * The Store of the simulation: MemoryStore's semantics, with each call parked, and a disk that
 * tells synced bytes from others. A commit is three steps, as in the real one: append the
 * entries, fsync them, one synced batch.
 * @module
 */
import { FatalError, UnavailableError } from "../../src/base/errors.ts";
import { bytesKey } from "../../src/encoding/bytes.ts";
import { frontierNodes } from "../../src/merkle/frontier.ts";
import type { NodeId } from "../../src/merkle/node.ts";
import type { SignedTreeHead, TreeHead } from "../../src/rfc6962/tree-head.ts";
import { MemoryDisk, type MemoryStore, openMemoryStore } from "../../src/storage/memory.ts";
import type {
  Commit,
  DedupHit,
  DerivedRecords,
  EntryRun,
  ShardIdentity,
  Store,
  StoreState,
} from "../../src/storage/store.ts";
import type { World } from "./world.ts";

/** Bugs that a store may have; planted to see whether the simulation finds them. */
export type StorePlant = "entries-not-synced" | "dedup-in-memory" | "batch-not-synced";

/** How many of the newest entries may have lost records when the process died. */
const LOST_ENTRIES_MAX = 12;

/** What survives a process. */
export class SimDisk {
  readonly memory: MemoryDisk;
  readonly plant: StorePlant | undefined;
  /** Entries below it were fsynced. */
  entriesSyncedSize = 0;
  /** The published head that a synced batch made durable. */
  publishedSynced: SignedTreeHead | undefined;
  /** Dedup keys that the plant keeps in memory alone. */
  unsyncedKeys: string[] = [];
  /** What the plant forgets when the process dies. */
  unsyncedBatch: (() => void) | undefined;

  constructor(identity: ShardIdentity, plant: StorePlant | undefined) {
    this.memory = new MemoryDisk(identity);
    this.plant = plant;
  }

  /** What is left when the machine comes up again. */
  crash(world: World): void {
    const { memory } = this;
    memory.crash();
    const size = memory.committed?.treeSize ?? 0;
    for (let index = this.entriesSyncedSize; index < size; index += 1) {
      if (world.random.chance(0.5)) memory.entries[index] = new Uint8Array(40);
    }
    this.entriesSyncedSize = size;
    if (world.random.chance(0.5)) memory.published = this.publishedSynced;
    this.publishedSynced = memory.published;
    for (const key of this.unsyncedKeys) memory.dedup.delete(key);
    this.unsyncedKeys = [];
    if (world.random.chance(0.5)) this.unsyncedBatch?.();
    this.unsyncedBatch = undefined;
    if (world.random.chance(world.knobs.lostRecords)) this.#loseRecords(world);
  }

  /** Some records of the newest entries are gone, though their commit was durable. */
  #loseRecords(world: World): void {
    const { random } = world;
    const { memory } = this;
    const size = memory.committed?.treeSize ?? 0;
    const first = size - LOST_ENTRIES_MAX;
    for (const [key, hit] of memory.dedup) {
      if (hit.leafIndex >= first && random.chance(0.2)) memory.dedup.delete(key);
    }
    for (const [key, index] of memory.leaves) {
      if (index >= first && random.chance(0.2)) memory.leaves.delete(key);
    }
    const kept = [0, 4].flatMap((level) =>
      Object.keys(memory.nodes[level] ?? []).map((index) => ({ level, index: Number(index) })),
    );
    for (const { level, index } of [...kept, ...frontierNodes(size)]) {
      if ((index + 1) * 2 ** level > Math.max(0, first) && random.chance(0.2)) {
        delete memory.nodes[level]?.[index];
      }
    }
    world.trace(`records of entries from ${first} on are lost`);
  }
}

/** One process's hold on a disk. */
export class SimStore implements Store {
  readonly #world: World;
  readonly #disk: SimDisk;
  readonly #store: MemoryStore;
  #isBroken = false;

  constructor(world: World, disk: SimDisk) {
    this.#world = world;
    this.#disk = disk;
    this.#store = openMemoryStore(disk.memory);
  }

  load(): Promise<StoreState> {
    return this.#read("load", async () => {
      return { ...(await this.#store.load()), recheckEntryCount: LOST_ENTRIES_MAX };
    });
  }

  readNodes(nodes: readonly NodeId[]): Promise<readonly Uint8Array[]> {
    return this.#read("readNodes", () => this.#store.readNodes(nodes));
  }

  readTile(level: number, index: number, width: number): Promise<Uint8Array> {
    return this.#read("readTile", () => this.#store.readTile(level, index, width));
  }

  readEntries(start: number, end: number): Promise<EntryRun> {
    return this.#read("readEntries", () => this.#store.readEntries(start, end));
  }

  readSealedTile(index: number): Promise<Uint8Array | undefined> {
    return this.#read("readSealedTile", () => this.#store.readSealedTile(index));
  }

  findLeaf(leafHash: Uint8Array): Promise<number | undefined> {
    return this.#read("findLeaf", () => this.#store.findLeaf(leafHash));
  }

  readIssuer(fingerprint: Uint8Array): Promise<Uint8Array | undefined> {
    return this.#read("readIssuer", () => this.#store.readIssuer(fingerprint));
  }

  findDuplicates(keys: readonly Uint8Array[]): Promise<readonly (DedupHit | undefined)[]> {
    return this.#read("findDuplicates", () => this.#store.findDuplicates(keys));
  }

  async commit(commit: Commit): Promise<void> {
    if (this.#isBroken) throw new Error("a commit after an fsync that failed");
    const { treeSize } = commit.head;
    const { random, knobs } = this.#world;
    await this.#world.io(`append ${treeSize}`, async () => {
      if (random.chance(knobs.writeFails)) throw unavailable();
    });
    if (this.#disk.plant !== "entries-not-synced") {
      await this.#world.io(`fsync entries ${treeSize}`, async () => {
        this.#failFsync();
      });
    }
    await this.#write(`commit ${treeSize}`, () => this.#applyCommit(commit));
  }

  publish(head: SignedTreeHead): Promise<void> {
    return this.#write(`publish ${head.treeSize}`, () => this.#store.publish(head));
  }

  rewriteDerived(expected: TreeHead, records: DerivedRecords): Promise<void> {
    return this.#write("rewriteDerived", () => this.#store.rewriteDerived(expected, records));
  }

  async recordsChecked(areSound: boolean): Promise<void> {
    await this.#store.recordsChecked(areSound);
  }

  revert(expected: TreeHead, to: TreeHead | undefined): Promise<void> {
    return this.#write("revert", async () => {
      await this.#store.revert(expected, to);
      this.#disk.entriesSyncedSize = to?.treeSize ?? 0;
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#store[Symbol.asyncDispose]();
  }

  async #applyCommit(commit: Commit): Promise<void> {
    const disk = this.#disk;
    const { memory, plant } = disk;
    const before = { committed: memory.committed, previous: memory.previous };
    const { entriesSha256 } = memory;
    await this.#store.commit(commit);
    if (plant !== "entries-not-synced") disk.entriesSyncedSize = commit.head.treeSize;
    disk.publishedSynced = memory.published;
    if (plant === "dedup-in-memory") disk.unsyncedKeys.push(...commit.dedupKeys.map(bytesKey));
    if (plant === "batch-not-synced") {
      disk.unsyncedBatch = () => Object.assign(memory, { ...before, entriesSha256 });
    }
    if (this.#world.random.chance(this.#world.knobs.damage)) this.#damage(commit);
  }

  /** One wrong byte in what the commit wrote. */
  #damage(commit: Commit): void {
    const { random } = this.#world;
    const { memory } = this.#disk;
    const start = commit.expected?.treeSize ?? 0;
    if (commit.entries.length === 0) return;
    const index = start + random.below(commit.entries.length);
    const row = random.chance(0.5) ? memory.entries : memory.nodes[0];
    const bytes = row?.[index]?.slice();
    if (row === undefined || bytes === undefined) return;
    const at = random.below(bytes.length);
    bytes[at] = ((bytes[at] ?? 0) + 1 + random.below(255)) % 256;
    row[index] = bytes;
    this.#world.trace(`damage in ${row === memory.entries ? "entry" : "leaf hash"} ${index}`);
  }

  #read<T>(label: string, act: () => Promise<T>): Promise<T> {
    const { random, knobs } = this.#world;
    return this.#world.io(label, async () => {
      if (random.chance(knobs.readFails)) throw unavailable();
      return act();
    });
  }

  #write(label: string, act: () => Promise<void>): Promise<void> {
    const { random, knobs } = this.#world;
    return this.#world.io(
      label,
      async () => {
        this.#failFsync();
        if (random.chance(knobs.writeFails)) {
          throw random.chance(0.5) ? unavailable() : unknown("not applied");
        }
        await act();
        if (random.chance(knobs.writeFailsApplied)) throw unknown("applied");
      },
      () => {
        // In flight when the process died: it lands or not.
        if (random.chance(0.5)) void act().catch(() => {});
      },
    );
  }

  #failFsync(): void {
    const { random, knobs } = this.#world;
    if (!random.chance(knobs.fsyncFails)) return;
    this.#isBroken = true;
    throw new FatalError("FATAL_FSYNC", "a simulated fsync failed");
  }
}

function unavailable(): UnavailableError {
  return new UnavailableError("UNAVAILABLE_STORE", "simulated");
}

function unknown(what: string): FatalError {
  return new FatalError("FATAL_COMMIT_UNKNOWN", `simulated: ${what}`);
}
