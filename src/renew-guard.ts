/**
 * Composition of `stratus restore --checkpoint`: makes a guard anew that was lost, for a store
 * that was never restored, by a head of this log that somebody outside has kept. The rule, and
 * what it promises, is in docs/SAFETY.md, "Without the guard".
 * @module
 */
import { readFile } from "node:fs/promises";
import { FatalError, MalformedError, messageOf } from "./base/errors.ts";
import { askPublicHeads, type PublicAnswer, readPublicHeads } from "./client/public-head.ts";
import { fetchText } from "./client/transport.ts";
import { systemClock } from "./clock/system.ts";
import type { Config, ShardConfig } from "./config/config.ts";
import { identityOf } from "./create.ts";
import { lockFolder } from "./lock/folder-lock.ts";
import { requireIdentity } from "./log/identity.ts";
import { emptyRoot } from "./merkle/hash.ts";
import { isSameTreeHead, type SignedTreeHead, type TreeHead } from "./rfc6962/tree-head.ts";
import { requireKnown } from "./sequencer/public-head.ts";
import { remakeGuardFolder } from "./signer/guard-folder.ts";
import { readKeyFile } from "./signer/key-file.ts";
import { sha256 } from "./signer/sha256.ts";
import { LEVEL_DEFAULTS } from "./storage/level/folder.ts";
import { type LevelStore, openLevelStore } from "./storage/level/level-store.ts";
import { REAL_SEAM } from "./storage/level/real.ts";
import { readRestoredNote } from "./storage/restored-note.ts";

/**
 * A head that is that much older than what the store itself has published says nothing of
 * whether the store was rolled back since; milliseconds.
 */
export const EVIDENCE_AGE_MS_MAX = 3_600_000;

const HEAD_BYTES_MAX = 65_536;

/** What is given. */
export interface RenewOptions {
  /** File, or URL of a checkpoint or get-sth. */
  readonly checkpoint: string;
  readonly timeoutMs: number;
  /** Looks at the store, all of it. @returns Whether it is whole. */
  readonly verify: (folder: string, keyFile: string) => Promise<boolean>;
}

/**
 * Makes the guard anew.
 * @returns The head that it begins with; undefined if the store is not whole.
 * @throws FatalError `FATAL_GUARD_MISSING` if the store was restored, or the head is too old;
 *   `FATAL_ROLLED_BACK` if a newer head than the store's is known; `FATAL_GUARD_DISAGREES` if it
 *   is of another tree; `FATAL_IDENTITY` if there is a guard. MalformedError, SourceError for
 *   what is no head of this log.
 */
export async function renewGuard(
  config: Config,
  shard: ShardConfig,
  options: RenewOptions,
): Promise<SignedTreeHead | undefined> {
  const key = await readKeyFile(shard.keyPath);
  const identity = identityOf(config, shard, key.logId);
  const note = await readRestoredNote(shard.folder).catch((error: unknown) => messageOf(error));
  if (note !== undefined) {
    throw new FatalError(
      "FATAL_GUARD_MISSING",
      "the data were restored from a backup, which is always behind: no checkpoint tells what " +
        "was signed after it. The shard stays read-only for ever; plan its retirement",
    );
  }
  const asked = askPublicHeads({
    submissionUrl: `${config.submissionUrl}/${shard.name}`,
    monitoringUrl: `${config.monitoringUrl}/${shard.name}`,
  });
  const log = { ...identity, publicKey: key.publicKey };
  const text = await readText(options);
  const format = text.startsWith("{") ? "get-sth" : "checkpoint";
  const outside: PublicAnswer = { url: options.checkpoint, format, text, problem: "" };
  const read = readPublicHeads(sha256, [outside, ...(await asked)], log);
  const given = read.heads.find(({ url }) => url === options.checkpoint)?.head;
  if (given === undefined) {
    const reason = read.problems.find((problem) => problem.startsWith(options.checkpoint));
    throw new MalformedError("MALFORMED_CHECKPOINT", `no head of this log: ${reason}`);
  }
  // Before LevelDB opens it for writing, and without taking anything back.
  if (!(await options.verify(shard.folder, shard.keyPath))) return undefined;
  const seam = REAL_SEAM;
  await using store = await openLevelStore(shard.folder, {
    ...LEVEL_DEFAULTS,
    ...{ sha256, lockFolder, seam },
  });
  const state = await store.load();
  requireIdentity(state.identity, identity);
  const { committed, published } = state;
  if (committed === undefined || published === undefined) {
    throw new FatalError("FATAL_GUARD_MISSING", "the store itself has published nothing");
  }
  // Every head that is known must be of the stored tree, and not newer.
  const last = { ...committed, signature: new Uint8Array(0) };
  for (const { url, head } of read.heads) {
    await requireKnown(sha256, store, { last, committed }, head, url);
  }
  const ageMs = published.timestampMs - given.timestampMs;
  if (ageMs > EVIDENCE_AGE_MS_MAX) {
    throw new FatalError(
      "FATAL_GUARD_MISSING",
      `the checkpoint is ${Math.ceil(ageMs / 60_000)} minutes older than what the store itself ` +
        `has published (${new Date(published.timestampMs).toISOString()}): it says nothing of ` +
        "what came after. Bring one that is at most an hour older, from whoever follows the log",
    );
  }
  const all = [published, ...read.heads.map(({ head }) => head)];
  const newest = all.reduce((a, b) => (b.timestampMs > a.timestampMs ? b : a));
  await closeOff(store, committed, newest);
  const suffix = `lost-${systemClock.nowMs()}`;
  await remakeGuardFolder(config.guard, key.logId, newest, suffix);
  return newest;
}

/**
 * A commit that is not known to have been signed may have been: it must neither be taken back
 * nor signed a second time, so another head without entries is put on top of it.
 */
async function closeOff(
  store: LevelStore,
  committed: TreeHead,
  newest: SignedTreeHead,
): Promise<void> {
  if (isSameTreeHead(committed, newest)) return store.publish(newest);
  const timestampMs = Math.max(systemClock.nowMs(), committed.timestampMs + 1);
  await store.commit({
    expected: committed,
    head: { ...committed, timestampMs },
    entries: [],
    entriesSha256: emptyRoot(sha256),
    issuers: [],
    runs: [],
    dedupKeys: [],
    timestampsMs: [],
  });
}

async function readText({ checkpoint, timeoutMs }: RenewOptions): Promise<string> {
  if (!/^https?:/.test(checkpoint)) return readFile(checkpoint, "utf8");
  return fetchText({ url: checkpoint, bytesMax: HEAD_BYTES_MAX, timeoutMs });
}
