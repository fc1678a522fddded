/**
 * `scripts/node24 bench/overload.ts [FRONTENDS...]`: what a log does with twice what it can take.
 * For each number of frontend threads (default 0 and 2) a fresh server, whose best rate is found
 * in a closed loop, and then an open loop at twice that rate. Exit code 1 if anything does not
 * verify; the figures are for people to judge.
 * @module
 */
import { messageOf } from "../src/base/errors.ts";
import { parseDecimal } from "../src/encoding/decimal.ts";
import { CACHE_FOLDER } from "./load.ts";
import type { LoadReport } from "./load-report.ts";
import { runLoad } from "./load-run.ts";
import { describeMachine } from "./machine.ts";
import { openStratus, type Server } from "./server.ts";

/** How much is measured. */
export interface OverloadOptions {
  readonly seed: number;
  /** Of each of the two runs, warm-up included. */
  readonly seconds: number;
  readonly warmupSeconds: number;
  /** Connections of the closed loop. */
  readonly closedConnections: number;
  /** Connections of the open loop: more than are answered late at a time. */
  readonly openConnections: number;
  /** How many times the best rate is sent. */
  readonly factor: number;
  /** Submissions made beforehand for the closed loop. */
  readonly closedCount: number;
  readonly cacheFolder: string;
}

/** One server's two runs. */
export interface OverloadRow {
  readonly name: string;
  readonly best: LoadReport;
  readonly over: LoadReport;
}

/** Finds the best rate of a server, then sends more than that. */
export async function runOverload(
  server: Server,
  name: string,
  options: OverloadOptions,
): Promise<OverloadRow> {
  const { seed, cacheFolder, seconds, warmupSeconds, factor } = options;
  const common = {
    seed,
    cacheFolder,
    url: server.url,
    pids: [server.pid],
    kind: "rsa2048" as const,
    sendMs: 1_000 * seconds,
    warmupMs: 1_000 * warmupSeconds,
    sampleCount: 20,
    workers: 2,
  };
  const best = await runLoad({
    ...common,
    pace: { type: "flat-out" },
    first: 0,
    count: options.closedCount,
    connections: options.closedConnections,
  });
  const perSecond = Math.max(1, Math.round(factor * best.acceptedPerSecond));
  const over = await runLoad({
    ...common,
    pace: { type: "rate", perSecond },
    first: options.closedCount,
    count: perSecond * seconds,
    connections: options.openConnections,
    opensFirst: true,
  });
  return { name, best, over };
}

/** What is wrong, as lines. */
export function overloadProblems({ name, best, over }: OverloadRow): readonly string[] {
  return [
    ...[best, over].flatMap((load) => load.verification.problems.map((line) => `${name}: ${line}`)),
    ...best.refused.map(({ status, count }) => `${name}: ${count} answered ${status} at its best`),
    ...over.refused
      .filter(({ status }) => status !== 503)
      .map(({ status, count }) => `${name}: ${count} answered ${status} in overload`),
  ];
}

/** The rows in Markdown. */
export function formatOverload(rows: readonly OverloadRow[]): string {
  const lines = rows.map(({ name, best, over }) => {
    const times = ({ p50, p99, max }: LoadReport["latencyMs"]) =>
      [p50, p99, max].map((ms) => ms.toFixed(1)).join(" / ");
    const share = (100 * over.acceptedPerSecond) / best.acceptedPerSecond;
    const megabytes = (report: LoadReport) =>
      report.rssAnonBytesMax === undefined ? "" : (report.rssAnonBytesMax / 2 ** 20).toFixed(0);
    const refused = over.refused.map(({ status, count }) => `${count} x ${status}`).join(", ");
    const cells = [
      name,
      best.acceptedPerSecond.toFixed(0),
      over.pace,
      `${over.acceptedPerSecond.toFixed(0)} (${share.toFixed(0)} %)`,
      refused,
      times(over.refusalMs),
      times(over.latencyMs),
      `${megabytes(best)}, ${megabytes(over)}`,
      `${over.driverCpuUsPerRequest.toFixed(0)} us, ${(100 * over.driverCpuShare).toFixed(0)} %`,
      `${over.lagMs.p99.toFixed(1)} ms`,
      (over.foreignCores ?? 0).toFixed(2),
    ];
    return `| ${cells.join(" | ")} |\n`;
  });
  return `| server | best/s | sent | accepted/s | refused | refused after p50 / p99 / max, ms | accepted after, ms | RssAnon MB | driver | sent late by, p99 | other cores |
|---|---|---|---|---|---|---|---|---|---|---|
${lines.join("")}`;
}

async function main(counts: readonly string[]): Promise<number> {
  const seed = 42;
  const rows: OverloadRow[] = [];
  for (const text of counts.length === 0 ? ["0", "2"] : counts) {
    const frontends = parseDecimal(text);
    await using server = await openStratus({ seed, frontends });
    const name = frontends === 0 ? "one thread" : `${frontends} frontends`;
    const row = await runOverload(server, name, {
      seed,
      seconds: 12,
      warmupSeconds: 3,
      closedConnections: 256,
      openConnections: 8_000,
      factor: 2,
      closedCount: 80_000,
      cacheFolder: CACHE_FOLDER,
    });
    console.error(formatOverload([row]));
    rows.push(row);
  }
  const problems = rows.flatMap(overloadProblems).map((line) => `- **PROBLEM** ${line}\n`);
  console.log(
    `${describeMachine()}; seed ${seed}\n\n${formatOverload(rows)}\n${problems.join("")}`,
  );
  return problems.length === 0 ? 0 : 1;
}

if (import.meta.main) {
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    console.error(`bench/overload.ts: ${messageOf(error)}`);
    process.exitCode = 2;
  }
}
