/**
 * What the composition roots of a process and of its frontend threads build alike: judges, and
 * what the public server is told of the configuration.
 * @module
 */
import { defined } from "./base/assert.ts";
import { parseNetwork } from "./base/network.ts";
import { VERSION } from "./base/version.ts";
import type { Clock } from "./clock/clock.ts";
import type { Config, LimitsConfig, ShardConfig } from "./config/config.ts";
import type { AppOptions, ServerLimits } from "./http/app.ts";
import { Judge } from "./log/judge.ts";
import { closesAtMs } from "./log/lifecycle.ts";
import type { Log } from "./log/log.ts";
import { sha256 } from "./signer/sha256.ts";
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

/**
 * What the public server says of itself, and how much it takes.
 * @param frontendCount Threads that serve; at least 1.
 */
export function siteOf(
  config: Config,
  logs: ReadonlyMap<string, Log>,
  frontendCount: number,
): Pick<AppOptions, "logs" | "sites" | "operator" | "software" | "limits"> {
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
  const software = { name: "stratus", version: VERSION };
  const limits = limitsOf(config.limits, frontendCount);
  return { logs, sites, operator, software, limits };
}

/** Each frontend has its part of what bounds the process; a client's rates are whole in each. */
function limitsOf(limits: LimitsConfig, frontends: number): ServerLimits {
  const trustedProxies = limits.trustedProxies.map((text) => defined(parseNetwork(text), text));
  const { reads, addChain, addPreChain } = limits;
  return {
    ...limits,
    connectionsMax: Math.ceil(limits.connectionsMax / frontends),
    bodiesInFlightBytesMax: Math.ceil(limits.bodiesInFlightBytesMax / frontends),
    clients: { reads, addChain, addPreChain, trustedProxies },
  };
}
