/**
 * Pages of get-entries: which entries one answer holds, and their JSON.
 * @module
 */
import { TREE_SIZE_MAX } from "../base/integers.ts";
import { byteAt } from "../encoding/bytes.ts";
import type { LoggedEntry } from "../log/logged-entry.ts";
import { bufferOf, formatNativeBase64 } from "./base64.ts";
import { clampSize } from "./query.ts";

/** Entries of one page at most. */
export const PAGE_ENTRIES_MAX = 1_024;

/**
 * Entries that are read and formatted in one step; between steps, other requests have their
 * turn. One step takes some 0.8 ms; each is a read of its own, which has a price too (*measured*:
 * 64 entries cost 7.0 us each, 128 cost 6.0, 256 5.9).
 */
export const STEP_ENTRIES_MAX = 128;

/** A page that was cut ends on a multiple of this, so that pages of all clients agree. */
export const PAGE_ALIGNMENT = 256;

const EMPTY = Buffer.alloc(0);

const HEAD = '{"entries":[';
/**
 * What an entry begins with: `leafInput` has version 0, leaf type 0, and a time below 2^56 ms,
 * so that its first three bytes are zero.
 */
const LEAF = textBytes('{"leaf_input":"AAAA');
const NEXT_LEAF = textBytes('"},{"leaf_input":"AAAA');
const EXTRA = textBytes('","extra_data":"');
const FOOT = textBytes("]}");
const LEAF_FOOT = textBytes('"}]}');

/** What each entry has beside its base64, the comma before it included. */
const AROUND_BYTES = ',{"leaf_input":"","extra_data":""}'.length;

/** Of base64: RFC 4648, section 4. */
const ALPHABET = textBytes("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");

/** What `leafInput` begins with: version 0, leaf type 0. */
const LEAF_HEADER_BYTES = 2;

/**
 * The range [start, end) that an answer to `start` and inclusive `last` may hold, before it is
 * cut to the tree. Only the cut to {@link PAGE_ENTRIES_MAX} moves the end to a multiple of 256.
 * @param start 0 to `last`.
 */
export function planPage(
  start: bigint,
  last: bigint,
): { readonly start: number; readonly end: number } {
  const first = Math.min(clampSize(start), TREE_SIZE_MAX);
  const count = last - start + 1n;
  if (count <= BigInt(PAGE_ENTRIES_MAX)) return { start: first, end: first + Number(count) };
  const end = first + PAGE_ENTRIES_MAX;
  return { start: first, end: end - (end % PAGE_ALIGNMENT) };
}

/** Gives memory of at least so many bytes; see `TileBuffers`. */
export type TakeBytes = (length: number) => Uint8Array;

/**
 * The answer's body, as `formatEntriesJson` writes it, in pieces of memory that is used again.
 * Strings of this size outlive the young generation on their way to the client, and the collector
 * then marks the whole heap every few pages: two fifths of what a page took (*measured*).
 */
export class EntriesBody {
  readonly #take: TakeBytes;
  readonly #pieces: Uint8Array[] = [];
  #piece: Buffer;
  /** Bytes used of the piece. */
  #used = 0;
  #length = HEAD.length;
  #isEmpty = true;
  /** The run that the last entry lay in, as it is and as `Buffer`. */
  #runBytes: Uint8Array = EMPTY;
  #run: Buffer = EMPTY;

  constructor(take: TakeBytes) {
    this.#take = take;
    this.#piece = bufferOf(take(HEAD.length));
    this.#used = this.#piece.write(HEAD, 0, "latin1");
  }

  /** Bytes so far. */
  get length(): number {
    return this.#length;
  }

  /** Appends entries. */
  add(entries: readonly LoggedEntry[]): void {
    for (const entry of entries) {
      const added = this.#isEmpty ? entryLength(entry) - 1 : entryLength(entry);
      // What ends the entry is put before the next one, and the foot fits behind it, too.
      const needed = added + LEAF_FOOT.length;
      if (this.#used + needed > this.#piece.length) this.#cut(needed);
      this.#put(this.#isEmpty ? LEAF : NEXT_LEAF);
      this.#isEmpty = false;
      this.#putLeafInput(entry);
      this.#put(EXTRA);
      this.#putExtraData(entry);
      this.#length += added;
    }
  }

  /** The pieces that are full, which are forgotten here. */
  take(): readonly Uint8Array[] {
    return this.#pieces.splice(0);
  }

  /** All pieces that were not taken; nothing can be added then. */
  end(): readonly Uint8Array[] {
    this.#put(this.#isEmpty ? FOOT : LEAF_FOOT);
    this.#length += FOOT.length;
    this.#cut(0);
    return this.#pieces;
  }

  /** Ends the piece and begins another one of at least `length` bytes. */
  #cut(length: number): void {
    if (this.#used > 0) this.#pieces.push(this.#piece.subarray(0, this.#used));
    this.#piece = length === 0 ? EMPTY : bufferOf(this.#take(length));
    this.#used = 0;
  }

  #put(bytes: Uint8Array): void {
    this.#piece.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  /** Base64 of bytes [start, end) of the run. */
  #putBase64(start: number, end: number): void {
    this.#used += this.#piece.write(this.#run.toString("base64", start, end), this.#used, "latin1");
  }

  /** Base64 of three bytes. */
  #putTriple(first: number, second: number, third: number): void {
    const bits = (first << 16) | (second << 8) | third;
    for (let shift = 18; shift >= 0; shift -= 6) {
      this.#piece[this.#used] = byteAt(ALPHABET, (bits >> shift) & 63);
      this.#used += 1;
    }
  }

  /** Base64 of `leafInput` but for its first three bytes, as it lies. */
  #putLeafInput({ parts }: LoggedEntry): void {
    if (this.#runBytes !== parts.bytes) {
      this.#runBytes = parts.bytes;
      this.#run = bufferOf(parts.bytes);
    }
    const { start, timestampedEnd } = parts;
    this.#putBase64(start + 1, timestampedEnd);
  }

  /** Base64 of `extraData`: of the precertificate, of the three bytes at the seam, of the chain. */
  #putExtraData({ parts, chain }: LoggedEntry): void {
    const { timestampedEnd, precertificateEnd } = parts;
    const over = (precertificateEnd - timestampedEnd) % 3;
    const cut = precertificateEnd - over;
    if (cut > timestampedEnd) this.#putBase64(timestampedEnd, cut);
    if (over === 0) {
      this.#put(chainBase64(chain, 0));
      return;
    }
    const isTwo = over === 2;
    const second = isTwo ? byteAt(this.#run, cut + 1) : byteAt(chain, 0);
    this.#putTriple(byteAt(this.#run, cut), second, byteAt(chain, isTwo ? 0 : 1));
    this.#put(chainBase64(chain, 3 - over));
  }
}

/** Bytes of an entry with the comma before it. */
export function entryLength({ parts, chain }: LoggedEntry): number {
  const { start, timestampedEnd, precertificateEnd } = parts;
  const leafInput = base64Length(LEAF_HEADER_BYTES + timestampedEnd - start);
  const extraData = base64Length(precertificateEnd - timestampedEnd + chain.length);
  return AROUND_BYTES + leafInput + extraData;
}

function base64Length(length: number): number {
  return 4 * Math.ceil(length / 3);
}

function textBytes(text: string): Uint8Array {
  return Buffer.from(text, "latin1");
}

/** Base64 of chains from their first, second and third byte on; kept as long as the chain is. */
const CHAINS = new WeakMap<Uint8Array, [Uint8Array?, Uint8Array?, Uint8Array?]>();

function chainBase64(chain: Uint8Array, start: number): Uint8Array {
  let kept = CHAINS.get(chain);
  if (kept === undefined) {
    kept = [];
    CHAINS.set(chain, kept);
  }
  kept[start] ??= textBytes(formatNativeBase64(chain.subarray(start)));
  return kept[start];
}
