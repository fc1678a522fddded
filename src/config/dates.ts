/**
 * The dates of each shard's life: those of its window, and those that the file sets.
 * @module
 */
import { quote } from "../base/errors.ts";
import { closesAtMs } from "../base/shard-life.ts";
import type { ShardConfig } from "./config.ts";
import type { DatesItem } from "./dates-schema.ts";
import type { Path } from "./document.ts";
import { formatTime, parseTime } from "./scalar.ts";

/** What a shard has before it has dates. */
type Undated = Omit<ShardConfig, "dates">;

/** The shard with its dates. */
export function addDates(shard: Undated, items: readonly DatesItem[]): ShardConfig {
  const item = items.find((other) => other.shard === shard.name);
  const { opens, retires, pending, qualified, usable } = item ?? {};
  const dates = {
    closesAtMs: closesAtMs(shard),
    ...(opens !== undefined && { opensAtMs: timeOf(opens) }),
    ...(retires !== undefined && { retiresAtMs: timeOf(retires) }),
    ...(pending !== undefined && { pendingAtMs: timeOf(pending) }),
    ...(qualified !== undefined && { qualifiedAtMs: timeOf(qualified) }),
    ...(usable !== undefined && { usableAtMs: timeOf(usable) }),
  };
  return { ...shard, dates };
}

/** Reports dates of no shard, of one shard twice, and those that its window rules out. */
export function checkDates(
  items: readonly DatesItem[],
  shards: readonly Undated[],
  report: (path: Path, message: string) => void,
): void {
  for (const [index, item] of items.entries()) {
    const place = (field: string): Path => ["dates", index, field];
    const shard = shards.find(({ name }) => name === item.shard);
    if (shard === undefined) {
      const names = shards.map(({ name }) => name).slice(0, 8);
      report(
        place("shard"),
        `shard: there is no shard ${quote(item.shard)} (write one of ${names.join(", ")})`,
      );
      continue;
    }
    if (items.findIndex((other) => other.shard === item.shard) < index) {
      report(place("shard"), `shard: ${item.shard} has dates already (write them in one item)`);
    }
    const opensAtMs = timeOf(item.opens);
    if (opensAtMs !== undefined && opensAtMs >= shard.notAfterLimitMs) {
      const message = `opens: expected a time within its window, which ends at ${formatTime(shard.notAfterLimitMs)}, got ${item.opens} (write an earlier one)`;
      report(place("opens"), message);
    }
    const retiresAtMs = timeOf(item.retires);
    const closes = closesAtMs(shard);
    if (retiresAtMs !== undefined && retiresAtMs < closes) {
      const message = `retires: expected a time after the shard has closed, ${formatTime(closes)}, got ${item.retires} (write a later one)`;
      report(place("retires"), message);
    }
  }
}

/** Of a text that the schema has taken. */
function timeOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const parsed = parseTime(text);
  if ("problem" in parsed) throw new TypeError(parsed.problem);
  return parsed.value;
}
