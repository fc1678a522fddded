/**
 * The reading endpoints of c2sp.org/static-ct-api, and get-roots, whose answer is compressed
 * beforehand.
 * @module
 */

import { RejectedError } from "../base/errors.ts";
import { parseHex } from "../encoding/hex.ts";
import type { Log } from "../log/log.ts";
import { formatRootsJson } from "../rfc6962/json.ts";
import { parseTilePath, type TilePath } from "../static-ct/tile-path.ts";
import { gzipWish } from "./accept-encoding.ts";
import { type Answer, immutableHeaders, JSON_HEADERS, ok, okTagged } from "./answer.ts";
import { formatNativeBase64 } from "./base64.ts";
import { type CompressedTiles, compress } from "./compressed-tiles.ts";
import type { HttpRequest, HttpResponse } from "./exchange.ts";
import type { HeavyReads } from "./heavy-reads.ts";
import type { KeptTiles } from "./kept-tiles.ts";
import { isIssuerName } from "./path.ts";
import { parseQuery, pathOf } from "./query.ts";
import type { Handler } from "./responder.ts";
import type { TileBuffers } from "./tile-buffers.ts";

/** Entries of a full tile: c2sp.org/static-ct-api#log-entries. */
const TILE_WIDTH = 256;

const GZIP = ["Content-Encoding", "gzip"];
const VARY = ["Vary", "Accept-Encoding"];
const TILE_HEADERS = immutableHeaders("application/octet-stream");
const DATA_TILE_HEADERS = [...TILE_HEADERS, ...VARY];
const DATA_TILE_GZIP_HEADERS = [...DATA_TILE_HEADERS, ...GZIP];
const ISSUER_HEADERS = immutableHeaders("application/pkix-cert");
const ROOTS_HEADERS = [...JSON_HEADERS, ...VARY];
const ROOTS_GZIP_HEADERS = [...ROOTS_HEADERS, ...GZIP];

/** What all shards of a server share for their tiles. */
export interface TileMeans {
  readonly compressed: CompressedTiles;
  readonly buffers: TileBuffers;
  readonly heavy: HeavyReads;
}

/**
 * `/tile/...`: hash tiles as they are, data tiles as gzip unless the client refuses it. Data
 * tiles wait for their turn, unless they lie ready. What is sealed and is not asked for often is
 * read each time: the system has it in its page cache, and the checksum tells damage at once.
 */
export function getTileHandler(log: Log, means: TileMeans): Handler {
  const { compressed, heavy } = means;
  const { keptHashes, keptSealed } = compressed;
  const prefixLength = log.identity.name.length + 2;
  const dataStart = `/${log.identity.name}/tile/data/`;
  const readDataTile = dataTileReader(log, means);
  return (request, response) => {
    const target = request.url ?? "";
    const isData = target.startsWith(dataStart);
    const tiles = isData ? keptSealed : keptHashes;
    const kept = tiles.find(target);
    if (kept !== undefined) {
      const isFree = !isData || (wantsGzip(request) && heavy.sends(response, kept.answer));
      if (isFree) return tiles.lend(target, kept, response);
    }
    const { level, index, width } = parseTilePath(pathOf(target).slice(prefixLength));
    if (level === "data") {
      return heavy.inTurn(() => readDataTile(request, response, index, width))(request, response);
    }
    return readHashTile(log, { level, index, width }, target, keptHashes);
  };
}

async function readHashTile(
  log: Log,
  { level, index, width }: TilePath & { readonly level: number },
  target: string,
  keptHashes: KeptTiles,
): Promise<Answer> {
  const body = found(await log.readTile(level, index, width));
  if (width === TILE_WIDTH) keptHashes.wasRead(target, TILE_HEADERS, body);
  return ok(TILE_HEADERS, body);
}

type ReadDataTile = (
  request: HttpRequest,
  response: HttpResponse,
  index: number,
  width: number,
) => Promise<Answer>;

function dataTileReader(log: Log, { compressed, buffers }: TileMeans): ReadDataTile {
  return async (request, response, index, width) => {
    if (!wantsGzip(request)) {
      return ok(DATA_TILE_HEADERS, found(await log.readDataTile(index, width)));
    }
    const made = compressed.find(log, index, width);
    if (made !== undefined) return ok(DATA_TILE_GZIP_HEADERS, made);
    const sealed =
      width === TILE_WIDTH
        ? await buffers.lend(response, (into) => log.readSealedTile(index, into))
        : undefined;
    if (sealed === undefined) {
      return ok(DATA_TILE_GZIP_HEADERS, found(await compressed.read(log, index, width)));
    }
    compressed.keptSealed.wasRead(request.url ?? "", DATA_TILE_GZIP_HEADERS, sealed);
    return ok(DATA_TILE_GZIP_HEADERS, sealed);
  };
}

function wantsGzip(request: HttpRequest): boolean {
  return gzipWish(headerOf(request.headers["accept-encoding"])) !== "refused";
}

/** `/issuer/<SHA-256>`. */
export function getIssuerHandler(log: Log): Handler {
  const prefixLength = log.identity.name.length + "//issuer/".length;
  return async (request) => {
    const name = pathOf(request.url ?? "").slice(prefixLength);
    if (!isIssuerName(name)) throw notFound();
    return ok(ISSUER_HEADERS, found(await log.readIssuer(parseHex(name))));
  };
}

/** get-roots: RFC 6962, section 4.7. Encoded and compressed once for each set of roots. */
export function getRootsHandler(log: Log): Handler {
  let last: RootsAnswers | undefined;
  return async (request) => {
    parseQuery(request.url ?? "");
    const roots = log.roots();
    if (last === undefined || !isSameList(last.roots, roots)) last = encodeRoots(roots);
    const wish = gzipWish(headerOf(request.headers["accept-encoding"]));
    return wish === "accepted" ? await last.compressed : last.plain;
  };
}

interface RootsAnswers {
  readonly roots: readonly Uint8Array[];
  readonly plain: Answer;
  readonly compressed: Promise<Answer>;
}

function encodeRoots(roots: readonly Uint8Array[]): RootsAnswers {
  const body = Buffer.from(formatRootsJson(roots, formatNativeBase64), "latin1");
  const plain = okTagged(ROOTS_HEADERS, body);
  const compressed = compress(body).then(
    (bytes) => okTagged(ROOTS_GZIP_HEADERS, bytes),
    () => plain,
  );
  return { roots: [...roots], plain, compressed };
}

function isSameList(a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}

function found(bytes: Uint8Array | undefined): Uint8Array {
  if (bytes === undefined) throw notFound();
  return bytes;
}

function notFound(): RejectedError {
  return new RejectedError("REJECTED_NOT_FOUND", "not found");
}

function headerOf(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === "string" ? value : value?.join(",");
}
