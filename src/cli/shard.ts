/**
 * `stratus shard list`: where each shard stands in its life, and what its operator does next.
 * `stratus shard next`: creates the shards that the configuration wants within a year.
 * @module
 */
import { phaseAt } from "../base/shard-life.ts";
import { nextOfPhase } from "../base/shard-next.ts";
import type { Config } from "../config/config.ts";
import { formatTime } from "../config/scalar.ts";
import { formatBase64 } from "../encoding/base64.ts";
import { formatHex } from "../encoding/hex.ts";
import { lookAtShard, type ShardLook } from "../shards.ts";
import { initShards } from "./init.ts";
import { type CommandIo, EXIT } from "./io.ts";
import { formatCount } from "./progress.ts";

/** The command line of `stratus shard list`. */
export interface ShardListOptions {
  readonly json: boolean;
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: number;
}

/** Runs `stratus shard list`. @returns The exit code: 1 if a shard could not be looked at. */
export async function listShards(
  config: Config,
  { json, nowMs }: ShardListOptions,
  io: CommandIo,
): Promise<number> {
  const looks: ShardLook[] = [];
  for (const shard of config.shards) looks.push(await lookAtShard(config, shard, nowMs));
  if (json)
    io.out(
      JSON.stringify(
        looks.map((look) => fieldsOf(look, nowMs)),
        undefined,
        2,
      ),
    );
  else for (const line of table(looks, nowMs)) io.out(line);
  return looks.some(({ problem }) => problem !== "") ? EXIT.failed : EXIT.ok;
}

function table(looks: readonly ShardLook[], nowMs: number): readonly string[] {
  const rows = looks.map((look) => {
    const { shard, head } = look;
    const { notAfterStartMs: start, notAfterLimitMs: limit } = shard;
    return [
      shard.name,
      phaseName(look),
      `${dayOf(start)} to ${dayOf(limit)}`,
      head === undefined ? "-" : formatCount(head.treeSize),
      head === undefined ? "never signed" : formatTime(head.timestampMs),
    ];
  });
  const heads = ["SHARD", "PHASE", "NOTAFTER", "ENTRIES", "LAST HEAD"];
  const widths = heads.map((head, column) =>
    Math.max(head.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const format = (row: readonly string[]): string =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  return [
    format(heads),
    ...rows.flatMap((row, index) => {
      const look = looks[index];
      return look === undefined ? [] : [format(row), `  next: ${nextStep(look, nowMs)}`];
    }),
  ];
}

function fieldsOf(look: ShardLook, nowMs: number): object {
  const { shard, exists, key, head, problem } = look;
  const { opensAtMs, closesAtMs, retiresAtMs } = shard.dates;
  const time = (timeMs: number | undefined) => (timeMs === undefined ? null : formatTime(timeMs));
  return {
    shard: shard.name,
    exists,
    phase: look.phase ?? null,
    log_id: key === undefined ? null : formatBase64(key.logId),
    not_after_start: formatTime(shard.notAfterStartMs),
    not_after_limit: formatTime(shard.notAfterLimitMs),
    opens: time(opensAtMs),
    closes: formatTime(closesAtMs),
    retires: time(retiresAtMs),
    tree_size: head?.treeSize ?? null,
    sha256_root_hash: head === undefined ? null : formatBase64(head.rootHash),
    last_head: time(head?.timestampMs),
    next: nextStep(look, nowMs),
    problem,
  };
}

function phaseName({ exists, phase, problem }: ShardLook): string {
  if (exists) return phase ?? "";
  return problem === "" ? "not created" : "missing";
}

/** What the operator does next, and when. */
function nextStep(look: ShardLook, nowMs: number): string {
  const { shard, phase, problem, head } = look;
  const { name, dates } = shard;
  if (problem !== "") return `mend this: ${problem}`;
  if (look.exists && head === undefined) return "start the log: it signs the first head";
  // The log goes by its heads: if it is behind the dates, it does not run, or holds signing.
  if (head !== undefined && phase !== undefined && phaseAt(dates, nowMs) !== phase) {
    return `start the log: it is past a date (${phaseAt(dates, nowMs)}) that its last head is not`;
  }
  return phase === undefined ? "stratus shard next" : nextOfPhase(name, phase, dates, formatTime);
}

/** The command line of `stratus shard next`. */
export interface ShardNextOptions {
  /** The configuration as it is read at a time: a series comes to more years by itself. */
  readonly loadConfig: (nowMs: number) => Promise<Config>;
  readonly nowMs: number;
  /** Shards that the configuration wants by then are created; milliseconds since the epoch. */
  readonly untilMs: number;
}

/** Runs `stratus shard next`. @returns The exit code. @throws as `init`. */
export async function createNextShards(options: ShardNextOptions, io: CommandIo): Promise<number> {
  const { nowMs, untilMs } = options;
  const wanted = await options.loadConfig(untilMs);
  const missing: string[] = [];
  for (const shard of wanted.shards) {
    const { exists } = await lookAtShard(wanted, shard, nowMs);
    if (!exists) missing.push(shard.name);
  }
  const limitMs = Math.max(...wanted.shards.map((shard) => shard.notAfterLimitMs));
  if (missing.length === 0) {
    io.out(`Nothing to create: every shard wanted until ${dayOf(untilMs)} is there,`);
    io.out(`for certificates that expire before ${dayOf(limitMs)}.`);
    io.out("More: --until <day>, or more 'years' in the configuration.");
    return EXIT.ok;
  }
  const shards = wanted.shards.filter(({ name }) => missing.includes(name));
  await initShards({ ...wanted, shards }, io.out);
  // As the log will read it from now on: it must come to the same shards.
  const served = await options.loadConfig(nowMs);
  io.out("");
  for (const shard of shards) {
    const look = await lookAtShard(served, shard, nowMs);
    const { name, type, notAfterStartMs, notAfterLimitMs, dates } = shard;
    const { submissionUrl, monitoringUrl } = served;
    io.out(`To announce ${name}:`);
    io.out(`  log ID         ${look.key === undefined ? "" : formatHex(look.key.logId)}`);
    io.out(`  type           ${type}`);
    io.out(`  submissions    ${submissionUrl}/${name}/`);
    io.out(`  reads          ${monitoringUrl}/${name}/`);
    io.out(
      `  NotAfter from  ${formatTime(notAfterStartMs)} to before ${formatTime(notAfterLimitMs)}`,
    );
    if (dates.opensAtMs !== undefined) io.out(`  opens          ${formatTime(dates.opensAtMs)}`);
  }
  const flags = shards.map(({ name }) => `--shard ${name}`).join(" ");
  io.out("");
  io.out("Then:");
  io.out("  1. copy each key to a place that is offline");
  io.out("  2. to announce a shard before it takes submissions, write its date first:");
  io.out(`       dates: [{ shard: ${shards[0]?.name}, opens: ${dayOf(untilMs)}T00:00:00Z }]`);
  io.out("  3. restart the log: it serves what was created now");
  io.out(`  4. apply for them: stratus policy export ${flags} <folder>`);
  return EXIT.ok;
}

function dayOf(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 10);
}
