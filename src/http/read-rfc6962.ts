/**
 * The reading endpoints of RFC 6962, sections 4.3 to 4.8, with CTFE's checks in CTFE's order
 * and words.
 * @module
 */
import { MalformedError, messageOf, RejectedError } from "../base/errors.ts";
import { parseInt64 } from "../encoding/decimal.ts";
import { formatHex } from "../encoding/hex.ts";
import type { Log } from "../log/log.ts";
import {
  formatConsistencyJson,
  formatEntryAndProofJson,
  formatInclusionJson,
  formatTreeHeadJson,
} from "../rfc6962/json.ts";
import type { SignedTreeHead } from "../rfc6962/tree-head.ts";
import { type Answer, cachedJsonHeaders, JSON_HEADERS, ok, okTagged, refusal } from "./answer.ts";
import { formatNativeBase64, parseNativeBase64 } from "./base64.ts";
import { BodyStream } from "./body-stream.ts";
import { planPage } from "./entries.ts";
import { EntriesPage, PAGE_HELD_BYTES_MAX, PAGE_HELD_BYTES_MIN } from "./entries-page.ts";
import type { HeavyReads } from "./heavy-reads.ts";
import { clampSize, parseQuery, type Query } from "./query.ts";
import type { Handler } from "./responder.ts";
import type { TileBuffers } from "./tile-buffers.ts";

const DAY_HEADERS = cachedJsonHeaders(86_400);
const MINUTE_HEADERS = cachedJsonHeaders(60);

/** Of a page that is longer than what is held, the bytes of each further part. */
const PART_BYTES_MAX = 1_048_576;

/** The same while many bytes wait for their readers; about a step. */
const PART_BYTES_MIN = 262_144;

/** get-sth: section 4.3. One head is formatted once. */
export function getSthHandler(log: Log): Handler {
  let last: { readonly head: SignedTreeHead; readonly answer: Answer } | undefined;
  return (request) => {
    parseQuery(request.url ?? "");
    const head = log.head();
    if (last?.head !== head) {
      const body = Buffer.from(formatTreeHeadJson(head, formatNativeBase64), "latin1");
      last = { head, answer: okTagged(JSON_HEADERS, body) };
    }
    return last.answer;
  };
}

/** get-sth-consistency: section 4.4. */
export function getConsistencyHandler(log: Log): Handler {
  return async (request) => {
    const query = parseQuery(request.url ?? "");
    const first = consistencyParameter(query, "first");
    const second = consistencyParameter(query, "second");
    const firstSize = consistencySize("first", first);
    const secondSize = consistencySize("second", second);
    if (firstSize < 0n || secondSize < 0n) {
      throw consistencyError(`first and second params cannot be <0: ${firstSize} ${secondSize}`);
    }
    if (secondSize < firstSize) {
      throw consistencyError(`invalid first, second params: ${firstSize} ${secondSize}`);
    }
    try {
      const proof = await log.proveConsistency(clampSize(firstSize), clampSize(secondSize));
      return ok(DAY_HEADERS, formatConsistencyJson(proof, formatNativeBase64));
    } catch (thrown) {
      return refuseSize(log, thrown, 400, needTree(secondSize, "for proof"));
    }
  };
}

/** get-proof-by-hash: section 4.5. */
export function getProofHandler(log: Log): Handler {
  return async (request) => {
    const query = parseQuery(request.url ?? "");
    const hash = leafHashParameter(query);
    const size = positiveInt64(query("tree_size"));
    if (size === undefined) {
      throw proofError(`missing or invalid tree_size: ${query("tree_size").slice(0, 64)}`);
    }
    try {
      const { leafIndex, path } = await log.proveByHash(hash, clampSize(size));
      return ok(DAY_HEADERS, formatInclusionJson(leafIndex, path, formatNativeBase64));
    } catch (thrown) {
      if (thrown instanceof RejectedError && thrown.code === "REJECTED_LEAF_UNKNOWN") {
        const what = `No leaf found for hash: ${formatHex(hash)} in tree size ${size}`;
        const call = "backend GetInclusionProofByHash request failed";
        return refusal(404, thrown.code, `${call}: rpc error: code = NotFound desc = ${what}`);
      }
      const beyond = (got: number) => `log returned tree size: ${got} but we expected: ${size}`;
      return refuseSize(log, thrown, 404, beyond);
    }
  };
}

/** get-entries: section 4.6. */
export function getEntriesHandler(
  log: Log,
  { buffers, heavy }: { readonly buffers: TileBuffers; readonly heavy: HeavyReads },
): Handler {
  return async (request, response) => {
    const query = parseQuery(request.url ?? "");
    const start = entriesParameter(query("start"));
    const last = entriesParameter(query("end"));
    if (start < 0n || last < 0n) {
      throw rangeError(`start (${start}) and end (${last}) parameters must be >= 0`);
    }
    if (start > last) {
      throw rangeError(`start (${start}) and end (${last}) is not a valid range`);
    }
    const page = planPage(start, last);
    const end = Math.min(page.end, Math.max(log.publishedSize(), page.start + 1));
    // What its bytes cut off does not depend on when it is asked for either.
    const headers = end === page.end ? DAY_HEADERS : MINUTE_HEADERS;
    try {
      const { take, taken } = buffers.lendPieces(response);
      const entries = new EntriesPage(log, page.start, end, {
        take,
        borrow: (act) => buffers.borrow(act),
        pause: () => heavy.pause(),
      });
      const first = await entries.read(heavy.isCrowded ? PAGE_HELD_BYTES_MIN : PAGE_HELD_BYTES_MAX);
      if (entries.isDone) return ok(headers, first);
      const part = () => entries.read(heavy.isCrowded ? PART_BYTES_MIN : PART_BYTES_MAX);
      const rest = async () => (entries.isDone ? undefined : await part());
      return { status: 200, headers, body: new BodyStream(first, rest, taken) };
    } catch (thrown) {
      if (!(thrown instanceof RejectedError) || thrown.code !== "REJECTED_RANGE") throw thrown;
      return refusal(
        400,
        "REJECTED_RANGE",
        needTree(start + 1n, "to get leaves")(log.publishedSize()),
      );
    }
  };
}

/** get-entry-and-proof: section 4.8. */
export function getEntryAndProofHandler(log: Log): Handler {
  return async (request) => {
    const query = parseQuery(request.url ?? "");
    const index = entryParameter(query("leaf_index"));
    const size = entryParameter(query("tree_size"));
    if (size <= 0n) throw entryError(`tree_size must be > 0, got: ${size}`);
    if (index < 0n) throw entryError(`leaf_index must be >= 0, got: ${index}`);
    if (index >= size) {
      throw entryError(`leaf_index ${index} out of range for tree of size ${size}`);
    }
    try {
      const entry = await log.entryAndProof(clampSize(index), clampSize(size));
      return ok(DAY_HEADERS, formatEntryAndProofJson(entry, entry.path, formatNativeBase64));
    } catch (thrown) {
      return refuseSize(log, thrown, 400, needTree(size, "for proof"));
    }
  };
}

function consistencyParameter(query: Query, name: string): string {
  const value = query(name);
  if (value === "") throw consistencyError(`parameter '${name}' is required`);
  return value;
}

function consistencySize(name: string, value: string): bigint {
  try {
    return parseInt64(value);
  } catch {
    throw consistencyError(`parameter '${name}' is malformed`);
  }
}

function consistencyError(text: string): MalformedError {
  return parameterError(`failed to parse consistency range: ${text}`);
}

function leafHashParameter(query: Query): Uint8Array {
  const text = query("hash");
  if (text === "") throw proofError("missing / empty hash param for get-proof-by-hash");
  let hash: Uint8Array;
  try {
    // An unescaped `+` arrives as a space, which stands for nothing else in base64.
    hash = parseNativeBase64(text.replaceAll(" ", "+"));
  } catch (cause) {
    throw proofError(`invalid base64 hash: ${messageOf(cause)}`);
  }
  if (hash.length !== 32) throw proofError(`invalid hash: ${hash.length} bytes, expected 32`);
  return hash;
}

function positiveInt64(text: string): bigint | undefined {
  try {
    const value = parseInt64(text);
    return value < 1n ? undefined : value;
  } catch {
    return undefined;
  }
}

function proofError(text: string): MalformedError {
  return parameterError(`get-proof-by-hash: ${text}`);
}

function entriesParameter(text: string): bigint {
  try {
    return parseInt64(text);
  } catch (cause) {
    throw rangeError(messageOf(cause));
  }
}

function rangeError(text: string): MalformedError {
  return parameterError(`bad range on get-entries request: ${text}`);
}

function entryParameter(text: string): bigint {
  try {
    return parseInt64(text);
  } catch (cause) {
    throw entryError(messageOf(cause));
  }
}

function entryError(text: string): MalformedError {
  return parameterError(`failed to parse get-entry-and-proof params: ${text}`);
}

function parameterError(text: string): MalformedError {
  return new MalformedError("MALFORMED_PARAMETER", text);
}

function needTree(size: bigint, purpose: string): (got: number) => string {
  return (got) => `need tree size: ${size} ${purpose} but only got: ${got}`;
}

/** Words the refusal of a tree size beyond the published one; passes on everything else. */
function refuseSize(
  log: Log,
  thrown: unknown,
  status: number,
  detail: (got: number) => string,
): Answer {
  if (thrown instanceof RejectedError && thrown.code === "REJECTED_TREE_SIZE_UNKNOWN") {
    return refusal(status, thrown.code, detail(log.publishedSize()));
  }
  throw thrown;
}
