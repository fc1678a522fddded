/**
 * Composition of a look at a shard's folder, at rest or served by this process: for `fsck` and
 * for the second look of the running self-audit. Nothing is written.
 * @module
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
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
import { LEVEL_DEFAULTS } from "./storage/level/folder.ts";
import { type Inspection, inspectLevelStore } from "./storage/level/inspect.ts";
import { REAL_SEAM } from "./storage/level/real.ts";
import type { Seam } from "./storage/level/seam.ts";
import type { StoreReader } from "./storage/store.ts";
import type { Observer } from "./telemetry/observer.ts";

/** Opens a shard's folder that no process serves. @throws as `inspectLevelStore`. */
export function inspectShard(folder: string): Promise<Inspection> {
  const { cacheBytes } = LEVEL_DEFAULTS;
  return inspectLevelStore(folder, { sha256, seam: REAL_SEAM, cacheBytes, lockFolder });
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
