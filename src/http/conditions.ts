/**
 * What changes without an event of its own, told to the observer whenever metrics are looked at:
 * it must not stand still with the sequencer.
 * @module
 */
import type { Clock } from "../clock/clock.ts";
import type { Log } from "../log/log.ts";
import type { Observer } from "../telemetry/observer.ts";

/** Whom to tell of what. */
export interface ConditionsOptions {
  readonly logs: ReadonlyMap<string, Log>;
  readonly clock: Clock;
  readonly observer: Observer;
}

/** Begins to watch the clock. @returns Tells what holds now. */
export function watchConditions({ logs, clock, observer }: ConditionsOptions): () => void {
  const [startedWallMs, startedMs] = [clock.nowMs(), clock.monotonicMs()];
  return () => {
    for (const [shard, log] of logs) {
      const status = log.status();
      const { isReady, phase, poolEntryCount: entryCount, poolBytes: bytes, guardHead } = status;
      const { dates } = log;
      observer({ type: "pool-size", shard, entryCount, bytes });
      observer({ type: "shard-ready", shard, isReady, phase, dates });
      if (guardHead === undefined) continue;
      const { treeSize, timestampMs } = guardHead;
      observer({ type: "guard-head", shard, treeSize, timestampMs });
    }
    const elapsedMs = clock.monotonicMs() - startedMs;
    observer({ type: "clock-drift", driftMs: clock.nowMs() - startedWallMs - elapsedMs });
  };
}
