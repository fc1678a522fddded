/**
 * The commands for trust programs: their flags and their help.
 * @module
 */
import type { Command } from "commander";
import type { OverrideFlags } from "../config/override.ts";
import type { CommandTools } from "./ca-commands.ts";
import { TERMINAL } from "./io.ts";
import { checkPolicy, exportPolicy } from "./policy.ts";

interface PolicyFlags extends OverrideFlags {
  readonly shard: readonly string[];
}

interface PolicyCheckFlags extends PolicyFlags {
  readonly url?: string;
  readonly reference: readonly string[];
  readonly json?: true;
  readonly timeout: number;
}

/** Adds them to the program. */
export function addPolicyCommands(root: Command, tools: CommandTools): void {
  const { exit, load, parseTimeout } = tools;
  const policy = root
    .command("policy")
    .description("the conditions of Chrome's and Apple's programs");
  withShards(policy.command("check"))
    .description("hold the logs against every condition; 0 nothing is unmet, 1 something is")
    .option("--url <url>", "look at the running log as well, e.g. https://ct.example.org")
    .option(
      "--reference <file>",
      "roots that programs trust: a CCADB report as CSV, or PEM; repeatable",
      collect,
      [],
    )
    .option("--json", "print JSON")
    .option("--timeout <ms>", "deadline of each exchange in milliseconds", parseTimeout, 30_000)
    .addHelpText(
      "after",
      "\nExample:\n  stratus policy check --config nimbus.yaml --url https://ct.example.org \\\n" +
        "    --reference RootCACertificatesIncludedByRSReportCSV.csv\n" +
        "\nExit code: 0 nothing is unmet, 1 something is, 2 usage.",
    )
    .action(async (flags: PolicyCheckFlags) => {
      const { shard: shards, url, reference: references, timeout: timeoutMs } = flags;
      const common = { loadConfig: () => load(flags), nowMs: Date.now() };
      const options = { ...common, shards, url, references, json: flags.json ?? false, timeoutMs };
      exit(await checkPolicy(options, TERMINAL));
    });
  withShards(policy.command("export"))
    .description("write what the programs ask of an applicant, Chrome's JSON for each log among it")
    .argument("<folder>", "where to write; made if it is not there")
    .addHelpText(
      "after",
      "\nExample:\n  stratus policy export --config nimbus.yaml ./application\n" +
        "\nExit code: 0 written, 1 a key is missing, 2 usage.",
    )
    .action(async (folder: string, flags: PolicyFlags) => {
      const options = { loadConfig: () => load(flags), nowMs: Date.now() };
      exit(await exportPolicy({ ...options, shards: flags.shard, folder }, TERMINAL));
    });
}

function withShards(command: Command): Command {
  return command
    .option("--config <file>", "the configuration (or STRATUS_CONFIG)")
    .option("--data <folder>", "instead of the file's 'data' (or STRATUS_DATA)")
    .option("--shard <name>", "only this shard; repeatable; default: all", collect, []);
}

function collect(value: string, all: readonly string[]): readonly string[] {
  return [...all, value];
}
