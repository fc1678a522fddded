/**
 * Composition of `init`: makes a shard's key, guard and store, in the order in which a crash
 * leaves nothing that could sign twice.
 * @module
 */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { FatalError, messageOf } from "./base/errors.ts";
import type { Config, ShardConfig } from "./config/config.ts";
import { lockFolder } from "./lock/folder-lock.ts";
import { parseTreeHeadJson } from "./rfc6962/json.ts";
import { encodeTreeHeadToSign } from "./rfc6962/tree-head.ts";
import type { EcdsaKey } from "./signer/ecdsa.ts";
import { createGuardFolder } from "./signer/guard-folder.ts";
import { createKeyFile, readKeyFile } from "./signer/key-file.ts";
import { sha256 } from "./signer/sha256.ts";
import { createLevelStore, LEVEL_DEFAULTS } from "./storage/level/folder.ts";
import { REAL_SEAM } from "./storage/level/real.ts";
import type { ShardIdentity } from "./storage/store.ts";

/** The public URL is asked for a head of the same key for so long; milliseconds. */
const ASK_MS_MAX = 3_000;

/** What `createShard` did. */
export type Created =
  | { readonly state: "exists" }
  | {
      readonly state: "created";
      readonly isNewKey: boolean;
      readonly logId: Uint8Array;
      readonly publicKey: Uint8Array;
    };

/**
 * Creates one shard, unless its store is there.
 * @throws FatalError `FATAL_IDENTITY` if the key was used for a log before: the guard has a
 *   record of a head, or the public URL answers one.
 */
export async function createShard(config: Config, shard: ShardConfig): Promise<Created> {
  if (await isThere(join(shard.folder, "db"))) return { state: "exists" };
  const isNewKey = !(await isThere(shard.keyPath));
  const key = isNewKey ? await createKeyFile(shard.keyPath) : await readKeyFile(shard.keyPath);
  if (!isNewKey) await requireUnusedAt(`${config.submissionUrl}/${shard.name}`, key);
  // A crash after this leaves a guard that never signed: the next `init` goes on from it.
  await createGuardFolder(config.guard, key.logId);
  const identity = identityOf(config, shard, key.logId);
  await createLevelStore(shard.folder, identity, {
    ...LEVEL_DEFAULTS,
    sha256,
    lockFolder,
    seam: REAL_SEAM,
  });
  return { state: "created", isNewKey, logId: key.logId, publicKey: key.publicKey };
}

/** The identity that the configuration gives a shard with this key. */
export function identityOf(config: Config, shard: ShardConfig, logId: Uint8Array): ShardIdentity {
  const { name, type, notAfterStartMs, notAfterLimitMs } = shard;
  // The submission prefix without scheme: c2sp.org/static-ct-api#checkpoints.
  const origin = `${config.submissionUrl.replace(/^https?:\/\//, "")}/${name}`;
  return { name, logId, origin, type, notAfterStartMs, notAfterLimitMs };
}

/** A lost disk must not become a second tree under the same key. */
async function requireUnusedAt(url: string, key: EcdsaKey): Promise<void> {
  let body: string;
  try {
    const signal = AbortSignal.timeout(ASK_MS_MAX);
    const response = await fetch(`${url}/ct/v1/get-sth`, { redirect: "error", signal });
    if (!response.ok) return;
    body = await response.text();
  } catch {
    return; // Nobody answers there.
  }
  let size: number;
  try {
    const head = parseTreeHeadJson(body);
    key.verify(encodeTreeHeadToSign(head), head.signature);
    size = head.treeSize;
  } catch (error) {
    throw new FatalError(
      "FATAL_IDENTITY",
      `${url} already answers for another log (${messageOf(error)}): choose another name or URL`,
    );
  }
  throw new FatalError(
    "FATAL_IDENTITY",
    `${url} already answers a tree head of size ${size} signed with this key: ` +
      "restore that log's data, or use a new key",
  );
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
