/**
 * `stratus fsck`: verifies a shard at rest, without changing a byte of it: every entry, hash,
 * issuer, index and record, the heads, and the guard if it is named. Exit code 0 if all holds,
 * 1 if something is damaged, 2 if the check could not be made.
 * @module
 */

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { CtError, FatalError, messageOf } from "../base/errors.ts";
import { countOf } from "../base/plural.ts";
import type { LogKey } from "../checkpoint/browser-key.ts";
import { storeAuditSource } from "../client/local.ts";
import { parseLogKey } from "../client/log-key.ts";
import { equalBytes } from "../encoding/bytes.ts";
import { formatHex } from "../encoding/hex.ts";
import { checkFiles, inspectShard, lookAtGuard } from "../inspect.ts";
import { EMPTY_FRONTIER } from "../merkle/frontier.ts";
import { audit, CHUNK_ENTRIES, type NamedHead } from "../monitor/audit.ts";
import { isDamage } from "../monitor/chunk.ts";
import { type Finding, finding } from "../monitor/finding.ts";
import { auditShardHeads } from "../monitor/heads.ts";
import { decodeDigitallySigned } from "../rfc6962/signature.ts";
import { encodeTreeHeadToSign, type SignedTreeHead } from "../rfc6962/tree-head.ts";
import { sha256 } from "../signer/sha256.ts";
import { FindingList } from "./findings.ts";
import { type CommandIo, EXIT } from "./io.ts";
import { formatCount, Progress, type ProgressOutput } from "./progress.ts";
import { formatTime } from "./sct-text.ts";

/** The command line of `stratus fsck`. */
export interface FsckOptions {
  /** The shard's folder: `<data>/<name>`. */
  readonly folder: string;
  /** File of the log's key; default: `key.pem` in the folder, of which the public half is taken. */
  readonly keyFile?: string | undefined;
  /** The folder `guard` of the configuration. */
  readonly guard?: string | undefined;
  /** A copy has no guard of its own. */
  readonly isCopy?: boolean | undefined;
}

type Inspection = Awaited<ReturnType<typeof inspectShard>>;

/** Records of the database beside the indexes of each entry, for the bar. */
const INDEXES_PER_ENTRY = 2;

/** Runs the command. @returns The exit code. */
export async function fsck(
  options: FsckOptions,
  io: CommandIo,
  progress: ProgressOutput,
): Promise<number> {
  const findings = new FindingList();
  try {
    if (!(await checkTables(options.folder, findings, { io, progress }))) {
      io.out("Nothing more was looked at: LevelDB may abort over a damaged table.");
      return findings.report(io);
    }
    await using shard = await inspectShard(options.folder);
    const key = await readKey(options);
    const heads = await checkHeads(shard, key, options, findings, io);
    await checkEntries(shard, heads, findings, { io, progress });
    const exitCode = findings.report(io);
    if (exitCode === EXIT.ok) io.out("Clean: everything is as it was signed.");
    return exitCode;
  } catch (thrown) {
    return reportFailure(thrown, findings, io);
  }
}

/** Says why the check was not made, or that the store cannot even be opened. */
function reportFailure(thrown: unknown, findings: FindingList, io: CommandIo): number {
  if (thrown instanceof FatalError && isDamage(thrown)) {
    findings.add([finding("record", "the store", thrown.message)]);
    return findings.report(io);
  }
  if (!(thrown instanceof CtError || thrown instanceof UsageError)) throw thrown;
  const code = thrown instanceof CtError ? `${thrown.code}: ` : "";
  io.err(`stratus fsck: ${code}${thrown.message}`);
  return EXIT.usage;
}

class UsageError extends Error {
  override readonly name = "UsageError";
}

async function readKey({ folder, keyFile }: FsckOptions): Promise<LogKey | undefined> {
  const path = keyFile ?? join(folder, "key.pem");
  try {
    return parseLogKey(await readFile(path));
  } catch (cause) {
    const isAbsent = (cause as NodeJS.ErrnoException).code === "ENOENT";
    if (isAbsent && keyFile === undefined) return undefined;
    throw new UsageError(`the key ${path}: ${messageOf(cause)}`, { cause });
  }
}

/** @returns The heads whose roots the entries must lead to. */
async function checkHeads(
  shard: Inspection,
  key: LogKey | undefined,
  options: FsckOptions,
  findings: FindingList,
  io: CommandIo,
): Promise<readonly NamedHead[]> {
  const { identity, committed, previous, published } = shard;
  io.out(`Shard ${identity.name}, log ID ${formatHex(identity.logId)}, origin ${identity.origin}`);
  if (key !== undefined && !equalBytes(key.logId, identity.logId)) {
    throw new UsageError(`the key has log ID ${formatHex(key.logId)}: it is another log's`);
  }
  const guard =
    options.guard === undefined ? undefined : await lookAtGuard(options.guard, identity.logId);
  for (const { where, message } of guard?.problems ?? []) {
    findings.add([finding("guard", where, message)]);
  }
  const record = guard?.newest;
  if (record !== undefined && !equalBytes(record.logId, identity.logId)) {
    findings.add([finding("guard", "the guard", "its record is another log's")]);
  }
  findings.add(
    auditShardHeads({
      committed,
      previous,
      published,
      guard: record?.head,
      hasGuard: guard !== undefined,
    }),
  );
  for (const [name, head] of [
    ["the published head", published],
    ["the guard's head", record?.head],
  ] as const) {
    if (head !== undefined && key !== undefined) findings.add(checkSignature(key, name, head));
  }
  if (key === undefined)
    io.out("Signatures are not verified: there is no key; give one with --key.");
  if (guard === undefined && options.isCopy !== true)
    io.out("The guard is not compared: name its folder with --guard.");
  const named = { "the previous head": previous, "the published head": published };
  const all = { ...named, "the guard's head": record?.head };
  return Object.entries(all).flatMap(([name, head]) =>
    head === undefined ? [] : [{ name, head }],
  );
}

function checkSignature(key: LogKey, name: string, head: SignedTreeHead): readonly Finding[] {
  try {
    const signed = decodeDigitallySigned(head.signature);
    if (key.isSignature(encodeTreeHeadToSign(head), signed)) return [];
    return [finding("signature", name, "it is not signed by the key")];
  } catch (error) {
    return [finding("signature", name, messageOf(error))];
  }
}

interface Outputs {
  readonly io: CommandIo;
  readonly progress: ProgressOutput;
}

/** @returns Whether all tables are whole. */
async function checkTables(
  folder: string,
  findings: FindingList,
  { io, progress }: Outputs,
): Promise<boolean> {
  let bar: Progress | undefined;
  let bytes = 0;
  let damaged = 0;
  for await (const { position, size, tables, logs } of checkFiles(folder)) {
    bar ??= size === 0 ? undefined : new Progress(progress, "bytes of tables", size);
    bar?.update(position);
    bytes = position;
    damaged += tables.length;
    findings.add(logs.map(({ where, message }) => finding("database-log", where, message)));
    findings.add(tables.map(({ where, message }) => finding("table", where, message)));
  }
  bar?.end();
  io.out(`${countOf(bytes, "byte", formatCount)} of tables`);
  return damaged === 0;
}

async function checkEntries(
  shard: Inspection,
  heads: readonly NamedHead[],
  findings: FindingList,
  { io, progress }: Outputs,
): Promise<void> {
  const { committed } = shard;
  if (committed === undefined) {
    io.out("The shard has no head yet.");
  } else {
    const { treeSize, timestampMs } = committed;
    io.out(`Head of size ${formatCount(treeSize)} of ${formatTime(timestampMs)}`);
    const bar = new Progress(progress, "entries", treeSize);
    const steps = audit({
      sha256,
      source: storeAuditSource(shard.reader),
      head: committed,
      heads: heads.filter(({ head }) => head.treeSize <= treeSize),
      start: EMPTY_FRONTIER,
      chunkEntries: CHUNK_ENTRIES,
      readAhead: 1,
      requiresLeafIndex: true,
    });
    for await (const step of steps) {
      findings.add(step.findings);
      bar.update(step.position);
    }
    bar.end();
    io.out(`${countOf(treeSize, "entry", formatCount)}, ${formatCount(Math.round(bar.rate))}/s`);
    findings.add(await checkLastGroup(shard));
  }
  const treeSize = committed?.treeSize ?? 0;
  const bar = new Progress(progress, "records", treeSize * INDEXES_PER_ENTRY);
  let count = 0;
  for await (const { recordCount, wrong } of shard.scanRecords()) {
    findings.add(wrong.map(({ where, message }) => finding("record", where, message)));
    bar.update(recordCount);
    count = recordCount;
  }
  bar.end();
  io.out(`${countOf(count, "record", formatCount)} of the database`);
}

/** The bytes of the last group against the SHA-256 that its commit carried. */
async function checkLastGroup(shard: Inspection): Promise<readonly Finding[]> {
  const { reader, previous, committed, entriesSha256 } = shard;
  if (committed === undefined || entriesSha256 === undefined) return [];
  const first = previous?.treeSize ?? 0;
  const hash = createHash("sha256");
  try {
    for (let start = first; start < committed.treeSize; start += CHUNK_ENTRIES) {
      const end = Math.min(committed.treeSize, start + CHUNK_ENTRIES);
      hash.update((await reader.readEntries(start, end)).bytes);
    }
  } catch (error) {
    if (!isDamage(error)) throw error;
    return []; // The entry itself was found already.
  }
  if (equalBytes(new Uint8Array(hash.digest()), entriesSha256)) return [];
  const where = `entries [${first}, ${committed.treeSize})`;
  return [finding("head", where, "their SHA-256 is not the one that their commit carried")];
}
