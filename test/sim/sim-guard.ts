/**
 * The guard's folder of the simulation: two slots of real records; a write in flight when the
 * process dies lands, lands in part, or not.
 * @module
 */
import type { GuardFolder } from "../../src/signer/guard-folder.ts";
import {
  decodeGuardRecord,
  encodeGuardRecord,
  type GuardRecord,
  SLOT_BYTES,
} from "../../src/signer/guard-record.ts";
import type { World } from "./world.ts";

/** Two slots that survive a process. */
export class SimGuardDisk {
  readonly slots: Uint8Array[];

  constructor(logId: Uint8Array) {
    const first = encodeGuardRecord({ sequence: 1, logId, head: undefined });
    this.slots = [first, new Uint8Array(SLOT_BYTES)];
  }

  /** The slots that are whole, the newest first. */
  records(): { readonly slot: number; readonly record: GuardRecord }[] {
    return this.slots
      .map((bytes, slot) => ({ slot, record: decodeGuardRecord(bytes) }))
      .filter((found): found is { slot: number; record: GuardRecord } => found.record !== undefined)
      .toSorted((a, b) => b.record.sequence - a.record.sequence);
  }
}

/** One process's hold on the slots. */
export class SimGuardFolder implements GuardFolder {
  last: GuardRecord;
  readonly #world: World;
  readonly #disk: SimGuardDisk;
  /** Told of each record whose signature exists from now on. */
  readonly #onSigned: (record: GuardRecord) => void;
  #newest: number;

  constructor(world: World, disk: SimGuardDisk, onSigned: (record: GuardRecord) => void) {
    const [newest] = disk.records();
    if (newest === undefined) throw new Error("both slots of the guard are torn");
    this.#world = world;
    this.#disk = disk;
    this.#onSigned = onSigned;
    this.last = newest.record;
    this.#newest = newest.slot;
  }

  async write(record: GuardRecord): Promise<void> {
    const { random, knobs } = this.#world;
    this.#onSigned(record);
    const slot = 1 - this.#newest;
    const bytes = encodeGuardRecord(record);
    await this.#world.io(
      `guard ${record.head?.treeSize}`,
      async () => {
        if (random.chance(knobs.fsyncFails)) throw new Error("EIO, not applied");
        this.#disk.slots[slot] = bytes;
        if (random.chance(knobs.fsyncFails)) throw new Error("EIO, applied");
      },
      () => {
        const torn = this.#disk.slots[slot]?.slice() ?? new Uint8Array(SLOT_BYTES);
        const end = random.chance(0.3) ? SLOT_BYTES : random.below(SLOT_BYTES + 1);
        torn.set(bytes.subarray(0, end));
        this.#disk.slots[slot] = torn;
      },
    );
    this.#newest = slot;
    this.last = record;
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
