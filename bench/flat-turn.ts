/**
 * One turn of `flat.ts`: a filled shard is served, measured and killed, and each start is
 * timed.
 * @module
 */
import { open, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { formatChainJson } from "../src/rfc6962/json.ts";
import type { LoadReport } from "./load-report.ts";
import { runLoad } from "./load-run.ts";
import { processTree, readCounters } from "./process.ts";
import { type ReadReport, runReads } from "./reads.ts";
import { type ServerFolder, type StratusServer, startStratusIn } from "./server.ts";
import { certificateAt, prepareSubmissions } from "./submissions.ts";

/** How a turn is measured. */
export interface TurnOptions {
  readonly seed: number;
  readonly rate: number;
  readonly seconds: number;
  readonly warmupSeconds: number;
  /** Measured requests of each kind of read. */
  readonly readCount: number;
  readonly readMsMax: number;
  readonly cacheFolder: string;
  /** How long a server that does not become quiet is waited for before it is measured. */
  readonly quietMsMax: number;
}

/** How long a start took; milliseconds from the start of the process. */
export interface StartTimes {
  /** Until get-sth answered. */
  readonly readsMs: number;
  /** Until a submission was answered with an SCT. */
  readonly writesMs: number;
  /** CPU of the server until then: what else runs on the machine does not count. */
  readonly cpuMs: number;
}

/** What one turn showed. */
export interface Turn {
  readonly afterStop: StartTimes;
  readonly afterKill: StartTimes;
  readonly load: LoadReport;
  readonly reads: readonly ReadReport[];
  /** After the load and all reads. */
  readonly rssAnonBytes: number;
}

const KIND = "rsa2048";
const WRITES_MS_MAX = 600_000;
const QUIET_STEP_MS = 4_000;
/** Read at a time. */
const READ_BYTES = 4_194_304;
/** Of one core; the self-audit takes some two hundredths. */
const QUIET_SHARE_MAX = 0.05;
/** Submissions that are under way when the server is killed. */
const BURST = 64;

/** Serves and measures a shard that was stopped cleanly, and leaves it so. */
export async function runTurn(where: ServerFolder, options: TurnOptions): Promise<Turn> {
  let server = await startStratusIn(where);
  try {
    const afterStop = await timeStart(server, where, options);
    await untilQuiet(server.pid, options.quietMsMax);
    const load = await measureLoad(server, where, options);
    const { seed, readCount, readMsMax } = options;
    const readAt = (placesSeed: number) =>
      runReads({
        url: server.url,
        seed: placesSeed,
        connections: 4,
        count: readCount,
        measureMsMax: readMsMax,
        sampleCount: 20,
        pageEntries: 1_024,
        pids: [server.pid],
        pathsMax: readCount,
      });
    await readThrough(where.dataFolder);
    // Of other places, so that what is measured is not the compiling of code, twice that.
    await readAt(seed + 1);
    const reads = await readAt(seed);
    const { rssAnonBytes } = readCounters(processTree([server.pid]));
    await killUnderWay(server, where, options);
    server = await startStratusIn(where);
    const afterKill = await timeStart(server, where, options);
    return { afterStop, afterKill, load, reads, rssAnonBytes };
  } finally {
    await server.stop();
  }
}

/**
 * Reads every file of a shard, so that what is measured is the log and not the disk: of the large
 * shard, which the system has not all in memory when nobody asked for it of late, each tile was a
 * read of the disk (*measured*: 1.8 times the CPU), of the small one few.
 */
async function readThrough(folder: string): Promise<void> {
  const bytes = new Uint8Array(READ_BYTES);
  for (const item of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!item.isFile()) continue;
    // One that LevelDB or the sealer removes meanwhile is not read any more.
    const file = await open(join(item.parentPath, item.name)).catch(() => undefined);
    if (file === undefined) continue;
    try {
      while ((await file.read(bytes, 0, bytes.length)).bytesRead > 0);
    } finally {
      await file.close();
    }
  }
}

/**
 * Waits until a server without requests takes little CPU: a start leaves some work for later, which
 * is not to be counted as that of submissions. The self-audit goes on.
 */
async function untilQuiet(pid: number, msMax: number): Promise<void> {
  const since = performance.now();
  while (performance.now() - since < msMax) {
    const before = readCounters(processTree([pid])).cpuUs;
    await new Promise((resolve) => setTimeout(resolve, QUIET_STEP_MS));
    const cpuMs = (readCounters(processTree([pid])).cpuUs - before) / 1_000;
    if (cpuMs < QUIET_SHARE_MAX * QUIET_STEP_MS) return;
  }
}

async function timeStart(
  server: StratusServer,
  where: ServerFolder,
  options: TurnOptions,
): Promise<StartTimes> {
  const since = performance.now();
  const first = await takeNumbers(where, 1);
  const [body = ""] = await bodiesOf(first, 1, options);
  const preparedMs = performance.now() - since;
  const url = `${server.url}/ct/v1/add-pre-chain`;
  while (performance.now() - since < WRITES_MS_MAX) {
    const response = await fetch(url, { method: "POST", body });
    await response.arrayBuffer();
    if (response.status === 200) {
      // The server needed no longer while the submission was being made.
      const writesMs = server.readyMs + Math.max(0, performance.now() - since - preparedMs);
      const { cpuUs } = readCounters(processTree([server.pid]));
      return { readsMs: server.readyMs, writesMs, cpuMs: cpuUs / 1_000 };
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`no submission was accepted within ${WRITES_MS_MAX} ms`);
}

async function measureLoad(
  server: StratusServer,
  where: ServerFolder,
  options: TurnOptions,
): Promise<LoadReport> {
  const { seed, rate, seconds, warmupSeconds, cacheFolder } = options;
  const count = rate * seconds;
  return runLoad({
    url: server.url,
    kind: KIND,
    seed,
    first: await takeNumbers(where, count),
    count,
    pace: { type: "rate", perSecond: rate },
    connections: 256,
    sendMs: 1_000 * seconds,
    warmupMs: 1_000 * warmupSeconds,
    pids: [server.pid],
    sampleCount: 20,
    cacheFolder,
    workers: 2,
  });
}

/** Kills the server while it commits; what was under way may be logged or not. */
async function killUnderWay(
  server: StratusServer,
  where: ServerFolder,
  options: TurnOptions,
): Promise<void> {
  const bodies = await bodiesOf(await takeNumbers(where, BURST), BURST, options);
  const url = `${server.url}/ct/v1/add-pre-chain`;
  const answers = bodies.map(async (body) => {
    const response = await fetch(url, { method: "POST", body });
    await response.arrayBuffer();
  });
  await Promise.race(answers);
  await server.kill();
  await Promise.allSettled(answers);
}

async function bodiesOf(
  first: number,
  count: number,
  { seed, cacheFolder }: TurnOptions,
): Promise<readonly string[]> {
  const range = { kind: KIND, seed, first, count } as const;
  const submissions = await prepareSubmissions(range, { cacheFolder, workers: 1 });
  const { intermediate } = submissions.authority;
  return Array.from({ length: count }, (_, at) =>
    formatChainJson([certificateAt(submissions, at), intermediate]),
  );
}

/** Numbers of precertificates that this shard never saw; remembered beside its data. */
async function takeNumbers({ folder }: ServerFolder, count: number): Promise<number> {
  const path = join(folder, "next-number");
  const first = Number(await readFile(path, "utf8").catch(() => "0"));
  await writeFile(path, String(first + count));
  return first;
}
