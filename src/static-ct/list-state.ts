/**
 * The state of a log in Chrome's log list (schema v3), by its dates.
 * @module
 */
import type { ShardDates } from "../base/shard-life.ts";
import type { ListState } from "./log-json.ts";

/** What log programs have said, as far as the operator has told; milliseconds since the epoch. */
export interface ListedDates {
  readonly pendingAtMs?: number | undefined;
  readonly qualifiedAtMs?: number | undefined;
  readonly usableAtMs?: number | undefined;
}

/**
 * The log's own word once it has closed, before that the programs' words; undefined: nobody has
 * said.
 * @param timeMs Of the last head, or now where there is none.
 */
export function listStateOf(
  { closesAtMs, retiresAtMs }: ShardDates,
  listed: ListedDates,
  timeMs: number,
): { readonly name: ListState; readonly sinceMs: number } | undefined {
  const states = [
    { name: "retired", sinceMs: retiresAtMs },
    { name: "readonly", sinceMs: closesAtMs },
    { name: "usable", sinceMs: listed.usableAtMs },
    { name: "qualified", sinceMs: listed.qualifiedAtMs },
    { name: "pending", sinceMs: listed.pendingAtMs },
  ] as const;
  for (const { name, sinceMs } of states) {
    if (sinceMs !== undefined && sinceMs <= timeMs) return { name, sinceMs };
  }
  return undefined;
}
