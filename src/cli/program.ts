/**
 * The command line: commands, their flags and their help.
 * @module
 */
import { join } from "node:path";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { CtError, MalformedError, messageOf } from "../base/errors.ts";
import { VERSION } from "../base/version.ts";
import { type Running, startStratus } from "../compose.ts";
import type { Config } from "../config/config.ts";
import { chooseOverrides, type OverrideFlags } from "../config/override.ts";
import { auditLog } from "./audit.ts";
import { addBackupCommands } from "./backup-commands.ts";
import { addCaCommands } from "./ca-commands.ts";
import { checkConfig } from "./config.ts";
import { demo } from "./demo.ts";
import { fsck } from "./fsck.ts";
import { initShards } from "./init.ts";
import { TERMINAL } from "./io.ts";
import { type LoadOptions, loadConfig } from "./load-config.ts";
import { addPolicyCommands } from "./policy-commands.ts";
import { addProbeCommand } from "./probe-command.ts";
import { TERMINAL_PROGRESS } from "./progress.ts";
import { addRootsCommands } from "./roots-commands.ts";
import { type ServeIo, serve } from "./serve.ts";
import { addShardCommands } from "./shard-commands.ts";
import { submit } from "./submit.ts";

/** The development configuration of the project, for `npm start`. */
const DEV_CONFIG = join(import.meta.dirname, "../../config/dev.yaml");

/** A program that was not run yet. */
export interface Program {
  /** Runs the command that `argv` names. @returns The exit code; never throws. */
  run(argv: readonly string[]): Promise<number>;
}

/** The program as the process has it: stdout for people, stderr for errors and logs. */
export function createProgram(): Program {
  return {
    async run(argv) {
      let exitCode = 0;
      const root = createRoot((code) => {
        exitCode = code;
      });
      try {
        await root.parseAsync(argv, { from: "user" });
        return exitCode;
      } catch (error) {
        return reportError(error);
      }
    },
  };
}

function createRoot(exit: (code: number) => void): Command {
  const root = new Command("stratus")
    .description("A Certificate Transparency log: RFC 6962 and static-ct-api from one tree.")
    .version(VERSION)
    .exitOverride()
    .showHelpAfterError("(--help shows what is possible)");
  addServerCommands(root, exit);
  addClientCommands(root, exit);
  addAuditCommands(root, exit);
  addBackupCommands(root, { exit, load, parseTimeout });
  addRootsCommands(root, exit, load);
  addCaCommands(root, { exit, load, parseTimeout });
  addPolicyCommands(root, { exit, load, parseTimeout });
  addShardCommands(root, { exit, loadAt, parseTimeout });
  addProbeCommand(root, { exit, parseTimeout, untilStopped });
  return root;
}

function addServerCommands(root: Command, exit: (code: number) => void): void {
  withOverrides(root.command("dev"))
    .description("start a log for development; creates keys and shards that are missing")
    .action(async (flags: OverrideFlags) => {
      const config = await load(flags, DEV_CONFIG);
      if (!config.development) {
        throw new MalformedError(
          "MALFORMED_CONFIG",
          "'dev' creates keys and shards by itself: it runs only where the configuration says " +
            "'development: true'; use 'init' and 'serve'",
        );
      }
      const created = await initShards(config, TERMINAL.out);
      if (created > 0) {
        TERMINAL.out("");
        TERMINAL.out("WARNING: the keys above were made just now, for development only.");
        TERMINAL.out("They lie unprotected on this disk; never let anyone rely on this log.");
      }
      exit(await serve(config, processIo()));
    });
  withOverrides(root.command("init"))
    .description("create each shard of the configuration that does not exist yet")
    .action(async (flags: OverrideFlags) => {
      await initShards(await load(flags), TERMINAL.out);
    });
  withOverrides(root.command("serve"))
    .description(
      "serve the log in the foreground until SIGTERM; creates no shard. SIGHUP reads roots and log list again",
    )
    .action(async (flags: OverrideFlags) => {
      const io = processIo();
      exit(await serve(await load(flags), io));
    });
  const config = root.command("config").description("look at a configuration");
  withOverrides(config.command("check"), false)
    .argument("<file>", "the configuration")
    .description("explain what a configuration would run, and what is wrong with it")
    .action(async (file: string, flags: OverrideFlags) => {
      const { overrides } = chooseOverrides(flags, process.env);
      exit(
        await checkConfig(file, {
          ...loadOptions(),
          overrides,
          print: TERMINAL.out,
          printError: TERMINAL.err,
        }),
      );
    });
}

function addClientCommands(root: Command, exit: (code: number) => void): void {
  root
    .command("submit")
    .description("submit a chain, print its SCT, and verify everything the log says about it")
    .argument("<chain>", "PEM file: the certificate, then its issuers; - for standard input")
    .requiredOption("--url <url>", "the shard, e.g. http://127.0.0.1:6962/nimbus2027")
    .option("--key <file>", "the log's public key (PEM or DER); default: from log.v3.json")
    .addOption(
      new Option("--endpoint <name>", "where to submit; auto looks for the poison")
        .choices(["auto", "add-chain", "add-pre-chain"] as const)
        .default("auto"),
    )
    .option("--timeout <ms>", "deadline of each exchange in milliseconds", parseTimeout, 30_000)
    .action(async (chainFile: string, flags: SubmitFlags) => {
      const { url, key: keyFile, endpoint, timeout: timeoutMs } = flags;
      exit(await submit({ url, chainFile, keyFile, endpoint, timeoutMs }, TERMINAL));
    });
  root
    .command("demo")
    .description(
      "the whole tour: a throw-away log, a test CA, submissions, proofs; needs no network",
    )
    .action(async () => {
      exit(await demo(startThrowAway, TERMINAL));
    });
}

function addAuditCommands(root: Command, exit: (code: number) => void): void {
  root
    .command("fsck")
    .description("verify a shard at rest, all of it, changing nothing; 0 clean, 1 damaged")
    .argument("<folder>", "the shard's folder: <data>/<name>; it must not be served")
    .option("--key <file>", "the log's key (PEM or DER); default: key.pem in the folder")
    .option("--guard <folder>", "the folder 'guard' of the configuration, to be compared")
    .action(async (folder: string, flags: { readonly key?: string; readonly guard?: string }) => {
      const { key: keyFile, guard } = flags;
      exit(await fsck({ folder, keyFile, guard }, TERMINAL, TERMINAL_PROGRESS));
    });
  root
    .command("audit")
    .description("verify a whole log over HTTP: every entry, tile and head")
    .argument("<url>", "the shard, e.g. http://127.0.0.1:6962/nimbus2027")
    .option("--key <file>", "the log's public key (PEM or DER); default: from log.v3.json")
    .addOption(
      new Option("--api <name>", "which API to read; static shows the hash tiles as well")
        .choices(["static", "rfc6962"] as const)
        .default("static"),
    )
    .option("--state <file>", "remembers position and head; a later run goes on from there")
    .option("--from <n>", "the entry to begin with", parseIndex)
    .option("--timeout <ms>", "deadline of each exchange in milliseconds", parseTimeout, 30_000)
    .action(async (url: string, flags: AuditFlags) => {
      const { key: keyFile, api, state: stateFile, from, timeout: timeoutMs } = flags;
      const options = { url, keyFile, api, stateFile, from, timeoutMs };
      exit(await auditLog(options, TERMINAL, TERMINAL_PROGRESS));
    });
}

/** The demo's log: created and served in one go. */
async function startThrowAway(config: Config): Promise<Running> {
  await initShards(config, () => {});
  return startStratus(config);
}

interface SubmitFlags {
  readonly url: string;
  readonly key?: string;
  readonly endpoint: "auto" | "add-chain" | "add-pre-chain";
  readonly timeout: number;
}

interface AuditFlags {
  readonly key?: string;
  readonly api: "rfc6962" | "static";
  readonly state?: string;
  readonly from?: number;
  readonly timeout: number;
}

function parseIndex(text: string): number {
  if (!/^(?:0|[1-9][0-9]{0,12})$/.test(text)) throw new InvalidArgumentError("expected a number");
  return Number(text);
}

function parseTimeout(text: string): number {
  if (!/^[1-9][0-9]{0,6}$/.test(text)) throw new InvalidArgumentError("expected milliseconds");
  return Number(text);
}

function withOverrides(command: Command, hasConfig = true): Command {
  if (hasConfig) command.option("--config <file>", "the configuration (or STRATUS_CONFIG)");
  return command
    .option("--data <folder>", "instead of the file's 'data' (or STRATUS_DATA)")
    .option("--listen <address>", "instead of the file's 'listen' (or STRATUS_LISTEN)")
    .option("--operations <address>", "instead of the file's 'operations' (or STRATUS_OPERATIONS)");
}

function load(flags: OverrideFlags, fallback?: string): Promise<Config> {
  return loadAt(flags, Date.now(), fallback);
}

/** @param nowMs What counts as now. */
async function loadAt(flags: OverrideFlags, nowMs: number, fallback?: string): Promise<Config> {
  const { config, overrides } = chooseOverrides(flags, process.env);
  const path = config?.value ?? fallback;
  if (path === undefined) {
    throw new MalformedError("MALFORMED_CONFIG", "expected --config FILE, or STRATUS_CONFIG");
  }
  return loadConfig(path, { ...loadOptions(), nowMs, overrides });
}

function loadOptions(): Omit<LoadOptions, "overrides"> {
  return { cwd: process.cwd(), nowMs: Date.now() };
}

/** How `serve` speaks and is spoken to by the system. */
function processIo(): ServeIo {
  // From now on: SIGHUP while the log starts must neither end it nor be lost.
  let isAsked = false;
  let reload = (): void => {
    isAsked = true;
  };
  process.on("SIGHUP", () => reload());
  const onReload = (run: () => void): void => {
    reload = run;
    if (isAsked) run();
  };
  return { print: TERMINAL.out, stopped: untilStopped(), onReload };
}

/** Resolves at the first SIGTERM or SIGINT; the second ends the process at once. */
function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve());
  });
}

function reportError(error: unknown): number {
  // Commander has printed its own; help and version are no errors.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof CtError) {
    TERMINAL.err(`stratus: ${error.code}: ${error.message}`);
    return 1;
  }
  TERMINAL.err(`stratus: ${messageOf(error)}`);
  // What the system says, such as an address in use, needs no trace.
  if (error instanceof Error && "syscall" in error) return 1;
  if (error instanceof Error && error.stack !== undefined) TERMINAL.err(error.stack);
  return 1;
}
