/**
 * Composition of what is asked of a configuration's shards without serving them: which exist, the
 * last head that the guard of each has signed, and so where each stands in its life. Nothing is
 * written, and the log may run.
 * @module
 */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "./base/errors.ts";
import { phaseAt, type ShardPhase } from "./base/shard-life.ts";
import type { Config, ShardConfig } from "./config/config.ts";
import { lookAtGuard } from "./inspect.ts";
import { rootsFolder } from "./keep-roots.ts";
import { missingError } from "./missing.ts";
import type { SignedTreeHead } from "./rfc6962/tree-head.ts";
import { readLedger } from "./roots/ledger.ts";
import { readKeyFile } from "./signer/key-file.ts";
import { sha256 } from "./signer/sha256.ts";

/** What one shard shows from outside. */
export interface ShardLook {
  readonly shard: ShardConfig;
  /** Whether it was created. */
  readonly exists: boolean;
  /** Undefined where it does not exist. */
  readonly phase: ShardPhase | undefined;
  /** Undefined where the key cannot be read. */
  readonly key: { readonly logId: Uint8Array; readonly publicKey: Uint8Array } | undefined;
  /** The last signed head; undefined where the guard has or shows none. */
  readonly head: SignedTreeHead | undefined;
  /** What kept the shard from being looked at; empty if nothing. */
  readonly problem: string;
}

/**
 * Looks at one shard.
 * @param nowMs Counts where no head was signed yet.
 * @throws MalformedError if the ledger of the roots is damaged.
 */
export async function lookAtShard(
  config: Config,
  shard: ShardConfig,
  nowMs: number,
): Promise<ShardLook> {
  if (!(await isCreated(shard))) {
    const absent = { exists: false, phase: undefined, key: undefined, head: undefined };
    const isLost = (await servedShards(config)).has(shard.name);
    const problem = isLost ? (await missingError(shard, isLost)).message : "";
    return { shard, ...absent, problem };
  }
  try {
    const { logId, publicKey } = await readKeyFile(shard.keyPath);
    const { newest, problems } = await lookAtGuard(config.guard, logId);
    const head = newest?.head;
    const phase = phaseAt(shard.dates, head?.timestampMs ?? nowMs);
    const missing = problems[0] && `${problems[0].where}: ${problems[0].message}`;
    const problem = newest === undefined ? (missing ?? "the guard has no record of it") : "";
    return { shard, exists: true, phase, key: { logId, publicKey }, head, problem };
  } catch (error) {
    const phase = phaseAt(shard.dates, nowMs);
    const unknown = { key: undefined, head: undefined };
    return { shard, exists: true, phase, ...unknown, problem: messageOf(error) };
  }
}

/** The shards of a configuration, by what became of them. */
export interface FoundShards {
  /** The configuration without `left`. */
  readonly config: Config;
  /** Of these, those that exist, or were served before: a lost one is no new one. */
  readonly born: Config;
  /**
   * Shards that a series has come to by itself and that nobody has created: a new year must not
   * keep the log from starting.
   */
  readonly left: readonly string[];
}

/** Looks which shards there are. @throws MalformedError if the ledger of the roots is damaged. */
export async function findShards(config: Config): Promise<FoundShards> {
  const unborn: string[] = [];
  const served = await servedShards(config);
  for (const shard of config.shards) {
    if (!served.has(shard.name) && !(await isCreated(shard))) unborn.push(shard.name);
  }
  const without = (names: readonly string[]): Config => {
    return { ...config, shards: config.shards.filter(({ name }) => !names.includes(name)) };
  };
  const left = unborn.filter((name) => config.ahead.includes(name));
  return { config: without(left), born: without(unborn), left };
}

/** Every shard that was ever served from this data folder: the ledger of the roots names it. */
async function servedShards(config: Config): Promise<ReadonlySet<string>> {
  const { changes } = await readLedger(rootsFolder(config), sha256);
  return new Set(changes.flatMap(({ shards }) => shards));
}

/** A folder without a store is what a crash of `init` leaves, or a disk that is missing. */
async function isCreated({ folder }: ShardConfig): Promise<boolean> {
  return stat(join(folder, "db")).then(
    () => true,
    () => false,
  );
}
