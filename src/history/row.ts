/**
 * A sample as a row of the history: JSON, deflated. Fields that a version does not know are left
 * alone, those that a row lacks are empty.
 * @module
 */
import { promisify } from "node:util";
import { deflateRaw, inflateRaw } from "node:zlib";
import { PAYLOAD_BYTES_MAX } from "./ring.ts";
import type { Sample } from "./sample.ts";

const deflate = promisify(deflateRaw);
const inflate = promisify(inflateRaw);

/** What a row may hold once it is inflated: the file is anybody's who can write to the folder. */
const TEXT_BYTES_MAX = 1_048_576;

/** A row; without its issuers where they would not fit, undefined where nothing would. */
export async function encodeRow(sample: Sample): Promise<Uint8Array | undefined> {
  for (const issuers of [sample.issuers, undefined]) {
    const bytes = await deflate(JSON.stringify({ ...sample, issuers }), { level: 1 });
    if (bytes.length <= PAYLOAD_BYTES_MAX) return bytes;
  }
  return undefined;
}

/** The sample of a row; undefined if it is none. */
export async function decodeRow(payload: Uint8Array): Promise<Sample | undefined> {
  try {
    const text = await inflate(payload, { maxOutputLength: TEXT_BYTES_MAX });
    const row = JSON.parse(text.toString("utf8")) as Partial<Sample>;
    const { timeMs, runMs, counts = {}, buckets = {}, gauges = {}, issuers } = row;
    if (!Number.isFinite(timeMs) || !Number.isFinite(runMs)) return undefined;
    return { timeMs: Number(timeMs), runMs: Number(runMs), counts, buckets, gauges, issuers };
  } catch {
    return undefined;
  }
}
