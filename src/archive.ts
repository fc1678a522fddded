/**
 * Composition of `stratus shard archive`: a shard whose tree is final as a folder of files, from
 * its store if nobody serves it, else from the log that does. It is complete once it was read
 * back and verified whole.
 * @module
 */

import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { FatalError } from "./base/errors.ts";
import { countOf } from "./base/plural.ts";
import { VERSION } from "./base/version.ts";
import { formatCheckpoint, parseCheckpoint } from "./checkpoint/checkpoint.ts";
import { verifyHead } from "./client/check.ts";
import { storeTileReader } from "./client/local.ts";
import { openLogKey } from "./client/log-key.ts";
import { patientAsk, staticAuditSource } from "./client/remote.ts";
import type { TileReader } from "./client/source.ts";
import { HttpStaticSource } from "./client/static-ct.ts";
import {
  type DataTileForm,
  flush,
  staticFilesReader,
  writeDurably,
  writeStaticFiles,
} from "./client/static-files.ts";
import { systemClock } from "./clock/system.ts";
import type { Config, ShardConfig } from "./config/config.ts";
import { identityOf } from "./create.ts";
import { formatBase64 } from "./encoding/base64.ts";
import { equalBytes } from "./encoding/bytes.ts";
import { encodeUtf8 } from "./encoding/utf8.ts";
import { inspectShard } from "./inspect.ts";
import { describeLog } from "./log/description.ts";
import { EMPTY_FRONTIER } from "./merkle/frontier.ts";
import { audit, CHUNK_ENTRIES } from "./monitor/audit.ts";
import { type Finding, finding } from "./monitor/finding.ts";
import { formatTreeHeadJson } from "./rfc6962/json.ts";
import { isSameTreeHead, type SignedTreeHead } from "./rfc6962/tree-head.ts";
import { shardSite } from "./server-parts.ts";
import type { ShardLook } from "./shards.ts";
import { sha256 } from "./signer/sha256.ts";
import { formatLogJson, parseLogJson } from "./static-ct/log-json.ts";
import type { ShardIdentity } from "./storage/store.ts";

/** Why nothing was archived, for the operator. */
export class ArchiveError extends Error {
  override readonly name = "ArchiveError";
}

/** What is archived, and where to. */
export interface ArchiveOptions {
  readonly config: Config;
  /** Of the shard; it has a key, and its phase is read-only or retired. */
  readonly look: ShardLook;
  readonly folder: string;
  /** Where the log answers; undefined: its store, or, while it is served, its own address. */
  readonly url: string | undefined;
  readonly form: DataTileForm;
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: number;
  /** Deadline of each exchange, in milliseconds. */
  readonly timeoutMs: number;
}

/** What was done since the last step. */
export type ArchiveStep =
  | { readonly type: "source"; readonly name: string; readonly isResumed: boolean }
  | { readonly type: "written"; readonly position: number }
  | { readonly type: "verified"; readonly position: number; readonly findings: readonly Finding[] }
  | { readonly type: "complete"; readonly fileCount: number; readonly bytes: number };

/** There while an archive is not complete: what it is going to be. */
const UNFINISHED = "archive.unfinished.json";
/** There once it is. */
const COMPLETE = "archive.json";

interface Subject {
  readonly shard: ShardConfig;
  readonly identity: ShardIdentity;
  readonly publicKey: Uint8Array;
  readonly head: SignedTreeHead;
}

/**
 * Writes the archive, reads it back and verifies it. With a finding it stays unfinished.
 * @throws ArchiveError if the folder is not empty, or the shard cannot be archived; SourceError,
 *   FatalError, UnavailableError if the shard does not give what it has: run it again, it goes on.
 */
export async function* archiveShard(
  options: ArchiveOptions,
): AsyncGenerator<ArchiveStep, void, void> {
  const { form, nowMs } = options;
  const folder = resolve(options.folder);
  const subject = subjectOf(options);
  const { head } = subject;
  const { treeSize } = head;
  await using held = new AsyncDisposableStack();
  const { source, name } = await openSource(options, subject, held);
  const isResumed = await beginIn(folder, subject, form);
  yield { type: "source", name, isResumed };
  let [fileCount, bytes] = [0, 0];
  for await (const step of writeStaticFiles({ folder, source, treeSize, form })) {
    ({ fileCount, bytes } = step);
    yield { type: "written", position: step.position };
  }
  const metadata = metadataOf(options, subject);
  for (const [path, text] of metadata) await writeDurably(join(folder, path), encodeUtf8(text));
  fileCount += metadata.size + 1;
  let isDamaged = false;
  for await (const step of verifyFolder(folder, form, subject, nowMs)) {
    isDamaged ||= step.findings.length > 0;
    yield { type: "verified", ...step };
  }
  if (isDamaged) return;
  const about = { ...aboutOf(subject, form), files: fileCount, software: `stratus ${VERSION}` };
  await writeDurably(join(folder, COMPLETE), encodeUtf8(formatJson(about)));
  await rm(join(folder, UNFINISHED));
  for (const path of ["ct/v1", "ct", ""]) await flush(join(folder, path));
  yield { type: "complete", fileCount, bytes };
}

function subjectOf({ config, look }: ArchiveOptions): Subject {
  const { shard, phase, key, head, problem } = look;
  if (problem !== "") throw new ArchiveError(`${shard.name}: ${problem}`);
  if (key === undefined || head === undefined) {
    throw new ArchiveError(`${shard.name} has no signed head: there is nothing to archive`);
  }
  if (phase !== "read-only" && phase !== "retired") {
    const closes = new Date(shard.dates.closesAtMs).toISOString();
    throw new ArchiveError(`${shard.name} is ${phase}: its tree is final only from ${closes} on`);
  }
  const identity = identityOf(config, shard, key.logId);
  return { shard, identity, publicKey: key.publicKey, head };
}

/** The store is the shorter way, but belongs to the process that serves it. */
async function openSource(
  { config, url, timeoutMs }: ArchiveOptions,
  { shard, identity, head }: Subject,
  held: AsyncDisposableStack,
): Promise<{ readonly source: TileReader; readonly name: string }> {
  if (url === undefined) {
    try {
      const store = held.use(await inspectShard(shard.folder));
      const { committed } = store;
      const isFinal =
        committed?.treeSize === head.treeSize && equalBytes(committed.rootHash, head.rootHash);
      if (isFinal) return { source: storeTileReader(store.reader), name: shard.folder };
      const size = committed?.treeSize ?? 0;
      const message = `its store has ${countOf(size, "entry")}, its last signed head ${head.treeSize}: run fsck --guard`;
      throw new ArchiveError(`${shard.name}: ${message}`);
    } catch (error) {
      if (!(error instanceof FatalError) || error.code !== "FATAL_LOCKED") throw error;
    }
  }
  const prefix = url ?? `${ownAddress(config)}/${shard.name}`;
  const { origin, logId } = identity;
  const http = new HttpStaticSource({ url: prefix, timeoutMs, origin, logId, sha256 });
  const ask = patientAsk({
    attemptsMax: 6,
    waitMs: 500,
    waitMsMax: 300_000,
    wait: (delayMs) => new Promise((done) => systemClock.after(delayMs, done)),
    nowMs: () => systemClock.nowMs(),
  });
  const source: TileReader = {
    tile: (level, index, width) => ask(() => http.tile(level, index, width)),
    dataTile: (index, width) => ask(() => http.dataTile(index, width)),
    issuer: (fingerprint) => ask(() => http.issuer(fingerprint)),
  };
  return { source, name: prefix };
}

function ownAddress({ listen: { host, port } }: Config): string {
  if (port === 0) {
    throw new ArchiveError("the log is served, and its port is chosen by the system: give --url");
  }
  const own = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  return `http://${own.includes(":") ? `[${own}]` : own}:${port}`;
}

/** @returns Whether the folder holds a part of this very archive already. */
async function beginIn(folder: string, subject: Subject, form: DataTileForm): Promise<boolean> {
  await mkdir(folder, { recursive: true });
  const names = await readdir(folder);
  const about = formatJson(aboutOf(subject, form));
  const marker = join(folder, UNFINISHED);
  if (names.includes(COMPLETE))
    throw new ArchiveError(`${folder} holds a complete archive already`);
  if (names.includes(UNFINISHED)) {
    if ((await readFile(marker, "utf8")) === about) return true;
    throw new ArchiveError(`${folder} holds a part of another archive: give an empty folder`);
  }
  if (names.length > 0) throw new ArchiveError(`${folder} is not empty: give an empty folder`);
  await writeDurably(marker, encodeUtf8(about));
  return false;
}

/** No times in here: the same shard has the same archive. */
function aboutOf({ identity, head }: Subject, form: DataTileForm): object {
  return {
    format: 1,
    origin: identity.origin,
    log_id: formatBase64(identity.logId),
    tree_size: head.treeSize,
    sha256_root_hash: formatBase64(head.rootHash),
    data_tiles: form,
  };
}

/** What stands beside the tiles, by path. */
function metadataOf({ config, nowMs }: ArchiveOptions, subject: Subject): Map<string, string> {
  const { shard, identity, publicKey, head } = subject;
  const description = describeLog({
    identity,
    publicKey,
    dates: shard.dates,
    site: shardSite(config, shard),
    head,
    nowMs,
    isHalted: false,
    software: { name: "stratus", version: VERSION },
  });
  return new Map([
    ["log.v3.json", formatLogJson(description)],
    ["ct/v1/get-sth", formatTreeHeadJson(head)],
    ["checkpoint", formatCheckpoint(sha256, { ...head, origin: identity.origin }, identity.logId)],
  ]);
}

async function* verifyFolder(
  folder: string,
  form: DataTileForm,
  { identity, publicKey, head }: Subject,
  nowMs: number,
): AsyncGenerator<{ readonly position: number; readonly findings: readonly Finding[] }> {
  const text = await readFile(join(folder, "checkpoint"), "utf8");
  const checkpoint = parseCheckpoint(sha256, text, identity);
  verifyHead(openLogKey(publicKey), checkpoint, nowMs, "the archive");
  const listed = parseLogJson(sha256, await readFile(join(folder, "log.v3.json"), "utf8"));
  const isSame = isSameTreeHead(checkpoint, head) && equalBytes(listed.logId, identity.logId);
  const findings = isSame ? [] : [finding("head", "the archive", "it was changed meanwhile")];
  yield { position: 0, findings };
  const reader = staticFilesReader(folder, form);
  const source = staticAuditSource(reader, { sha256, ask: (act) => act(), head: checkpoint });
  yield* audit({
    sha256,
    source,
    head: checkpoint,
    heads: [],
    start: EMPTY_FRONTIER,
    chunkEntries: CHUNK_ENTRIES,
    readAhead: 2,
    requiresLeafIndex: true,
  });
}

function formatJson(value: object): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
