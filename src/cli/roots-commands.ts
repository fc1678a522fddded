/**
 * The commands `stratus roots ...`: flags and help.
 * @module
 */
import { type Command, InvalidArgumentError } from "commander";
import { MalformedError } from "../base/errors.ts";
import type { Config } from "../config/config.ts";
import type { OverrideFlags } from "../config/override.ts";
import { TERMINAL } from "./io.ts";
import { diffRoots, fetchRoots, INCLUDED_ROOTS_URL, listRoots, type OwnList } from "./roots.ts";

/** Loads the configuration that flags and environment name. */
export type LoadConfig = (flags: OverrideFlags) => Promise<Config>;

interface OwnFlags extends OverrideFlags {
  readonly shard?: string;
  readonly from?: string;
  readonly timeout: number;
}

/** Adds the commands to the program. @param exit Takes the exit code. */
export function addRootsCommands(
  program: Command,
  exit: (code: number) => void,
  load: LoadConfig,
): void {
  const roots = program
    .command("roots")
    .description("what a log accepts: list it, compare it, fetch a report of roots");
  addList(roots, exit, load);
  addDiff(roots, exit, load);
  addFetch(roots, exit);
}

function addList(roots: Command, exit: (code: number) => void, load: LoadConfig): void {
  withOwnList(roots.command("list"))
    .description("list the accepted roots of each shard, from the ledger; the log may run")
    .option("--json", "as one JSON object, by shard", false)
    .addHelpText("after", examples("list --config stratus.yaml", "list --from mozilla"))
    .action(async (flags: OwnFlags & { readonly json: boolean }) => {
      const own = await ownListOf(flags, load);
      exit(await listRoots(own, { json: flags.json, timeoutMs: flags.timeout }, TERMINAL));
    });
}

function addDiff(roots: Command, exit: (code: number) => void, load: LoadConfig): void {
  withOwnList(roots.command("diff"))
    .description(
      "compare the accepted roots with another list; exit code 0: same, 1: not, or no answer",
    )
    .argument(
      "<other>",
      "mozilla, a file (PEM, CSV of the CCADB), the URL of such a list or of a log",
    )
    .addHelpText(
      "after",
      examples(
        "diff --config stratus.yaml https://ct.example.org/log2027h1",
        "diff --config stratus.yaml --shard nimbus2027 included.csv",
        "diff --from https://ct.example.org/log2027h1 mozilla",
      ),
    )
    .action(async (other: string, flags: OwnFlags) => {
      exit(await diffRoots(await ownListOf(flags, load), other, flags.timeout, TERMINAL));
    });
}

function addFetch(roots: Command, exit: (code: number) => void): void {
  roots
    .command("fetch")
    .description(
      "fetch a list of roots, check it, and put it in the place of the older copy; exit code 1: " +
        "refused, the older copy stays",
    )
    .argument("[url]", "CSV of the CCADB, PEM or get-roots", INCLUDED_ROOTS_URL)
    .requiredOption("--out <file>", "the copy, for 'roots' of the configuration")
    .option("--force", "take a list that lost more than a fifth of the older copy", false)
    .option("--timeout <ms>", "deadline of the exchange in milliseconds", parseTimeout, 60_000)
    .addHelpText("after", examples("fetch --out included.csv"))
    .action(async (url: string, flags: FetchFlags) => {
      const { out, force, timeout: timeoutMs } = flags;
      exit(await fetchRoots({ url, out, force, timeoutMs }, TERMINAL));
    });
}

interface FetchFlags {
  readonly out: string;
  readonly force: boolean;
  readonly timeout: number;
}

function withOwnList(command: Command): Command {
  return command
    .option("--config <file>", "the log's configuration (or STRATUS_CONFIG)")
    .option("--data <folder>", "instead of the file's 'data' (or STRATUS_DATA)")
    .option("--shard <name>", "this shard alone")
    .option("--from <source>", "instead of a configuration: mozilla, a file, or a URL")
    .option("--timeout <ms>", "deadline of each exchange in milliseconds", parseTimeout, 60_000);
}

async function ownListOf(flags: OwnFlags, load: LoadConfig): Promise<OwnList> {
  const { config, data, from, shard } = flags;
  if (from === undefined) return { config: await load({ config, data }), shard };
  if (config !== undefined || shard !== undefined) {
    throw new MalformedError("MALFORMED_CONFIG", "expected --from, or --config and --shard");
  }
  return { source: from };
}

function examples(...lines: readonly string[]): string {
  const title = lines.length === 1 ? "Example" : "Examples";
  return ["", `${title}:`, ...lines.map((line) => `  stratus roots ${line}`)].join("\n");
}

function parseTimeout(text: string): number {
  if (!/^[1-9][0-9]{0,6}$/.test(text)) throw new InvalidArgumentError("expected milliseconds");
  return Number(text);
}
