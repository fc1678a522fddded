/**
 * How much anonymous memory this process holds: what a leak makes grow.
 * @module
 */
import { readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/**
 * As V8 collects before it gives up for want of memory: it then returns the pages of its pool as
 * well. After any other collection it keeps those that are free, resident, for good: what was once
 * used at the same time is seen, and not what is held (measured: 100 MB of objects let go leave 101
 * MB of free pages after three usual collections and 6 s, and 4 MB after this one).
 */
const LAST_RESORT = { type: "major", execution: "sync", flavor: "last-resort" };

/** Anonymous memory in bytes, after a collection of garbage; undefined where nothing tells it. */
export function anonymousBytes(): number | undefined {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  if (typeof collect === "function") for (let turn = 0; turn < 3; turn += 1) collect(LAST_RESORT);
  try {
    const status = readFileSync("/proc/self/status", "utf8");
    const [, kilobytes] = /^RssAnon:\s+(\d+) kB$/m.exec(status) ?? [];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1_024;
  } catch {
    return undefined;
  }
}
