/**
 * A series as single shards: names and windows by year or half-year.
 * @module
 */
import type { SeriesItem } from "./schema.ts";

/** One window of a series. */
export interface SeriesWindow {
  /** `nimbus2027` or `nimbus2027h1`. */
  readonly name: string;
  /** Inclusive; milliseconds since the Unix epoch. */
  readonly notAfterStartMs: number;
  /** Exclusive; the next window's start. */
  readonly notAfterLimitMs: number;
}

/** Years that a folder's name can claim; anything else is no shard of ours. */
const YEAR_MIN = 1990;
const YEAR_MAX = 2199;

/** What decides which years a series covers. */
export type SeriesSpan = Pick<SeriesItem, "name" | "firstYear" | "years" | "period">;

/**
 * The windows of a series, oldest first; neighbours share an instant, so no NotAfter between
 * the first and the last is left out.
 *
 * With `firstYear: current` they run from the year of the oldest folder of this series, else
 * this year, to the later of this year + `years` - 1 and the newest folder's year: the years
 * ahead stay covered, and no shard that has a folder is left unserved.
 *
 * @param nowMs Wall time; its UTC year is this year.
 * @param shardFolders Names of the folders in `data`.
 */
export function expandSeries(
  series: SeriesSpan,
  nowMs: number,
  shardFolders: readonly string[],
): readonly SeriesWindow[] {
  const { start, end } = yearsOf(series, nowMs, shardFolders);
  return Array.from({ length: end - start }, (_, index) => start + index).flatMap((year) =>
    series.period === "year"
      ? [windowOf(`${series.name}${year}`, year, 0, 12)]
      : [
          windowOf(`${series.name}${year}h1`, year, 0, 6),
          windowOf(`${series.name}${year}h2`, year, 6, 12),
        ],
  );
}

/** Folders that are named like shards of this series, of either period. */
export function foldersOfSeries(
  series: SeriesSpan,
  shardFolders: readonly string[],
): readonly string[] {
  return shardFolders.filter(
    (folder) =>
      folder.startsWith(series.name) && /^\d{4}(?:h[12])?$/.test(folder.slice(series.name.length)),
  );
}

/**
 * Names of the windows that a series with `firstYear: current` has come to by itself: behind the
 * newest folder, and not begun. None while the series has no folder at all.
 */
export function aheadOfFolders(
  series: SeriesSpan,
  nowMs: number,
  shardFolders: readonly string[],
): readonly string[] {
  if (series.firstYear !== "current") return [];
  const windows = expandSeries(series, nowMs, shardFolders);
  const newest = windows.findLastIndex(({ name }) => shardFolders.includes(name));
  if (newest < 0) return [];
  return windows
    .slice(newest + 1)
    .filter(({ notAfterStartMs }) => notAfterStartMs > nowMs)
    .map(({ name }) => name);
}

/** Half-open. */
function yearsOf(
  series: SeriesSpan,
  nowMs: number,
  shardFolders: readonly string[],
): { readonly start: number; readonly end: number } {
  if (series.firstYear !== "current") {
    return { start: series.firstYear, end: series.firstYear + series.years };
  }
  const suffix = series.period === "year" ? /^(\d{4})$/ : /^(\d{4})h[12]$/;
  const years = foldersOfSeries(series, shardFolders)
    .map((folder) => Number(suffix.exec(folder.slice(series.name.length))?.[1]))
    .filter((year) => year >= YEAR_MIN && year <= YEAR_MAX);
  const thisYear = new Date(nowMs).getUTCFullYear();
  const start = years.length === 0 ? thisYear : Math.min(...years);
  return { start, end: Math.max(thisYear + series.years, ...years.map((year) => year + 1)) };
}

function windowOf(name: string, year: number, startMonth: number, endMonth: number): SeriesWindow {
  return {
    name,
    notAfterStartMs: Date.UTC(year, startMonth),
    notAfterLimitMs: Date.UTC(year, endMonth),
  };
}
