/**
 * `stratus config check FILE`: what a configuration would run, in sentences.
 * Looks at files and changes none.
 * @module
 */

import { createHash, createPrivateKey, createPublicKey } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { MalformedError, messageOf } from "../base/errors.ts";
import { problemOfFolderMode, problemOfKeyMode } from "../base/mode.ts";
import { countOf } from "../base/plural.ts";
import { phaseAt, type ShardDates, type ShardPhase } from "../base/shard-life.ts";
import type { Config, ShardConfig } from "../config/config.ts";
import { EXTENDED_KEY_USAGE_OIDS, formatAddress, formatTime } from "../config/scalar.ts";
import { readLogList } from "../dashboard/bundle.ts";
import { sha256 } from "../signer/sha256.ts";
import { explainRoots, explainRootsKeeping } from "./config-roots.ts";
import { type LoadOptions, listFolders, loadConfig } from "./load-config.ts";

/** Where the command speaks. */
export interface CheckIo extends LoadOptions {
  /** Takes one line for stdout, without line end. */
  readonly print: (line: string) => void;
  /** Takes one line for stderr, without line end. */
  readonly printError: (line: string) => void;
}

/** What is told about one matter: plain facts, and what should or must be mended. */
class Findings {
  readonly lines: string[] = [];
  errorCount = 0;
  warningCount = 0;

  say(line: string): void {
    this.lines.push(line);
  }

  warn(line: string): void {
    this.warningCount += 1;
    this.lines.push(`  warning: ${line}`);
  }

  fail(line: string): void {
    this.errorCount += 1;
    this.lines.push(`  error: ${line}`);
  }
}

/** Logs of a list that do not parse and are told one by one. */
const LIST_WARNINGS_MAX = 8;

const dateOf = (timeMs = 0): string => formatTime(timeMs);

/** What is said of a shard's place in its life. */
const LIFE: Readonly<Record<ShardPhase, (dates: ShardDates) => readonly string[]>> = {
  planned: ({ opensAtMs }) => [
    `It is planned: submissions are taken from ${dateOf(opensAtMs)} on.`,
  ],
  open: () => [],
  closing: (dates) => [`It closes for submissions at ${dateOf(dates.closesAtMs)}.`],
  "read-only": () => ["It is closed for submissions: its window ended more than 7 days ago."],
  retired: () => ["It is retired: its head is renewed no more. Archive it, then take it out."],
};

/**
 * Explains the file at `path`.
 * @returns The exit code: 0 if it could run, warnings or not; 1 if it could not.
 */
export async function checkConfig(path: string, io: CheckIo): Promise<number> {
  let config: Config;
  try {
    config = await loadConfig(path, io);
  } catch (thrown) {
    if (!(thrown instanceof MalformedError)) throw thrown;
    for (const line of thrown.message.split("\n")) io.printError(line);
    return 1;
  }
  const findings = new Findings();
  explainServer(config, findings);
  await explainFolders(config, findings);
  explainLogList(config, findings);
  await explainRootsKeeping(config, findings);
  const shardOfLogId = new Map<string, string>();
  for (const shard of config.shards) {
    findings.say("");
    await explainShard(shard, config, io.nowMs, shardOfLogId, findings);
  }
  for (const line of findings.lines) io.print(line);
  const { errorCount, warningCount } = findings;
  io.print("");
  io.print(`${path}: ${countOf(errorCount, "error")}, ${countOf(warningCount, "warning")}.`);
  return errorCount === 0 ? 0 : 1;
}

function explainServer(config: Config, findings: Findings): void {
  const { listen, operations, publicUrl } = config;
  findings.say(`Serves the log on ${formatAddress(listen)} and is reached at ${publicUrl}.`);
  if (config.submissionUrl !== publicUrl) {
    findings.say(`Submissions come through ${config.submissionUrl}.`);
  }
  if (config.monitoringUrl !== publicUrl) {
    findings.say(`Reads come through ${config.monitoringUrl}.`);
  }
  findings.say(`Metrics and health are on ${formatAddress(operations)}.`);
  if (!isLoopback(operations.host)) {
    findings.warn("operations is not bound to loopback: keep the world away from it.");
  }
  if (config.development) {
    findings.say("This is a development configuration: 'stratus dev' creates what is missing.");
    if (!isLoopback(listen.host)) {
      findings.warn("a development configuration listens beyond loopback.");
    }
  } else if ([config.submissionUrl, config.monitoringUrl].some((url) => url.startsWith("http:"))) {
    findings.warn("a public URL has http: log programs require https.");
  }
  const drain = config.drainMs / 1_000;
  findings.say(`Stops within ${drain} s after SIGTERM. Logs '${config.logLevel}' and above.`);
}

async function explainFolders(config: Config, findings: Findings): Promise<void> {
  for (const [name, path] of [
    ["Data", config.data],
    ["Guard", config.guard],
  ] as const) {
    const state = (await isThere(path)) ? "exists" : "does not exist yet";
    findings.say(`${name} folder: ${path} (${state}).`);
  }
  await explainFolderMode(config.guard, findings);
  if ((await deviceOf(config.data)) === (await deviceOf(config.guard))) {
    findings.warn(
      "guard lies on the same device as data: a disk rolled back or lost takes both with it.",
    );
  }
  const served = new Set(config.shards.map((shard) => shard.name));
  for (const folder of await listFolders(config.data)) {
    if (!served.has(folder) && (await isThere(join(config.data, folder, "db")))) {
      findings.warn(`${join(config.data, folder)} holds a shard that nobody serves.`);
    }
  }
}

/** `serve` goes on without a list; who checks wants to know. */
function explainLogList({ logList, pages }: Config, findings: Findings): void {
  if (logList === undefined) return;
  try {
    const { logs, warnings } = readLogList(sha256, logList);
    findings.say(`Names other logs by ${logList}: ${countOf(logs.length, "log")}.`);
    for (const warning of warnings.slice(0, LIST_WARNINGS_MAX)) findings.warn(`${warning}.`);
    if (!pages) findings.warn("logList is for pages, and pages is false.");
  } catch (thrown) {
    if (!(thrown instanceof MalformedError)) throw thrown;
    findings.fail(`${thrown.message}.`);
  }
}

async function explainShard(
  shard: ShardConfig,
  config: Config,
  nowMs: number,
  shardOfLogId: Map<string, string>,
  findings: Findings,
): Promise<void> {
  const { name, batch, pool } = shard;
  const origin = `${config.submissionUrl.replace(/^https?:\/\//, "")}/${name}`;
  const window = `${formatTime(shard.notAfterStartMs)} to before ${formatTime(shard.notAfterLimitMs)}`;
  findings.say(`Shard ${name} (${shard.type}) takes certificates that expire from ${window}.`);
  for (const line of LIFE[phaseAt(shard.dates, nowMs)](shard.dates)) findings.say(`  ${line}`);
  findings.say(`  URL ${config.publicUrl}/${name}/, origin ${origin}.`);
  const exists = await isThere(join(shard.folder, "db"));
  const state = exists ? "exists" : "does not exist yet: 'stratus init' creates it";
  findings.say(`  Folder ${shard.folder} (${state}).`);
  await explainFolderMode(shard.folder, findings);
  await explainKey(shard, exists, shardOfLogId, findings);
  await explainRoots(shard, config, findings);
  const usages = shard.extendedKeyUsages.map(formatExtendedKeyUsage).join(", ");
  findings.say(`  Extended key usages: ${usages === "" ? "any" : usages}.`);
  if (!shard.acceptPrecertificateSigningCertificates) {
    findings.say("  Precertificate signing certificates are refused.");
  }
  findings.say(
    `  A commit every ${batch.intervalMs} ms at most, of at most ${countOf(batch.entriesMax, "entry")} or ${formatMiB(batch.bytesMax)}; an idle head is renewed after ${batch.idleRefreshMs} ms.`,
  );
  findings.say(
    `  At most ${countOf(pool.entriesMax, "submission")} or ${formatMiB(pool.bytesMax)} wait, each at most ${shard.answerWithinMs} ms.`,
  );
}

async function explainFolderMode(path: string, findings: Findings): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  const problem = found && problemOfFolderMode(path, found.mode);
  if (problem !== undefined) findings.warn(`${problem}.`);
}

async function explainKey(
  shard: ShardConfig,
  exists: boolean,
  shardOfLogId: Map<string, string>,
  findings: Findings,
): Promise<void> {
  const path = shard.keyPath;
  if (!(await isThere(path))) {
    if (exists) findings.fail(`key ${path} is gone, but the shard exists: bring the key back.`);
    else findings.say(`  Key ${path} (does not exist yet: 'stratus init' creates it).`);
    return;
  }
  let logId: string;
  try {
    logId = logIdOf(await readFile(path, "utf8"));
  } catch (thrown) {
    findings.fail(`key ${path} cannot be used: ${messageOf(thrown)}.`);
    return;
  }
  const { mode } = await stat(path);
  const permissions = (mode % 0o1000).toString(8).padStart(3, "0");
  findings.say(`  Key ${path} (exists, permissions ${permissions}), log ID ${logId}.`);
  // What `serve` refuses, in the same words.
  const problem = problemOfKeyMode(path, mode);
  if (problem !== undefined) findings.fail(`${problem}.`);
  const twin = shardOfLogId.get(logId);
  if (twin !== undefined) {
    findings.fail(`the shard ${twin} has the same key: two trees under one log ID are a fork.`);
  }
  shardOfLogId.set(logId, shard.name);
}

/** SHA-256 of the SubjectPublicKeyInfo, in base64. @throws Error unless a P-256 PKCS#8 key. */
function logIdOf(pem: string): string {
  if (!pem.includes("-----BEGIN PRIVATE KEY-----")) {
    throw new Error("expected PKCS#8 PEM (-----BEGIN PRIVATE KEY-----)");
  }
  const key = createPrivateKey(pem);
  const curve = key.asymmetricKeyDetails?.namedCurve ?? key.asymmetricKeyType;
  if (curve !== "prime256v1") throw new Error(`expected a P-256 key, got ${curve}`);
  const spki = createPublicKey(key).export({ type: "spki", format: "der" });
  return createHash("sha256").update(spki).digest("base64");
}

function formatExtendedKeyUsage(oid: string): string {
  const named = [...EXTENDED_KEY_USAGE_OIDS].find(([, value]) => value === oid);
  return named === undefined ? oid : named[0];
}

function formatMiB(bytes: number): string {
  return `${Number((bytes / 1_048_576).toFixed(1))} MiB`;
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}

async function isThere(path: string): Promise<boolean> {
  return (await deviceIfThere(path)) !== undefined;
}

async function deviceIfThere(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).dev;
  } catch {
    return undefined;
  }
}

/** Device of `path`, or of the nearest folder above it that exists. */
async function deviceOf(path: string): Promise<number | undefined> {
  const device = await deviceIfThere(path);
  return device !== undefined || path === "/" ? device : await deviceOf(dirname(path));
}
