/**
 * `stratus audit`: verifies a whole log over HTTP, through either of its APIs, and holds its
 * head against the one of the last run. Exit code 0 if all holds, 1 if something is wrong or
 * the log did not answer (with `--state` the next run goes on from there), 2 for a mistake.
 * @module
 */

import { readFile, rename, writeFile } from "node:fs/promises";
import { MalformedError, messageOf, quote } from "../base/errors.ts";
import { countOf } from "../base/plural.ts";
import type { LogKey } from "../checkpoint/browser-key.ts";
import { CheckError, verifyHead } from "../client/check.ts";
import { parseLogKey } from "../client/log-key.ts";
import { type Ask, patientAsk, rfc6962AuditSource, staticAuditSource } from "../client/remote.ts";
import type { AuditSource } from "../client/source.ts";
import { cleanText, normalizePrefix, SourceError } from "../client/transport.ts";
import { equalBytes } from "../encoding/bytes.ts";
import { EMPTY_FRONTIER, type Frontier } from "../merkle/frontier.ts";
import { verifyConsistency } from "../merkle/verify.ts";
import { audit, CHUNK_ENTRIES } from "../monitor/audit.ts";
import { type Finding, finding } from "../monitor/finding.ts";
import { compareHeads } from "../monitor/heads.ts";
import { type AuditState, formatAuditState, parseAuditState } from "../monitor/state.ts";
import type { SignedTreeHead } from "../rfc6962/tree-head.ts";
import { sha256 } from "../signer/sha256.ts";
import { FindingList } from "./findings.ts";
import { type CommandIo, EXIT } from "./io.ts";
import { type LogConnection, openLog } from "./log-connection.ts";
import { formatCount, Progress, type ProgressOutput } from "./progress.ts";
import { formatTime } from "./sct-text.ts";

/** The command line of `stratus audit`. */
export interface AuditCommandOptions {
  /** The log's prefix: `https://ct.example.org/nimbus2027`. */
  readonly url: string;
  /** File of the log's public key; else the key is log.v3.json's. */
  readonly keyFile?: string | undefined;
  /** Default: static-ct-api, which shows the hash tiles as well. */
  readonly api?: "rfc6962" | "static" | undefined;
  /** File that remembers where the audit stands; made if it is not there. */
  readonly stateFile?: string | undefined;
  /** Entry to begin with, where there is no state; the tree before it is taken on proof. */
  readonly from?: number | undefined;
  /** Chunks of 256 entries asked for at a time; 1 to 16, default 4. */
  readonly concurrency?: number | undefined;
  /** Deadline of each exchange, in milliseconds; default 30,000. */
  readonly timeoutMs?: number | undefined;
  /** Waits; a test does not. */
  readonly wait?: ((delayMs: number) => Promise<void>) | undefined;
}

const CONCURRENCY = 4;
const ATTEMPTS_MAX = 6;
const WAIT_MS = 500;
const WAIT_MS_MAX = 300_000;
/** The state is written this often; steady milliseconds. */
const SAVE_EVERY_MS = 5_000;

class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Runs the command. @returns The exit code. */
export async function auditLog(
  options: AuditCommandOptions,
  io: CommandIo,
  progress: ProgressOutput,
): Promise<number> {
  const findings = new FindingList();
  try {
    const url = requireUrl(options.url);
    const state = await readState(options.stateFile);
    if (state !== undefined && options.from !== undefined) {
      throw new UsageError("--from: the state file says where to go on; use one of the two");
    }
    const key = options.keyFile === undefined ? undefined : await readKey(options.keyFile);
    const connection = await openLog({ url, key, timeoutMs: options.timeoutMs });
    if (state !== undefined && !equalBytes(state.logId, connection.key.logId)) {
      throw new UsageError(`--state: ${options.stateFile} is of another log`);
    }
    io.out(`Key: ${connection.trust}`);
    await runAudit({ options, connection, state, findings, io, progress });
    const exitCode = findings.report(io);
    if (exitCode === EXIT.ok) io.out("Clean: the log shows what it signed.");
    return exitCode;
  } catch (thrown) {
    const exitCode = reportFailure(thrown, io);
    findings.report(io);
    return exitCode;
  }
}

interface Run {
  readonly options: AuditCommandOptions;
  readonly connection: LogConnection;
  readonly state: AuditState | undefined;
  readonly findings: FindingList;
  readonly io: CommandIo;
  readonly progress: ProgressOutput;
}

async function runAudit(run: Run): Promise<void> {
  const { options, connection, state, findings, io, progress } = run;
  const ask = patientAsk({
    attemptsMax: ATTEMPTS_MAX,
    waitMs: WAIT_MS,
    waitMsMax: WAIT_MS_MAX,
    wait: options.wait ?? ((delayMs) => new Promise((resolve) => setTimeout(resolve, delayMs))),
    nowMs: Date.now,
  });
  const head = await chooseHead(run, ask);
  // A head that contradicts the last one must not take its place: both are the evidence.
  const known = findings.count === 0 ? head : state?.head;
  const source = sourceOf(run, ask, head);
  const start = state?.frontier ?? (await startAt(options.from ?? 0, head, source));
  io.out(
    `Head of size ${formatCount(head.treeSize)} of ${formatTime(head.timestampMs)}, ` +
      `entries from ${formatCount(start.size)} on, through ${apiOf(run).api}`,
  );
  const bar = new Progress(progress, "entries", head.treeSize, start.size);
  let savedMs = progress.nowMs();
  let frontier: Frontier = start;
  const save = async () => {
    if (options.stateFile === undefined || known === undefined) return;
    const findingCount = (state?.findingCount ?? 0) + findings.count;
    const { logId } = connection.key;
    await writeState(options.stateFile, { logId, head: known, frontier, findingCount });
    savedMs = progress.nowMs();
  };
  try {
    const steps = audit({
      sha256,
      source,
      head,
      heads: [],
      start,
      chunkEntries: CHUNK_ENTRIES,
      readAhead: (options.concurrency ?? CONCURRENCY) - 1,
      requiresLeafIndex: apiOf(run).api === "static-ct-api",
    });
    for await (const step of steps) {
      findings.add(step.findings);
      frontier = step.frontier ?? frontier;
      bar.update(step.position);
      if (progress.nowMs() - savedMs >= SAVE_EVERY_MS) await save();
    }
  } finally {
    bar.end();
    await save();
  }
  const count = head.treeSize - start.size;
  io.out(`${countOf(count, "entry", formatCount)}, ${formatCount(Math.round(bar.rate))}/s`);
  if (state !== undefined && state.findingCount > 0) {
    io.out(`Earlier runs of this state file found ${formatCount(state.findingCount)} more.`);
  }
}

/** The log's newest head, verified, and held against the one of the last run. */
async function chooseHead(run: Run, ask: Ask): Promise<SignedTreeHead> {
  const { connection, state, findings, io } = run;
  const { key } = connection;
  const reader = apiOf(run);
  const head = await ask(() => reader.head());
  try {
    verifyHead(key, head, Date.now(), reader.api);
  } catch (error) {
    if (!(error instanceof CheckError)) throw error;
    findings.add([finding("signature", "the head", error.message)]);
  }
  if (state === undefined) return head;
  const isStale = head.timestampMs < state.head.timestampMs;
  const [older, newer] = isStale ? [head, state.head] : [state.head, head];
  const names = { olderName: "the older head", newerName: "the newer head" };
  findings.add(compareHeads({ older, newer, ...names }));
  findings.add(await proveHeads(ask, reader, older, newer));
  if (!isStale && head.treeSize >= state.head.treeSize) return head;
  io.out("The log shows an older head than last time, perhaps a cache's; the newer is audited.");
  return state.head;
}

async function proveHeads(
  ask: Ask,
  reader: ReturnType<typeof apiOf>,
  older: SignedTreeHead,
  newer: SignedTreeHead,
): Promise<readonly Finding[]> {
  if (older.treeSize > newer.treeSize) return []; // Found already.
  const [firstSize, secondSize] = [older.treeSize, newer.treeSize];
  try {
    verifyConsistency(sha256, {
      firstSize,
      firstRoot: older.rootHash,
      secondSize,
      secondRoot: newer.rootHash,
      proof: await ask(() => reader.consistency(firstSize, secondSize)),
    });
    return [];
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    const where = `sizes ${firstSize} and ${secondSize}`;
    return [finding("consistency", where, messageOf(error))];
  }
}

function apiOf({ options, connection }: Run) {
  return options.api === "rfc6962" ? connection.rfc6962 : connection.staticCt;
}

function sourceOf({ options, connection }: Run, ask: Ask, head: SignedTreeHead): AuditSource {
  return options.api === "rfc6962"
    ? rfc6962AuditSource(connection.rfc6962, { sha256, ask, head })
    : staticAuditSource(connection.staticCt, { sha256, ask, head });
}

async function startAt(from: number, head: SignedTreeHead, source: AuditSource): Promise<Frontier> {
  if (from === 0) return EMPTY_FRONTIER;
  if (from >= head.treeSize) {
    throw new UsageError(
      `--from: the log has ${countOf(head.treeSize, "entry")}, none is number ${from}`,
    );
  }
  return { size: from, hashes: await source.frontier(from) };
}

function requireUrl(url: string): string {
  try {
    return normalizePrefix(url);
  } catch (cause) {
    throw new UsageError(messageOf(cause), { cause });
  }
}

async function readKey(path: string): Promise<LogKey> {
  try {
    return parseLogKey(await readFile(path));
  } catch (cause) {
    throw new UsageError(`--key ${quote(path)}: ${messageOf(cause)}`, { cause });
  }
}

async function readState(path: string | undefined): Promise<AuditState | undefined> {
  if (path === undefined) return undefined;
  try {
    return parseAuditState(await readFile(path, "utf8"));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new UsageError(`--state ${quote(path)}: ${messageOf(cause)}`, { cause });
  }
}

/** All or nothing: a crash in here leaves the state of before. */
async function writeState(path: string, state: AuditState): Promise<void> {
  await writeFile(`${path}.new`, formatAuditState(state));
  await rename(`${path}.new`, path);
}

function reportFailure(thrown: unknown, io: CommandIo): number {
  if (thrown instanceof UsageError) {
    io.err(`stratus audit: ${thrown.message}`);
    return EXIT.usage;
  }
  if (thrown instanceof CheckError || thrown instanceof SourceError) {
    const check = thrown instanceof CheckError ? `check "${thrown.check}": ` : "";
    io.err(`FAILED ${check}${cleanText(thrown.message, 2_000)}`);
    if (thrown instanceof SourceError && thrown.retryAfter !== undefined) {
      io.err(`  Retry-After: ${thrown.retryAfter} (seconds, or a date)`);
    }
    return EXIT.failed;
  }
  if (thrown instanceof MalformedError) {
    io.err(`FAILED ${cleanText(thrown.message, 2_000)}`);
    return EXIT.failed;
  }
  throw thrown;
}
