/**
 * `stratus validate`: what a log would say to a chain, without submitting it. With `--url` the
 * log itself judges; with `--config` this program does, with the roots and rules of the file.
 * Exit code 0 if the chain would be taken; 1 if not, or if nobody could tell; 2 for a mistake
 * in the command.
 * @module
 */
import { cleanText, fetchText, parseAnswer, TIMEOUT_MS } from "../client/transport.ts";
import type { Config } from "../config/config.ts";
import { JsonObject, parseJsonObject } from "../encoding/json.ts";
import { validateOffline } from "../offline.ts";
import { formatChainJson } from "../rfc6962/json.ts";
import { readChainFile, reportTrouble, requireUrl, UsageError } from "./input.ts";
import { type CommandIo, EXIT } from "./io.ts";
import { formatTime } from "./sct-text.ts";

/** The command line of `stratus validate`. */
export interface ValidateOptions {
  /** The shard's prefix: `http://127.0.0.1:6962/nimbus2027`; undefined: judge here. */
  readonly url: string | undefined;
  /** Reads the configuration; called only without `url`. */
  readonly loadConfig: () => Promise<Config>;
  /** PEM file; `-` is standard input. Leaf first. */
  readonly chainFile: string;
  /** Undefined: the one that the first certificate belongs to. */
  readonly endpoint: "add-chain" | "add-pre-chain" | undefined;
  /** Name of the shard, with a configuration; undefined: the one whose window takes it. */
  readonly shard: string | undefined;
  /** Whether to print the answer as it is. */
  readonly json: boolean;
  /** Deadline of the exchange, in milliseconds. */
  readonly timeoutMs?: number | undefined;
}

const COMMAND = "stratus validate";

const ANSWER_BYTES_MAX = 1_000_000;

/** Runs the command. @returns The exit code. */
export async function validate(options: ValidateOptions, io: CommandIo): Promise<number> {
  try {
    const { url, shard } = options;
    if (url !== undefined && shard !== undefined) {
      throw new UsageError("--shard goes with --config; with --url the shard is in the URL");
    }
    const chain = await readChainFile(options.chainFile);
    const { text, source } =
      url === undefined ? await ask(options, chain) : await post(url, options, chain);
    const verdict = parseAnswer(source, () => parseJsonObject(text));
    const isAccepted = parseAnswer(source, () => verdict.boolean("accepted"));
    if (options.json) io.out(text);
    else for (const line of parseAnswer(source, () => describe(verdict, isAccepted))) io.out(line);
    return isAccepted ? EXIT.ok : EXIT.failed;
  } catch (thrown) {
    return reportTrouble(COMMAND, thrown, io);
  }
}

interface Answered {
  readonly text: string;
  /** Where it came from, for messages. */
  readonly source: string;
}

async function ask(options: ValidateOptions, chain: readonly Uint8Array[]): Promise<Answered> {
  const { endpoint, shard } = options;
  const config = await options.loadConfig();
  return { text: await validateOffline(config, { chain, endpoint, shard }), source: "--config" };
}

async function post(
  url: string,
  { endpoint, timeoutMs = TIMEOUT_MS }: ValidateOptions,
  chain: readonly Uint8Array[],
): Promise<Answered> {
  const query = endpoint === undefined ? "" : `?endpoint=${endpoint}`;
  const source = `${requireUrl(url)}/stratus/v1/validate${query}`;
  const json = formatChainJson(chain);
  return {
    text: await fetchText({ url: source, json, bytesMax: ANSWER_BYTES_MAX, timeoutMs }),
    source,
  };
}

function describe(verdict: JsonObject, isAccepted: boolean): readonly string[] {
  const shard = textOf(verdict, "shard");
  const endpoint = textOf(verdict, "endpoint");
  if (isAccepted) {
    return [
      `ACCEPTED: ${shard} would take this by ${endpoint}. Nothing was logged.`,
      ...describeAccepted(verdict),
    ];
  }
  return [
    `REFUSED: ${shard} would not take this by ${endpoint}.`,
    `  code     ${textOf(verdict, "code")} (docs/ERRORS.md says what to do)`,
    `  message  ${textOf(verdict, "message")}`,
    verdict.has("taken_by")
      ? `  shard    by its NotAfter it belongs to ${textOf(verdict, "taken_by")}`
      : "  shard    no open shard here takes its NotAfter",
  ];
}

function describeAccepted(verdict: JsonObject): readonly string[] {
  const lines = [`  root             ${describeStep(verdict.object("root"))}`];
  for (const [index, step] of verdict.list("path").entries()) {
    lines.push(
      `  path, ${String(index + 1).padEnd(2)}         ${describeStep(new JsonObject(step))}`,
    );
  }
  for (const [name, label] of [
    ["issuer_key_hash", "issuer key hash"],
    ["tbs_sha256", "TBS SHA-256    "],
  ] as const) {
    if (verdict.has(name)) lines.push(`  ${label}  ${textOf(verdict, name)}`);
  }
  const isLow = textOf(verdict, "priority") === "low";
  lines.push(`  priority         ${isLow ? "low: gives way when the log is full" : "normal"}`);
  lines.push(`  shard            ${textOf(verdict, "taken_by")} takes its NotAfter`);
  lines.push(`  duplicate        ${describeDuplicate(verdict)}`);
  return lines;
}

function describeDuplicate(verdict: JsonObject): string {
  if (verdict.has("duplicate")) {
    const place = verdict.object("duplicate");
    const since = formatTime(place.uint("timestamp"));
    return `yes: entry ${place.uint("leaf_index")} since ${since}; its SCT says the same`;
  }
  // Without the log's store the field is not there at all, but JsonObject passes over null.
  return verdict.names.includes("duplicate") ? "no" : "not known here: ask the log with --url";
}

function describeStep(step: JsonObject): string {
  return `${textOf(step, "subject") || "(empty subject)"} (SHA-256 ${textOf(step, "sha256")})`;
}

function textOf(fields: JsonObject, name: string): string {
  return cleanText(fields.text(name), 2_000);
}
