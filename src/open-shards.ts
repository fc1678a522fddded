/**
 * Opens the shards of a configuration: stores, keys, guards and engines. Nothing is created.
 * @module
 */
import { defined } from "./base/assert.ts";
import { CtError, FatalError, messageOf } from "./base/errors.ts";
import {
  askPublicHeads,
  type PublicAnswer,
  type PublicHead,
  readPublicHeads,
} from "./client/public-head.ts";
import type { Clock } from "./clock/clock.ts";
import type { Config, ShardConfig } from "./config/config.ts";
import { identityOf } from "./create.ts";
import { makeSelfAudit } from "./inspect.ts";
import { lockFolder } from "./lock/folder-lock.ts";
import { FailedLog } from "./log/failed.ts";
import { requireIdentity } from "./log/identity.ts";
import type { Log } from "./log/log.ts";
import { Shard } from "./log/shard.ts";
import { missingError } from "./missing.ts";
import type { SelfAudit } from "./monitor/self-audit.ts";
import type { TreeHead } from "./rfc6962/tree-head.ts";
import { reasonWithAdvice } from "./sequencer/advice.ts";
import { requireKnown } from "./sequencer/public-head.ts";
import { judgeOf } from "./server-parts.ts";
import type { EcdsaKey } from "./signer/ecdsa.ts";
import { GuardedSigner, RefusingSigner } from "./signer/guard.ts";
import { type GuardFolder, openGuardFolder } from "./signer/guard-folder.ts";
import { readKeyFile } from "./signer/key-file.ts";
import { sha256 } from "./signer/sha256.ts";
import type { Signer } from "./signer/signer.ts";
import { readSpace, type Space, SpaceWatch } from "./space/free-space.ts";
import type { Pace } from "./storage/level/dedup-filter.ts";
import { LEVEL_DEFAULTS, type LevelStoreOptions } from "./storage/level/folder.ts";
import { type LevelStore, openLevelStore } from "./storage/level/level-store.ts";
import { REAL_SEAM } from "./storage/level/real.ts";
import { LAG_ENTRIES_MAX, Sealer, SealingTurn } from "./storage/level/sealer.ts";
import type { Seam } from "./storage/level/seam.ts";
import { readRestoredNote } from "./storage/restored-note.ts";
import type { Store } from "./storage/store.ts";
import type { Observer } from "./telemetry/observer.ts";
import type { RootSet } from "./x509/roots.ts";

/** In a development configuration a jumped clock is believed after so much steady time. */
const DEVELOPMENT_STEADY_MS = 60_000;

/** Submissions that wait in the pool of a sequencer that is busy. */
const BUSY_POOL_ENTRIES = 16;

/** What shards are opened in. */
export interface World {
  readonly clock: Clock;
  readonly observer: Observer;
  /** What submissions to a shard are judged by. */
  readonly rootsOf: (shard: string) => RootSet;
  /** Whether a shard that is missing was served from here before. */
  readonly wasServed: (shard: string) => boolean;
  /** How long frontends are busy with what they have read and not judged yet. */
  readonly unjudgedMs: () => number;
  /** The file system and database below the stores, by shard. */
  readonly seam?: (shard: string) => Seam;
  /** Stands between a guard's records and its signer. */
  readonly guardFolder?: (folder: GuardFolder) => GuardFolder;
  /** What the file system of a folder says of its room. */
  readonly readSpace?: (folder: string) => Promise<Space>;
  /** Makes frontend threads let go of a shard's database; undefined: there are none. */
  readonly releaseFrontends: ((shard: number) => Promise<() => void>) | undefined;
}

interface ShardWorld extends World {
  /** Position in the configuration. */
  readonly index: number;
  /** Of its public addresses. */
  readonly answers: Promise<readonly PublicAnswer[]>;
  readonly sealingTurn: SealingTurn;
}

/** What was opened: every log, those of them that run, and what looks at these. */
export interface Opened {
  /** In the order of the configuration. */
  readonly logs: ReadonlyMap<string, Log>;
  readonly shards: readonly Shard[];
  readonly audits: readonly SelfAudit[];
  readonly sealers: readonly Sealer[];
}

/**
 * Opens every shard. One that is ill, or whose store or key is missing, is a `FailedLog`.
 * @throws FatalError, MalformedError if one is held by another process, or is another log than
 *   the configuration says; or if all are missing.
 */
export async function openShards(config: Config, world: World): Promise<Opened> {
  const logs = new Map<string, Log>();
  const shards: Shard[] = [];
  const audits: SelfAudit[] = [];
  const sealers: Sealer[] = [];
  const missing: unknown[] = [];
  const sealingTurn = new SealingTurn();
  try {
    // All are asked at once, and while the stores open.
    const asked = new Map(config.shards.map(({ name }) => [name, askWorld(config, name)]));
    for (const [index, shard] of config.shards.entries()) {
      const answers = defined(asked.get(shard.name), "every shard was asked for");
      const shardWorld = { ...world, index, answers, sealingTurn };
      const { log, selfAudit, sealer, lack } = await openShard(config, shard, shardWorld);
      logs.set(shard.name, log);
      if (log instanceof Shard) shards.push(log);
      if (selfAudit !== undefined) audits.push(selfAudit);
      if (sealer !== undefined) sealers.push(sealer);
      if (lack !== undefined) missing.push(lack);
    }
    if (missing.length === config.shards.length && missing.length > 0) throw missing[0];
    return { logs, shards, audits, sealers };
  } catch (error) {
    await stopShards(shards);
    throw error;
  }
}

/** Stops them all. */
export async function stopShards(shards: readonly Shard[]): Promise<void> {
  await Promise.all(shards.map((shard) => shard.stop()));
}

/** Stops what works in the background. */
export async function stopAll(
  jobs: readonly { readonly stop: () => Promise<void> }[],
): Promise<void> {
  await Promise.all(jobs.map((job) => job.stop()));
}

interface OpenShard {
  readonly log: Log;
  /** Undefined where it is turned off, or there is nothing to look at. */
  readonly selfAudit?: SelfAudit;
  /** Undefined where nothing was opened. */
  readonly sealer?: Sealer;
  /** What is missing of it; undefined if it is there. */
  readonly lack?: FatalError | undefined;
}

async function openShard(
  config: Config,
  shard: ShardConfig,
  world: ShardWorld,
): Promise<OpenShard> {
  const { clock } = world;
  let key: EcdsaKey;
  try {
    key = await readKeyFile(shard.keyPath);
  } catch (error) {
    return fail(config, shard, world, error, undefined);
  }
  // The sealer hears of every head; it comes once there is a store.
  let sealer: Sealer | undefined;
  const observer: Observer = (event) => {
    world.observer(event);
    if (event.type === "head-published") sealer?.notice(event.treeSize);
  };
  const identity = identityOf(config, shard, key.logId);
  const rootSet = world.rootsOf(shard.name);
  const seam = world.seam?.(shard.name) ?? REAL_SEAM;
  let store: LevelStore | undefined;
  try {
    store = await openLevelStore(shard.folder, levelOptions(seam, world));
    const state = await store.load();
    requireIdentity(state.identity, identity);
    const judge = judgeOf(config, shard, rootSet, clock);
    const opened = await openSigner(config.guard, shard.folder, key, world.guardFolder);
    const { heads, problems } = readPublicHeads(sha256, await world.answers, {
      ...identity,
      publicKey: key.publicKey,
    });
    const signer = await holdAgainst(heads, key, opened, store, state.committed);
    // Nothing answers at the addresses of a machine that is set up for the first time.
    for (const message of config.development ? [] : problems) {
      observer({ type: "recovery-step", shard: shard.name, message });
    }
    const space = await SpaceWatch.start({
      folders: [shard.folder, config.guard],
      limits: config.freeSpace,
      clock,
      readSpace: world.readSpace ?? readSpace,
      report: (message) => observer({ type: "space-short", shard: shard.name, message }),
      observe: (folder, room) => {
        const place = folder === config.guard ? "guard" : "data";
        observer({ type: "space", shard: shard.name, place, ...room });
      },
    });
    const { batch, pool, answerWithinMs, dates } = shard;
    const clockSteadyMs = config.development ? DEVELOPMENT_STEADY_MS : undefined;
    const limits = { batch, pool, answerWithinMs, clockSteadyMs, dates };
    const parts = { store, signer, judge, clock, sha256, observer };
    const { unjudgedMs } = world;
    const log = new Shard({ identity, ...parts, ...limits, space, unjudgedMs });
    observer({ type: "pool-limits", shard: shard.name, ...pool });
    sealer = makeSealer(log, store, world);
    if (shard.audit.entriesPerSecond === 0) return { log, sealer };
    return { log, sealer, selfAudit: makeSelfAudit(log, shard, { ...parts, seam }) };
  } catch (error) {
    await store?.[Symbol.asyncDispose]();
    const isRestored = await isBeingRestored(shard, error);
    if (isForOperator(error) && !isRestored) throw error;
    return fail(config, shard, world, error, key);
  }
}

const NOTHING = new Uint8Array(0);

/** A shard that is not opened, told to everybody whom it concerns. */
async function fail(
  config: Config,
  shard: ShardConfig,
  world: ShardWorld,
  cause: unknown,
  key: EcdsaKey | undefined,
): Promise<OpenShard> {
  const { name, dates } = shard;
  const isStoreLost = cause instanceof FatalError && cause.code === "FATAL_STORE_MISSING";
  const lack =
    key === undefined || isStoreLost
      ? await missingError(shard, world.wasServed(name), key === undefined ? cause : undefined)
      : undefined;
  const error = lack ?? cause;
  const code = error instanceof CtError ? error.code : "BUG";
  const message = messageOf(error);
  world.observer({ type: "shard-fatal", shard: name, code, message });
  world.observer({ type: "shard-state", shard: name, state: "failed", message: code });
  const { logId, publicKey } = key ?? { logId: NOTHING, publicKey: NOTHING };
  const identity = identityOf(config, shard, logId);
  const { ders } = world.rootsOf(name);
  const reason = reasonWithAdvice(error);
  return { log: new FailedLog({ identity, publicKey, dates }, ders, reason), lack };
}

/** The sealer of an open shard; it is not started. */
function makeSealer(log: Shard, store: LevelStore, world: ShardWorld): Sealer {
  const { clock, observer, sealingTurn } = world;
  const shard = log.identity.name;
  return new Sealer({
    store: store.sealing,
    // What is published while a shard is ill, or recovers, may be less than its store holds.
    publishedSize: () => {
      const { state, head } = log.cell.read();
      return state === "open" ? head?.treeSize : undefined;
    },
    isBusy: () => log.cell.readPool().entryCount >= BUSY_POOL_ENTRIES,
    lagEntriesMax: LAG_ENTRIES_MAX,
    turn: sealingTurn,
    nowMs: () => clock.monotonicMs(),
    after: (delayMs, act) => clock.after(delayMs, act),
    progress: (unsealedEntries) => observer({ type: "sealing-progress", shard, unsealedEntries }),
    failed: (message) => observer({ type: "sealing-failed", shard, message }),
  });
}

function levelOptions(seam: Seam, world: ShardWorld): LevelStoreOptions {
  const { releaseFrontends, index, clock } = world;
  const pace: Pace = {
    nowMs: () => clock.monotonicMs(),
    after: (delayMs, act) => clock.after(delayMs, act),
  };
  const options = { ...LEVEL_DEFAULTS, sha256, lockFolder, seam, pace };
  if (releaseFrontends === undefined) return options;
  return { ...options, multithreading: true, releaseOthers: () => releaseFrontends(index) };
}

/** Without its guard a key signs nothing, but what is proven stays readable. */
async function openSigner(
  guard: string,
  folder: string,
  key: EcdsaKey,
  decorate: World["guardFolder"] = (folder) => folder,
): Promise<Signer> {
  await using opening = new AsyncDisposableStack();
  try {
    const opened = opening.use(await openGuardFolder(guard, key.logId, lockFolder));
    const restored = await readRestoredNote(folder);
    if (restored?.readOnly !== undefined) {
      const message = `${restored.readOnly}; nothing is signed (restored.json in ${folder})`;
      throw new FatalError("FATAL_GUARD_MISSING", message);
    }
    const signer = new GuardedSigner({ key, folder: decorate(opened), sha256 });
    opening.move();
    return signer;
  } catch (error) {
    if (isForOperator(error)) throw error;
    const isMissing = error instanceof FatalError && error.code === "FATAL_GUARD_MISSING";
    const message = `the guard does not open: ${messageOf(error)}`;
    const reason = new FatalError("FATAL_GUARD_MISSING", message, { cause: error });
    return new RefusingSigner(key, isMissing ? error : reason);
  }
}

function askWorld(config: Config, shard: string): Promise<readonly PublicAnswer[]> {
  const { submissionUrl, monitoringUrl } = config;
  return askPublicHeads({
    submissionUrl: `${submissionUrl}/${shard}`,
    monitoringUrl: `${monitoringUrl}/${shard}`,
  });
}

/** A key signs nothing while the world has a head of it that its guard does not know. */
async function holdAgainst(
  heads: readonly PublicHead[],
  key: EcdsaKey,
  signer: Signer,
  store: Store,
  committed: TreeHead | undefined,
): Promise<Signer> {
  if (signer instanceof RefusingSigner) return signer;
  try {
    const known = { last: signer.lastHead, committed };
    for (const { url, head } of heads) await requireKnown(sha256, store, known, head, url);
    return signer;
  } catch (error) {
    // A store that cannot be read is for its recovery to mend or to refuse.
    const codes: readonly unknown[] = ["FATAL_ROLLED_BACK", "FATAL_GUARD_DISAGREES"];
    if (!(error instanceof FatalError) || !codes.includes(error.code)) return signer;
    await signer[Symbol.asyncDispose]();
    return new RefusingSigner(key, error);
  }
}

/** Whether to start at all would be a mistake: a second process, or another log. */
function isForOperator(error: unknown): boolean {
  const codes: readonly string[] = ["FATAL_LOCKED", "FATAL_IDENTITY"];
  return error instanceof CtError && codes.includes(error.code);
}

/** A restore holds the folder of its shard for hours: the others need not wait for it. */
async function isBeingRestored({ folder }: ShardConfig, error: unknown): Promise<boolean> {
  if (!(error instanceof FatalError) || error.code !== "FATAL_LOCKED") return false;
  return (await readRestoredNote(folder).catch(() => undefined)) !== undefined;
}
