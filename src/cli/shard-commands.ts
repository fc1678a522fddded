/**
 * The commands `stratus shard ...`: flags and help.
 * @module
 */
import { type Command, InvalidArgumentError, Option } from "commander";
import { MalformedError } from "../base/errors.ts";
import type { DataTileForm } from "../client/static-files.ts";
import { normalizePrefix } from "../client/transport.ts";
import type { Config } from "../config/config.ts";
import type { OverrideFlags } from "../config/override.ts";
import { parseTime } from "../config/scalar.ts";
import { lookAtShard } from "../shards.ts";
import { TERMINAL } from "./io.ts";
import { TERMINAL_PROGRESS } from "./progress.ts";
import { createNextShards, listShards } from "./shard.ts";
import { archive } from "./shard-archive.ts";

/** What the program gives the commands. */
export interface ShardTools {
  /** Takes the exit code. */
  readonly exit: (code: number) => void;
  /** Loads the configuration that flags and environment name, as it is read at a time. */
  readonly loadAt: (flags: OverrideFlags, nowMs: number) => Promise<Config>;
  readonly parseTimeout: (text: string) => number;
}

const YEAR_MS = 365 * 24 * 60 * 60 * 1_000;

/** Adds the commands to the program. */
export function addShardCommands(root: Command, tools: ShardTools): void {
  const { exit, loadAt } = tools;
  const shard = root.command("shard").description("the life of the shards: docs/OPERATIONS.md");
  withConfig(shard.command("list"))
    .description("where each shard stands in its life, and what to do next; the log may run")
    .option("--json", "print JSON", false)
    .addHelpText("after", "\nExit code: 0, 1 if a shard could not be looked at.")
    .action(async (flags: OverrideFlags & { readonly json: boolean }) => {
      const nowMs = Date.now();
      exit(await listShards(await loadAt(flags, nowMs), { json: flags.json, nowMs }, TERMINAL));
    });
  withConfig(shard.command("next"))
    .description("create the shards that the configuration wants within a year; the log may run")
    .option("--until <day>", "wants by this day, e.g. 2028-07-01; default: in a year", parseDay)
    .addHelpText("after", "\nIt says what to publish. The log serves them after a restart.")
    .action(async (flags: OverrideFlags & { readonly until?: number }) => {
      const nowMs = Date.now();
      const { until: untilMs = nowMs + YEAR_MS } = flags;
      const loadConfig = (timeMs: number) => loadAt(flags, timeMs);
      exit(await createNextShards({ loadConfig, nowMs, untilMs }, TERMINAL));
    });
  addArchive(shard, tools);
}

interface ArchiveFlags extends OverrideFlags {
  readonly url?: string;
  readonly dataTiles: DataTileForm;
  readonly timeout: number;
}

function addArchive(shard: Command, { exit, loadAt, parseTimeout }: ShardTools): void {
  const forms = ["both", "plain", "gzip"] as const;
  withConfig(shard.command("archive"))
    .description("write a closed shard as files that any static server serves, and verify them")
    .argument("<shard>", "its name; it is read-only or retired, served or at rest")
    .argument("<folder>", "an empty one, or the one in which this command was broken off")
    .addOption(
      new Option("--data-tiles <form>", "as they are, only as .gz, or both side by side")
        .choices(forms)
        .default("both"),
    )
    .option("--url <url>", "where the shard is served; default: its store, else its own address")
    .option("--timeout <ms>", "deadline of each exchange in milliseconds", parseTimeout, 30_000)
    .addHelpText("after", "\nExit code: 0 complete and verified, 1 not complete, 2 usage.")
    .action(async (name: string, folder: string, flags: ArchiveFlags) => {
      const nowMs = Date.now();
      const config = await loadAt(flags, nowMs);
      const found = config.shards.find((other) => other.name === name);
      if (found === undefined) {
        const names = config.shards.map((other) => other.name).join(", ");
        throw new MalformedError("MALFORMED_CONFIG", `no shard ${name}; there are: ${names}`);
      }
      const look = await lookAtShard(config, found, nowMs);
      const { dataTiles: form, timeout: timeoutMs } = flags;
      const url = flags.url === undefined ? undefined : normalizePrefix(flags.url);
      const options = { config, look, folder, url, form, nowMs, timeoutMs };
      exit(await archive(options, TERMINAL, TERMINAL_PROGRESS));
    });
}

function withConfig(command: Command): Command {
  return command
    .option("--config <file>", "the configuration (or STRATUS_CONFIG)")
    .option("--data <folder>", "instead of the file's 'data' (or STRATUS_DATA)");
}

function parseDay(text: string): number {
  const parsed = parseTime(/^[0-9-]{10}$/.test(text) ? `${text}T00:00:00Z` : text);
  if ("problem" in parsed) throw new InvalidArgumentError(parsed.problem);
  if (parsed.value < Date.now()) throw new InvalidArgumentError("expected a day that lies ahead");
  return parsed.value;
}
