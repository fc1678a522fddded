/**
 * The composition root of a running log: configuration in, servers out. It builds adapters,
 * then engines, then the two HTTP servers, and holds no logic of its own.
 * @module
 */
import { defined } from "./base/assert.ts";
import { CtError, FatalError, messageOf } from "./base/errors.ts";
import { parseNetwork } from "./base/network.ts";
import { VERSION } from "./base/version.ts";
import {
  askPublicHeads,
  type PublicAnswer,
  type PublicHead,
  readPublicHeads,
} from "./client/public-head.ts";
import type { Clock } from "./clock/clock.ts";
import { systemClock } from "./clock/system.ts";
import type { Config, LimitsConfig, ShardConfig } from "./config/config.ts";
import { identityOf } from "./create.ts";
import { buildApp, type ServerLimits } from "./http/app.ts";
import { drain, listen } from "./http/listen.ts";
import { buildOperationsApp } from "./http/operations.ts";
import { makeSelfAudit } from "./inspect.ts";
import { lockFolder } from "./lock/folder-lock.ts";
import { FailedLog } from "./log/failed.ts";
import { requireIdentity } from "./log/identity.ts";
import { Judge } from "./log/judge.ts";
import { closesAtMs } from "./log/lifecycle.ts";
import type { Log } from "./log/log.ts";
import { Shard } from "./log/shard.ts";
import type { SelfAudit } from "./monitor/self-audit.ts";
import type { TreeHead } from "./rfc6962/tree-head.ts";
import { loadRoots } from "./roots/load.ts";
import { requireKnown } from "./sequencer/public-head.ts";
import type { EcdsaKey } from "./signer/ecdsa.ts";
import { GuardedSigner, RefusingSigner } from "./signer/guard.ts";
import { openGuardFolder } from "./signer/guard-folder.ts";
import { readKeyFile } from "./signer/key-file.ts";
import { sha256 } from "./signer/sha256.ts";
import type { Signer } from "./signer/signer.ts";
import { readSpace, type Space, SpaceWatch } from "./space/free-space.ts";
import { LEVEL_DEFAULTS } from "./storage/level/folder.ts";
import { openLevelStore } from "./storage/level/level-store.ts";
import { REAL_SEAM } from "./storage/level/real.ts";
import type { Seam } from "./storage/level/seam.ts";
import type { Store } from "./storage/store.ts";
import { combineObservers } from "./telemetry/combine.ts";
import { loggingObserver, standardError } from "./telemetry/logging.ts";
import { metricsObserver } from "./telemetry/metrics.ts";
import type { Observer } from "./telemetry/observer.ts";
import { RootSet } from "./x509/roots.ts";
import { verifySignature } from "./x509/verify.ts";

/** In a development configuration a jumped clock is believed after so much steady time. */
const DEVELOPMENT_STEADY_MS = 60_000;

/** What a test may put in the place of an adapter. */
export interface Overrides {
  readonly clock?: Clock;
  /** Sees every event besides metrics and logs. */
  readonly observer?: Observer;
  /** The file system and database below the stores, by shard. */
  readonly seam?: (shard: string) => Seam;
  /** What the file system of a folder says of its room. */
  readonly readSpace?: (folder: string) => Promise<Space>;
}

/** A log that serves. */
export interface Running {
  /** `http://host:port`, as bound. */
  readonly listenUrl: string;
  readonly operationsUrl: string;
  readonly logs: ReadonlyMap<string, Log>;
  /** Drains and closes everything; takes at most `config.drainMs` and the running groups. */
  stop(): Promise<void>;
}

/**
 * Opens every shard and serves. Nothing is created.
 * @throws FatalError, MalformedError if a shard was never created, is held by another process,
 *   or is another log than the configuration says. A shard that is ill for any other reason
 *   answers 503, and the others serve.
 */
export async function startStratus(config: Config, overrides: Overrides = {}): Promise<Running> {
  const clock = overrides.clock ?? systemClock;
  const metrics = metricsObserver(() => clock.nowMs());
  const logging = loggingObserver(config.logLevel, standardError());
  const observer = combineObservers(metrics.observer, logging, overrides.observer ?? (() => {}));
  const { logs, shards, audits } = await openShards(config, { ...overrides, clock, observer });
  const limits = limitsOf(config.limits);
  const app = buildApp({ ...describe(config, logs), clock, observer, limits });
  const operations = buildOperationsApp({ logs, metrics: metrics.read, clock, observer });
  // What is deferred last is done first, whether by `stop` or because something here throws.
  await using closing = new AsyncDisposableStack();
  closing.defer(() => drain(operations, clock, 0));
  closing.defer(() => stopShards(shards));
  closing.defer(() => stopAudits(audits));
  closing.defer(() => drain(app, clock, config.drainMs));
  const listenUrl = formatUrl(await listen(app, config.listen));
  const operationsUrl = formatUrl(await listen(operations, config.operations));
  // A shard answers 503 until it is open; reads begin as soon as its head is proven.
  await Promise.all(shards.map((shard) => shard.start()));
  for (const audit of audits) audit.start();
  const running = closing.move();
  return { listenUrl, operationsUrl, logs, stop: () => running.disposeAsync() };
}

function formatUrl({ host, port }: { readonly host: string; readonly port: number }): string {
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function describe(config: Config, logs: ReadonlyMap<string, Log>) {
  const sites = new Map(
    [...logs].map(([name, log]) => [
      name,
      {
        submissionUrl: `${config.submissionUrl}/${name}`,
        monitoringUrl: `${config.monitoringUrl}/${name}`,
        closesAtMs: closesAtMs(log.identity),
      },
    ]),
  );
  const operator = { name: new URL(config.publicUrl).hostname, emails: [] };
  return { logs, sites, operator, software: { name: "stratus", version: VERSION } };
}

function limitsOf(limits: LimitsConfig): ServerLimits {
  const trustedProxies = limits.trustedProxies.map((text) => defined(parseNetwork(text), text));
  const { reads, addChain, addPreChain } = limits;
  return { ...limits, clients: { reads, addChain, addPreChain, trustedProxies } };
}

interface World extends Overrides {
  readonly clock: Clock;
  readonly observer: Observer;
}

interface ShardWorld extends World {
  /** Of its public addresses. */
  readonly answers: Promise<readonly PublicAnswer[]>;
}

/** What was opened: every log, those of them that run, and what looks at these. */
interface Opened {
  readonly logs: Map<string, Log>;
  readonly shards: readonly Shard[];
  readonly audits: readonly SelfAudit[];
}

async function openShards(config: Config, world: World): Promise<Opened> {
  const logs = new Map<string, Log>();
  const shards: Shard[] = [];
  const audits: SelfAudit[] = [];
  try {
    // All are asked at once, and while the stores open.
    const asked = new Map(config.shards.map(({ name }) => [name, askWorld(config, name)]));
    for (const shard of config.shards) {
      const answers = defined(asked.get(shard.name), "every shard was asked for");
      const { log, selfAudit } = await openShard(config, shard, { ...world, answers });
      logs.set(shard.name, log);
      if (log instanceof Shard) shards.push(log);
      if (selfAudit !== undefined) audits.push(selfAudit);
    }
    return { logs, shards, audits };
  } catch (error) {
    await stopShards(shards);
    throw error;
  }
}

async function stopShards(shards: readonly Shard[]): Promise<void> {
  await Promise.all(shards.map((shard) => shard.stop()));
}

async function stopAudits(audits: readonly SelfAudit[]): Promise<void> {
  await Promise.all(audits.map((audit) => audit.stop()));
}

interface OpenShard {
  readonly log: Log;
  /** Undefined where it is turned off, or there is nothing to look at. */
  readonly selfAudit?: SelfAudit;
}

async function openShard(
  config: Config,
  shard: ShardConfig,
  world: ShardWorld,
): Promise<OpenShard> {
  const { clock, observer } = world;
  const key = await readKeyFile(shard.keyPath);
  const identity = identityOf(config, shard, key.logId);
  const roots = await loadRoots(shard.roots);
  const rootSet = new RootSet(roots.ders, sha256);
  for (const message of roots.warnings) {
    observer({ type: "recovery-step", shard: shard.name, message });
  }
  const seam = world.seam?.(shard.name) ?? REAL_SEAM;
  let store: Store | undefined;
  try {
    store = await openLevelStore(shard.folder, { ...LEVEL_DEFAULTS, sha256, lockFolder, seam });
    const state = await store.load();
    requireIdentity(state.identity, identity);
    const judge = new Judge({
      roots: rootSet,
      policy: shard,
      otherShards: config.shards.filter((other) => other.name !== shard.name),
      verifySignature,
      sha256,
      clock,
      lowPriorityAfterMs: config.limits.lowPriorityAfterMs,
    });
    const opened = await openSigner(config.guard, key);
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
    });
    const { batch, pool, answerWithinMs } = shard;
    const clockSteadyMs = config.development ? DEVELOPMENT_STEADY_MS : undefined;
    const limits = { batch, pool, answerWithinMs, clockSteadyMs };
    const parts = { store, signer, judge, clock, sha256, observer };
    const log = new Shard({ identity, ...parts, ...limits, space });
    if (shard.audit.entriesPerSecond === 0) return { log };
    return { log, selfAudit: makeSelfAudit(log, shard, { ...parts, seam }) };
  } catch (error) {
    await store?.[Symbol.asyncDispose]();
    if (isForOperator(error)) throw error;
    const code = error instanceof CtError ? error.code : "BUG";
    observer({ type: "shard-fatal", shard: shard.name, code, message: messageOf(error) });
    return { log: new FailedLog(identity, key.publicKey, rootSet.ders, error) };
  }
}

/** Without its guard a key signs nothing, but what is proven stays readable. */
async function openSigner(guard: string, key: EcdsaKey): Promise<Signer> {
  await using opening = new AsyncDisposableStack();
  try {
    const folder = opening.use(await openGuardFolder(guard, key.logId, lockFolder));
    const signer = new GuardedSigner({ key, folder, sha256 });
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

/** Whether to start at all would be a mistake: never created, in use, or another log. */
function isForOperator(error: unknown): boolean {
  const codes: readonly string[] = ["FATAL_STORE_MISSING", "FATAL_LOCKED", "FATAL_IDENTITY"];
  return error instanceof CtError && codes.includes(error.code);
}
