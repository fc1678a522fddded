/**
 * How long a group goes on gathering beyond `batch.intervalMs`: while frontends have more
 * submissions than they can judge, a shard makes fewer and larger groups. A head costs as much as
 * some twenty entries (signatures, three flushes, tiles, messages between threads), whoever shares
 * it; and who waits to be judged has his answer the sooner for it.
 * @module
 */

/**
 * No group gathers longer than this, counted from the last head; milliseconds. Where it comes to
 * that, a submission waits longer to be judged: 256 clients with P-384 wait 200 ms for each answer.
 */
export const STRETCH_MS_MAX: number = 50;

/** Between two looks at what frontends have; milliseconds. */
export const LOOK_MS: number = 3;

/**
 * So many submissions wait to be judged, in all frontends, and others go on gathering: some
 * milliseconds of a frontend's time. With fewer everybody may be waiting for this very group, and a
 * closed loop of clients would stand still.
 */
export const UNJUDGED_MIN: number = 32;

/**
 * Milliseconds until a group is due; at most 0 if it is.
 * @param sinceMs Since the last head.
 * @param entryCount Of the group.
 * @param unjudgedCount Submissions that frontends have read and not judged yet.
 */
export function groupDueInMs(
  { intervalMs, entriesMax }: { readonly intervalMs: number; readonly entriesMax: number },
  sinceMs: number,
  entryCount: number,
  unjudgedCount: () => number,
): number {
  const isOver = sinceMs >= STRETCH_MS_MAX || entryCount >= entriesMax;
  if (sinceMs < intervalMs || isOver) return intervalMs - sinceMs;
  return unjudgedCount() < UNJUDGED_MIN ? 0 : Math.min(LOOK_MS, STRETCH_MS_MAX - sinceMs);
}
