/**
 * One shard below one folder, from the real parts: key file, guard folder, LevelStore of short
 * segments and a small write buffer, and the engine above them. The recorded process and the
 * audit of what it left behind use the same.
 * @module
 */
import { join } from "node:path";
import { systemClock } from "../../src/clock/system.ts";
import { lockFolder } from "../../src/lock/folder-lock.ts";
import { Judge } from "../../src/log/judge.ts";
import { Shard } from "../../src/log/shard.ts";
import { GuardedSigner } from "../../src/signer/guard.ts";
import { createGuardFolder, openGuardFolder } from "../../src/signer/guard-folder.ts";
import { createKeyFile, readKeyFile } from "../../src/signer/key-file.ts";
import { createLevelStore, type LevelStoreOptions } from "../../src/storage/level/folder.ts";
import { type LevelStore, openLevelStore } from "../../src/storage/level/level-store.ts";
import type { ShardIdentity } from "../../src/storage/store.ts";
import type { Observer } from "../../src/telemetry/observer.ts";
import { RootSet } from "../../src/x509/roots.ts";
import { verifySignature } from "../../src/x509/verify.ts";
import { sha256, TEST_IDENTITY } from "./commits.ts";
import { LEVEL_OPTIONS } from "./level.ts";

/** LevelDB's smallest write buffer: its log changes and its tables are written many times. */
const OPTIONS: LevelStoreOptions = { ...LEVEL_OPTIONS, writeBufferBytes: 65_536 };

/** Tiles of one segment. */
const SEGMENT_TILES = 1;

/** The shard's folder below `root`: `init` makes the folders above it, too. */
export const SHARD_FOLDER = "disk/data/shard";

/** The guard's folder below `root`. */
export const GUARD_FOLDER = "other/guard";

const shardPath = (root: string) => join(root, SHARD_FOLDER);
const keyPath = (root: string) => join(root, SHARD_FOLDER, "key.pem");
const guardPath = (root: string) => join(root, GUARD_FOLDER);

/** What `init` does, in its order; goes on from what a crash left of it. */
export async function initShard(root: string, hasKey: boolean): Promise<void> {
  const key = hasKey ? await readKeyFile(keyPath(root)) : await createKeyFile(keyPath(root));
  await createGuardFolder(guardPath(root), key.logId);
  const identity: ShardIdentity = { ...TEST_IDENTITY, logId: key.logId };
  await createLevelStore(shardPath(root), identity, OPTIONS, SEGMENT_TILES);
}

/** Opens the shard; the caller starts and stops it. @param opened Given its store. */
export async function openShard(
  root: string,
  rootDer: Uint8Array,
  idleRefreshMs: number,
  observer: Observer,
  opened: (store: LevelStore) => void = () => {},
): Promise<Shard> {
  const key = await readKeyFile(keyPath(root));
  const store = await openLevelStore(shardPath(root), OPTIONS);
  opened(store);
  try {
    const folder = await openGuardFolder(guardPath(root), key.logId, lockFolder);
    const policy = {
      notAfterStartMs: undefined,
      notAfterLimitMs: undefined,
      extendedKeyUsages: [],
      acceptPrecertificateSigningCertificates: true,
    };
    const judge = new Judge({
      lowPriorityAfterMs: 86_400_000,
      roots: new RootSet([rootDer], sha256),
      policy,
      otherShards: [],
      verifySignature,
      sha256,
      clock: systemClock,
    });
    return new Shard({
      identity: { ...TEST_IDENTITY, logId: key.logId, notAfterLimitMs: Date.UTC(2100, 0, 1) },
      store,
      signer: new GuardedSigner({ key, folder, sha256 }),
      judge,
      clock: systemClock,
      sha256,
      observer,
      batch: { intervalMs: 1, idleRefreshMs, entriesMax: 4_096, bytesMax: 33_554_432 },
      pool: { entriesMax: 20_000, bytesMax: 134_217_728 },
      answerWithinMs: 30_000,
      clockSteadyMs: undefined,
    });
  } catch (error) {
    await store[Symbol.asyncDispose]();
    throw error;
  }
}
