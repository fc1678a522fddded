/**
 * The composition root of a running log: configuration in, servers out. It builds adapters,
 * then engines, then the HTTP servers, in this thread or in frontend threads beside it, and
 * holds no logic of its own.
 * @module
 */
import { availableParallelism } from "node:os";
import { Frontends } from "./channel/frontends.ts";
import { FrontendLoad } from "./channel/load.ts";
import { FrontendThread } from "./channel/thread.ts";
import type { Clock } from "./clock/clock.ts";
import { systemClock } from "./clock/system.ts";
import type { Config } from "./config/config.ts";
import type { FrontendData, FrontendShard } from "./frontend.ts";
import { buildApp } from "./http/app.ts";
import { drain, listen, requireFree } from "./http/listen.ts";
import { openRoots, rootsOf, shareRoots } from "./keep-roots.ts";
import type { Log } from "./log/log.ts";
import { Shard } from "./log/shard.ts";
import { type Opened, openShards, stopAll, stopShards } from "./open-shards.ts";
import { makeOperations, type Operations } from "./operations.ts";
import { PageFiles } from "./page-files.ts";
import type { RootsKeeper } from "./roots/keeper.ts";
import { makeClientCells, siteOf } from "./server-parts.ts";
import { findShards } from "./shards.ts";
import type { GuardFolder } from "./signer/guard-folder.ts";
import { sha256 } from "./signer/sha256.ts";
import type { Space } from "./space/free-space.ts";
import type { Seam } from "./storage/level/seam.ts";
import { combineObservers } from "./telemetry/combine.ts";
import { openLogging, standardError } from "./telemetry/logging.ts";
import { addCounted, type Counted, metricsObserver } from "./telemetry/metrics.ts";
import type { Observer } from "./telemetry/observer.ts";

/** What a test may put in the place of an adapter; frontend threads know nothing of it. */
export interface Overrides {
  readonly clock?: Clock;
  /** Sees every event besides metrics and logs. */
  readonly observer?: Observer;
  /** The file system and database below the stores, by shard. */
  readonly seam?: (shard: string) => Seam;
  /** Stands between a guard's records and its signer. */
  readonly guardFolder?: (folder: GuardFolder) => GuardFolder;
  /** What the file system of a folder says of its room. */
  readonly readSpace?: (folder: string) => Promise<Space>;
}

/** A log that serves. */
export interface Running {
  /** `http://host:port`, as bound. */
  readonly listenUrl: string;
  readonly operationsUrl: string;
  readonly logs: ReadonlyMap<string, Log>;
  /** Names of the shards that are not served because nobody has created them. */
  readonly left: readonly string[];
  /** Resolves with the reason if it cannot go on serving: stop it. */
  readonly failed: Promise<string>;
  /**
   * Reads the roots, what is blocked and the list of other logs again, in every thread, and begins
   * an access log anew that was renamed. Never rejects.
   */
  reload(): Promise<void>;
  /** Drains and closes everything; takes at most `config.drainMs` and the running groups. */
  stop(): Promise<void>;
}

/** The public server, in whatever threads. */
interface PublicServer {
  readonly failed: Promise<string>;
  reload(): void;
  listen(): Promise<{ readonly host: string; readonly port: number }>;
  stop(): Promise<void>;
}

/**
 * Opens every shard and serves. Nothing is created. A shard that is ill, or whose data or key are
 * missing, answers 503, and the others serve.
 * @throws FatalError, MalformedError as `openShards`.
 */
export async function startStratus(given: Config, overrides: Overrides = {}): Promise<Running> {
  const { config, born, left } = await findShards(given);
  const clock = overrides.clock ?? systemClock;
  const metrics = metricsObserver(() => clock.nowMs(), "main");
  const logging = openLogging(config.logLevel, standardError());
  const observer = combineObservers(
    metrics.observer,
    logging.observer,
    overrides.observer ?? (() => {}),
  );
  const count = config.frontends === "auto" ? usualFrontends() : config.frontends;
  let frontends: Frontends<Counted> | undefined;
  const releaseFrontends =
    count === 0 ? undefined : async (shard: number) => frontends?.release(shard) ?? (() => {});
  const keeper = await openRoots(born, clock, observer);
  const roots = {
    rootsOf: (shard: string) => rootsOf(keeper, shard),
    wasServed: (shard: string) => keeper.has(shard),
  };
  const load = new FrontendLoad();
  const unjudgedMs = (): number => load.unjudgedMs;
  const ports = { ...overrides, clock, observer, ...roots, releaseFrontends, unjudgedMs };
  const opened = await openShards(config, ports);
  const { logs, shards, audits, sealers } = opened;
  const files = await PageFiles.open(config, observer);
  const parts = { config, logs, left, keeper, metrics, logging, clock, observer };
  const operations = makeOperations({
    ...parts,
    assets: files.bundled,
    frontends: () => frontends,
  });
  const world = { config, opened, keeper, clock, observer, operations, files, load };
  frontends = count === 0 ? undefined : makeFrontends(world, count);
  const server = frontends === undefined ? serveHere(world) : serveInThreads(world, frontends);
  // What is deferred last is done first, whether by `stop` or because something here throws.
  await using closing = new AsyncDisposableStack();
  closing.defer(() => drain(operations.app, clock, 0));
  closing.defer(() => stopShards(shards));
  closing.defer(() => stopAll([...audits, ...sealers]));
  closing.defer(() => server.stop());
  closing.use(keeper);
  closing.use(operations);
  const listenUrl = formatUrl(await server.listen());
  const operationsUrl = formatUrl(await listen(operations.app, config.operations));
  // A shard answers 503 until it is open; reads begin as soon as its head is proven.
  await Promise.all(shards.map((shard) => shard.start()));
  await keeper.start(async (changed) => {
    for (const [name, accepted] of changed) logs.get(name)?.replaceRoots(accepted);
    await frontends?.replaceRoots(shareRoots(config, keeper));
  });
  for (const job of [...audits, ...sealers]) job.start();
  operations.startHistory();
  const running = closing.move();
  const { failed } = server;
  const reload = () => {
    files.reload();
    server.reload();
    return keeper.reload();
  };
  const stop = () => running.disposeAsync();
  return { listenUrl, operationsUrl, logs, left, failed, reload, stop };
}

/**
 * Frontends beyond which one sequencer is the limit, even if all they do is verify P-384: it takes
 * some 110 us for a submission, they 500 (*measured*: bench/README.md).
 */
const USUAL_FRONTENDS_MAX = 6;

/** The sequencer and its signatures have a core of their own; on a single core it has all. */
function usualFrontends(): number {
  return Math.min(USUAL_FRONTENDS_MAX, availableParallelism() - 1);
}

interface ServerWorld {
  readonly config: Config;
  readonly opened: Opened;
  readonly keeper: RootsKeeper;
  readonly clock: Clock;
  readonly observer: Observer;
  readonly operations: Operations;
  readonly files: PageFiles;
  readonly load: FrontendLoad;
}

function serveHere(world: ServerWorld): PublicServer {
  const { config, opened, clock, observer, files } = world;
  const { traffic } = world.operations;
  const threads = { count: 1, cells: makeClientCells(config.limits), assets: files.public };
  const site = siteOf(config, opened.logs, threads, clock);
  const { cell } = world.load.add();
  const app = buildApp({ ...site.options, traffic, observer, load: cell });
  return {
    failed: new Promise(() => {}),
    reload: () => site.reload(files.public),
    listen: () => listen(app, config.listen),
    stop: () => drain(app, clock, config.drainMs),
  };
}

function serveInThreads(world: ServerWorld, frontends: Frontends<Counted>): PublicServer {
  const { config, files } = world;
  return {
    failed: frontends.failed,
    reload: () => void frontends.askEach({ type: "reload", assets: files.public }),
    async listen() {
      // Frontends share the port with anyone of the same user: nobody may be there before.
      if (config.listen.port !== 0) await requireFree(config.listen);
      return frontends.start(config.listen);
    },
    stop: () => frontends.stop(),
  };
}

function makeFrontends(world: ServerWorld, count: number): Frontends<Counted> {
  const { config, opened, keeper, clock, observer, operations, files } = world;
  const shards = frontendShards(config, opened.logs);
  const clientCells = makeClientCells(config.limits);
  const script = new URL(import.meta.url.replace(/compose(\.[jt]s)$/, "frontend$1"));
  const logs = [...opened.logs.values()];
  return new Frontends({
    count,
    // One that takes another's place goes by the roots, files and log level of its own start.
    start: () => {
      const now = { config: operations.configNow(), roots: shareRoots(config, keeper) };
      const shown = { clientCells, assets: files.public, shards };
      const load = world.load.add();
      const data: FrontendData = { ...now, ...shown, frontendCount: count, load: load.cell };
      const thread = new FrontendThread(script, data);
      void thread.ended.then(load.remove);
      return thread;
    },
    sequencers: {
      shards: logs.map((log) => (log instanceof Shard ? log.sequencing : undefined)),
      sha256,
    },
    addMetrics: addCounted,
    drainMs: config.drainMs,
    clock,
    observer,
  });
}

function frontendShards(config: Config, logs: ReadonlyMap<string, Log>): readonly FrontendShard[] {
  return config.shards.map(({ name }): FrontendShard => {
    const log = logs.get(name);
    if (log === undefined) throw new RangeError(`no shard ${name}`);
    const cell = log instanceof Shard ? log.cell.buffer : log.status().reason;
    return { identity: log.identity, publicKey: log.publicKey, cell };
  });
}

function formatUrl({ host, port }: { readonly host: string; readonly port: number }): string {
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}
