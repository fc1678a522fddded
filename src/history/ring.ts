/**
 * A file of the last so many rows, of one size for ever. It is worth less than anything beside
 * it: nothing is synced, a row that cannot be written is dropped, one that is torn or rotten is
 * skipped, and a file of another form is begun anew.
 *
 * ```
 * slot 0         "stratus-history 1 <slots> <bytes of a slot>\n", zeros
 * slot 1 + n     u32 CRC-32 of what follows up to the end of the payload
 *                u64 number of the row, from 0; its slot is number % slots = n
 *                u32 length of the payload
 *                payload, zeros
 * ```
 *
 * Numbers are big-endian. A killed process leaves whole rows, as a row is one write to the page
 * cache; after a loss of power any row may be missing.
 * @module
 */
import { type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import { crc32 } from "node:zlib";
import { encodeUtf8 } from "../encoding/utf8.ts";

/** Bytes of a slot. */
export const SLOT_BYTES = 4_096;

const HEAD_BYTES = 16;

/** Bytes of a row at most. */
export const PAYLOAD_BYTES_MAX: number = SLOT_BYTES - HEAD_BYTES;

/** Opens a file, `w+` to begin it anew; a test's fails. */
export type OpenRing = (path: string, flags: "r+" | "w+") => Promise<RingHandle>;

/** What a ring needs of a file. */
export type RingHandle = Pick<FileHandle, "read" | "write" | "close">;

const openReal: OpenRing = (path, flags) => open(path, flags, 0o600);

/** See {@link RingFile.open}. */
export interface OpenedRing {
  readonly ring: RingFile;
  readonly rows: readonly Uint8Array[];
  readonly isFromStart: boolean;
}

/** The file. One process has it at a time: it lies in a data folder that is locked. */
export class RingFile {
  readonly #slots: number;
  readonly #file: RingHandle;
  #next: number;

  private constructor(slots: number, file: RingHandle, next: number) {
    this.#slots = slots;
    this.#file = file;
    this.#next = next;
  }

  /**
   * Opens a file, or makes it, with the folder above it.
   * @returns The rows that are whole, oldest first, too, and whether the oldest is the first that
   *   was ever written. @throws Error of the system.
   */
  static async open(
    path: string,
    slots: number,
    openFile: OpenRing = openReal,
  ): Promise<OpenedRing> {
    const head = headOf(slots);
    const known = await openFile(path, "r+").catch(() => undefined);
    if (known !== undefined) {
      const bytes = await readAll(known, (slots + 1) * SLOT_BYTES).catch(() => new Uint8Array(0));
      if (bytes.length >= SLOT_BYTES && head.every((byte, index) => byte === bytes[index])) {
        const rows = readRows(bytes, slots).toSorted((a, b) => a.number - b.number);
        const next = (rows.at(-1)?.number ?? -1) + 1;
        const ring = new RingFile(slots, known, next);
        const isFromStart = rows[0]?.number === 0;
        return { ring, rows: rows.map(({ payload }) => payload), isFromStart };
      }
      await known.close();
    }
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const file = await openFile(path, "w+");
    await file.write(head, 0, SLOT_BYTES, 0);
    return { ring: new RingFile(slots, file, 0), rows: [], isFromStart: false };
  }

  /**
   * Writes the next row, over the oldest once the file is full.
   * @param payload At most {@link PAYLOAD_BYTES_MAX}.
   * @throws Error of the system; then the row is lost, and the next one takes its slot.
   */
  async append(payload: Uint8Array): Promise<void> {
    if (payload.length > PAYLOAD_BYTES_MAX) throw new RangeError(`row of ${payload.length} bytes`);
    const slot = new Uint8Array(SLOT_BYTES);
    const view = new DataView(slot.buffer);
    view.setBigUint64(4, BigInt(this.#next));
    view.setUint32(12, payload.length);
    slot.set(payload, HEAD_BYTES);
    view.setUint32(0, crc32(slot.subarray(4, HEAD_BYTES + payload.length)));
    const at = (1 + (this.#next % this.#slots)) * SLOT_BYTES;
    const { bytesWritten } = await this.#file.write(slot, 0, SLOT_BYTES, at);
    if (bytesWritten !== SLOT_BYTES) throw new Error(`wrote ${bytesWritten} bytes of a row`);
    this.#next += 1;
  }

  /** Closes the file. */
  close(): Promise<void> {
    return this.#file.close();
  }
}

function headOf(slots: number): Uint8Array {
  const head = new Uint8Array(SLOT_BYTES);
  head.set(encodeUtf8(`stratus-history 1 ${slots} ${SLOT_BYTES}\n`));
  return head;
}

async function readAll(file: RingHandle, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (;;) {
    const { bytesRead } = await file.read(bytes, at, length - at, at);
    at += bytesRead;
    if (bytesRead === 0 || at === length) return bytes.subarray(0, at);
  }
}

interface Row {
  readonly number: number;
  readonly payload: Uint8Array;
}

/** Rows that are whole, by slot. */
function readRows(bytes: Uint8Array, slots: number): readonly Row[] {
  const rows: Row[] = [];
  for (let index = 0; (index + 2) * SLOT_BYTES <= bytes.length; index += 1) {
    const slot = bytes.subarray((index + 1) * SLOT_BYTES, (index + 2) * SLOT_BYTES);
    const view = new DataView(slot.buffer, slot.byteOffset, SLOT_BYTES);
    const number = Number(view.getBigUint64(4));
    const length = view.getUint32(12);
    if (length === 0 || length > PAYLOAD_BYTES_MAX || number % slots !== index) continue;
    if (crc32(slot.subarray(4, HEAD_BYTES + length)) !== view.getUint32(0)) continue;
    rows.push({ number, payload: slot.subarray(HEAD_BYTES, HEAD_BYTES + length) });
  }
  return rows;
}
