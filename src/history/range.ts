/**
 * How far back something is told, and how finely.
 * @module
 */

/** See {@link RANGES}. */
export type Range = "hour" | "day";

/** Of each range; milliseconds. A few slots more, as a run may begin at any time. */
export const RANGES: Readonly<
  Record<Range, { readonly spanMs: number; readonly everyMs: number; readonly slots: number }>
> = {
  hour: { spanMs: 3_600_000, everyMs: 10_000, slots: 364 },
  day: { spanMs: 86_400_000, everyMs: 300_000, slots: 296 },
};
