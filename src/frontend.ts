/**
 * The composition root of a frontend thread: HTTP, JSON, DER and verification for all shards.
 * It holds no key: submissions go to the sequencers of the main thread in groups, and the
 * published head is read from each shard's cell for each request.
 * @module
 */
import { defined } from "./base/assert.ts";
import { SequencerClient } from "./channel/client.ts";
import { lingering } from "./channel/load.ts";
import { mainThread, type Question } from "./channel/thread.ts";
import { systemClock } from "./clock/system.ts";
import type { Config } from "./config/config.ts";
import type { AssetSet } from "./dashboard/assets.ts";
import { buildApp } from "./http/app.ts";
import { drain, listen } from "./http/listen.ts";
import { TrafficCounter } from "./http/traffic.ts";
import { type SharedRoots, takeRoots } from "./keep-roots.ts";
import { FailedLog } from "./log/failed.ts";
import { Frontend } from "./log/frontend.ts";
import { HeadCell } from "./log/head-cell.ts";
import type { Log } from "./log/log.ts";
import { type ClientCells, judgeOf, siteOf, trustedProxiesOf } from "./server-parts.ts";
import { sha256 } from "./signer/sha256.ts";
import { LEVEL_DEFAULTS } from "./storage/level/folder.ts";
import { REAL_SEAM } from "./storage/level/real.ts";
import { SharedReader } from "./storage/level/shared-reader.ts";
import type { ShardIdentity } from "./storage/store.ts";
import { combineObservers } from "./telemetry/combine.ts";
import { type LogLevel, openLogging, standardError } from "./telemetry/logging.ts";
import { metricsObserver } from "./telemetry/metrics.ts";

/** What a frontend thread is started with: `workerData`. */
export interface FrontendData {
  readonly config: Config;
  /** Threads like this one. */
  readonly frontendCount: number;
  /** Where all threads count clients. */
  readonly clientCells: ClientCells;
  /** What pages load; undefined where there are none. */
  readonly assets: AssetSet | undefined;
  /** In the order of the configuration. */
  readonly shards: readonly FrontendShard[];
  readonly roots: SharedRoots;
  /** Where it says how many submissions wait to be judged. */
  readonly load: Int32Array<SharedArrayBuffer>;
}

/** One shard for a frontend thread. */
export interface FrontendShard {
  readonly identity: ShardIdentity;
  readonly publicKey: Uint8Array;
  /** The shard's cell, or why it could not be opened. */
  readonly cell: SharedArrayBuffer | string;
}

await run();

async function run(): Promise<void> {
  const main = mainThread();
  const data = main.data as FrontendData;
  const { config, frontendCount, clientCells, assets, shards, load, roots: shared } = data;
  const clock = systemClock;
  const metrics = metricsObserver(() => clock.nowMs(), "frontend");
  const logging = openLogging(config.logLevel, standardError());
  const observer = combineObservers(metrics.observer, logging.observer);
  const client = new SequencerClient(lingering(main.wire, clock, load), shards.length);
  const roots = takeRoots(shared);
  const logs = new Map<string, Log>();
  const readers = new Map<number, SharedReader>();
  for (const [index, { identity, publicKey, cell: buffer }] of shards.entries()) {
    const shard = defined(config.shards[index], "a shard of the configuration");
    const accepted = defined(roots[index], "a set of roots");
    if (typeof buffer === "string") {
      const log = { identity, publicKey, dates: shard.dates };
      logs.set(shard.name, new FailedLog(log, accepted.ders, buffer));
      continue;
    }
    const cell = new HeadCell(buffer);
    const treeSize = () => cell.read().head?.treeSize ?? 0;
    const options = { ...LEVEL_DEFAULTS, sha256, seam: REAL_SEAM, treeSize };
    const store = new SharedReader(shard.folder, options);
    await store.resume();
    readers.set(index, store);
    const { answerWithinMs, dates } = shard;
    const { intervalMs, idleRefreshMs } = shard.batch;
    const judge = judgeOf(config, shard, accepted, clock);
    const sequence = client.sequenceOf(index);
    const parts = {
      identity,
      publicKey,
      dates,
      judge,
      sequence,
      cell,
      store,
      clock,
      sha256,
      observer,
    };
    logs.set(shard.name, new Frontend({ ...parts, answerWithinMs, intervalMs, idleRefreshMs }));
  }
  const threads = { count: frontendCount, cells: clientCells, assets };
  const traffic = new TrafficCounter(clock, trustedProxiesOf(config));
  const site = siteOf(config, logs, threads, clock);
  const app = buildApp({ ...site.options, traffic, observer, load });
  main.listen(
    (bytes) => client.receive(bytes),
    async (question: Question): Promise<unknown> => {
      switch (question.type) {
        case "listen":
          return listen(app, { host: question.host, port: question.port, reusePort: true });
        case "release":
          return readers.get(question.shard)?.release();
        case "resume":
          return readers.get(question.shard)?.resume();
        case "roots":
          for (const [index, accepted] of takeRoots(question.roots as SharedRoots).entries()) {
            const { name = "" } = config.shards[index] ?? {};
            if (accepted !== undefined) logs.get(name)?.replaceRoots(accepted);
          }
          return;
        case "reload":
          return site.reload(question.assets as AssetSet | undefined);
        case "metrics":
          return metrics.counted();
        case "traffic":
          return traffic.counted();
        case "log-level":
          return logging.setLevel(question.level as LogLevel);
        case "drain":
          return drain(app, clock, config.drainMs);
      }
    },
  );
}
