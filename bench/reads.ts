/**
 * What reads cost the server: CPU per request of each kind at random places of the tree, in
 * a closed loop, and a sample of the answers verified.
 * @module
 */

import { createPublicKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { messageOf } from "../src/base/errors.ts";
import { parseDecimal } from "../src/encoding/decimal.ts";
import { CostMeter } from "./cost-meter.ts";
import { LogReader, readPublicKey } from "./log-reader.ts";
import {
  planReads,
  type ReadKind,
  type ReadPlan,
  RFC6962_READS,
  STATIC_CT_READS,
} from "./read-plans.ts";
import type { ReadsMessage, ReadsTask } from "./reads-driver.ts";

/** One run over all kinds of reads that the log has. */
export interface ReadsOptions {
  /** Of the shard: what stands before `/ct/v1`. */
  readonly url: string;
  /** What stands before `/checkpoint` and `/tile`, where it is another. */
  readonly monitorUrl?: string;
  /** The log's SubjectPublicKeyInfo; undefined: from its log.v3.json. */
  readonly publicKey?: Uint8Array;
  readonly seed: number;
  readonly connections: number;
  /** Measured requests of each kind, at most. */
  readonly count: number;
  /** Longest time of measuring each kind; milliseconds. */
  readonly measureMsMax: number;
  /** Answers of each kind that are verified. */
  readonly sampleCount: number;
  readonly pageEntries: number;
  readonly pids: readonly number[];
  /** Different paths of a kind at most, asked for round and round; default 1,000. */
  readonly pathsMax?: number;
  /** Only these; undefined: all that the log has. */
  readonly kinds?: readonly string[];
}

/** What one kind of read cost. */
export interface ReadReport {
  readonly kind: ReadKind;
  readonly requestsPerSecond: number;
  readonly serverCpuUsPerRequest: number | undefined;
  /** Where an answer carries entries. */
  readonly serverCpuUsPerEntry: number | undefined;
  readonly bytesPerAnswer: number;
  readonly driverCpuUsPerRequest: number;
  readonly answeredCount: number;
  readonly failedCount: number;
  readonly verifiedCount: number;
  readonly problems: readonly string[];
  /** SHA-256 of the sampled bodies. */
  readonly sampleHash: string;
}

const PATHS_MAX = 1_000;

/** Measures each kind of read. @throws Error if the log shows no head. */
export async function runReads(options: ReadsOptions): Promise<readonly ReadReport[]> {
  const monitorUrl = options.monitorUrl ?? options.url;
  const publicKey = options.publicKey ?? (await readPublicKey(monitorUrl));
  const apis = [
    { url: options.url, kinds: RFC6962_READS, read: "readTreeHead" },
    { url: monitorUrl, kinds: STATIC_CT_READS, read: "readCheckpoint" },
  ] as const;
  const hasTiles = (await new LogReader(monitorUrl, publicKey).readCheckpoint()) !== undefined;
  const reports: ReadReport[] = [];
  for (const { url, kinds, read } of apis) {
    const reader = new LogReader(url, publicKey);
    const head = await reader[read]();
    if (head === undefined) continue;
    const pathCount = Math.min(
      options.pathsMax ?? PATHS_MAX,
      Math.max(options.count, options.sampleCount),
    );
    const { seed, pageEntries } = options;
    for (const kind of kinds) {
      if (options.kinds !== undefined && !options.kinds.includes(kind)) continue;
      const tiles = { hasTiles, reader: hasTiles ? new LogReader(monitorUrl, publicKey) : reader };
      const plan = await planReads(kind, { url, head, seed, pathCount, pageEntries, ...tiles });
      reports.push(await measure(kind, plan, { ...options, url }));
    }
  }
  if (reports.length === 0) throw new Error(`${options.url} shows no head through either API`);
  return reports;
}

async function measure(kind: ReadKind, plan: ReadPlan, options: ReadsOptions): Promise<ReadReport> {
  const url = new URL(options.url);
  const prefix = url.pathname.replace(/\/$/, "");
  const meter = new CostMeter(options.pids, undefined);
  const task: ReadsTask = {
    target: { host: url.hostname.replaceAll(/[[\]]/g, ""), port: Number(url.port || 80) },
    hostHeader: url.host,
    paths: plan.paths.map((path) => prefix + path),
    connections: options.connections,
    warmupCount: Math.ceil(options.count / 10),
    count: options.count,
    measureMsMax: options.measureMsMax,
    sampleCount: options.sampleCount,
  };
  const done = await drive(task, meter);
  const cost = meter.stop();
  const problems = done.failedCount > 0 ? [`${done.failedCount} failed: ${done.failure}`] : [];
  let verifiedCount = 0;
  for (const [at, body] of done.sample.entries()) {
    try {
      await plan.check(at, body);
      verifiedCount += 1;
    } catch (error) {
      problems.push(`${kind} ${plan.paths[at]}: ${messageOf(error)}`);
    }
  }
  const answered = Math.max(1, done.answeredCount);
  const perRequest = cost.cpuUs === undefined ? undefined : cost.cpuUs / answered;
  const hasEntries = perRequest !== undefined && plan.entriesPerAnswer > 0;
  return {
    kind,
    requestsPerSecond: done.answeredCount / done.seconds,
    serverCpuUsPerRequest: perRequest,
    serverCpuUsPerEntry: hasEntries ? perRequest / plan.entriesPerAnswer : undefined,
    bytesPerAnswer: done.bodyBytes / answered,
    driverCpuUsPerRequest: done.cpuUs / answered,
    answeredCount: done.answeredCount,
    failedCount: done.failedCount,
    verifiedCount,
    problems,
    sampleHash: done.sampleHash,
  };
}

async function drive(
  task: ReadsTask,
  meter: CostMeter,
): Promise<Extract<ReadsMessage, { type: "done" }>> {
  const worker = new Worker(new URL("./reads-driver.ts", import.meta.url), { workerData: task });
  return await new Promise((resolve, reject) => {
    worker.on("error", reject);
    worker.on("message", (message: ReadsMessage) => {
      try {
        if (message.type === "measuring") meter.start();
        else resolve(message);
      } catch (error) {
        worker.terminate().then(() => reject(error), reject);
      }
    });
  });
}

/** The reports as a Markdown table. */
export function formatReads(reports: readonly ReadReport[]): string {
  const us = (value: number | undefined) =>
    value === undefined ? "not measured" : value.toFixed(1);
  const rows = reports.map(
    (report) =>
      `| ${report.kind} | ${report.requestsPerSecond.toFixed(0)} | ${us(report.serverCpuUsPerRequest)} | ${report.serverCpuUsPerEntry === undefined ? "" : us(report.serverCpuUsPerEntry)} | ${report.bytesPerAnswer.toFixed(0)} | ${us(report.driverCpuUsPerRequest)} | ${report.verifiedCount} | ${report.problems.length} | \`${report.sampleHash.slice(0, 16)}\` |\n`,
  );
  return `| read | requests/s | server CPU us/request | us/entry | bytes/answer | driver us/request | verified | problems | hash |\n|---|---|---|---|---|---|---|---|---|\n${rows.join("")}`;
}

const USAGE = `scripts/node24 bench/reads.ts --url URL [--monitor-url URL] [--key FILE] [--pid N]...
  [--seed 42] [--connections 4] [--count 5000] [--seconds 10] [--sample 50] [--page 1024] [--kind KIND]... [--json]

CPU of the server (processes --pid and their children) for each kind of read of a log, in a
closed loop at random places of its tree; a sample of the answers is verified.
`;

const OPTIONS = {
  url: { type: "string" },
  "monitor-url": { type: "string" },
  key: { type: "string" },
  pid: { type: "string", multiple: true },
  seed: { type: "string", default: "42" },
  connections: { type: "string", default: "4" },
  count: { type: "string", default: "5000" },
  seconds: { type: "string", default: "10" },
  sample: { type: "string", default: "50" },
  page: { type: "string", default: "1024" },
  kind: { type: "string", multiple: true },
  json: { type: "boolean", default: false },
} as const;

async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: OPTIONS, strict: true });
  if (values.url === undefined) {
    console.log(USAGE);
    return 2;
  }
  const { url, key, "monitor-url": monitorUrl } = values;
  const reports = await runReads({
    url,
    ...(monitorUrl === undefined ? {} : { monitorUrl }),
    ...(key === undefined
      ? {}
      : {
          publicKey: Uint8Array.from(
            createPublicKey(readFileSync(key)).export({ type: "spki", format: "der" }),
          ),
        }),
    seed: parseDecimal(values.seed),
    connections: parseDecimal(values.connections),
    count: parseDecimal(values.count),
    measureMsMax: 1000 * parseDecimal(values.seconds),
    sampleCount: parseDecimal(values.sample),
    pageEntries: parseDecimal(values.page),
    pids: (values.pid ?? []).map((pid) => parseDecimal(pid)),
    ...(values.kind === undefined ? {} : { kinds: values.kind }),
  });
  console.log(values.json ? JSON.stringify(reports) : formatReads(reports));
  for (const problem of reports.flatMap((report) => report.problems))
    console.log(`PROBLEM ${problem}`);
  return reports.every((report) => report.problems.length === 0) ? 0 : 1;
}

if (import.meta.main) {
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    console.error(`bench/reads.ts: ${messageOf(error)}`);
    process.exitCode = 2;
  }
}
