/**
 * The guard's folder: `<guard>/<log ID>/slot-0` and `slot-1`, written alternately and
 * fsynced, outside the data folder so that one restored copy does not take both back.
 * @module
 */
import { writeSync } from "node:fs";
import { type FileHandle, mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { FatalError, messageOf } from "../base/errors.ts";
import { equalBytes } from "../encoding/bytes.ts";
import { formatHex } from "../encoding/hex.ts";
import type { SignedTreeHead } from "../rfc6962/tree-head.ts";
import { syncFolder, syncFolders } from "./durable.ts";
import {
  decodeGuardRecord,
  encodeGuardRecord,
  type GuardRecord,
  SLOT_BYTES,
} from "./guard-record.ts";

/** Where the guard's records are; a test twin injects faults. */
export interface GuardFolder extends AsyncDisposable {
  /** The newest whole record. */
  readonly last: GuardRecord;
  /**
   * Writes the next record over the older slot; durable when it resolves.
   * @throws any error of the file system; the outcome is then unknown.
   */
  write(record: GuardRecord): Promise<void>;
}

/** `<guard>/<log ID in hex>`. */
export function guardFolderPath(guard: string, logId: Uint8Array): string {
  return join(guard, formatHex(logId));
}

/**
 * Creates the guard of a new log, all or nothing; one that never signed is left as it is.
 * @throws FatalError `FATAL_IDENTITY` if the guard has signed with this key before;
 *   `FATAL_GUARD_MISSING` if there is a guard that cannot be read.
 */
export async function createGuardFolder(guard: string, logId: Uint8Array): Promise<void> {
  const path = guardFolderPath(guard, logId);
  if (await isFolder(path)) {
    const { head } = newestOf(path, await readSlots(path)).record;
    // The process that made it may have died before its name was durable.
    if (head === undefined) return syncFolders(guard);
    throw new FatalError(
      "FATAL_IDENTITY",
      `the guard has signed size ${head.treeSize} with this key before (${path}). A second ` +
        "tree under the same key would end the log: use a new key, or restore the data",
    );
  }
  await makeGuardFolder(guard, { sequence: 1, logId, head: undefined });
}

/**
 * Makes the guard of a log anew that was lost, with `head` as the last one that was signed: only
 * once it is known that nothing after it was; docs/SAFETY.md has the rule. What is left of the
 * old one is kept beside it.
 *
 * @param suffix Names what is left of the old one.
 * @throws FatalError `FATAL_IDENTITY` if the old one can be read: it is the truth.
 */
export async function remakeGuardFolder(
  guard: string,
  logId: Uint8Array,
  head: SignedTreeHead,
  suffix: string,
): Promise<void> {
  const path = guardFolderPath(guard, logId);
  if (await isFolder(path)) {
    // One that cannot be read now, or that a newer program wrote, is no lost one: that throws.
    const slots = [await readSlotIfThere(path, 0), await readSlotIfThere(path, 1)];
    if (slots.some((record) => record !== undefined)) {
      throw new FatalError("FATAL_IDENTITY", `there is a guard in ${path}: no other is made`);
    }
    await rename(path, `${path}.${suffix}`);
  }
  await makeGuardFolder(guard, { sequence: 1, logId, head });
}

/** All or nothing. */
async function makeGuardFolder(guard: string, record: GuardRecord): Promise<void> {
  const path = guardFolderPath(guard, record.logId);
  const draft = `${path}.new`;
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { recursive: true, mode: 0o700 });
  const first = encodeGuardRecord(record);
  for (const [slot, bytes] of [first, new Uint8Array(SLOT_BYTES)].entries()) {
    const file = await open(slotPath(draft, slot), "wx", 0o600);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
  }
  await syncFolder(draft);
  await rename(draft, path);
  await syncFolders(guard);
}

/**
 * Opens the guard of a log.
 * @param lockFolder Holds the folder against a second process; freed by disposal.
 * @throws FatalError `FATAL_GUARD_MISSING` if there is none or no record is whole;
 *   `FATAL_IDENTITY` if it is another log's; `FATAL_LOCKED` if it is held.
 */
export async function openGuardFolder(
  guard: string,
  logId: Uint8Array,
  lockFolder: (path: string) => Promise<AsyncDisposable>,
): Promise<GuardFolder> {
  const path = guardFolderPath(guard, logId);
  await readSlots(path);
  const lock = await lockFolder(path);
  try {
    // Read again under the lock: another process may have written until now.
    const newest = newestOf(path, await readSlots(path));
    if (!equalBytes(newest.record.logId, logId)) {
      throw new FatalError("FATAL_IDENTITY", `the guard in ${path} belongs to another log`);
    }
    const files = [await open(slotPath(path, 0), "r+"), await open(slotPath(path, 1), "r+")];
    return new SlotFolder(files, newest.record, newest.slot, lock);
  } catch (cause) {
    await lock[Symbol.asyncDispose]();
    throw cause;
  }
}

class SlotFolder implements GuardFolder {
  readonly #files: readonly FileHandle[];
  readonly #lock: AsyncDisposable;
  #last: GuardRecord;
  /** Slot of `#last`; set by `write` after the other slot is durable. */
  #newest: number;

  constructor(
    files: readonly FileHandle[],
    last: GuardRecord,
    newest: number,
    lock: AsyncDisposable,
  ) {
    this.#files = files;
    this.#last = last;
    this.#newest = newest;
    this.#lock = lock;
  }

  get last(): GuardRecord {
    return this.#last;
  }

  async write(record: GuardRecord): Promise<void> {
    const slot = 1 - this.#newest;
    const file = this.#files[slot];
    if (file === undefined) throw new RangeError(`no slot ${slot}`);
    // Into the page cache, without a trip to the thread pool; the flush takes it.
    const bytesWritten = writeSync(file.fd, encodeGuardRecord(record), 0, SLOT_BYTES, 0);
    if (bytesWritten !== SLOT_BYTES) throw new Error(`wrote ${bytesWritten} of ${SLOT_BYTES}`);
    await file.datasync();
    this.#newest = slot;
    this.#last = record;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const file of this.#files) await file.close();
    await this.#lock[Symbol.asyncDispose]();
  }
}

type Slots = readonly [GuardRecord | undefined, GuardRecord | undefined];

async function readSlots(path: string): Promise<Slots> {
  return [await readSlot(path, 0), await readSlot(path, 1)];
}

/** The newest whole record; the first write goes over the other slot. */
function newestOf(
  path: string,
  [first, second]: Slots,
): { readonly slot: number; readonly record: GuardRecord } {
  if (second !== undefined && second.sequence > (first?.sequence ?? 0)) {
    return { slot: 1, record: second };
  }
  if (first !== undefined) return { slot: 0, record: first };
  throw new FatalError("FATAL_GUARD_MISSING", `no record in ${path} is whole; restore the guard`);
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return false;
      throw error;
    },
  );
}

async function readSlot(path: string, slot: number): Promise<GuardRecord | undefined> {
  const file = slotPath(path, slot);
  try {
    return decodeGuardRecord(new Uint8Array(await readFile(file)));
  } catch (cause) {
    if (cause instanceof FatalError) throw cause;
    throw new FatalError(
      "FATAL_GUARD_MISSING",
      `cannot read the guard at ${file} (${messageOf(cause)}); without it nothing is signed: ` +
        "restore the guard's folder, or keep this shard read-only",
      { cause },
    );
  }
}

async function readSlotIfThere(path: string, slot: number): Promise<GuardRecord | undefined> {
  return readSlot(path, slot).catch((error: FatalError) => {
    if ((error.cause as NodeJS.ErrnoException | undefined)?.code === "ENOENT") return undefined;
    throw error;
  });
}

function slotPath(folder: string, slot: number): string {
  return join(folder, `slot-${slot}`);
}
