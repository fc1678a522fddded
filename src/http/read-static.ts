/**
 * The reading endpoints of c2sp.org/static-ct-api, and get-roots, whose answer is compressed
 * beforehand.
 * @module
 */
import { RejectedError } from "../base/errors.ts";
import { parseHex } from "../encoding/hex.ts";
import type { Log } from "../log/log.ts";
import { formatRootsJson } from "../rfc6962/json.ts";
import { parseTilePath } from "../static-ct/tile-path.ts";
import { gzipWish } from "./accept-encoding.ts";
import { type Answer, immutableHeaders, JSON_HEADERS, ok, okTagged } from "./answer.ts";
import { formatNativeBase64 } from "./base64.ts";
import { type CompressedTiles, compress } from "./compressed-tiles.ts";
import type { HttpRequest, HttpResponse } from "./exchange.ts";
import type { HeavyReads } from "./heavy-reads.ts";
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
 * tiles wait for their turn. What is sealed is read each time: the system has it in its page
 * cache, and the checksum tells damage at once.
 */
export function getTileHandler(log: Log, { compressed, buffers, heavy }: TileMeans): Handler {
  const prefixLength = log.identity.name.length + 2;
  const gzipOf = async (index: number, width: number, response: HttpResponse) => {
    const kept = compressed.find(log, index, width);
    if (kept !== undefined) return kept;
    const sealed =
      width === TILE_WIDTH
        ? await buffers.lend(response, (into) => log.readSealedTile(index, into))
        : undefined;
    return sealed ?? (await compressed.read(log, index, width));
  };
  const readDataTile = async (
    request: HttpRequest,
    response: HttpResponse,
    index: number,
    width: number,
  ) => {
    if (gzipWish(headerOf(request.headers["accept-encoding"])) === "refused") {
      return ok(DATA_TILE_HEADERS, found(await log.readDataTile(index, width)));
    }
    return ok(DATA_TILE_GZIP_HEADERS, found(await gzipOf(index, width, response)));
  };
  return async (request, response) => {
    const path = pathOf(request.url ?? "").slice(prefixLength);
    const { level, index, width } = parseTilePath(path);
    if (level === "data") {
      const read = heavy.inTurn(() => readDataTile(request, response, index, width));
      return await read(request, response);
    }
    return ok(TILE_HEADERS, found(await log.readTile(level, index, width)));
  };
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
