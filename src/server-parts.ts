/**
 * What the composition roots of a process and of its frontend threads build alike: judges, and
 * what the public server is told of the configuration.
 * @module
 */
import { randomInt } from "node:crypto";
import { defined } from "./base/assert.ts";
import { type Network, parseNetwork } from "./base/network.ts";
import { VERSION } from "./base/version.ts";
import { openLogKey } from "./client/log-key.ts";
import type { Clock } from "./clock/clock.ts";
import type { Config, LimitsConfig, ShardConfig } from "./config/config.ts";
import { type AssetSet, LOG_LIST } from "./dashboard/assets.ts";
import { Pages } from "./dashboard/routes.ts";
import { decodeUtf8 } from "./encoding/utf8.ts";
import type { AppOptions, ServerLimits } from "./http/app.ts";
import type { CountedRate, LimitedKind } from "./http/client-limits.ts";
import type { Site } from "./log/description.ts";
import { Judge } from "./log/judge.ts";
import type { Log } from "./log/log.ts";
import { makeRateCells } from "./policy/rate-limit.ts";
import { type KnownLog, parseLogList } from "./sct/log-list.ts";
import { sha256 } from "./signer/sha256.ts";
import type { LogOperator } from "./static-ct/log-json.ts";
import { LineFile } from "./telemetry/line-file.ts";
import type { RootSet } from "./x509/roots.ts";
import { verifySignature } from "./x509/verify.ts";

/** The judge of one shard. */
export function judgeOf(config: Config, shard: ShardConfig, roots: RootSet, clock: Clock): Judge {
  return new Judge({
    roots,
    policy: shard,
    otherShards: config.shards.filter((other) => other.name !== shard.name),
    verifySignature,
    sha256,
    clock,
    lowPriorityAfterMs: config.limits.lowPriorityAfterMs,
  });
}

/** Where clients' requests are counted, for those limits that are set. */
export type ClientCells = Readonly<Partial<Record<LimitedKind, SharedArrayBuffer>>>;

/** Cells for the limits of a configuration; one set for all threads. */
export function makeClientCells(limits: LimitsConfig): ClientCells {
  const kinds = (["reads", "addChain", "addPreChain", "pages"] as const).filter(
    (kind) => limits[kind] !== undefined,
  );
  return Object.fromEntries(kinds.map((kind) => [kind, makeRateCells(randomInt(2 ** 32))]));
}

/** What the public server is made of, and how it takes what may change while it runs. */
export interface ServedSite {
  readonly options: Omit<AppOptions, "observer" | "traffic">;
  /** Goes by these files of pages, and begins the access log anew if its name is another's. */
  reload(assets: AssetSet | undefined): void;
}

/**
 * What the public server says of itself, and how much it takes.
 * @param threads How many serve, at least 1; where they count clients; what pages load, and
 *   undefined where there are none.
 */
export function siteOf(
  config: Config,
  logs: ReadonlyMap<string, Log>,
  threads: {
    readonly count: number;
    readonly cells: ClientCells;
    readonly assets: AssetSet | undefined;
  },
  clock: Clock,
): ServedSite {
  const sites = new Map(config.shards.map((shard) => [shard.name, shardSite(config, shard)]));
  const operator = operatorOf(config);
  const software = SOFTWARE;
  const limits = limitsOf(config.limits, threads);
  const access = config.accessLog === undefined ? undefined : new LineFile(config.accessLog);
  const about = { logs, sites, operator, software };
  const { assets } = threads;
  const nowMs = (): number => clock.nowMs();
  // What people are told; the rest of the limits is the operator's.
  const { reads, addChain, addPreChain } = config.limits;
  const stated = { reads, addChain, addPreChain };
  const pages =
    assets &&
    new Pages({
      ...about,
      limits: stated,
      assets,
      logList: logListOf(assets),
      sha256,
      openKey: openLogKey,
      nowMs,
    });
  return {
    options: { ...about, limits, pages, clock, compress: config.compress, access },
    reload(assets) {
      if (assets !== undefined) pages?.replaceAssets(assets, logListOf(assets));
      access?.lookSoon();
    },
  };
}

/** What this program is called. */
export const SOFTWARE: AppOptions["software"] = { name: "stratus", version: VERSION };

/** What the configuration knows of a shard and the log does not. */
export function shardSite(config: Config, { name, dates }: ShardConfig): Site {
  const { submissionUrl, monitoringUrl } = config;
  return {
    submissionUrl: `${submissionUrl}/${name}`,
    monitoringUrl: `${monitoringUrl}/${name}`,
    listed: dates,
  };
}

/** The logs of the list among the files, which was read before. */
function logListOf({ assets, names }: AssetSet): readonly KnownLog[] {
  const file = assets.find(({ name }) => name === names[LOG_LIST]);
  return file === undefined ? [] : parseLogList(sha256, decodeUtf8(file.bytes)).logs;
}

/** Who runs the logs: by default nobody but the host is known. */
export function operatorOf({ operator, publicUrl }: Config): LogOperator {
  return { name: operator.name ?? new URL(publicUrl).hostname, emails: operator.emails };
}

/** Whose forwarding headers are believed. */
export function trustedProxiesOf({ limits }: Pick<Config, "limits">): readonly Network[] {
  return limits.trustedProxies.map((text) => defined(parseNetwork(text), text));
}

/** Each thread has its part of what bounds the process; clients are counted by all together. */
function limitsOf(
  limits: LimitsConfig,
  { count, cells }: { readonly count: number; readonly cells: ClientCells },
): ServerLimits {
  const trustedProxies = trustedProxiesOf({ limits });
  const counted = (kind: LimitedKind): CountedRate | undefined => {
    const rate = limits[kind];
    return rate && { ...rate, cells: defined(cells[kind], `cells of ${kind}`) };
  };
  const [reads, addChain, addPreChain, pages] = [
    counted("reads"),
    counted("addChain"),
    counted("addPreChain"),
    counted("pages"),
  ];
  return {
    ...limits,
    connectionsMax: Math.ceil(limits.connectionsMax / count),
    bodiesInFlightBytesMax: Math.ceil(limits.bodiesInFlightBytesMax / count),
    clients: { reads, addChain, addPreChain, pages, trustedProxies },
  };
}
