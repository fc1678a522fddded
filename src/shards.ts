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
import type { SignedTreeHead } from "./rfc6962/tree-head.ts";
import { readKeyFile } from "./signer/key-file.ts";

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

/** Looks at one shard. @param nowMs Counts where no head was signed yet. */
export async function lookAtShard(
  config: Config,
  shard: ShardConfig,
  nowMs: number,
): Promise<ShardLook> {
  if (!(await isCreated(shard))) {
    const absent = { exists: false, phase: undefined, key: undefined, head: undefined };
    return { shard, ...absent, problem: "" };
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

/**
 * The configuration without the shards that a series has come to by itself and that nobody has
 * created: a new year must not keep the log from starting.
 */
export async function leaveAhead(
  config: Config,
): Promise<{ readonly config: Config; readonly left: readonly string[] }> {
  const left: string[] = [];
  for (const shard of config.shards) {
    if (config.ahead.includes(shard.name) && !(await isCreated(shard))) left.push(shard.name);
  }
  const shards = config.shards.filter(({ name }) => !left.includes(name));
  return { config: { ...config, shards }, left };
}

/** A folder without a store is what a crash of `init` leaves, or a disk that is missing. */
async function isCreated({ folder }: ShardConfig): Promise<boolean> {
  return stat(join(folder, "db")).then(
    () => true,
    () => false,
  );
}
