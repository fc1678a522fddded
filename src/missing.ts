/**
 * What is missing of a shard that cannot be opened, and what its operator does about it.
 * @module
 */
import { stat } from "node:fs/promises";
import { CtError, FatalError, messageOf } from "./base/errors.ts";
import type { ShardConfig } from "./config/config.ts";
import { REAL_SEAM } from "./storage/level/real.ts";

/**
 * The error of a shard without a store, or without a key that can be used. Nothing is made in the
 * place of what is missing.
 * @param wasServed Whether it is known to have been served from here: then `init` is no way out.
 * @param keyProblem Why the key cannot be used; undefined if it can, or nobody has tried.
 */
export async function missingError(
  shard: ShardConfig,
  wasServed: boolean,
  keyProblem?: unknown,
): Promise<FatalError> {
  const names = (await REAL_SEAM.files.listFolder(shard.folder).catch(() => undefined)) ?? [];
  const hasKey = await isThere(shard.keyPath);
  const what =
    hasKey && keyProblem !== undefined
      ? keyToMend(shard, keyProblem)
      : names.includes("db")
        ? keyToBringBack(shard)
        : names.includes("restoring") || names.includes("restored.json")
          ? restoreToEnd(shard)
          : wasServed
            ? storeToRestore(shard, hasKey)
            : storeToMake(shard, hasKey);
  const options = { cause: keyProblem };
  return new FatalError("FATAL_STORE_MISSING", `${what}; then restart the log`, options);
}

function keyToMend({ keyPath }: ShardConfig, problem: unknown): string {
  const isNone = problem instanceof CtError && problem.code === "MALFORMED_KEY";
  if (isNone) {
    const what = `what is at ${keyPath} is no key of a log (${messageOf(problem)})`;
    return `${what}: bring the key back from where it was copied to`;
  }
  // It says what to do about permissions itself.
  return messageOf(problem);
}

function keyToBringBack({ name, keyPath }: ShardConfig): string {
  return (
    `the store of ${name} is there, but there is no key at ${keyPath}: bring it back from where ` +
    "it was copied to, with a new one this would be another log"
  );
}

function restoreToEnd({ name, folder }: ShardConfig): string {
  return (
    `a restore of ${name} to ${folder} has not come to its end: let 'stratus restore ${name}' ` +
    "end, or run it again"
  );
}

function storeToRestore(shard: ShardConfig, hasKey: boolean): string {
  const key = hasKey ? "" : "bring its key back and ";
  return (
    `${lackOf(shard, hasKey)}, though ${shard.name} was served from here, so its data are lost ` +
    `or not mounted: mount its disk, or ${key}run 'stratus restore ${shard.name} --from <backup>' ` +
    "(docs/OPERATIONS.md, Restore), never 'stratus init'"
  );
}

function storeToMake(shard: ShardConfig, hasKey: boolean): string {
  return (
    `${lackOf(shard, hasKey)}, and ${shard.name} was never served from here: if it is new, ` +
    "'stratus init' creates it; if not, mount its disk, or bring its key back and run 'stratus restore'"
  );
}

function lackOf({ folder, keyPath }: ShardConfig, hasKey: boolean): string {
  return `there is no store in ${folder}${hasKey ? "" : ` and no key at ${keyPath}`}`;
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
