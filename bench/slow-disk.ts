/**
 * `scripts/node24 bench/slow-disk.ts`: the log on a disk whose every flush takes 5 ms longer,
 * in turns with the same log without: the rate flat out, the latency at 200 a second, and how
 * many flushes a commit takes. Exit code 1 if an SCT does not hold, never because of a time.
 * @module
 */
import type { ChildProcess } from "node:child_process";
import { parseArgs } from "node:util";
import { messageOf } from "../src/base/errors.ts";
import { parseDecimal } from "../src/encoding/decimal.ts";
import { CACHE_FOLDER } from "./load.ts";
import type { LoadReport } from "./load-report.ts";
import { runLoad } from "./load-run.ts";
import { describeMachine } from "./machine.ts";
import { openStratus } from "./server.ts";
import type { SlowDiskCounts } from "./slow-disk-server.ts";
import { FLUSH_KINDS, type FlushCounts } from "./slow-seam.ts";
import { medianOf } from "./stats.ts";

/** What is measured. */
export interface SlowDiskOptions {
  readonly seed: number;
  readonly delayMs: number;
  readonly frontends: number;
  readonly connections: number;
  /** Each turn is one run without and one with the delay. */
  readonly turns: number;
  readonly flatOutSeconds: number;
  readonly rateSeconds: number;
  readonly warmupSeconds: number;
  /** Precertificates made for a run flat out. */
  readonly flatOutCount: number;
  readonly cacheFolder: string;
  readonly log: (line: string) => void;
}

/** One server's figures. */
export interface SlowDiskRow {
  readonly delayMs: number;
  readonly flatOut: LoadReport;
  readonly rate: LoadReport;
  /** Flushes of each kind for one commit, over both loads. */
  readonly perCommit: FlushCounts;
  readonly commits: number;
}

const RATE = 200;
/**
 * So many that a group fills while another waits for the disk: 256 clients would all wait for it.
 * Not many more, or the last of them would wait for longer than a log lets them, and be refused.
 */
const CONNECTIONS = "1024";

/** Flushes of one commit: its entries, its batch, the guard's record. */
export const EXPECTED_FLUSHES = 3;

/** Measures in turns: without, with, with, without. */
export async function runSlowDisk(options: SlowDiskOptions): Promise<readonly SlowDiskRow[]> {
  const rows: SlowDiskRow[] = [];
  for (let turn = 0; turn < options.turns; turn += 1) {
    const delays = [0, options.delayMs];
    for (const delayMs of turn % 2 === 0 ? delays : delays.toReversed()) {
      options.log(`turn ${turn + 1}, ${delayMs} ms added to each flush`);
      rows.push(await measure(options, delayMs));
    }
  }
  return rows;
}

async function measure(options: SlowDiskOptions, delayMs: number): Promise<SlowDiskRow> {
  const { seed, frontends, connections, cacheFolder, warmupSeconds } = options;
  const script = [new URL("./slow-disk-server.ts", import.meta.url).pathname, "--delay"];
  await using server = await openStratus({
    seed,
    frontends,
    script: [...script, String(delayMs)],
  });
  const common = {
    url: server.url,
    kind: "rsa2048",
    seed,
    connections,
    warmupMs: 1_000 * warmupSeconds,
    pids: [server.pid],
    sampleCount: 50,
    cacheFolder,
    workers: 2,
  } as const;
  const before = await askCounts(server.child);
  const rateCount = RATE * options.rateSeconds;
  const rate = await runLoad({
    ...common,
    first: 0,
    count: rateCount,
    pace: { type: "rate", perSecond: RATE },
    sendMs: 1_000 * options.rateSeconds,
  });
  const flatOut = await runLoad({
    ...common,
    first: rateCount,
    count: options.flatOutCount,
    pace: { type: "flat-out" },
    sendMs: 1_000 * options.flatOutSeconds,
  });
  const after = await askCounts(server.child);
  const commits = after.commits - before.commits;
  return { delayMs, flatOut, rate, commits, perCommit: perCommit(before, after) };
}

/** Flushes of each kind for each commit between two counts. */
export function perCommit(before: SlowDiskCounts, after: SlowDiskCounts): FlushCounts {
  const commits = Math.max(1, after.commits - before.commits);
  const of = (kind: keyof FlushCounts) => (after.flushes[kind] - before.flushes[kind]) / commits;
  return { file: of("file"), folder: of("folder"), batch: of("batch"), guard: of("guard") };
}

function askCounts(child: ChildProcess): Promise<SlowDiskCounts> {
  return new Promise((resolve, reject) => {
    child.once("message", (counts) => resolve(counts as SlowDiskCounts));
    child.send("counts", (error) => {
      if (error !== null) reject(error);
    });
  });
}

/** What does not hold, as lines. */
export function problemsOf(rows: readonly SlowDiskRow[]): readonly string[] {
  return rows
    .flatMap(({ flatOut, rate }) => [flatOut, rate])
    .flatMap((load) => [
      ...load.verification.problems,
      ...load.refused.map(({ status, count, sample }) => `${count} answered ${status}: ${sample}`),
    ]);
}

/** The rows in Markdown, then what they say. */
export function formatSlowDisk(rows: readonly SlowDiskRow[]): string {
  const times = ({ latencyMs: { p50, p99, p999, max } }: LoadReport) =>
    [p50, p99, p999, max].map((ms) => ms.toFixed(1)).join(" / ");
  const lines = rows.map((row) => {
    const { perCommit: flushes } = row;
    const total = FLUSH_KINDS.reduce((sum, kind) => sum + flushes[kind], 0);
    const each = FLUSH_KINDS.map((kind) => `${kind} ${flushes[kind].toFixed(2)}`).join(", ");
    const cells = [
      `+${row.delayMs} ms`,
      row.flatOut.acceptedPerSecond.toFixed(0),
      (row.flatOut.serverCpuUsPerAccepted ?? Number.NaN).toFixed(0),
      times(row.flatOut),
      times(row.rate),
      `${total.toFixed(2)} (${each})`,
      row.commits,
      `${row.flatOut.foreignCores?.toFixed(2)}; ${row.rate.foreignCores?.toFixed(2)}`,
    ];
    return `| ${cells.join(" | ")} |\n`;
  });
  return `| flush | accepted/s flat out | server CPU us/accepted | p50 / p99 / p99.9 / max ms flat out | the same at ${RATE}/s | flushes per commit | commits | other cores |
|---|---|---|---|---|---|---|---|
${lines.join("")}
${conclude(rows)}`;
}

function conclude(rows: readonly SlowDiskRow[]): string {
  const median = (isSlow: boolean, of: (row: SlowDiskRow) => number) =>
    medianOf(rows.filter(({ delayMs }) => delayMs > 0 === isSlow).map(of));
  const rate = (isSlow: boolean) => median(isSlow, (row) => row.flatOut.acceptedPerSecond);
  const ratio = rate(true) / rate(false);
  const p50 = median(true, (row) => row.rate.latencyMs.p50);
  return `Flat out ${(100 * ratio).toFixed(1)} % of the rate without (at least 90 %: ${yesNo(ratio >= 0.9)}); p50 at ${RATE}/s ${p50.toFixed(1)} ms (at most 30: ${yesNo(p50 <= 30)}); expected ${EXPECTED_FLUSHES} flushes a commit.\n`;
}

function yesNo(holds: boolean): string {
  return holds ? "yes" : "NO";
}

const USAGE = `scripts/node24 bench/slow-disk.ts [--delay 5] [--frontends 1] [--connections 1024] [--turns 2] [--seconds 12] [--seed 42]

The log with --delay milliseconds added to every flush, in turns with the same log without.
`;

async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      delay: { type: "string", default: "5" },
      frontends: { type: "string", default: "1" },
      connections: { type: "string", default: CONNECTIONS },
      turns: { type: "string", default: "2" },
      seconds: { type: "string", default: "12" },
      seed: { type: "string", default: "42" },
      help: { type: "boolean", default: false },
    },
    strict: true,
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const seconds = parseDecimal(values.seconds);
  const rows = await runSlowDisk({
    seed: parseDecimal(values.seed),
    delayMs: parseDecimal(values.delay),
    frontends: parseDecimal(values.frontends),
    connections: parseDecimal(values.connections),
    turns: parseDecimal(values.turns),
    flatOutSeconds: seconds,
    rateSeconds: seconds,
    warmupSeconds: 2,
    flatOutCount: 10_000 * seconds,
    cacheFolder: CACHE_FOLDER,
    log: (line) => console.error(`slow-disk: ${line}`),
  });
  const problems = problemsOf(rows);
  console.log(`${describeMachine()}; seed ${values.seed}, frontends ${values.frontends}\n`);
  console.log(formatSlowDisk(rows));
  for (const problem of problems) console.log(`PROBLEM ${problem}`);
  return problems.length === 0 ? 0 : 1;
}

if (import.meta.main) {
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    console.error(`bench/slow-disk.ts: ${messageOf(error)}`);
    process.exitCode = 2;
  }
}
