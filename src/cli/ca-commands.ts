/**
 * The commands for CAs: their flags and their help.
 * @module
 */
import { type Command, Option } from "commander";
import type { Config } from "../config/config.ts";
import type { OverrideFlags } from "../config/override.ts";
import { checkCert } from "./cert.ts";
import { UsageError } from "./input.ts";
import { TERMINAL } from "./io.ts";
import { decodeScts } from "./sct.ts";
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
  addSctDecode(root, tools);
  addCertCheck(root, tools);
}

function addSctDecode(root: Command, { exit }: CommandTools): void {
  root
    .command("sct")
    .description("look at signed certificate timestamps (SCTs)")
    .command("decode")
    .description("show every field of SCTs, their extensions too; 0 they decode, 1 they do not")
    .argument("<input>", "a file, - for standard input, or the SCT as JSON, base64 or hex")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nThe input is the answer of add-chain (JSON), an SCT or a list of SCTs in TLS encoding,\n" +
        "the extension of a certificate, or a certificate that carries SCTs (PEM or DER).\n" +
        "\nExample:\n  stratus sct decode certificate.pem\n" +
        "\nExit code: 0 decoded, 1 it does not decode, 2 usage.",
    )
    .action(async (input: string, { json }: { readonly json?: true }) => {
      exit(await decodeScts({ input, json: json ?? false }, TERMINAL));
    });
}

interface CertCheckFlags {
  readonly logList: readonly string[];
  readonly url: readonly string[];
  readonly json?: true;
  readonly timeout: number;
}

function addCertCheck(root: Command, { exit, parseTimeout }: CommandTools): void {
  const collect = (value: string, all: readonly string[]): readonly string[] => [...all, value];
  root
    .command("cert")
    .description("look at certificates")
    .command("check")
    .description("check the SCTs that a certificate carries; 0 all valid, 1 not")
    .argument("<chain>", "PEM file: the certificate, then its issuer; - for standard input")
    .option(
      "--log-list <file>",
      "logs in the v3 form of Chrome's list: a file, or a URL such as a log's /logs.json; repeatable",
      collect,
      [],
    )
    .option("--url <url>", "a log, whose entry is then proven as well; repeatable", collect, [])
    .option("--json", "print JSON")
    .option("--timeout <ms>", "deadline of each exchange in milliseconds", parseTimeout, 30_000)
    .addHelpText(
      "after",
      "\nExample:\n  stratus cert check --log-list log_list.json \\\n" +
        "    --url https://ct.example.org/nimbus2027 fullchain.pem\n" +
        "\nExit code: 0 every SCT is valid, 1 one is not or its log is unknown, 2 usage.",
    )
    .action(async (chainFile: string, flags: CertCheckFlags) => {
      const { logList: logLists, url: urls, json = false, timeout: timeoutMs } = flags;
      exit(await checkCert({ chainFile, logLists, urls, json, timeoutMs }, TERMINAL));
    });
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
