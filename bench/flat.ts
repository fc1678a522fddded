/**
 * `scripts/node24 bench/flat.ts`: does the log stay as fast as it grows? Two shards of
 * different sizes, filled by `fill.ts`, are measured in turns, A B A B, and the ratio of the
 * large one to the small one is printed, and how fast fsck is and what bounds it. Exit code 1
 * if something does not hold, never because of a time.
 * @module
 */
import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";
import { messageOf } from "../src/base/errors.ts";
import { parseDecimal } from "../src/encoding/decimal.ts";
import { fillFolder } from "./fill.ts";
import { formatParts, readProfiles } from "./flame.ts";
import { runTurn, type Turn, type TurnOptions } from "./flat-turn.ts";
import { CACHE_FOLDER } from "./load.ts";
import { describeMachine } from "./machine.ts";
import type { ReadKind } from "./read-plans.ts";
import type { ServerFolder } from "./server.ts";
import { medianOf } from "./stats.ts";

/** What is compared. */
export interface FlatOptions extends TurnOptions {
  /** Holds a folder for each size, named after it; filled as far as need be. */
  readonly parent: string;
  /** Entries of the small and of the large shard. */
  readonly sizes: readonly [number, number];
  readonly turns: number;
  readonly frontends: number;
  readonly log: (line: string) => void;
}

/** Everything measured: the turns of the small shard and those of the large one. */
export interface FlatReport {
  readonly small: readonly Turn[];
  readonly large: readonly Turn[];
  readonly problems: readonly string[];
}

/** One figure of both shards: medians over their turns. */
export interface FlatRow {
  readonly name: string;
  readonly small: number;
  readonly large: number;
  /** What the ratio, or else the large shard's figure, may be at most; undefined: no demand. */
  readonly ratioMax?: number;
  readonly largeMax?: number;
}

/** Fills what is missing, then measures in turns. */
export async function runFlat(options: FlatOptions): Promise<FlatReport> {
  const [small, large] = await fillBoth(options);
  const turns: { readonly small: Turn[]; readonly large: Turn[] } = { small: [], large: [] };
  const both = [
    ["small", small],
    ["large", large],
  ] as const;
  for (let turn = 0; turn < options.turns; turn += 1) {
    // A B, then B A: neither is always the one that follows a fill or the other's writes.
    for (const [name, where] of turn % 2 === 0 ? both : both.toReversed()) {
      options.log(`turn ${turn + 1}: ${name}`);
      turns[name].push(await runTurn(where, options));
    }
  }
  const problems = [...turns.small, ...turns.large].flatMap(({ load, reads }) => [
    ...load.verification.problems,
    ...load.refused.map(({ status, count, sample }) => `${count} answered ${status}: ${sample}`),
    ...reads.flatMap((read) => read.problems),
  ]);
  return { ...turns, problems };
}

async function fillBoth(options: FlatOptions): Promise<readonly [ServerFolder, ServerFolder]> {
  const fill = async (entries: number) => {
    options.log(`filling to ${entries}`);
    const { where, start, treeSize, entriesPerSecond } = await fillFolder({
      ...options,
      folder: join(options.parent, String(entries)),
      entries,
      groupEntries: 4_096,
      isSealed: true,
    });
    const rate = treeSize > start ? `, ${entriesPerSecond.toFixed(0)}/s` : "";
    options.log(`from ${start} to ${treeSize}${rate}`);
    return where;
  };
  return [await fill(options.sizes[0]), await fill(options.sizes[1])];
}

const RATIO_MAX = 1.25;

/** Checks and filters of a start take some minutes at 10 million entries. */
const QUIET_MS_MAX = 300_000;

/** The figures that must stay as they are. */
export function compareTurns({ small, large }: Omit<FlatReport, "problems">): readonly FlatRow[] {
  const row = (
    name: string,
    of: (turn: Turn) => number,
    demand: Pick<FlatRow, "ratioMax" | "largeMax"> = {},
  ): FlatRow => {
    const median = (turns: readonly Turn[]) => medianOf(turns.map(of));
    return { name, small: median(small), large: median(large), ...demand };
  };
  const flat = { ratioMax: RATIO_MAX };
  const readOf = (kind: ReadKind) => (turn: Turn) =>
    turn.reads.find((read) => read.kind === kind)?.serverCpuUsPerRequest ?? Number.NaN;
  const reads = [
    "get-proof-by-hash",
    "get-sth-consistency",
    "get-entry-and-proof",
    "get-entries",
    "hash-tile",
    "data-tile",
    "get-sth",
  ] as const;
  return [
    row("CPU per submission, us", ({ load }) => load.serverCpuUsPerAccepted ?? Number.NaN, flat),
    ...reads.map((kind) => row(`CPU per ${kind}, us`, readOf(kind), flat)),
    row("p50 of add, ms", ({ load }) => load.latencyMs.p50),
    row("p99 of add, ms", ({ load }) => load.latencyMs.p99),
    row("p99.9 of add, ms", ({ load }) => load.latencyMs.p999, { largeMax: 500 }),
    row("longest add, ms", ({ load }) => load.latencyMs.max),
    row(
      "RssAnon under load, MB",
      ({ load }) => (load.rssAnonBytesMax ?? Number.NaN) / 2 ** 20,
      flat,
    ),
    row("RssAnon after all reads, MB", (turn) => turn.rssAnonBytes / 2 ** 20, flat),
    row("after a clean stop, ms until reads", ({ afterStop }) => afterStop.readsMs, {
      largeMax: 2_000,
    }),
    row("after a clean stop, ms until writes", ({ afterStop }) => afterStop.writesMs, {
      largeMax: 10_000,
    }),
    row("the same, ms of CPU", ({ afterStop }) => afterStop.cpuMs, flat),
    row("after SIGKILL, ms until reads", ({ afterKill }) => afterKill.readsMs, { largeMax: 2_000 }),
    row("after SIGKILL, ms until writes", ({ afterKill }) => afterKill.writesMs, {
      largeMax: 10_000,
    }),
    row("the same, ms of CPU", ({ afterKill }) => afterKill.cpuMs, flat),
  ];
}

/** The rows in Markdown. */
export function formatFlat(rows: readonly FlatRow[], sizes: readonly [number, number]): string {
  const lines = rows.map(({ name, small, large, ratioMax, largeMax }) => {
    const ratio = large / small;
    const demands = [
      ...(ratioMax === undefined ? [] : [`ratio <= ${ratioMax}: ${yesNo(ratio <= ratioMax)}`]),
      ...(largeMax === undefined ? [] : [`<= ${largeMax}: ${yesNo(large <= largeMax)}`]),
    ];
    const cells = [name, small.toFixed(1), large.toFixed(1), ratio.toFixed(2), demands.join("; ")];
    return `| ${cells.join(" | ")} |\n`;
  });
  return `| figure | ${sizes[0]} | ${sizes[1]} | ratio | demand |\n|---|---|---|---|---|\n${lines.join("")}`;
}

function yesNo(holds: boolean): string {
  return holds ? "yes" : "NO";
}

/** What `stratus fsck` of a shard said, and where its main thread's time went. */
export async function profileFsck(
  where: Pick<ServerFolder, "dataFolder" | "folder">,
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "stratus-fsck-"));
  try {
    const main = new URL("../src/main.ts", import.meta.url).pathname;
    const node = [
      "--disable-warning=ExperimentalWarning",
      "--cpu-prof",
      `--cpu-prof-dir=${folder}`,
    ];
    const command = ["fsck", where.dataFolder, "--guard", join(where.folder, "guard")];
    const started = performance.now();
    const { stdout } = await promisify(execFile)(process.execPath, [...node, main, ...command]);
    const seconds = (performance.now() - started) / 1_000;
    const files = (await readdir(folder)).map((name) => join(folder, name));
    const root = await readProfiles(files);
    const count = Number(/^([0-9,]+) entries,/m.exec(stdout)?.[1]?.replaceAll(",", "") ?? 0);
    if (count === 0) throw new Error(`fsck says:\n${stdout}`);
    const idle = root.children.get("main thread")?.children ?? new Map();
    const idleUs = [...idle.values()]
      .filter(({ part }) => part === "idle")
      .reduce((sum, { totalUs }) => sum + totalUs, 0);
    const whole = `${count} entries in ${seconds.toFixed(1)} s: ${(count / seconds).toFixed(0)}/s, ${((100 * idleUs) / root.totalUs).toFixed(0)} % of it waiting`;
    return `fsck under the profiler: ${whole}\n\n${stdout}\n${formatParts(root, { name: "entry", count })}`;
  } finally {
    await rm(folder, { recursive: true });
  }
}

const USAGE = `scripts/node24 bench/flat.ts --folder DIR [--small 1000000] [--large 10000000] [--turns 2]
  [--rate 1000] [--seconds 15] [--reads 2000] [--frontends 0] [--fsck small|large|none]

Fills DIR/<size> as far as it is not (2.7 kB an entry), measures both in turns, then runs fsck.
`;

async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      folder: { type: "string" },
      small: { type: "string", default: "1000000" },
      large: { type: "string", default: "10000000" },
      turns: { type: "string", default: "2" },
      rate: { type: "string", default: "1000" },
      seconds: { type: "string", default: "15" },
      reads: { type: "string", default: "2000" },
      frontends: { type: "string", default: "0" },
      fsck: { type: "string", default: "small" },
    },
    strict: true,
  });
  if (values.folder === undefined) {
    console.log(USAGE);
    return 2;
  }
  const sizes = [parseDecimal(values.small), parseDecimal(values.large)] as const;
  const report = await runFlat({
    parent: values.folder,
    sizes,
    turns: parseDecimal(values.turns),
    frontends: parseDecimal(values.frontends),
    seed: 42,
    rate: parseDecimal(values.rate),
    seconds: parseDecimal(values.seconds),
    warmupSeconds: 2,
    readCount: parseDecimal(values.reads),
    readMsMax: 5_000,
    cacheFolder: CACHE_FOLDER,
    quietMsMax: QUIET_MS_MAX,
    log: (line) => console.error(`flat: ${line}`),
  });
  console.log(`${describeMachine()}\n${values.rate}/s, frontends ${values.frontends}\n`);
  console.log(formatFlat(compareTurns(report), sizes));
  for (const problem of report.problems) console.log(`PROBLEM ${problem}`);
  if (values.fsck !== "none") {
    const folder = join(values.folder, String(values.fsck === "large" ? sizes[1] : sizes[0]));
    const dataFolder = join(folder, "data", "bench2027");
    console.log(await profileFsck({ folder, dataFolder }));
  }
  return report.problems.length === 0 ? 0 : 1;
}

if (import.meta.main) {
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    console.error(`bench/flat.ts: ${messageOf(error)}`);
    process.exitCode = 2;
  }
}
