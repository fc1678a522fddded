/**
 * Logs behind HTTP as an audit walks through them. A log that is busy is asked again, no
 * sooner than it wishes; what it answers wrongly is told apart from what it does not answer.
 * @module
 */
import { defined } from "../base/assert.ts";
import { MalformedError } from "../base/errors.ts";
import { bytesKey } from "../encoding/bytes.ts";
import { TlsReader } from "../encoding/tls-reader.ts";
import { frontierNodes } from "../merkle/frontier.ts";
import { HASH_BYTES, hashLeaf, type Sha256 } from "../merkle/hash.ts";
import { foldComplete, spanOfNode, TILE_HEIGHT, TILE_WIDTH, tileWidth } from "../merkle/tile.ts";
import { verifyInclusion } from "../merkle/verify.ts";
import { decodeExtraData, decodeMerkleTreeLeaf } from "../rfc6962/entry.ts";
import type { JsonEntry } from "../rfc6962/json.ts";
import type { TreeHead } from "../rfc6962/tree-head.ts";
import { readTileLeaf, type TileLeaf } from "../static-ct/tile-leaf.ts";
import type { AuditSource, Rfc6962Reader, TileReader } from "./source.ts";
import { SourceError } from "./transport.ts";

/** How a busy log is asked again. */
export interface Patience {
  readonly attemptsMax: number;
  /** The first wait, doubled each time, in milliseconds; a Retry-After that is longer counts. */
  readonly waitMs: number;
  /** A log that wants a longer wait is left alone: the audit ends, and can be resumed. */
  readonly waitMsMax: number;
  readonly wait: (delayMs: number) => Promise<void>;
  readonly nowMs: () => number;
}

/** Refusals in a row, each after all attempts, that mean that nobody is there. */
const REFUSALS_MAX = 8;

/** Tiles remembered: of each level the one at hand, and those that were read ahead. */
const TILES_MAX = 64;

/** Chain certificates remembered: more than the chunks that are read ahead can name usually. */
const ISSUERS_MAX = 16_384;

/** Asks with patience. @throws MalformedError for a wrong answer; SourceError for none. */
export type Ask = <T>(act: () => Promise<T>) => Promise<T>;

/** An {@link Ask} of one log. */
export function patientAsk(patience: Patience): Ask {
  let refusals = 0;
  return async (act) => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const answer = await act();
        refusals = 0;
        return answer;
      } catch (error) {
        if (!(error instanceof SourceError)) throw error;
        if (isWrongAnswer(error)) throw malformed(error);
        const waitMs = waitOf(error, attempt, patience);
        if (waitMs > patience.waitMsMax) throw error;
        if (attempt < patience.attemptsMax) {
          await patience.wait(waitMs);
          continue;
        }
        // One range that is refused for good is damage; a log that refuses everything is away.
        refusals += 1;
        if (error.status === undefined || refusals >= REFUSALS_MAX) throw error;
        throw malformed(error);
      }
    }
  };
}

/** A log read through RFC 6962: entries with their chains, and proofs; no stored hashes. */
export function rfc6962AuditSource(
  reader: Rfc6962Reader,
  options: { readonly sha256: Sha256; readonly ask: Ask; readonly head: TreeHead },
): AuditSource {
  const { sha256, ask, head } = options;
  const issuers = new Map<string, Uint8Array>();
  const leafOf = (entry: JsonEntry): TileLeaf => {
    const leaf = decodeMerkleTreeLeaf(entry.leafInput);
    const { precertificate, chain } = decodeExtraData(leaf.entry.type, entry.extraData);
    const chainFingerprints = chain.map((der) => {
      const fingerprint = sha256(der);
      remember(issuers, bytesKey(fingerprint), der, ISSUERS_MAX);
      return fingerprint;
    });
    return { ...leaf, precertificate, chainFingerprints };
  };
  return {
    nodeLevelStep: undefined,
    indexes: undefined,
    async entries(start, end) {
      const leaves: TileLeaf[] = [];
      while (start + leaves.length < end) {
        const first = start + leaves.length;
        const page = await ask(() => reader.entries(first, end));
        for (const entry of page) leaves.push(leafOf(entry));
      }
      return leaves;
    },
    nodes: () => Promise.reject(new RangeError("this API shows no stored hashes")),
    /** The left siblings of the leaf behind the edge are the edge: RFC 6962, section 2.1.1. */
    async frontier(size) {
      if (size === 0) return [];
      if (size >= head.treeSize) throw cannot("the edge of the whole tree");
      const { leafInput, path } = await ask(() => reader.entryAndProof(size, head.treeSize));
      const leafHash = hashLeaf(sha256, leafInput);
      const claim = { leafIndex: size, treeSize: head.treeSize, leafHash, path };
      verifyInclusion(sha256, claim, head.rootHash);
      return leftSiblings(size, head.treeSize, path);
    },
    issuer: async (fingerprint) => issuers.get(bytesKey(fingerprint)),
  };
}

/** A log read through static-ct-api: data tiles, hash tiles and issuers. */
export function staticAuditSource(
  reader: TileReader,
  options: { readonly ask: Ask; readonly sha256: Sha256; readonly head: TreeHead },
): AuditSource {
  const { sha256, ask, head } = options;
  const tiles = new Map<string, Promise<Uint8Array>>();
  /** Each tile is asked for once, also one that is damaged. */
  const tileOf = (level: number | "data", index: number): Promise<Uint8Array> => {
    const name = `${level}/${index}`;
    const known = tiles.get(name);
    if (known !== undefined) return known;
    const width = tileWidth(level === "data" ? 0 : level, index, head.treeSize);
    const tile = ask(() =>
      level === "data" ? reader.dataTile(index, width) : reader.tile(level, index, width),
    );
    tile.catch((error: unknown) => {
      if (!(error instanceof MalformedError)) tiles.delete(name);
    });
    remember(tiles, name, tile, TILES_MAX);
    return tile;
  };
  const hashesOf = async (level: number, start: number, end: number) => {
    const hashes: Uint8Array[] = [];
    for (let at = start; at < end; at += 1) {
      const tile = await tileOf(level, Math.floor(at / TILE_WIDTH));
      const offset = (at % TILE_WIDTH) * HASH_BYTES;
      hashes.push(tile.subarray(offset, offset + HASH_BYTES));
    }
    return hashes;
  };
  return {
    nodeLevelStep: TILE_HEIGHT,
    indexes: undefined,
    async entries(start, end) {
      const leaves: TileLeaf[] = [];
      for (let index = Math.floor(start / TILE_WIDTH); index * TILE_WIDTH < end; index += 1) {
        const first = index * TILE_WIDTH;
        const last = Math.min(end, first + TILE_WIDTH);
        const tile = readLeaves(await tileOf("data", index), last - first);
        leaves.push(...tile.slice(Math.max(0, start - first)));
      }
      return leaves;
    },
    nodes: (level, start, end) => hashesOf(level / TILE_HEIGHT, start, end),
    async frontier(size) {
      const hashes: Uint8Array[] = [];
      for (const node of frontierNodes(size)) {
        const { level, index, start, count } = spanOfNode(node);
        const first = index * TILE_WIDTH + start;
        hashes.push(foldComplete(sha256, await hashesOf(level, first, first + count)));
      }
      return hashes;
    },
    async issuer(fingerprint) {
      try {
        return await ask(() => reader.issuer(fingerprint));
      } catch (error) {
        const isGone = error instanceof MalformedError && isStatus(error.cause, 404);
        if (isGone) return undefined;
        throw error;
      }
    },
  };
}

/** The first `count` leaves of a data tile; what comes behind them is not looked at. */
function readLeaves(tile: Uint8Array, count: number): readonly TileLeaf[] {
  const reader = new TlsReader(tile);
  return Array.from({ length: count }, () => readTileLeaf(reader));
}

/** The elements of an audit path that stand to the left of leaf `leafIndex`, largest first. */
function leftSiblings(
  leafIndex: number,
  treeSize: number,
  path: readonly Uint8Array[],
): readonly Uint8Array[] {
  const left: Uint8Array[] = [];
  let position = leafIndex;
  let last = treeSize - 1;
  for (const sibling of path) {
    // The same walk as RFC 9162, section 2.1.3.2.
    if (position % 2 === 1 || position === last) {
      left.push(sibling);
      while (position % 2 === 0 && position !== 0) {
        position /= 2;
        last = Math.floor(last / 2);
      }
    }
    position = Math.floor(position / 2);
    last = Math.floor(last / 2);
  }
  return left.reverse();
}

function isWrongAnswer({ status, cause }: SourceError): boolean {
  if (status === undefined) return cause === undefined || cause instanceof MalformedError;
  return status < 500 && status !== 429 && status !== 408;
}

function waitOf(error: SourceError, attempt: number, patience: Patience): number {
  const { retryAfter = "" } = error;
  const ownMs = patience.waitMs * 2 ** (attempt - 1);
  const dateMs = Date.parse(retryAfter) - patience.nowMs();
  const askedMs = /^[0-9]{1,9}$/.test(retryAfter) ? Number(retryAfter) * 1_000 : dateMs;
  return Number.isFinite(askedMs) ? Math.max(ownMs, askedMs) : ownMs;
}

function malformed(error: SourceError): MalformedError {
  return new MalformedError("MALFORMED_BODY", error.message, { cause: error });
}

function cannot(what: string): MalformedError {
  return new MalformedError("MALFORMED_PROOF", `this API does not tell ${what}`);
}

function isStatus(error: unknown, status: number): boolean {
  return error instanceof SourceError && error.status === status;
}

/** Puts a value and drops the oldest beyond `max`. */
function remember<T>(map: Map<string, T>, key: string, value: T, max: number): void {
  map.set(key, value);
  if (map.size <= max) return;
  const [oldest] = map.keys();
  map.delete(defined(oldest, "it is not empty"));
}
