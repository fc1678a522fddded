/**
 * Pages of get-entries: which entries one answer holds, and their JSON.
 * @module
 */
import { TREE_SIZE_MAX } from "../base/integers.ts";
import { byteAt, concatBytes } from "../encoding/bytes.ts";
import type { LoggedEntry } from "../log/logged-entry.ts";
import { formatNativeBase64 } from "./base64.ts";
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

/** A piece ends with the entry that makes it this long. */
const PIECE_LENGTH = 65_536;

const HEAD = '{"entries":[';
const LEAF = '{"leaf_input":"';
const EXTRA = '","extra_data":"';
const TAIL = '"}';

/** What `leafInput` begins with: version 0, leaf type 0. */
const LEAF_HEADER: Uint8Array = new Uint8Array(2);

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

/**
 * The answer's body, as `formatEntriesJson` writes it, in pieces. Strings of this size live and
 * die young; one buffer of megabytes for each page would have the collector mark the whole heap
 * every few pages, which cost more than all the rest.
 */
export class EntriesBody {
  readonly #pieces: string[] = [];
  #piece = HEAD;
  #lead = "";
  #length = 0;

  /** Characters so far. */
  get length(): number {
    return this.#length + this.#piece.length;
  }

  /** Appends entries. */
  add(entries: readonly LoggedEntry[]): void {
    for (const entry of entries) {
      this.#piece += `${this.#lead}${LEAF}${leafInputText(entry)}${EXTRA}${extraDataText(entry)}${TAIL}`;
      this.#lead = ",";
      if (this.#piece.length >= PIECE_LENGTH) this.#cut();
    }
  }

  /** The pieces that are full, which are forgotten here. */
  take(): readonly string[] {
    return this.#pieces.splice(0);
  }

  /** All pieces that were not taken; nothing can be added then. */
  end(): readonly string[] {
    this.#piece += "]}";
    this.#cut();
    return this.#pieces;
  }

  #cut(): void {
    this.#pieces.push(this.#piece);
    this.#length += this.#piece.length;
    this.#piece = "";
  }
}

/** Characters that an entry takes in a page, with its comma. */
export function entryLength({ timestampedEntry, precertificate, chain }: LoggedEntry): number {
  const leafInput = LEAF_HEADER.length + timestampedEntry.length;
  const extraData = precertificate.length + chain.length;
  return FRAME_LENGTH + base64Length(leafInput) + base64Length(extraData);
}

const FRAME_LENGTH = ",".length + LEAF.length + EXTRA.length + TAIL.length;

function base64Length(bytes: number): number {
  return 4 * Math.ceil(bytes / 3);
}

/** Base64 of `leafInput`: of its two zero bytes and the next one, then of the rest as it lies. */
function leafInputText({ timestampedEntry }: LoggedEntry): string {
  // A time of less than 2^56 ms begins with a zero byte too.
  const zeros = byteAt(timestampedEntry, 0) === 0;
  const first = zeros
    ? "AAAA"
    : formatNativeBase64(concatBytes(LEAF_HEADER, timestampedEntry.subarray(0, 1)));
  return first + formatNativeBase64(timestampedEntry.subarray(1));
}

/** Base64 of `extraData`: of the precertificate, of the three bytes at the seam, of the chain. */
function extraDataText({ precertificate, chain }: LoggedEntry): string {
  const over = precertificate.length % 3;
  if (over === 0) return formatNativeBase64(precertificate) + chainText(chain, 0);
  const cut = precertificate.length - over;
  const before = formatNativeBase64(precertificate.subarray(0, cut));
  const seam = concatBytes(precertificate.subarray(cut), chain.subarray(0, 3 - over));
  return before + formatNativeBase64(seam) + chainText(chain, 3 - over);
}

/** Base64 of chains from their first, second and third byte on; kept as long as the chain is. */
const CHAIN_TEXTS = new WeakMap<Uint8Array, [string?, string?, string?]>();

function chainText(chain: Uint8Array, start: number): string {
  let texts = CHAIN_TEXTS.get(chain);
  if (texts === undefined) {
    texts = [];
    CHAIN_TEXTS.set(chain, texts);
  }
  texts[start] ??= formatNativeBase64(chain.subarray(start));
  return texts[start];
}
