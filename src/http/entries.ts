/**
 * Pages of get-entries: which entries one answer holds, and their JSON.
 * @module
 */
import { TREE_SIZE_MAX } from "../base/integers.ts";
import type { JsonEntry } from "../rfc6962/json.ts";
import { bufferOf } from "./base64.ts";
import { clampSize } from "./query.ts";

/** Entries of one page at most. */
export const PAGE_ENTRIES_MAX = 1_024;

/** A page that was cut ends on a multiple of this, so that pages of all clients agree. */
const PAGE_ALIGNMENT = 256;

const HEAD = '{"entries":[';
const LEAF = '{"leaf_input":"';
const EXTRA = '","extra_data":"';
const TAIL = '"}';

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

/** The answer's body, as `formatEntriesJson` writes it, put together in one buffer. */
export function encodeEntriesJson(entries: readonly JsonEntry[]): Buffer {
  let length = HEAD.length + Math.max(0, entries.length - 1) + 2;
  for (const { leafInput, extraData } of entries) {
    length += LEAF.length + EXTRA.length + TAIL.length;
    length += base64Length(leafInput) + base64Length(extraData);
  }
  const out = Buffer.allocUnsafe(length);
  let offset = out.write(HEAD, "latin1");
  let lead = LEAF;
  for (const { leafInput, extraData } of entries) {
    offset += out.write(lead, offset, "latin1");
    offset += out.write(bufferOf(leafInput).toString("base64"), offset, "latin1");
    offset += out.write(EXTRA, offset, "latin1");
    offset += out.write(bufferOf(extraData).toString("base64"), offset, "latin1");
    offset += out.write(TAIL, offset, "latin1");
    lead = `,${LEAF}`;
  }
  out.write("]}", offset, "latin1");
  return out;
}

function base64Length(bytes: Uint8Array): number {
  return 4 * Math.ceil(bytes.length / 3);
}
