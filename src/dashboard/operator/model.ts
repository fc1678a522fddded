/**
 * The operator's dashboard as data: what `/dashboard.json` answers, and what the page shows.
 * @module
 */
import { nextOfPhase } from "../../base/shard-next.ts";
import type { Range } from "../../history/range.ts";
import { PROCESS, type Sample } from "../../history/sample.ts";
import { byLabel, type Forecast, forecast, type Step } from "../../history/step.ts";
import type { Log, LogStatus } from "../../log/log.ts";
import { formatTime } from "../view/format.ts";
import { toneOf } from "../view/status.ts";
import type { DashboardData, DiskView, ShardFigures } from "./data.ts";
import { sectionOf } from "./runbook.ts";
import type { OperatorSite } from "./site.ts";
import { courseOf, totalsOf } from "./totals.ts";
import { bySeverity, type ShardFacts, warningsOfProcess, warningsOfShard } from "./warnings.ts";

/** Looks at everything. */
export async function readDashboard(site: OperatorSite, range: Range): Promise<DashboardData> {
  const [samples, traffic] = await Promise.all([site.look(), site.traffic()]);
  const nowMs = site.nowMs();
  const stepsOf = (name: string, of: Range): readonly Step[] => {
    const now = samples.get(name);
    return now === undefined ? [] : site.past.stepsUntil(name, of, now);
  };
  const views = [...site.logs].map(([name, log]) => {
    const [hour, day] = [stepsOf(name, "hour"), stepsOf(name, "day")];
    return viewOf(name, log, { now: samples.get(name), hour, day, range });
  });
  const own = samples.get(PROCESS);
  const gauges = own?.gauges ?? {};
  const warnings = [
    ...views.flatMap(({ facts }) => warningsOfShard(facts, nowMs)),
    ...warningsOfProcess(own, stepsOf(PROCESS, "hour"), nowMs),
  ].toSorted(bySeverity);
  return {
    timeMs: nowMs,
    range,
    operator: site.operator,
    software: site.software,
    runMs: own?.runMs,
    isHistoryRead: site.past.isRead,
    isHistoryKept: site.past.isKept,
    warnings: warnings.map((each) => ({ ...each, help: sectionOf(site.runbook, each.alert) })),
    shards: views.map(({ figures }) => figures),
    notCreated: site.left,
    process: {
      mainLagSeconds: gauges["mainLagSeconds"],
      frontendLagSeconds: gauges["frontendLagSeconds"],
      clockDriftSeconds: gauges["clockDriftSeconds"],
      frontendsEnded: own?.counts["frontendsEnded"] ?? 0,
      tls: byLabel(gauges, "tlsExpiresSeconds").map(([host, seconds]) => {
        return { host, expiresMs: 1_000 * seconds };
      }),
      course: courseOf(stepsOf(PROCESS, range)),
    },
    traffic,
  };
}

interface Known {
  readonly now: Sample | undefined;
  readonly hour: readonly Step[];
  readonly day: readonly Step[];
  readonly range: Range;
}

function viewOf(
  name: string,
  log: Log,
  { now, hour, day, range }: Known,
): { readonly figures: ShardFigures; readonly facts: ShardFacts } {
  const status = log.status();
  const gauges = now?.gauges ?? {};
  const disks = byLabel(gauges, "free").map(([place, freeBytes]): DiskView => {
    const totalBytes = gauges[`total ${place}`] ?? 0;
    return { place, freeBytes, totalBytes, forecast: forecastOf(place, hour, day) };
  });
  const { isReady, state, phase, headAgeMs, poolEntryCount, poolBytes } = status;
  const data = disks.find(({ place }) => place === "data")?.forecast;
  const figures: ShardFigures = {
    name,
    state,
    tone: toneOf({ state, isReady }),
    phase,
    isReady,
    next: nextOf(name, log, status),
    treeSize: log.publishedSize(),
    headAgeMs,
    pool: {
      entries: poolEntryCount,
      entriesMax: gauges["poolEntriesMax"] ?? 0,
      bytes: poolBytes,
      bytesMax: gauges["poolBytesMax"] ?? 0,
    },
    audit: {
      position: gauges["auditPosition"],
      treeSize: gauges["auditTreeSize"],
      lastPassSeconds: gauges["auditPassSeconds"],
      passes: now?.counts["auditPasses"] ?? 0,
    },
    disks,
    hour: totalsOf(hour),
    day: totalsOf(day),
    course: courseOf(range === "hour" ? hour : day),
  };
  return { figures, facts: { name, status, now, hour, day, data: data ?? NO_FORECAST } };
}

const NO_FORECAST: Forecast = { kind: "unknown", hours: 0 };

function nextOf(name: string, log: Log, status: LogStatus): string {
  const { isReady, phase, reason, damage } = status;
  if (!isReady) return reason;
  if (damage !== undefined) return `mend this: ${damage}`;
  return phase === undefined ? "wait" : nextOfPhase(name, phase, log.dates, formatTime);
}

/** By the day's looks, or the hour's where the day has few. */
function forecastOf(place: string, hour: readonly Step[], day: readonly Step[]): Forecast {
  const name = `free ${place}`;
  const points = [...day, ...hour].flatMap(({ endMs, gauges }) => {
    const freeBytes = gauges[name];
    return freeBytes === undefined ? [] : [{ timeMs: endMs, freeBytes }];
  });
  return forecast(points);
}
