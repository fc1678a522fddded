/**
 * The composition root of the operations port: what an operator sees of a running log and may
 * change while it runs. Questions that concern every thread are asked of every frontend here.
 * @module
 */
import type { FastifyInstance } from "fastify";
import type { Frontends } from "./channel/frontends.ts";
import type { Clock } from "./clock/clock.ts";
import type { Config } from "./config/config.ts";
import { buildOperationsApp, type OperationsOptions } from "./http/operations.ts";
import { describeTraffic, type Traffic, TrafficCounter } from "./http/traffic.ts";
import { describeRoots } from "./keep-roots.ts";
import type { Log } from "./log/log.ts";
import type { RootsKeeper } from "./roots/keeper.ts";
import { trustedProxiesOf } from "./server-parts.ts";
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
}

/** The operations of a process. */
export interface Operations extends Disposable {
  readonly app: FastifyInstance;
  /** Counts what the main thread serves, if it does. */
  readonly traffic: TrafficCounter;
  /** The configuration with the level of the logs that holds now: for threads that start. */
  readonly configNow: () => Config;
}

/** Builds the operations server; it does not listen. Disposing of it ends its timers. */
export function makeOperations(parts: OperationsParts): Operations {
  const { config, logs, left, keeper, metrics, clock, observer, frontends } = parts;
  const traffic = new TrafficCounter(clock, trustedProxiesOf(config));
  const levels = makeLevels(parts);
  const app = buildOperationsApp({
    logs,
    left,
    metrics: async () => metrics.read((await frontends()?.metrics()) ?? []),
    roots: () => describeRoots(config, keeper),
    traffic: async () => {
      const others = (await frontends()?.askEach({ type: "traffic" })) ?? [];
      return describeTraffic([traffic.counted(), ...(others as readonly Traffic[])], clock);
    },
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
    [Symbol.dispose]() {
      tls[Symbol.dispose]();
      levels[Symbol.dispose]();
    },
  };
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
