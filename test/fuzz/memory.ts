/**
 * How much anonymous memory this process holds: what a leak makes grow.
 * @module
 */
import { readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Anonymous memory in bytes, after a collection of garbage; undefined where nothing tells it. */
export function anonymousBytes(): number | undefined {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  if (typeof collect === "function") for (let turn = 0; turn < 3; turn += 1) collect();
  try {
    const status = readFileSync("/proc/self/status", "utf8");
    const [, kilobytes] = /^RssAnon:\s+(\d+) kB$/m.exec(status) ?? [];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1_024;
  } catch {
    return undefined;
  }
}
