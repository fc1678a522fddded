/**
 * Reads a log file of LevelDB (doc/log_format.txt): what was written since the last table, and
 * the list of tables. Blocks of 32 KiB with records, each in one or more fragments with a masked
 * CRC-32C. LevelDB drops what is damaged in a log without a word.
 * @module
 */
import { concatBytes } from "../../encoding/bytes.ts";
import type { OpenFile } from "../level/seam.ts";
import { crc32c, maskCrc } from "./crc32c.ts";

const BLOCK_BYTES = 32_768;
const HEADER_BYTES = 7;
const FULL = 1;
const FIRST = 2;
const LAST = 4;

/** A record of a log, or what is wrong at a place. */
export type LogItem =
  | { readonly record: Uint8Array }
  | {
      readonly problem: string;
      /** Byte of the file. */
      readonly offset: number;
      /** Whether nothing whole comes after it: a crash of the machine can leave such an end. */
      readonly isTail: boolean;
    };

interface Fragment {
  readonly offset: number;
  readonly type: number;
  readonly bytes: Uint8Array;
}

interface Problem {
  readonly offset: number;
  readonly problem: string;
}

/** The records of a log, in order. After a problem it goes on with the next block. */
export async function* readRecordLog(file: OpenFile): AsyncGenerator<LogItem, void, void> {
  let held: Problem[] = [];
  let parts: Uint8Array[] | undefined;
  let start = 0;
  let isSkipping = false;
  for await (const piece of readFragments(file)) {
    if ("problem" in piece) {
      held.push(piece);
      parts = undefined;
      isSkipping = true;
      continue;
    }
    for (const problem of held) yield { ...problem, isTail: false };
    held = [];
    const { offset, type, bytes } = piece;
    const isBegin = type === FULL || type === FIRST;
    if (isBegin) {
      if (parts !== undefined) {
        yield { offset: start, problem: "a record has no end", isTail: false };
      }
      parts = [];
      start = offset;
      isSkipping = false;
    } else if (parts === undefined) {
      if (!isSkipping) yield { offset, problem: "a record has no beginning", isTail: false };
      continue;
    }
    parts.push(bytes);
    if (type === FULL || type === LAST) {
      yield { record: concatBytes(...parts) };
      parts = undefined;
    }
  }
  for (const problem of held) yield { ...problem, isTail: true };
  if (parts !== undefined) {
    yield { offset: start, problem: "the last record is cut off", isTail: true };
  }
}

async function* readFragments(file: OpenFile): AsyncGenerator<Fragment | Problem, void, void> {
  for (let start = 0; ; start += BLOCK_BYTES) {
    const block = await file.read(BLOCK_BYTES, start);
    const isLast = block.length < BLOCK_BYTES;
    yield* readBlock(block, start, isLast);
    if (isLast) return;
  }
}

function* readBlock(
  block: Uint8Array,
  start: number,
  isLast: boolean,
): Generator<Fragment | Problem, void, void> {
  let at = 0;
  while (at + HEADER_BYTES <= block.length) {
    const offset = start + at;
    const view = new DataView(block.buffer, block.byteOffset + at, HEADER_BYTES);
    const length = view.getUint16(4, true);
    const type = view.getUint8(6);
    const end = at + HEADER_BYTES + length;
    if (end > block.length) {
      yield {
        offset,
        problem: isLast ? "a record is cut off" : "a record is longer than its block",
      };
      return;
    }
    if (maskCrc(crc32c(block.subarray(at + 6, end))) !== view.getUint32(0, true)) {
      yield { offset, problem: "a record's checksum differs" };
      return;
    }
    if (type < FULL || type > LAST) {
      yield { offset, problem: `a record is of the unknown type ${type}` };
      return;
    }
    yield { offset, type, bytes: block.subarray(at + HEADER_BYTES, end) };
    at = end;
  }
  const rest = block.subarray(at);
  if (isLast ? rest.length > 0 : rest.some((byte) => byte !== 0)) {
    const problem = isLast ? "a record is cut off" : "a block is not filled up with zeros";
    yield { offset: start + at, problem };
  }
}
