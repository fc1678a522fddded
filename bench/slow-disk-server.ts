/**
 * A composition root for the benchmark alone: `stratus serve` over adapters whose flushes are
 * counted and take `--delay` milliseconds longer. Any message on its IPC channel is answered
 * with `SlowDiskCounts`.
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { defined } from "../src/base/assert.ts";
import { loadConfig } from "../src/cli/load-config.ts";
import { startStratus } from "../src/compose.ts";
import { parseDecimal } from "../src/encoding/decimal.ts";
import { REAL_SEAM } from "../src/storage/level/real.ts";
import { type FlushCounts, FlushMeter, meterGuard, meterSeam } from "./slow-seam.ts";

/** What the server counted since it began. */
export interface SlowDiskCounts {
  readonly flushes: FlushCounts;
  /** Commits, of no entries too. */
  readonly commits: number;
}

async function main(): Promise<number> {
  process.umask(0o077);
  const options = { config: { type: "string" }, delay: { type: "string" } } as const;
  const { values } = parseArgs({ options, strict: true });
  const delayMs = parseDecimal(defined(values.delay, "--delay"));
  const config = await loadConfig(defined(values.config, "--config"), {
    cwd: process.cwd(),
    nowMs: Date.now(),
    overrides: {},
  });
  const meter = new FlushMeter(delayMs === 0 ? async () => {} : () => sleep(delayMs));
  let commits = 0;
  process.on("message", () => {
    process.send?.({ flushes: meter.counts, commits } satisfies SlowDiskCounts);
  });
  const stopped = new Promise<void>((resolve) => process.once("SIGTERM", () => resolve()));
  const running = await startStratus(config, {
    seam: () => meterSeam(REAL_SEAM, meter),
    guardFolder: (folder) => meterGuard(folder, meter),
    observer: (event) => {
      if (event.type === "batch-committed") commits += 1;
    },
  });
  const reason = await Promise.race([stopped, running.failed]);
  if (reason !== undefined) console.error(reason);
  await running.stop();
  return reason === undefined ? 0 : 1;
}

process.exitCode = await main();
process.disconnect?.();
