/**
 * `scripts/node24 bench/abuse.ts [--frontends N] [NAME...]`: what attacks do to honest
 * submissions. On one fresh server, limits off, it measures honest add-pre-chain at 100 a second without and with each attack,
 * and prints both. Exit code 1 if an honest submission was refused or did not verify; the
 * times are for people to judge.
 * @module
 */
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { messageOf } from "../src/base/errors.ts";
import { parseDecimal } from "../src/encoding/decimal.ts";
import type { AttackReport, AttackTask } from "./abuse-driver.ts";
import { makeAttacks } from "./attacks.ts";
import type { IssuerKind } from "./keys.ts";
import { CACHE_FOLDER } from "./load.ts";
import type { LoadReport } from "./load-report.ts";
import { type LoadOptions, runLoad } from "./load-run.ts";
import { describeMachine } from "./machine.ts";
import { openStratus, type Server } from "./server.ts";
import { prepareSubmissions } from "./submissions.ts";

/** How much is measured. */
export interface AbuseOptions {
  readonly seed: number;
  /** Entries in the tree before the attacks. */
  readonly treeSize: number;
  readonly honestPerSecond: number;
  /** How long each measurement sends, its warm-up included. */
  readonly seconds: number;
  readonly warmupSeconds: number;
  /** Distinct precertificates with bad signatures. */
  readonly forgedCount: number;
  /** Names of attacks; empty: all. */
  readonly only: readonly string[];
  readonly cacheFolder: string;
  readonly log: (line: string) => void;
}

/** One attack and what it did. */
export interface AbuseRow {
  readonly name: string;
  readonly without: LoadReport;
  readonly during: LoadReport;
  readonly attack: AttackReport;
}

const KIND: IssuerKind = "rsa2048";

/** Runs the attacks one after the other. */
export async function runAbuse(
  server: Server,
  options: AbuseOptions,
): Promise<readonly AbuseRow[]> {
  const { seed, cacheFolder, honestPerSecond, seconds, warmupSeconds, log } = options;
  const url = new URL(server.url);
  const common = { seed, cacheFolder, workers: 2, kind: KIND, url: server.url, pids: [server.pid] };
  let first = 0;
  const load = async (more: Pick<LoadOptions, "count" | "pace" | "sendMs" | "warmupMs">) => {
    const report = await runLoad({ ...common, connections: 64, sampleCount: 10, first, ...more });
    first += more.count;
    return report;
  };
  log(`filling the tree with ${options.treeSize} entries`);
  const flatOut = { type: "flat-out" } as const;
  await load({ count: options.treeSize, pace: flatOut, sendMs: 600_000, warmupMs: 0 });
  const range = { kind: KIND, seed, first, count: options.forgedCount } as const;
  const submissions = await prepareSubmissions(range, { cacheFolder, workers: 2 });
  first += options.forgedCount;
  const attacks = makeAttacks({
    host: url.host,
    path: url.pathname.replace(/\/$/, ""),
    treeSize: options.treeSize,
    submissions,
    duplicateAt: 0,
  });
  const target = { host: url.hostname, port: Number(url.port) };
  const honest = () =>
    load({
      count: Math.ceil(honestPerSecond * seconds),
      pace: { type: "rate", perSecond: honestPerSecond },
      sendMs: 1_000 * seconds,
      warmupMs: 1_000 * warmupSeconds,
    });
  const rows: AbuseRow[] = [];
  for (const [name, attack] of attacks) {
    if (options.only.length > 0 && !options.only.includes(name)) continue;
    const without = await honest();
    const [during, report] = await underAttack({ target, attack }, honest);
    const row = { name, without, during, attack: report };
    log(formatRow(row).trim());
    rows.push(row);
  }
  return rows;
}

/** Runs `measure` while a worker attacks. */
async function underAttack<T>(
  task: AttackTask,
  measure: () => Promise<T>,
): Promise<readonly [T, AttackReport]> {
  const worker = new Worker(new URL("./abuse-driver.ts", import.meta.url), { workerData: task });
  const report = new Promise<AttackReport>((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
  const result = await measure();
  worker.postMessage("stop");
  return [result, await report];
}

/** What is wrong with honest submissions, as lines. */
export function problemsOf(rows: readonly AbuseRow[]): readonly string[] {
  return rows.flatMap(({ name, without, during }) =>
    [without, during].flatMap((load) => [
      ...load.verification.problems.map((problem) => `${name}: ${problem}`),
      ...load.refused.map(({ status, count }) => `${name}: ${count} honest answered ${status}`),
    ]),
  );
}

/** The rows in Markdown. */
export function formatAbuse(rows: readonly AbuseRow[]): string {
  return `| attack | p50 / p99 / max without, ms | p50 / p99 / max during, ms | holds | honest refused | attack sent | its answers | server cores without / during | RssAnon MB |
|---|---|---|---|---|---|---|---|---|
${rows.map(formatRow).join("")}`;
}

function formatRow({ name, without, during, attack }: AbuseRow): string {
  const times = ({ latencyMs: { p50, p99, max } }: LoadReport) =>
    [p50, p99, max].map((ms) => ms.toFixed(1)).join(" / ");
  const bound = Math.max(2 * without.latencyMs.p99, 20);
  const answers = Object.entries(attack.statuses).map(([status, count]) => `${count} x ${status}`);
  const cells = [
    name,
    times(without),
    times(during),
    during.latencyMs.p99 <= bound ? "yes" : "NO",
    during.refused.reduce((sum, { count }) => sum + count, 0),
    attack.sentCount,
    answers.join(", "),
    `${coresOf(without)} / ${coresOf(during)}`,
    during.rssAnonBytesMax === undefined ? "" : (during.rssAnonBytesMax / 2 ** 20).toFixed(0),
  ];
  return `| ${cells.join(" | ")} |\n`;
}

/** Cores' worth of CPU of the server: what an attack costs is the difference. */
function coresOf({ serverCpuUsPerAccepted, acceptedPerSecond }: LoadReport): string {
  return (((serverCpuUsPerAccepted ?? 0) * acceptedPerSecond) / 1e6).toFixed(2);
}

async function main(args: readonly string[]): Promise<number> {
  const seed = 42;
  const { values, positionals: only } = parseArgs({
    args: [...args],
    options: { frontends: { type: "string", default: "0" } },
    allowPositionals: true,
  });
  const frontends = parseDecimal(values.frontends);
  await using server = await openStratus({ seed, frontends });
  const rows = await runAbuse(server, {
    seed,
    treeSize: 20_480,
    honestPerSecond: 100,
    seconds: 7,
    warmupSeconds: 1,
    forgedCount: 2_000,
    only,
    cacheFolder: CACHE_FOLDER,
    log: (line) => console.error(line),
  });
  const problems = problemsOf(rows).map((line) => `- **PROBLEM** ${line}\n`);
  console.log(
    `${describeMachine()}; seed ${seed}; ${frontends} frontends\n\n${formatAbuse(rows)}\n${problems.join("")}`,
  );
  return problems.length === 0 ? 0 : 1;
}

if (import.meta.main) {
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    console.error(`bench/abuse.ts: ${messageOf(error)}`);
    process.exitCode = 2;
  }
}
