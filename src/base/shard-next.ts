/**
 * What the operator of a shard does next, by its place in its life.
 * @module
 */
import type { ShardDates, ShardPhase } from "./shard-life.ts";

/** A sentence for each phase of a shard that is well. @param format Of a time in milliseconds. */
export function nextOfPhase(
  name: string,
  phase: ShardPhase,
  { opensAtMs = 0, closesAtMs, retiresAtMs }: ShardDates,
  format: (timeMs: number) => string,
): string {
  switch (phase) {
    case "planned":
      return `have log programs list it; it opens at ${format(opensAtMs)}`;
    case "open":
      return `nothing; it closes at ${format(closesAtMs)}`;
    case "closing":
      return `nothing; it closes at ${format(closesAtMs)}, then ask for its retirement`;
    case "read-only":
      return retiresAtMs === undefined
        ? `once log programs have retired it, write 'dates: [{ shard: ${name}, retires: ... }]'`
        : `nothing; its last head is signed at ${format(retiresAtMs)}`;
    case "retired":
      return `stratus shard archive ${name} <folder>; serve the folder, then take the shard out`;
  }
}
