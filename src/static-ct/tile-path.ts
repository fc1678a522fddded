/**
 * Paths of tiles: c2sp.org/static-ct-api#merkle-tree and #log-entries. There is one spelling
 * of each tile; every other is refused.
 * @module
 */
import { MalformedError, quote } from "../base/errors.ts";
import { TREE_SIZE_MAX } from "../base/integers.ts";
import { TILE_WIDTH } from "../merkle/tile.ts";

/** The level above which a tree of 2^40 leaves has no tile. */
const LEVEL_MAX = 5;

/** A hash tile, or a data tile where `level` is `"data"`. */
export interface TilePath {
  readonly level: number | "data";
  readonly index: number;
  /** Entries: 1 to 255 for a partial tile, 256 for a full one. */
  readonly width: number;
}

/**
 * `tile/<level>/<N>[.p/<W>]`, N in groups of three digits: `x001/x234/067`.
 * @throws RangeError for a level, index or width that no tile has.
 */
export function formatTilePath(tile: TilePath): string {
  if (!isTile(tile)) {
    throw new RangeError(`no tile ${tile.level}, ${tile.index} of width ${tile.width}`);
  }
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
    const tile = { level, index, width } as const;
    // The round trip refuses `x000/001`, and `.p/256` for a full tile.
    if (isTile(tile) && formatTilePath(tile) === path) return tile;
  }
  throw new MalformedError("MALFORMED_TILE_PATH", `expected a tile path, got ${quote(path)}`);
}

function isTile({ level, index, width }: TilePath): boolean {
  const isLevel = level === "data" || (Number.isInteger(level) && level >= 0 && level <= LEVEL_MAX);
  const isIndex = Number.isInteger(index) && index >= 0 && index < TREE_SIZE_MAX / TILE_WIDTH;
  return isLevel && isIndex && Number.isInteger(width) && width >= 1 && width <= TILE_WIDTH;
}

function formatTileIndex(index: number): string {
  const groups = [String(index % 1000).padStart(3, "0")];
  for (let rest = Math.floor(index / 1000); rest > 0; rest = Math.floor(rest / 1000)) {
    groups.unshift(`x${String(rest % 1000).padStart(3, "0")}`);
  }
  return groups.join("/");
}
