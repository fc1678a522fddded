/**
 * The composition root of the operations port: what an operator sees of a running log and may
 * change while it runs. Questions that concern every thread are asked of every frontend here.
 * @module
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import type { Frontends } from "./channel/frontends.ts";
import type { Clock } from "./clock/clock.ts";
import type { Config } from "./config/config.ts";
import type { AssetSet } from "./dashboard/assets.ts";
import { OperatorPages } from "./dashboard/operator/pages.ts";
import { HISTORY_FOLDER, History } from "./history/history.ts";
import { PROCESS, type Sample, takeSamples } from "./history/sample.ts";
import { watchConditions } from "./http/conditions.ts";
import { buildOperationsApp, type OperationsOptions } from "./http/operations.ts";
import { describeTraffic, type Traffic, TrafficCounter } from "./http/traffic.ts";
import { describeRoots } from "./keep-roots.ts";
import type { Log } from "./log/log.ts";
import type { RootsKeeper } from "./roots/keeper.ts";
import { operatorOf, SOFTWARE, trustedProxiesOf } from "./server-parts.ts";
import { LagWatch } from "./telemetry/lag.ts";
import { LOG_LEVEL_MS_MAX, LogLevelSwitch } from "./telemetry/log-level.ts";
import { LOG_LEVELS, type Logging, type LogLevel } from "./telemetry/logging.ts";
import type { Counted, Metrics } from "./telemetry/metrics.ts";
import type { Observer } from "./telemetry/observer.ts";
import { TlsWatch } from "./tls/watch.ts";

/** What the operations of a process are made of. */
export interface OperationsParts {
  readonly config: Config;
  readonly logs: ReadonlyMap<string, Log>;
  /** See `OperationsOptions`. */
  readonly left: OperationsOptions["left"];
  readonly keeper: RootsKeeper;
  readonly metrics: Metrics;
  readonly logging: Logging;
  readonly clock: Clock;
  readonly observer: Observer;
  /** Undefined where the main thread serves; known once the port is asked. */
  readonly frontends: () => Frontends<Counted> | undefined;
  /** What the dashboard loads. */
  readonly assets: AssetSet;
}

/** The operations of a process. */
export interface Operations extends AsyncDisposable {
  readonly app: FastifyInstance;
  /** Counts what the main thread serves, if it does. */
  readonly traffic: TrafficCounter;
  /** The configuration with the level of the logs that holds now: for threads that start. */
  readonly configNow: () => Config;
  /** Begins to keep what the dashboard tells of the past. */
  readonly startHistory: () => void;
}

/** Builds the operations server; it does not listen. Disposing of it ends its timers. */
export function makeOperations(parts: OperationsParts): Operations {
  const { config, logs, left, keeper, metrics, clock, observer, frontends } = parts;
  const traffic = new TrafficCounter(clock, trustedProxiesOf(config));
  const levels = makeLevels(parts);
  const readTraffic = async () => {
    const others = (await frontends()?.askEach({ type: "traffic" })) ?? [];
    return describeTraffic([traffic.counted(), ...(others as readonly Traffic[])], clock);
  };
  const lag = new LagWatch();
  const look = lookOf(parts, lag);
  const history = new History({
    folder: join(config.data, HISTORY_FOLDER),
    shards: [...logs.keys()],
    look,
    clock,
    onUnwritten: (message) => observer({ type: "history-unwritten", message }),
  });
  const app = buildOperationsApp({
    logs,
    left,
    metrics: async () => metrics.read((await frontends()?.metrics()) ?? []),
    roots: () => describeRoots(config, keeper),
    traffic: readTraffic,
    pages: new OperatorPages({
      logs,
      left: parts.left,
      operator: operatorOf(config).name,
      software: SOFTWARE,
      assets: parts.assets,
      past: history,
      look,
      traffic: readTraffic,
      runbook: readRunbook(),
      nowMs: () => clock.nowMs(),
    }),
    levels: {
      names: LOG_LEVELS,
      forMsMax: LOG_LEVEL_MS_MAX,
      state: () => levels.state,
      set: (level, forMs) => levels.set(level as LogLevel, forMs),
    },
    clock,
    observer,
  });
  const tls = new TlsWatch({
    urls: [config.submissionUrl, config.monitoringUrl],
    clock,
    seen: (host, certificate) => observer({ type: "tls-certificate", host, ...certificate }),
    unseen: (host, message) => observer({ type: "tls-unread", host, message }),
  });
  return {
    app,
    traffic,
    configNow: () => ({ ...config, logLevel: levels.state.level }),
    startHistory: () => history.start(),
    async [Symbol.asyncDispose]() {
      tls[Symbol.dispose]();
      levels[Symbol.dispose]();
      lag[Symbol.dispose]();
      await history[Symbol.asyncDispose]();
    },
  };
}

/** Looks at all that was counted, in every thread. */
function lookOf(
  { logs, metrics, clock, observer, frontends }: OperationsParts,
  lag: LagWatch,
): () => Promise<ReadonlyMap<string, Sample>> {
  const runMs = clock.nowMs();
  const tellConditions = watchConditions({ logs, clock, observer });
  return async () => {
    tellConditions();
    const counted = await metrics.all((await frontends()?.metrics()) ?? []);
    const samples = takeSamples(counted, { timeMs: clock.nowMs(), runMs });
    const own = samples.get(PROCESS);
    if (own === undefined) return samples;
    const gauges = { ...own.gauges, mainLagSeconds: lag.worstSeconds() };
    return new Map([...samples, [PROCESS, { ...own, gauges }]]);
  };
}

/** docs/OPERATIONS.md, where it was installed: a page for each warning. */
function readRunbook(): string {
  try {
    return readFileSync(join(import.meta.dirname, "../docs/OPERATIONS.md"), "utf8");
  } catch {
    return "";
  }
}

function makeLevels({
  config,
  clock,
  logging,
  observer,
  frontends,
}: OperationsParts): LogLevelSwitch {
  const { logLevel: configured } = config;
  return new LogLevelSwitch({
    configured,
    nowMs: () => clock.nowMs(),
    after: (delayMs, run) => clock.after(delayMs, run),
    apply: (level) => {
      logging.setLevel(level);
      void frontends()?.askEach({ type: "log-level", level });
      observer({ type: "log-level", level, configured });
    },
  });
}
