/**
 * Composition of a look at a shard's folder, at rest or served by this process: for `fsck` and
 * for the second look of the running self-audit. Nothing is written.
 * @module
 */
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { FatalError, messageOf } from "./base/errors.ts";
import { storeAuditSource } from "./client/local.ts";
import type { Clock } from "./clock/clock.ts";
import type { ShardConfig } from "./config/config.ts";
import { lockFolder } from "./lock/folder-lock.ts";
import type { Shard } from "./log/shard.ts";
import { type SecondLook, SelfAudit } from "./monitor/self-audit.ts";
import { guardFolderPath } from "./signer/guard-folder.ts";
import { decodeGuardRecord, type GuardRecord } from "./signer/guard-record.ts";
import { sha256 } from "./signer/sha256.ts";
import { LEVEL_DEFAULTS, pathsOf } from "./storage/level/folder.ts";
import { type Inspection, inspectLevelStore } from "./storage/level/inspect.ts";
import { REAL_SEAM } from "./storage/level/real.ts";
import { unfinishedStarts } from "./storage/level/running.ts";
import type { Seam } from "./storage/level/seam.ts";
import { DatabaseFiles, type FileProblem } from "./storage/level-files/database-files.ts";
import type { StoreReader } from "./storage/store.ts";
import type { Observer } from "./telemetry/observer.ts";

/** Opens a shard's folder that no process serves. @throws as `inspectLevelStore`. */
export function inspectShard(folder: string): Promise<Inspection> {
  const { cacheBytes } = LEVEL_DEFAULTS;
  return inspectLevelStore(folder, { sha256, seam: REAL_SEAM, cacheBytes, lockFolder });
}

/** What the check of a database's files has come to. */
export interface FileStep {
  /** Bytes of tables that were gone through, and that there are. */
  readonly position: number;
  readonly size: number;
  /** What was found since the last time. */
  readonly tables: readonly FileProblem[];
  readonly logs: readonly FileProblem[];
}

/**
 * Verifies the files of the database of a shard that no process serves, before LevelDB looks at
 * them. @throws FatalError `FATAL_STORE_MISSING`, `FATAL_LOCKED`, `FATAL_STORE_CORRUPT`.
 */
export async function* checkFiles(folder: string): AsyncGenerator<FileStep, void, void> {
  const { files } = REAL_SEAM;
  const path = resolve(folder);
  if (!((await files.listFolder(path)) ?? []).includes("db")) {
    throw new FatalError("FATAL_STORE_MISSING", `there is no store in ${path}`);
  }
  await using _lock = await lockFolder(path);
  const database = tablesOf(path, REAL_SEAM);
  const logs: FileProblem[] = [];
  const wasStopped = (await unfinishedStarts(files, path)) === 0;
  for await (const problem of database.verifyLogs(wasStopped)) logs.push(problem);
  yield { position: 0, size: 0, tables: [], logs };
  // If the list of tables is damaged, the logs' findings say so.
  const tables = await database.tables().catch((error: unknown) => {
    if (logs.length === 0) throw error;
    return [];
  });
  const size = tables.reduce((sum, table) => sum + table.size, 0);
  let position = 0;
  for (const table of tables) {
    const steps = database.verify(table);
    let step = await steps.next();
    for (; step.done !== true; step = await steps.next()) {
      position += step.value;
      yield { position, size, tables: [], logs: [] };
    }
    if (step.value !== undefined) yield { position, size, tables: [step.value], logs: [] };
  }
}

/** The tables of a shard's database. @param folder The shard's. */
export function tablesOf(folder: string, seam: Seam): DatabaseFiles {
  return new DatabaseFiles(seam.files, pathsOf(folder).database);
}

/** What a self-audit takes from its shard's composition. */
export interface SelfAuditParts {
  readonly store: StoreReader;
  readonly seam: Seam;
  readonly clock: Clock;
  readonly observer: Observer;
}

/** The self-audit of a shard that this process serves; it is not started. */
export function makeSelfAudit(log: Shard, shard: ShardConfig, parts: SelfAuditParts): SelfAudit {
  const { store, seam, clock, observer } = parts;
  return new SelfAudit({
    shard: shard.name,
    source: storeAuditSource(store),
    tables: tablesOf(shard.folder, seam),
    reopen: () => reopenShard(shard.folder, seam),
    head: () => log.published,
    clock,
    sha256,
    observer,
    entriesPerSecond: shard.audit.entriesPerSecond,
    halt: (reason) => log.halt(reason),
    tell: (damage) => log.tellDamage(damage),
  });
}

/** Opens files of a shard that this process serves afresh. @throws as `inspectLevelStore`. */
export async function reopenShard(folder: string, seam: Seam): Promise<SecondLook> {
  const { cacheBytes } = LEVEL_DEFAULTS;
  const look = await inspectLevelStore(folder, { sha256, seam, cacheBytes, lockFolder: undefined });
  const source = storeAuditSource(look.reader);
  return { source, [Symbol.asyncDispose]: () => look[Symbol.asyncDispose]() };
}

/** The two slots of a guard as they are. */
export interface GuardLook {
  /** The newest whole record; undefined if none is. */
  readonly newest: GuardRecord | undefined;
  /** What is wrong with each slot that is not whole. */
  readonly problems: readonly { readonly where: string; readonly message: string }[];
}

/** Reads the guard of a log without taking it. @param guard Folder with one folder a log ID. */
export async function lookAtGuard(guard: string, logId: Uint8Array): Promise<GuardLook> {
  const folder = guardFolderPath(guard, logId);
  const records: GuardRecord[] = [];
  const problems: { where: string; message: string }[] = [];
  for (const slot of [0, 1]) {
    const where = join(folder, `slot-${slot}`);
    try {
      const bytes = new Uint8Array(await readFile(where));
      const record = decodeGuardRecord(bytes);
      // The second slot is empty until the first head is signed.
      const isUnused = record === undefined && bytes.every((byte) => byte === 0);
      if (record !== undefined) records.push(record);
      else if (!isUnused) problems.push({ where, message: "its checksum differs" });
    } catch (error) {
      if (error instanceof FatalError) problems.push({ where, message: error.message });
      else problems.push({ where, message: `it cannot be read: ${messageOf(error)}` });
    }
  }
  const newest = records.toSorted((one, other) => other.sequence - one.sequence)[0];
  return { newest, problems };
}
