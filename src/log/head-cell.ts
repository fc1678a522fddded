/**
 * What every thread of a process sees of a shard at the same instant: the published head, the
 * state, and how full the pool is. One thread writes, any number read; no message is needed.
 *
 * The memory holds two slots and a version, whose parity names the slot that counts. The writer
 * fills the other slot and then moves the version: readers see all of it or nothing, and never
 * wait for a writer. A reader that was overtaken twice while it copied reads again. Who waits for
 * something new is woken by the version word itself, once in each thread.
 * @module
 */
import { assert } from "../base/assert.ts";
import type { UnavailableCode } from "../base/errors.ts";
import { isSameTreeHead, type SignedTreeHead } from "../rfc6962/tree-head.ts";
import { UNAVAILABLE_CODES } from "../sequencer/message.ts";
import type { PoolView } from "../sequencer/pool.ts";
import type { ShardState } from "../telemetry/observer.ts";

/** A shard as its sequencer last described it. */
export interface ShardView {
  /** The published head; undefined before the first. */
  readonly head: SignedTreeHead | undefined;
  readonly state: ShardState;
  /** Why the shard does not take submissions; cut at {@link REASON_UNITS_MAX} units. */
  readonly reason: string;
  /** What any submission would be refused with, a full pool aside; undefined if nothing. */
  readonly refusal: UnavailableCode | undefined;
}

/** UTF-16 units of a reason at most. */
export const REASON_UNITS_MAX = 512;

/** Bytes of an encoded `DigitallySigned` at most: RSA keys of 8,192 bits have room. */
const SIGNATURE_BYTES_MAX = 1_028;

const STATES: readonly ShardState[] = ["starting", "open", "read-only", "failed", "stopped"];

/** Words of 32 bits before the slots. */
const WORD = {
  version: 0,
  poolEntries: 1,
  poolBytes: 2,
  isFull: 3,
  fullness: 4,
  normalFullness: 5,
  waitingSince: 6,
} as const;
const SLOTS_START = 7;

/** Words of a slot: numbers, the root, then signature and reason with their lengths. */
const SLOT = {
  state: 0,
  refusal: 1,
  hasHead: 2,
  treeSize: 3,
  timestamp: 5,
  root: 7,
  signatureBytes: 15,
  reasonUnits: 16,
  signature: 17,
  reason: 17 + SIGNATURE_BYTES_MAX / 4,
} as const;
const SLOT_WORDS: number = SLOT.reason + REASON_UNITS_MAX / 2;

const ROOT_BYTES = 32;

/** Steady times are told modulo this, in milliseconds: 24 days. They are stored plus one. */
const STEADY_MS_LIMIT: number = 2 ** 31 - 1;

/** Parts of 1 in which the pool's fullness is told. */
const PARTS = 1_000_000;
const STARTING: ShardView = {
  head: undefined,
  state: "starting",
  reason: "the shard is starting",
  refusal: "UNAVAILABLE_SHARD_NOT_READY",
};

/** One shard's cell. Make one with {@link HeadCell.make}, and open its buffer in other threads. */
export class HeadCell {
  /** What another thread opens. */
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #scratch: DataView = new DataView(
    new ArrayBuffer(Math.max(SIGNATURE_BYTES_MAX, 2 * REASON_UNITS_MAX)),
  );
  #version: number;
  #view: ShardView;
  /** Called after each write. */
  readonly #watchers = new Set<() => void>();
  /** Whether this thread waits at the version word. */
  #isArmed = false;

  /** Opens a cell that {@link HeadCell.make} made. */
  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer;
    this.#words = new Int32Array(buffer);
    assert(this.#words.length === SLOTS_START + 2 * SLOT_WORDS, "the buffer is a cell's");
    this.#version = Atomics.load(this.#words, WORD.version);
    this.#view = this.#readSlots(undefined);
  }

  /** A cell of a shard that is starting. */
  static make(): HeadCell {
    const bytes = (SLOTS_START + 2 * SLOT_WORDS) * Int32Array.BYTES_PER_ELEMENT;
    const cell = new HeadCell(new SharedArrayBuffer(bytes));
    cell.write(STARTING);
    return cell;
  }

  /**
   * The newest view: the same object as long as nothing changed, with the same `head` object as
   * long as the head is the same.
   */
  read(): ShardView {
    if (Atomics.load(this.#words, WORD.version) !== this.#version) {
      this.#view = this.#readSlots(this.#view.head);
    }
    return this.#view;
  }

  /** How full the pool is; each number by itself, not one snapshot. */
  readPool(): PoolView {
    return {
      entryCount: Atomics.load(this.#words, WORD.poolEntries),
      bytes: Atomics.load(this.#words, WORD.poolBytes),
      isFull: Atomics.load(this.#words, WORD.isFull) === 1,
      fullness: Atomics.load(this.#words, WORD.fullness) / PARTS,
      normalFullness: Atomics.load(this.#words, WORD.normalFullness) / PARTS,
    };
  }

  /**
   * For how long the oldest submission has waited for the sequencer's answer; 0 if none does.
   * @param nowMs Steady time, which all threads of a process share; milliseconds.
   */
  readWaitingMs(nowMs: number): number {
    const stored = Atomics.load(this.#words, WORD.waitingSince);
    if (stored === 0) return 0;
    return (
      ((Math.floor(nowMs) % STEADY_MS_LIMIT) - (stored - 1) + STEADY_MS_LIMIT) % STEADY_MS_LIMIT
    );
  }

  /** Shows `view` to all threads at once. For the one thread that runs the sequencer. */
  write(view: ShardView): void {
    const words = this.#words;
    const version = Atomics.load(words, WORD.version);
    const slot = slotOf(version + 1);
    const { head, state, refusal, reason } = view;
    Atomics.store(words, slot + SLOT.state, STATES.indexOf(state));
    const code = refusal === undefined ? 0 : 1 + UNAVAILABLE_CODES.indexOf(refusal);
    Atomics.store(words, slot + SLOT.refusal, code);
    Atomics.store(words, slot + SLOT.hasHead, head === undefined ? 0 : 1);
    if (head !== undefined) {
      assert(head.rootHash.length === ROOT_BYTES, "a root hash has 32 bytes");
      assert(head.signature.length <= SIGNATURE_BYTES_MAX, "the signature fits its place");
      this.#storeNumber(slot + SLOT.treeSize, head.treeSize);
      this.#storeNumber(slot + SLOT.timestamp, head.timestampMs);
      this.#storeBytes(slot + SLOT.root, head.rootHash);
      Atomics.store(words, slot + SLOT.signatureBytes, head.signature.length);
      this.#storeBytes(slot + SLOT.signature, head.signature);
    }
    const units = Math.min(reason.length, REASON_UNITS_MAX);
    Atomics.store(words, slot + SLOT.reasonUnits, units);
    for (let index = 0; index < units; index += 2) {
      const pair = reason.charCodeAt(index) * 65_536 + (reason.charCodeAt(index + 1) || 0);
      Atomics.store(words, slot + SLOT.reason + index / 2, pair);
    }
    Atomics.add(words, WORD.version, 1);
    Atomics.notify(words, WORD.version);
  }

  /**
   * Calls `changed`, in a turn of its own, after each write since this thread's last `read`.
   * Several writes may be one call. A thread waits once, however many watch, and not at all
   * when nobody does; nothing of it keeps a process alive.
   * @returns Ends it.
   */
  watch(changed: () => void): () => void {
    this.#watchers.add(changed);
    this.#arm();
    return () => this.#watchers.delete(changed);
  }

  #arm(): void {
    if (this.#isArmed || this.#watchers.size === 0) return;
    this.#isArmed = true;
    // A write since the last read is not slept through: the word is another then.
    const wait = Atomics.waitAsync(this.#words, WORD.version, this.#version);
    void Promise.resolve(wait.value).then(() => {
      this.#isArmed = false;
      this.read();
      for (const changed of [...this.#watchers]) changed();
      this.#arm();
    });
  }

  /**
   * For the one thread that runs the sequencer. Bytes are below 2^31.
   * @param waitingSinceMs See `Sequencer.waitingSinceMs`.
   */
  writePool(pool: PoolView, waitingSinceMs: number | undefined): void {
    Atomics.store(this.#words, WORD.poolEntries, pool.entryCount);
    Atomics.store(this.#words, WORD.poolBytes, pool.bytes);
    Atomics.store(this.#words, WORD.isFull, pool.isFull ? 1 : 0);
    Atomics.store(this.#words, WORD.fullness, Math.round(PARTS * pool.fullness));
    Atomics.store(this.#words, WORD.normalFullness, Math.round(PARTS * pool.normalFullness));
    const since =
      waitingSinceMs === undefined ? 0 : 1 + (Math.floor(waitingSinceMs) % STEADY_MS_LIMIT);
    Atomics.store(this.#words, WORD.waitingSince, since);
  }

  #readSlots(last: SignedTreeHead | undefined): ShardView {
    for (;;) {
      const version = Atomics.load(this.#words, WORD.version);
      const view = this.#readSlot(slotOf(version), last);
      if (Atomics.load(this.#words, WORD.version) !== version) continue;
      this.#version = version;
      return view;
    }
  }

  #readSlot(slot: number, last: SignedTreeHead | undefined): ShardView {
    const word = (offset: number) => Atomics.load(this.#words, slot + offset);
    let head: SignedTreeHead | undefined;
    if (word(SLOT.hasHead) === 1) {
      const fresh: SignedTreeHead = {
        treeSize: this.#loadNumber(slot + SLOT.treeSize),
        timestampMs: this.#loadNumber(slot + SLOT.timestamp),
        rootHash: this.#loadBytes(slot + SLOT.root, ROOT_BYTES),
        signature: this.#loadBytes(slot + SLOT.signature, word(SLOT.signatureBytes)),
      };
      // One head has one signature: the guard recorded it.
      head = last !== undefined && isSameTreeHead(last, fresh) ? last : fresh;
    }
    const units = word(SLOT.reasonUnits);
    let reason = "";
    for (let index = 0; index < units; index += 2) {
      const pair = Atomics.load(this.#words, slot + SLOT.reason + index / 2) >>> 0;
      reason += String.fromCharCode(Math.floor(pair / 65_536), pair % 65_536);
    }
    return {
      head,
      state: STATES[word(SLOT.state)] ?? "starting",
      reason: reason.slice(0, units),
      refusal: UNAVAILABLE_CODES[word(SLOT.refusal) - 1],
    };
  }

  #storeNumber(index: number, value: number): void {
    Atomics.store(this.#words, index, Math.floor(value / 2 ** 32));
    Atomics.store(this.#words, index + 1, value % 2 ** 32);
  }

  #loadNumber(index: number): number {
    const high = Atomics.load(this.#words, index) >>> 0;
    return high * 2 ** 32 + (Atomics.load(this.#words, index + 1) >>> 0);
  }

  #storeBytes(index: number, bytes: Uint8Array): void {
    new Uint8Array(this.#scratch.buffer).set(bytes);
    for (let offset = 0; offset < bytes.length; offset += 4) {
      Atomics.store(this.#words, index + offset / 4, this.#scratch.getInt32(offset));
    }
  }

  #loadBytes(index: number, length: number): Uint8Array {
    for (let offset = 0; offset < length; offset += 4) {
      this.#scratch.setInt32(offset, Atomics.load(this.#words, index + offset / 4));
    }
    return new Uint8Array(this.#scratch.buffer, 0, length).slice();
  }
}

/** Where the slot of a version begins. */
function slotOf(version: number): number {
  return SLOTS_START + (version % 2 === 0 ? 0 : SLOT_WORDS);
}
