/**
 * The suite: which loads and reads are run against which server, and the Markdown that
 * comes of it. Every load gets precertificates of its own, so that none is a duplicate.
 * @module
 */
import type { IssuerKind } from "./keys.ts";
import type { Pace } from "./load-driver.ts";
import { formatPace, type LoadReport } from "./load-report.ts";
import { runLoad } from "./load-run.ts";
import {
  inFastHours,
  meanOf,
  measurePrimitives,
  type Primitives,
  slowness,
  VERIFY,
} from "./primitives.ts";
import { formatReads, type ReadReport, runReads } from "./reads.ts";
import type { Server } from "./server.ts";
import { type Settled, waitUntilSettled } from "./settled.ts";

/** Load of one row. */
export interface SuiteLoad {
  readonly kind: IssuerKind;
  readonly pace: Pace;
  readonly connections: number;
  readonly seconds: number;
  readonly warmupSeconds: number;
  /** Precertificates made beforehand. */
  readonly count: number;
}

/** How much is measured. */
export interface SuiteOptions {
  readonly loads: readonly SuiteLoad[];
  /** Measured requests of each kind of read. */
  readonly readCount: number;
  readonly readMsMax: number;
  readonly sampleCount: number;
  readonly seed: number;
  readonly cacheFolder: string;
  /** Whether to wait until the disk has settled after the loads. */
  readonly isSettling: boolean;
  /** Whether the machine's speed is measured before and after what is sent flat out. */
  readonly isTimed: boolean;
  /** Told of each step. */
  readonly log: (line: string) => void;
}

/** The disk after the loads. */
export interface SettledDisk extends Settled {
  /** Of the whole tree. */
  readonly bytesPerEntry: number;
  readonly treeSize: number;
}

/** A load, and the machine's speed before and after it. */
export interface TimedLoad extends LoadReport {
  /** Means; undefined where it was not measured. */
  readonly speed: Primitives | undefined;
}

/** Everything measured. */
export interface SuiteReport {
  readonly loads: readonly TimedLoad[];
  /** After all loads; undefined where it was not waited for. */
  readonly settled: SettledDisk | undefined;
  readonly reads: readonly ReadReport[];
  /** Of loads and reads together; the suite holds only if there are none. */
  readonly problems: readonly string[];
}

/**
 * 100/s, 500/s, 200/s, one at a time after 2 s of nothing, and 2,000/s with RSA-2048, then each
 * kind of issuer flat out. The lone ones come to a server that has taken some thousand, as a log
 * in service has: on the first ones of its life V8 still interprets (measured: 6 ms in place of 4).
 */
export function realLoads(): readonly SuiteLoad[] {
  const lone: SuiteLoad = {
    kind: "rsa2048",
    pace: { type: "lone", pauseMs: 2_000 },
    connections: 1,
    seconds: 66,
    warmupSeconds: 3,
    count: 31,
  };
  const rates = [100, 500, 200, 2_000].map((perSecond): SuiteLoad => {
    const pace = { type: "rate", perSecond } as const;
    // Many a second are new to a server that was idle: its code is compiled anew for them.
    const [seconds, warmupSeconds] = perSecond === 2_000 ? [30, 10] : [22, 2];
    const times = { seconds, warmupSeconds, count: seconds * perSecond };
    return { kind: "rsa2048", pace, connections: 256, ...times };
  });
  const flatOut = (["rsa2048", "p256", "p384"] as const).map(
    (kind): SuiteLoad => ({
      kind,
      pace: { type: "flat-out" },
      // With 256, the last of those that wait for a P-384 signature is refused now and then; with
      // 128, nobody is left to be judged while a head is made.
      connections: kind === "p384" ? 160 : 256,
      seconds: 25,
      warmupSeconds: 5,
      count: kind === "p384" ? 60_000 : 220_000,
    }),
  );
  return [...rates.slice(0, 3), lone, ...rates.slice(3), ...flatOut];
}

/** A few submissions through every path, for tests: says nothing about speed. */
export function smokeLoads(): readonly SuiteLoad[] {
  const times = { connections: 4, seconds: 20, warmupSeconds: 0 };
  return [
    { kind: "p256", pace: { type: "rate", perSecond: 500 }, count: 30, ...times },
    { kind: "p256", pace: { type: "lone", pauseMs: 20 }, count: 5, ...times, connections: 1 },
    { kind: "p256", pace: { type: "flat-out" }, count: 265, ...times },
  ];
}

/** Runs the loads in order, then the reads on the tree that they made. */
export async function runSuite(server: Server, options: SuiteOptions): Promise<SuiteReport> {
  const { seed, sampleCount, cacheFolder, log } = options;
  const first = new Map<IssuerKind, number>();
  const common = {
    url: server.url,
    pids: [server.pid],
    seed,
    sampleCount,
    cacheFolder,
    workers: 2,
    ...(server.dataFolder === undefined ? {} : { dataFolder: server.dataFolder }),
  };
  const loads: TimedLoad[] = [];
  for (const load of options.loads) {
    const { kind, pace, connections, count } = load;
    log(`${kind}, ${formatPace(pace)}`);
    const start = first.get(kind) ?? 0;
    const sendMs = 1000 * load.seconds;
    const warmupMs = 1000 * load.warmupSeconds;
    const what = { kind, pace, connections, count, first: start, sendMs, warmupMs };
    const isTimed = options.isTimed && pace.type === "flat-out";
    const before = isTimed ? measurePrimitives() : undefined;
    const report = await runLoad({ ...common, ...what });
    first.set(kind, start + count);
    loads.push({ ...report, speed: before && meanOf(before, measurePrimitives()) });
  }
  const settled = options.isSettling ? await measureSettled(server, loads, log) : undefined;
  log("reads");
  const reads = await runReads({
    url: server.url,
    seed,
    connections: 4,
    count: options.readCount,
    measureMsMax: options.readMsMax,
    sampleCount,
    pageEntries: 1_024,
    pids: [server.pid],
  });
  const problems = [
    ...loads.flatMap((load) => [
      ...load.verification.problems,
      ...load.refused.map(({ status, count, sample }) => `${count} answered ${status}: ${sample}`),
    ]),
    ...reads.flatMap((read) => read.problems),
  ];
  return { loads, settled, reads, problems };
}

async function measureSettled(
  server: Server,
  loads: readonly LoadReport[],
  log: (line: string) => void,
): Promise<SettledDisk | undefined> {
  const { operationsUrl, dataFolder } = server;
  if (operationsUrl === undefined || dataFolder === undefined) return undefined;
  log("waiting until the disk has settled");
  const settled = await waitUntilSettled(operationsUrl, dataFolder);
  const treeSize = loads.reduce((sum, { acceptedCount }) => sum + acceptedCount, 0);
  return { ...settled, treeSize, bytesPerEntry: settled.diskBytes / Math.max(1, treeSize) };
}

function formatSettled(settled: SettledDisk | undefined): string {
  if (settled === undefined) return "";
  const { bytesPerEntry, unsealedEntries, treeSize } = settled;
  const state = settled.isSettled ? "once settled" : "NOT settled yet";
  const left =
    unsealedEntries === undefined
      ? "the log has no metric of sealing: nothing was waited for"
      : `${unsealedEntries} of full tiles not sealed`;
  return `Disk ${state}: ${bytesPerEntry.toFixed(0)} bytes an entry, ${treeSize} entries, ${left}.\n\n`;
}

/** CPU of a submission in the machine's fast hours, and by what that was found. */
function formatFast({ issuer, serverCpuUsPerAccepted: cpuUs, speed }: TimedLoad): string {
  if (speed === undefined || cpuUs === undefined) return "";
  const verifyUs = speed[VERIFY[issuer]].toFixed(0);
  return `${inFastHours(cpuUs, issuer, speed).toFixed(0)} (${slowness(speed).toFixed(2)} times as slow, verify ${verifyUs})`;
}

/** The report in Markdown: two tables, then limits and problems. */
export function formatSuite(report: SuiteReport): string {
  const cell = (value: number | undefined, format: (value: number) => string) =>
    value === undefined ? "not measured" : format(value);
  const rows = report.loads.map((load) => {
    const { latencyMs: latency } = load;
    const cells = [
      load.issuer,
      load.pace,
      load.acceptedPerSecond.toFixed(0),
      [latency.p50, latency.p99, latency.p999, latency.max].map((ms) => ms.toFixed(1)).join(" / "),
      cell(load.serverCpuUsPerAccepted, (us) => us.toFixed(0)),
      formatFast(load),
      cell(load.writtenBytesPerAccepted, (bytes) => bytes.toFixed(0)),
      cell(load.diskBytesPerEntry, (bytes) => bytes.toFixed(0)),
      cell(load.rssAnonBytesMax, (bytes) => (bytes / 2 ** 20).toFixed(0)),
      `${load.driverCpuUsPerRequest.toFixed(0)} us, ${(100 * load.driverCpuShare).toFixed(0)} %`,
      cell(load.foreignCores, (cores) => cores.toFixed(2)),
      `${load.verification.sctCount} SCTs, ${load.verification.proofs.treeCount} + ${load.verification.proofs.tileCount} proofs`,
      `\`${load.resultHash.slice(0, 16)}\``,
    ];
    return `| ${cells.join(" | ")} |\n`;
  });
  const notes = [
    ...report.loads.flatMap(({ issuer, pace, limits }) =>
      limits.map((limit) => `- ${issuer}, ${pace}: ${limit}\n`),
    ),
    ...report.problems.map((problem) => `- **PROBLEM** ${problem}\n`),
  ];
  return `| issuer | pace | accepted/s | p50 / p99 / p99.9 / max ms | server CPU us/accepted | in fast hours | bytes written/accepted | disk bytes/entry | RssAnon MB | driver | other cores | verified | hash |
|---|---|---|---|---|---|---|---|---|---|---|---|---|
${rows.join("")}
${formatSettled(report.settled)}${formatReads(report.reads)}
${notes.join("")}`;
}
