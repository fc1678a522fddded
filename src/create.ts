/**
 * Composition of `init`: makes a shard's key, guard and store, in the order in which a crash
 * leaves nothing that could sign twice.
 * @module
 */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { FatalError, messageOf } from "./base/errors.ts";
import type { Config, ShardConfig } from "./config/config.ts";
import { rootsFolder } from "./keep-roots.ts";
import { lockFolder } from "./lock/folder-lock.ts";
import { parseTreeHeadJson } from "./rfc6962/json.ts";
import { encodeTreeHeadToSign, type SignedTreeHead } from "./rfc6962/tree-head.ts";
import { readLedger } from "./roots/ledger.ts";
import type { EcdsaKey } from "./signer/ecdsa.ts";
import { createGuardFolder } from "./signer/guard-folder.ts";
import { createKeyFile, readKeyFile } from "./signer/key-file.ts";
import { sha256 } from "./signer/sha256.ts";
import { createLevelStore, LEVEL_DEFAULTS } from "./storage/level/folder.ts";
import { REAL_SEAM } from "./storage/level/real.ts";
import type { ShardIdentity } from "./storage/store.ts";

/** The public URL is asked for a head for so long; milliseconds. */
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
 *   record of a head, or the public URL answers one; or if the name was, and its key is lost.
 */
export async function createShard(config: Config, shard: ShardConfig): Promise<Created> {
  if (await isThere(join(shard.folder, "db"))) return { state: "exists" };
  const isNewKey = !(await isThere(shard.keyPath));
  const url = `${config.submissionUrl}/${shard.name}`;
  if (isNewKey) await requireNewName(config, shard, url);
  const key = isNewKey ? await createKeyFile(shard.keyPath) : await readKeyFile(shard.keyPath);
  if (!isNewKey) await requireUnusedAt(url, key);
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
  const body = await askForHead(url);
  if (body === undefined) return;
  let head: SignedTreeHead;
  try {
    head = parseTreeHeadJson(body);
    key.verify(encodeTreeHeadToSign(head), head.signature);
  } catch (error) {
    throw new FatalError(
      "FATAL_IDENTITY",
      `${url} already answers for another log (${messageOf(error)}): choose another name or URL`,
    );
  }
  throw new FatalError(
    "FATAL_IDENTITY",
    `${url} already answers a tree head of size ${head.treeSize} signed with this key: ` +
      "restore that log's data, or use a new key",
  );
}

/**
 * Nor a second log under the same name: before a shard gets a new key, neither its address nor the
 * ledger of the roots, which names every shard that was ever served from here, may know it.
 */
async function requireNewName(config: Config, shard: ShardConfig, url: string): Promise<void> {
  const advice =
    `and there is no key at ${shard.keyPath}. If its data are lost, bring the key back and run ` +
    "'stratus restore'; a new log needs another name";
  const body = await askForHead(url);
  if (body !== undefined && isHead(body)) {
    throw new FatalError("FATAL_IDENTITY", `${url} already answers tree heads, ${advice}`);
  }
  const { changes } = await readLedger(rootsFolder(config), sha256);
  if (changes.some(({ shards }) => shards.includes(shard.name))) {
    const message = `${shard.name} was served from ${config.data} before, ${advice}`;
    throw new FatalError("FATAL_IDENTITY", message);
  }
}

function isHead(body: string): boolean {
  try {
    return parseTreeHeadJson(body).treeSize >= 0;
  } catch {
    return false;
  }
}

/** What the address answers for get-sth; undefined if nobody or no log answers there. */
async function askForHead(url: string): Promise<string | undefined> {
  try {
    const signal = AbortSignal.timeout(ASK_MS_MAX);
    const response = await fetch(`${url}/ct/v1/get-sth`, { redirect: "error", signal });
    return response.ok ? await response.text() : undefined;
  } catch {
    return undefined;
  }
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
