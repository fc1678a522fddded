/**
 * Composition of `stratus backup`: copies of a shard, each a folder of its own below
 * `<folder>/<shard>`, the newest last by name. What has not changed since the one before is the
 * same file under two names. A copy gets its name once it was verified; until then it is
 * `partial`, and the next run goes on with it.
 * @module
 */
import { readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { FatalError } from "./base/errors.ts";
import { VERSION } from "./base/version.ts";
import { systemClock } from "./clock/system.ts";
import type { Config, ShardConfig } from "./config/config.ts";
import { identityOf } from "./create.ts";
import { lockFolder } from "./lock/folder-lock.ts";
import { requireIdentity } from "./log/identity.ts";
import { encodeTreeHeadToSign } from "./rfc6962/tree-head.ts";
import { ledgerPath } from "./roots/ledger.ts";
import { readKeyFile } from "./signer/key-file.ts";
import { sha256 } from "./signer/sha256.ts";
import {
  BACKUP_NOTE,
  type BackupNote,
  formatBackupNote,
  parseBackupNote,
} from "./storage/backup-note.ts";
import { copyLevelStore } from "./storage/level/copy-store.ts";
import { type Copied, copyDurably } from "./storage/level/durable-copy.ts";
import { REAL_SEAM } from "./storage/level/real.ts";

/** A copy that is not verified yet. */
const PARTIAL = "partial";

/** Between two looks at a shard whose last commit was not published yet; milliseconds. */
const PAUSE_MS = 20;

/** How a backup is made. */
export interface BackupOptions {
  /** Folder of all backups. */
  readonly folder: string;
  /** Copies that are kept, this one included; at least 1. */
  readonly keep: number;
  /** Whether the private key goes with it. */
  readonly withKeys: boolean;
  /** Looks at a copy, all of it. @returns Whether it is whole. */
  readonly verify: (folder: string, keyFile: string) => Promise<boolean>;
  /** Told of each file. */
  readonly copied: (copied: Copied) => void;
}

/** A backup that was verified. */
export interface Backup {
  readonly folder: string;
  readonly note: BackupNote;
}

/**
 * Copies one shard, served or not, and verifies the copy.
 * @returns undefined if the copy is not whole: it stays as `partial`.
 * @throws FatalError, UnavailableError, Error of the file system: nothing was declared done.
 */
export async function backUpShard(
  config: Config,
  shard: ShardConfig,
  options: BackupOptions,
): Promise<Backup | undefined> {
  const { files } = REAL_SEAM;
  const home = resolve(options.folder, shard.name);
  requireApart(config, home);
  const key = await readKeyFile(shard.keyPath);
  await files.makeFolder(home);
  await using _lock = await lockFolder(home);
  const partial = join(home, PARTIAL);
  const [previous] = await listBackups(home);
  const store = await copyLevelStore({
    sha256,
    seam: REAL_SEAM,
    source: shard.folder,
    target: partial,
    previous,
    copied: options.copied,
    pause: () => new Promise((done) => void systemClock.after(PAUSE_MS, () => done())),
  });
  requireIdentity(store.identity, identityOf(config, shard, key.logId));
  key.verify(encodeTreeHeadToSign(store.published), store.published.signature);
  if (!(await options.verify(partial, shard.keyPath))) return undefined;
  const sizes = await sizesBelow(partial);
  const timeMs = systemClock.nowMs();
  const note: BackupNote = {
    program: VERSION,
    timeMs,
    shard: shard.name,
    origin: store.identity.origin,
    publicKey: key.publicKey,
    head: store.published,
    committedSize: store.committed.treeSize,
    fileCount: sizes.length,
    bytes: sizes.reduce((sum, size) => sum + size, 0),
  };
  if (options.withKeys) await copyDurably(shard.keyPath, join(partial, "key.pem"));
  else await rm(join(partial, "key.pem"), { force: true });
  await writeDurably(join(partial, BACKUP_NOTE), formatBackupNote(note));
  await files.syncFolder(partial);
  const folder = join(home, nameOf(note));
  // From here on it is a backup.
  await rename(partial, folder);
  await files.syncFolder(home);
  await removeOld(home, options.keep);
  return { folder, note };
}

/** Without its note a copy is no backup any more, whatever a crash leaves of it. */
async function removeOld(home: string, keep: number): Promise<void> {
  const kept = new Set((await listBackups(home)).slice(0, keep));
  for (const folder of await copiesIn(home)) {
    if (kept.has(folder)) continue;
    await rm(join(folder, BACKUP_NOTE), { force: true });
    await rm(folder, { recursive: true });
  }
}

/** Copies the ledger of the roots, if there is one. @throws Error of the file system. */
export async function backUpLedger(config: Config, folder: string): Promise<boolean> {
  const target = resolve(folder, "_roots");
  await REAL_SEAM.files.makeFolder(target);
  try {
    await copyDurably(ledgerPath(join(config.data, "_roots")), ledgerPath(target));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
  await REAL_SEAM.files.syncFolder(target);
  return true;
}

/**
 * The backup that `path` names: a backup itself, or the newest of a shard's, or of all shards'.
 * @throws FatalError `FATAL_STORE_MISSING` if there is none; MalformedError for its note.
 */
export async function findBackup(path: string, shard: string): Promise<Backup> {
  for (const home of [resolve(path), resolve(path, shard)]) {
    if (await hasNote(home)) return { folder: home, note: await readNote(home) };
    const [newest] = await listBackups(home);
    if (newest !== undefined) return { folder: newest, note: await readNote(newest) };
  }
  throw new FatalError(
    "FATAL_STORE_MISSING",
    `there is no backup of ${shard} in ${path}: no folder with a ${BACKUP_NOTE}`,
  );
}

async function readNote(folder: string): Promise<BackupNote> {
  return parseBackupNote(await readFile(join(folder, BACKUP_NOTE), "utf8"));
}

/** The backups of a shard, the newest first. */
async function listBackups(home: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const folder of await copiesIn(home)) if (await hasNote(folder)) found.push(folder);
  return found;
}

/** The same, and those that were being removed. */
async function copiesIn(home: string): Promise<readonly string[]> {
  const names = (await namesIn(home)).filter((name) => /^\d{8}T\d{6}\.\d{3}Z-\d+$/.test(name));
  return names
    .toSorted()
    .toReversed()
    .map((name) => join(home, name));
}

async function hasNote(folder: string): Promise<boolean> {
  return (await namesIn(folder)).includes(BACKUP_NOTE);
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return (await REAL_SEAM.files.listFolder(folder)) ?? [];
}

/** `20261128T162306.123Z-12345`: sorted by time. */
function nameOf({ timeMs, head }: BackupNote): string {
  return `${new Date(timeMs).toISOString().replaceAll(/[-:]/g, "")}-${head.treeSize}`;
}

/**
 * A copy within the data would be lost with them, or be taken for a shard.
 * @throws FatalError `FATAL_IDENTITY` if the folder is one of the log's or lies there.
 */
export function requireApart(config: Config, home: string): void {
  for (const [name, folder] of [
    ["data", config.data],
    ["guard", config.guard],
  ] as const) {
    if (home !== folder && !home.startsWith(`${folder}/`)) continue;
    const message = `the backup must not lie in '${name}' (${folder}): choose another folder`;
    throw new FatalError("FATAL_IDENTITY", message);
  }
}

async function sizesBelow(folder: string): Promise<readonly number[]> {
  const sizes: number[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name === "key.pem") continue;
    sizes.push((await stat(join(entry.parentPath, entry.name))).size);
  }
  return sizes;
}

async function writeDurably(path: string, text: string): Promise<void> {
  await writeFile(`${path}.part`, text, { mode: 0o600, flush: true });
  await rename(`${path}.part`, path);
}
