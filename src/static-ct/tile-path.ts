/**
 * Paths of tiles: c2sp.org/static-ct-api#merkle-tree and #log-entries. There is one spelling
 * of each tile; every other is refused.
 * @module
 */
import { MalformedError, quote } from "../base/errors.ts";
import { TREE_SIZE_MAX } from "../base/integers.ts";
import { TILE_WIDTH } from "../merkle/tile.ts";

/** A hash tile, or a data tile where `level` is `"data"`. */
export interface TilePath {
  readonly level: number | "data";
  readonly index: number;
  /** Entries: 1 to 255 for a partial tile, 256 for a full one. */
  readonly width: number;
}

/** `tile/<level>/<N>[.p/<W>]`, N in groups of three digits: `x001/x234/067`. */
export function formatTilePath(tile: TilePath): string {
  const partial = tile.width === TILE_WIDTH ? "" : `.p/${tile.width}`;
  return `tile/${tile.level}/${formatTileIndex(tile.index)}${partial}`;
}

/** Reads what {@link formatTilePath} writes. @throws MalformedError `MALFORMED_TILE_PATH`. */
export function parseTilePath(path: string): TilePath {
  const match = /^tile\/([0-5]|data)\/((?:x[0-9]{3}\/)*[0-9]{3})(?:\.p\/([1-9][0-9]{0,2}))?$/.exec(
    path.length > 64 ? "" : path,
  );
  const [, levelText, indexText, widthText] = match ?? [];
  if (levelText !== undefined && indexText !== undefined) {
    const level = levelText === "data" ? "data" : Number(levelText);
    const index = Number(indexText.replaceAll(/[x/]/g, ""));
    const width = widthText === undefined ? TILE_WIDTH : Number(widthText);
    const indexMax = TREE_SIZE_MAX / TILE_WIDTH;
    const isWidth = widthText === undefined || width < TILE_WIDTH;
    if (isWidth && index < indexMax && formatTileIndex(index) === indexText) {
      return { level, index, width };
    }
  }
  throw new MalformedError("MALFORMED_TILE_PATH", `expected a tile path, got ${quote(path)}`);
}

function formatTileIndex(index: number): string {
  const groups = [String(index % 1000).padStart(3, "0")];
  for (let rest = Math.floor(index / 1000); rest > 0; rest = Math.floor(rest / 1000)) {
    groups.unshift(`x${String(rest % 1000).padStart(3, "0")}`);
  }
  return groups.join("/");
}
