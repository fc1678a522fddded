/**
 * The commands for CAs: their flags and their help.
 * @module
 */
import { type Command, Option } from "commander";
import type { Config } from "../config/config.ts";
import type { OverrideFlags } from "../config/override.ts";
import { UsageError } from "./input.ts";
import { TERMINAL } from "./io.ts";
import { validate } from "./validate.ts";

/** What the commands of every file share. */
export interface CommandTools {
  /** Sets the exit code. */
  readonly exit: (code: number) => void;
  /** Reads the configuration that flags and environment name. */
  readonly load: (flags: OverrideFlags) => Promise<Config>;
  readonly parseTimeout: (text: string) => number;
}

/** Adds them to the program. */
export function addCaCommands(root: Command, tools: CommandTools): void {
  addValidate(root, tools);
}

interface ValidateFlags extends OverrideFlags {
  readonly url?: string;
  readonly endpoint: "auto" | "add-chain" | "add-pre-chain";
  readonly shard?: string;
  readonly json?: true;
  readonly timeout: number;
}

function addValidate(root: Command, { exit, load, parseTimeout }: CommandTools): void {
  root
    .command("validate")
    .description("ask whether a log would take a chain, without submitting it; 0 yes, 1 no")
    .argument("<chain>", "PEM file: the certificate, then its issuers; - for standard input")
    .option("--url <url>", "ask this shard, e.g. http://127.0.0.1:6962/nimbus2027")
    .option("--config <file>", "judge here, by this configuration (or STRATUS_CONFIG)")
    .option("--shard <name>", "with --config; default: the shard that takes the NotAfter")
    .addOption(
      new Option("--endpoint <name>", "which endpoint's rules; auto looks for the poison")
        .choices(["auto", "add-chain", "add-pre-chain"] as const)
        .default("auto"),
    )
    .option("--json", "print the answer as JSON")
    .option("--timeout <ms>", "deadline of the exchange in milliseconds", parseTimeout, 30_000)
    .addHelpText(
      "after",
      "\nExample:\n  stratus validate --url https://ct.example.org/nimbus2027 chain.pem\n" +
        "\nExit code: 0 it would be taken, 1 it would not or nobody could tell, 2 usage.",
    )
    .action(async (chainFile: string, flags: ValidateFlags) => {
      const { url, endpoint, shard, json = false, timeout: timeoutMs } = flags;
      const loadConfig = () => {
        if (flags.config === undefined && !process.env["STRATUS_CONFIG"]) {
          throw new UsageError("expected --url URL, or --config FILE");
        }
        return load(flags);
      };
      const asked = endpoint === "auto" ? undefined : endpoint;
      const options = { url, loadConfig, chainFile, endpoint: asked, shard, json, timeoutMs };
      exit(await validate(options, TERMINAL));
    });
}
