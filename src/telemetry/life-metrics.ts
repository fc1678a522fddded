/**
 * Metrics of a shard's life: its phase, and its dates.
 * @module
 */
import { SHARD_PHASES } from "../base/shard-life.ts";
import type { LogEvent } from "./observer.ts";

/** Makes a gauge with these labels. */
export type MakeGauge = (
  name: string,
  help: string,
  labelNames: string[],
) => { set(labels: Record<string, string>, value: number): void };

/** What takes each `shard-ready` event. */
export function lifeMetrics(
  gauge: MakeGauge,
): (event: LogEvent & { readonly type: "shard-ready" }) => void {
  const phases = gauge("stratus_shard_phase", "1 for the shard's place in its life, else 0.", [
    "shard",
    "phase",
  ]);
  const times = gauge("stratus_shard_date_seconds", "When the shard opens, closes and retires.", [
    "shard",
    "date",
  ]);
  return ({ shard, phase: current, dates }) => {
    for (const phase of SHARD_PHASES) phases.set({ shard, phase }, phase === current ? 1 : 0);
    const named = {
      opens: dates.opensAtMs,
      closes: dates.closesAtMs,
      retires: dates.retiresAtMs,
    };
    for (const [date, timeMs] of Object.entries(named)) {
      if (timeMs !== undefined) times.set({ shard, date }, timeMs / 1_000);
    }
  };
}
