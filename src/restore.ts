/**
 * Composition of `stratus restore`: puts a backup in the place of a shard's lost data, brings
 * the entries back that it lacks, and says whether the shard may sign again. It makes no guard;
 * `renew-guard.ts` does, where that is safe.
 * @module
 */

import { rename, rm, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { findBackup } from "./backup.ts";
import { FatalError } from "./base/errors.ts";
import { countOf } from "./base/plural.ts";
import {
  isStaticFolder,
  openRefill,
  type RefillLog,
  type RefillSource,
  storeRefill,
} from "./client/refill-source.ts";
import { patientAsk } from "./client/remote.ts";
import { normalizePrefix } from "./client/transport.ts";
import { systemClock } from "./clock/system.ts";
import type { Config, ShardConfig } from "./config/config.ts";
import { identityOf } from "./create.ts";
import { equalBytes } from "./encoding/bytes.ts";
import { inspectShard } from "./inspect.ts";
import { lockFolder } from "./lock/folder-lock.ts";
import { makeChainCheck } from "./log/check-chain.ts";
import { checkEntry } from "./log/check-entry.ts";
import { requireIdentity } from "./log/identity.ts";
import {
  encodeTreeHeadToSign,
  isSameTreeHead,
  type SignedTreeHead,
  type TreeHead,
} from "./rfc6962/tree-head.ts";
import { refill } from "./sequencer/refill.ts";
import type { EcdsaKey } from "./signer/ecdsa.ts";
import { openGuardFolder } from "./signer/guard-folder.ts";
import { readKeyFile } from "./signer/key-file.ts";
import { sha256 } from "./signer/sha256.ts";
import { copyLevelStore } from "./storage/level/copy-store.ts";
import { type Copied, copyDurably } from "./storage/level/durable-copy.ts";
import { LEVEL_DEFAULTS } from "./storage/level/folder.ts";
import { type LevelStore, openLevelStore } from "./storage/level/level-store.ts";
import { REAL_SEAM } from "./storage/level/real.ts";
import {
  type RestoredNote,
  readRestoredNote,
  removeRestoredNote,
  writeRestoredNote,
} from "./storage/restored-note.ts";
import { verifySignature } from "./x509/verify.ts";

/** Where a backup is copied to before it takes its place. */
const DRAFT = "restoring";

const ATTEMPTS_MAX = 6;
const ASK_WAIT_MS = 500;
const ASK_WAIT_MS_MAX = 300_000;

/** What `placeBackup` is given. */
export interface PlaceOptions {
  /** A backup, or the folder of those of a shard, or of all shards. */
  readonly from: string;
  /** Looks at a copy, all of it. @returns Whether it is whole. */
  readonly verify: (folder: string, keyFile: string) => Promise<boolean>;
  readonly copied: (copied: Copied) => void;
}

/**
 * Copies a backup to a shard's folder, which may hold a key but no data, and verifies it before
 * it takes its place. What a crash leaves is gone on with.
 * @returns What the folder says of its past from now on; undefined if the copy is not whole.
 * @throws FatalError `FATAL_IDENTITY` if data are there, or the backup is another log's;
 *   `FATAL_STORE_MISSING` if there is no backup, or no key.
 */
export async function placeBackup(
  config: Config,
  shard: ShardConfig,
  options: PlaceOptions,
): Promise<RestoredNote | undefined> {
  const { files } = REAL_SEAM;
  const { folder } = shard;
  await files.makeFolder(folder);
  await using _lock = await lockFolder(folder);
  const names = (await files.listFolder(folder)) ?? [];
  if (names.includes("db")) {
    throw new FatalError(
      "FATAL_IDENTITY",
      `${folder} holds a store, and nothing is restored over one: leave out --from to bring ` +
        "missing entries into it, or move it away and keep it",
    );
  }
  const known = await readRestoredNote(folder);
  const draft = join(folder, DRAFT);
  if (known === undefined) {
    await requireEmpty(folder);
    const backup = await findBackup(options.from, shard.name);
    await bringKey(shard, backup.folder);
    const key = await readKey(shard);
    const { published, identity } = await copyLevelStore({
      sha256,
      seam: REAL_SEAM,
      source: backup.folder,
      target: draft,
      previous: undefined,
      copied: options.copied,
      pause: undefined,
    });
    requireIdentity(identity, identityOf(config, shard, key.logId));
    key.verify(encodeTreeHeadToSign(published), published.signature);
    if (!(await options.verify(draft, shard.keyPath))) return undefined;
    const timeMs = systemClock.nowMs();
    const { treeSize } = published;
    const note = { timeMs, backup: backup.folder, treeSize, readOnly: undefined };
    await writeRestoredNote(folder, note);
    await files.syncFolder(folder);
  }
  // The copy is whole. A crash from here on leaves a part of it in its place; `db` comes last.
  for (const name of ["issuers", "entries", "sealed", "db"]) await moveUp(draft, folder, name);
  await files.syncFolder(folder);
  await rm(draft, { recursive: true, force: true });
  return readRestoredNote(folder);
}

async function requireEmpty(folder: string): Promise<void> {
  for (const name of ["entries", "sealed", "issuers"]) {
    const names = await REAL_SEAM.files.listFolder(join(folder, name));
    if (names === undefined || names.length === 0) continue;
    const message = `${folder} holds what is left of a store (${name}/): move it away and keep it`;
    throw new FatalError("FATAL_IDENTITY", message);
  }
}

/** A key comes out of a backup only where there is none. */
async function bringKey(shard: ShardConfig, backup: string): Promise<void> {
  const isThere = (path: string) =>
    stat(path).then(
      () => true,
      () => false,
    );
  if (await isThere(shard.keyPath)) return;
  if (await isThere(join(backup, "key.pem"))) {
    await copyDurably(join(backup, "key.pem"), shard.keyPath);
  }
}

/** @throws FatalError `FATAL_STORE_MISSING`: never with the advice to make a new one. */
async function readKey(shard: ShardConfig): Promise<EcdsaKey> {
  try {
    return await readKeyFile(shard.keyPath);
  } catch (cause) {
    if (!(cause instanceof FatalError)) throw cause;
    const is = await stat(shard.keyPath).then(
      () => cause.message,
      () => `no key at ${shard.keyPath}`,
    );
    const message = `${is}: bring it back from where it was copied to; with a new key this would be another log`;
    throw new FatalError("FATAL_STORE_MISSING", message, { cause });
  }
}

async function moveUp(draft: string, folder: string, name: string): Promise<void> {
  const names = (await REAL_SEAM.files.listFolder(draft)) ?? [];
  if (!names.includes(name)) return;
  // An empty one may be there since `init`; one with files was refused.
  if (name !== "db") await rm(join(folder, name), { recursive: true, force: true });
  await REAL_SEAM.files.syncFolder(folder);
  await rename(join(draft, name), join(folder, name));
}

/** What `completeStore` is given. */
export interface CompleteOptions {
  /** URL of a log or mirror, or folder of a static log, shard or backup; undefined: none. */
  readonly refill: string | undefined;
  readonly timeoutMs: number;
  readonly progress: (treeSize: number, target: number) => void;
}

/** How a shard is left. */
export interface Completed {
  /** Of the store now. */
  readonly committed: TreeHead;
  /** The last head that was signed, as far as is known: by the guard, or else by the source. */
  readonly signed: SignedTreeHead | undefined;
  /** Why it may not sign; undefined if nothing is missing and its guard is there. */
  readonly readOnly: string | undefined;
  /** Whether bringing more entries back can change that. */
  readonly canBeRefilled: boolean;
  /** What the source has, if there is one. */
  readonly source: { readonly name: string; readonly head: SignedTreeHead } | undefined;
}

/**
 * Brings back what a store lacks of its guard's last head, and says whether the shard may sign.
 * @throws MalformedError `MALFORMED_PROOF`, `MALFORMED_CHECKPOINT` if the source is not this log;
 *   FatalError; SourceError, UnavailableError if it does not answer: run it again.
 */
export async function completeStore(
  config: Config,
  shard: ShardConfig,
  options: CompleteOptions,
): Promise<Completed> {
  const key = await readKey(shard);
  const seam = REAL_SEAM;
  const { folder } = shard;
  const storeOptions = { ...LEVEL_DEFAULTS, sha256, lockFolder, seam };
  await using store = await openLevelStore(folder, storeOptions);
  const identity = identityOf(config, shard, key.logId);
  requireIdentity((await store.load()).identity, identity);
  await using guard = await openGuard(config, key);
  const log = { origin: identity.origin, logId: key.logId, publicKey: key.publicKey };
  await using opened = await openSource(options, shard, log);
  const { source } = opened;
  const note = await readRestoredNote(folder);
  const last = guard.head;
  const reason = await whyNever(store, guard, source, note);
  const target = last !== undefined && reason === undefined ? last : source?.head;
  if (target !== undefined) await bring(store, source, target, last, options);
  const { committed, previous } = await store.load();
  if (committed === undefined) throw new FatalError("FATAL_STORE_MISSING", "the store has no head");
  // One commit beyond it was not signed yet: the start of the shard proves it or takes it back.
  const isHeld = [committed, previous].some((head) => head && last && isSameTreeHead(head, last));
  const isWhole = reason === undefined && isHeld;
  if (reason !== undefined && note !== undefined && note.readOnly === undefined) {
    await writeRestoredNote(folder, { ...note, readOnly: reason });
  }
  if (isWhole) await removeRestoredNote(folder);
  await seam.files.syncFolder(folder);
  return {
    committed,
    signed: last ?? source?.head,
    readOnly: isWhole ? undefined : (reason ?? (last && behind(committed, last))),
    canBeRefilled: reason === undefined,
    source: source && { name: source.name, head: source.head },
  };
}

interface Guard extends AsyncDisposable {
  readonly head: SignedTreeHead | undefined;
  /** Why there is none. */
  readonly problem: string;
}

/** Held until it is disposed of, so that nobody signs meanwhile. */
async function openGuard(config: Config, key: EcdsaKey): Promise<Guard> {
  try {
    const folder = await openGuardFolder(config.guard, key.logId, lockFolder);
    const { head } = folder.last;
    if (head !== undefined) key.verify(encodeTreeHeadToSign(head), head.signature);
    const problem = head === undefined ? "the guard has no record of a head" : "";
    return { head, problem, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
  } catch (error) {
    if (!(error instanceof FatalError) || error.code !== "FATAL_GUARD_MISSING") throw error;
    return { head: undefined, problem: error.message, async [Symbol.asyncDispose]() {} };
  }
}

/** Why this shard can never sign again, whatever is brought back; undefined if it can. */
async function whyNever(
  store: LevelStore,
  guard: Guard,
  source: RefillSource | undefined,
  note: RestoredNote | undefined,
): Promise<string | undefined> {
  const { head } = guard;
  if (head === undefined) {
    const what =
      note === undefined ? "" : "the data were restored from a backup, and their guard is lost: ";
    return `${what}${guard.problem}: nobody knows what was signed after what is stored`;
  }
  const { published } = await store.load();
  const isOld = (other: TreeHead): boolean =>
    other.treeSize > head.treeSize || other.timestampMs > head.timestampMs;
  if (note !== undefined && published !== undefined && isOld(published)) {
    return (
      `the guard's last head, size ${head.treeSize} of ${timeOf(head)}, is older than the ` +
      `backup's, size ${published.treeSize} of ${timeOf(published)}: it is an old copy, and ` +
      "nobody knows what was signed after it"
    );
  }
  if (source !== undefined && isOld(source.head)) {
    return (
      `${source.name} has a signed head of size ${source.head.treeSize} of ` +
      `${timeOf(source.head)}, which the guard does not know: its last is size ` +
      `${head.treeSize} of ${timeOf(head)}. The guard is an old copy, or another process signs ` +
      "with this key"
    );
  }
  // What was written while there was no guard, or an old one, holds until the true one is there.
  return undefined;
}

/** Brings entries back up to `target`, or as far as the source's own signed head goes. */
async function bring(
  store: LevelStore,
  source: RefillSource | undefined,
  target: SignedTreeHead,
  last: SignedTreeHead | undefined,
  options: CompleteOptions,
): Promise<void> {
  const { committed, previous, published } = await store.load();
  const isShort = source !== undefined && source.head.treeSize < target.treeSize;
  const reach = isShort ? source.head : target;
  if (committed !== undefined && committed.timestampMs >= reach.timestampMs) return;
  if (committed !== undefined && committed.treeSize > reach.treeSize) return;
  // Later heads without more entries need nobody to have them.
  const isSameTree =
    committed?.treeSize === reach.treeSize && equalBytes(committed.rootHash, reach.rootHash);
  if (source === undefined && !isSameTree) return;
  // A commit that was not published may be another than the one that was signed later.
  const isUnsigned =
    !isSameTree &&
    committed !== undefined &&
    published !== undefined &&
    previous !== undefined &&
    !isSameTreeHead(committed, published) &&
    !(last !== undefined && isSameTreeHead(committed, last)) &&
    isSameTreeHead(previous, published);
  if (isUnsigned) await store.revert(committed, previous);
  await refill({
    sha256,
    store,
    source: source ?? NO_SOURCE,
    target: reach,
    checkEntry,
    checkChain: makeChainCheck(verifySignature),
    progress: (treeSize) => options.progress(treeSize, reach.treeSize),
  });
  await store.publish(reach);
}

const nothing = (): never => {
  throw new RangeError("nothing is missing");
};
const NO_SOURCE = { name: "nobody", entries: nothing, issuer: nothing, consistency: nothing };

interface OpenedSource extends AsyncDisposable {
  readonly source: RefillSource | undefined;
}

async function openSource(
  { refill: where, timeoutMs }: CompleteOptions,
  shard: ShardConfig,
  log: RefillLog,
): Promise<OpenedSource> {
  const nothing = { async [Symbol.asyncDispose]() {} };
  if (where === undefined) return { source: undefined, ...nothing };
  const ask = patientAsk({
    attemptsMax: ATTEMPTS_MAX,
    waitMs: ASK_WAIT_MS,
    waitMsMax: ASK_WAIT_MS_MAX,
    wait: (delayMs) => new Promise((done) => void systemClock.after(delayMs, () => done())),
    nowMs: () => systemClock.nowMs(),
  });
  const options = { sha256, ask, timeoutMs };
  if (/^https?:/.test(where)) {
    return { source: await openRefill({ url: normalizePrefix(where) }, log, options), ...nothing };
  }
  const path = resolve(where);
  if (await isStaticFolder(path)) {
    return { source: await openRefill({ folder: path }, log, options), ...nothing };
  }
  const names = (await REAL_SEAM.files.listFolder(path)) ?? [];
  const folder = names.includes("db") ? path : (await findBackup(path, shard.name)).folder;
  const other = await inspectShard(folder);
  const { published } = other;
  if (published === undefined) {
    await other[Symbol.asyncDispose]();
    throw new FatalError("FATAL_STORE_MISSING", `${folder} has no published head`);
  }
  try {
    const source = storeRefill(folder, other.reader, published, log, sha256);
    return { source, [Symbol.asyncDispose]: () => other[Symbol.asyncDispose]() };
  } catch (error) {
    await other[Symbol.asyncDispose]();
    throw error;
  }
}

function behind(committed: TreeHead, last: SignedTreeHead): string {
  const missing = last.treeSize - committed.treeSize;
  return (
    `it is behind its guard by ${countOf(missing, "entry")}: it holds size ${committed.treeSize} of ` +
    `${timeOf(committed)}, and size ${last.treeSize} of ${timeOf(last)} was signed`
  );
}

function timeOf({ timestampMs }: TreeHead): string {
  return new Date(timestampMs).toISOString();
}
