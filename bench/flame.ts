/**
 * `scripts/node24 bench/flame.ts`: profiles the server under flat-out load and draws the
 * submission path as a flame graph, with a table of where the microseconds go. With file names
 * it draws profiles that are there.
 * @module
 */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { messageOf } from "../src/base/errors.ts";
import { parseDecimal } from "../src/encoding/decimal.ts";
import {
  addProfile,
  type CpuProfile,
  type Frame,
  IDLE,
  type ProfileWindow,
  rootFrame,
  sumParts,
  withoutIdle,
} from "./cpu-profile.ts";
import { drawFlame } from "./flame-svg.ts";
import { CACHE_FOLDER, parseKind } from "./load.ts";
import type { LoadReport } from "./load-report.ts";
import { runLoad } from "./load-run.ts";
import { describeMachine } from "./machine.ts";
import { openStratus } from "./server.ts";

/** One profiled run. */
export interface FlameRun {
  /** Of all threads. */
  readonly root: Frame;
  readonly load: LoadReport;
}

/** Profiles of a server while it is loaded flat out. */
export async function profileSubmissions(options: {
  readonly issuer: string;
  readonly seed: number;
  readonly frontends: number;
  readonly seconds: number;
  readonly warmupSeconds: number;
  readonly count: number;
  readonly cacheFolder: string;
}): Promise<FlameRun> {
  const { seed, frontends, count, cacheFolder } = options;
  const folder = await mkdtemp(join(tmpdir(), "stratus-flame-"));
  try {
    const nodeOptions = `--cpu-prof --cpu-prof-dir=${folder}`;
    let load: LoadReport;
    {
      await using server = await openStratus({ seed, frontends, nodeOptions });
      load = await runLoad({
        url: server.url,
        kind: parseKind(options.issuer),
        seed,
        first: 0,
        count,
        pace: { type: "flat-out" },
        connections: 256,
        sendMs: 1_000 * options.seconds,
        warmupMs: 1_000 * options.warmupSeconds,
        pids: [server.pid],
        sampleCount: 20,
        cacheFolder,
        workers: 2,
      });
    }
    // Profiles are written as the process ends.
    const files = (await readdir(folder)).map((name) => join(folder, name));
    return { root: await readProfiles(files, windowOf(load)), load };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The measured part of a run by the clock of profiles. */
function windowOf({ measuredFromMs, measuredToMs }: LoadReport): ProfileWindow {
  const monotonicUs = Number(process.hrtime.bigint() / 1_000n);
  const epochUs = 1_000 * (performance.timeOrigin + performance.now());
  const toMonotonic = (epochMs: number) => 1_000 * epochMs - epochUs + monotonicUs;
  return { startUs: toMonotonic(measuredFromMs), endUs: toMonotonic(measuredToMs) };
}

/** One tree of the profiles of all threads; each thread has its own branch if they are several. */
export async function readProfiles(
  files: readonly string[],
  window?: ProfileWindow,
): Promise<Frame> {
  const root = rootFrame("all threads");
  for (const file of files.toSorted()) {
    const profile: CpuProfile = JSON.parse(await readFile(file, "utf8"));
    // CPU.<date>.<time>.<pid>.<thread>.<sequence>.cpuprofile
    const thread = /\.([0-9]+)\.[0-9]+\.cpuprofile$/.exec(file)?.[1] ?? "0";
    const name = thread === "0" ? "main thread" : `thread ${thread}`;
    const branch = rootFrame(name);
    addProfile(branch, profile, window);
    if (branch.totalUs === 0) continue;
    root.children.set(name, branch);
    root.totalUs += branch.totalUs;
  }
  return root;
}

/**
 * Where the microseconds go, in Markdown.
 * @param processCpuUs CPU of the whole process, which V8's profile sees a part of.
 */
export function formatParts(
  root: Frame,
  things: { readonly name: string; readonly count: number },
  processCpuUs?: number,
): string {
  const sums = [...sumParts(root)];
  const busyUs = sums.reduce((sum, [part, us]) => (part === IDLE ? sum : sum + us), 0);
  const wholeUs = Math.max(busyUs, processCpuUs ?? 0);
  const each = (us: number) => (us / things.count).toFixed(1);
  const row = (name: string, us: number) =>
    `| ${name} | ${each(us)} | ${((100 * us) / wholeUs).toFixed(1)} % |\n`;
  const rows = sums.filter(([part]) => part !== IDLE).map(([part, us]) => row(part, us));
  if (processCpuUs !== undefined && processCpuUs > busyUs) {
    rows.push(row("threads that V8 does not profile (LevelDB, libuv, GC)", processCpuUs - busyUs));
  }
  const idleUs = sums.find(([part]) => part === IDLE)?.[1] ?? 0;
  const idle = [`| (idle) | ${each(idleUs)} | |\n`];
  // A profile is of the wall's time: what else runs on the machine lengthens it.
  if (processCpuUs !== undefined) {
    idle.push(`| (CPU by the process's own counters) | ${each(processCpuUs)} | |\n`);
  }
  return `| where | us/${things.name} | share |
|---|---|---|
${rows.join("")}| **all** | ${each(wholeUs)} | 100 % |
${idle.join("")}`;
}

const USAGE = `scripts/node24 bench/flame.ts [--out bench/flame-submission.svg] [--issuer rsa2048]
  [--frontends 0] [--seconds 12] [PROFILE...]

Profiles a fresh server under flat-out load, or reads the profiles named; draws --out, prints
where the microseconds go.
`;

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: {
      out: { type: "string", default: "bench/flame-submission.svg" },
      issuer: { type: "string", default: "rsa2048" },
      frontends: { type: "string", default: "0" },
      seconds: { type: "string", default: "12" },
      help: { type: "boolean", default: false },
    },
    allowPositionals: true,
    strict: true,
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  if (positionals.length > 0) {
    const root = await readProfiles(positionals);
    const things = { name: "second", count: root.totalUs / 1e6 };
    const notes = positionals.map((path) => path.slice(path.lastIndexOf("/") + 1));
    await writeFile(values.out, drawFlame(withoutIdleOf(root), { title: "CPU", notes, things }));
    console.log(formatParts(root, things));
    return 0;
  }
  const seconds = parseDecimal(values.seconds);
  const { root, load } = await profileSubmissions({
    issuer: values.issuer,
    seed: 42,
    frontends: parseDecimal(values.frontends),
    seconds,
    warmupSeconds: 3,
    count: 10_000 * seconds,
    cacheFolder: CACHE_FOLDER,
  });
  const count = Math.round(load.acceptedPerSecond * load.seconds);
  const things = { name: "submission", count };
  const machine = describeMachine();
  const what = `${load.issuer} flat out, frontends ${values.frontends}: ${load.acceptedPerSecond.toFixed(0)} submissions/s under the profiler`;
  const notes = [what, ...machine.split("\n")];
  const title = "Where the CPU of a submission goes";
  await writeFile(values.out, drawFlame(withoutIdleOf(root), { title, notes, things }));
  const cpuUs = load.serverCpuUsPerAccepted;
  console.log(`${machine}\n${what}\n`);
  console.log(formatParts(root, things, cpuUs === undefined ? undefined : cpuUs * count));
  for (const problem of load.verification.problems) console.log(`PROBLEM ${problem}`);
  return load.verification.problemCount === 0 ? 0 : 1;
}

/** Threads without their idle time. */
function withoutIdleOf(root: Frame): Frame {
  const children = new Map([...root.children].map(([name, child]) => [name, withoutIdle(child)]));
  const totalUs = [...children.values()].reduce((sum, child) => sum + child.totalUs, 0);
  return { ...root, children, totalUs };
}

if (import.meta.main) {
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    console.error(`bench/flame.ts: ${messageOf(error)}`);
    process.exitCode = 2;
  }
}
