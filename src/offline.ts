/**
 * Composition of what commands ask of a configuration without serving it: a shard's accepted
 * roots, and a dry run by the judge that `serve` would use. No store is opened, so nothing is
 * known of duplicates.
 * @module
 */
import { MalformedError } from "./base/errors.ts";
import { isTaking, phaseAt } from "./base/shard-life.ts";
import { systemClock } from "./clock/system.ts";
import type { Config, ShardConfig } from "./config/config.ts";
import { formatVerdict } from "./http/validate.ts";
import { openRoots } from "./keep-roots.ts";
import { requireTaking } from "./log/lifecycle.ts";
import type { SubmitEndpoint } from "./log/log.ts";
import { validateChain } from "./log/validate.ts";
import { judgeOf } from "./server-parts.ts";
import { sha256 } from "./signer/sha256.ts";
import { parseCertificate } from "./x509/certificate.ts";
import type { RootSet } from "./x509/roots.ts";

/** What is asked. */
export interface DryRun {
  /** DER, leaf first. */
  readonly chain: readonly Uint8Array[];
  /** Undefined: the one that the first certificate belongs to. */
  readonly endpoint: SubmitEndpoint | undefined;
  /** Name of the shard; undefined: the one that takes the certificate, else the first. */
  readonly shard: string | undefined;
}

/**
 * The verdict as `POST /<shard>/stratus/v1/validate` words it, without `duplicate`.
 * @throws MalformedError `MALFORMED_CONFIG` for a shard that is not there, `MALFORMED_PEM` for
 *   roots that cannot be read.
 */
export async function validateOffline(config: Config, dryRun: DryRun): Promise<string> {
  const { chain, endpoint } = dryRun;
  const shard = shardOf(config, dryRun);
  const judge = judgeOf(config, shard, (await readShardRoots(config))(shard.name), systemClock);
  const verdict = await validateChain(
    {
      judge,
      sha256,
      shard: shard.name,
      requireTaking: () => {
        requireTaking(shard, shard.dates, phaseAt(shard.dates, systemClock.nowMs()));
      },
      findDuplicate: undefined,
    },
    endpoint,
    chain,
  );
  return formatVerdict(shard.name, verdict);
}

/**
 * The roots that each shard of a configuration accepts, as `serve` would: by its sources and
 * its ledger, without what is blocked. Nothing is written.
 * @throws as `RootsKeeper.open`.
 */
export async function readShardRoots(config: Config): Promise<(shard: string) => RootSet> {
  const keeper = await openRoots(config, systemClock, () => {});
  return (shard) => keeper.rootsOf(shard);
}

function shardOf({ shards }: Config, { chain, shard: name }: DryRun): ShardConfig {
  if (name !== undefined) {
    const named = shards.find((shard) => shard.name === name);
    if (named !== undefined) return named;
    const names = shards.map((shard) => shard.name).join(", ");
    throw new MalformedError("MALFORMED_CONFIG", `no shard ${name}; there are: ${names}`);
  }
  const notAfterMs = notAfterOf(chain);
  const nowMs = systemClock.nowMs();
  const taker = shards.find(
    (shard) =>
      notAfterMs !== undefined &&
      shard.notAfterStartMs <= notAfterMs &&
      notAfterMs < shard.notAfterLimitMs &&
      isTaking(phaseAt(shard.dates, nowMs)),
  );
  const [first] = shards;
  const chosen = taker ?? first;
  if (chosen === undefined) throw new RangeError("a configuration has a shard");
  return chosen;
}

function notAfterOf([leaf]: readonly Uint8Array[]): number | undefined {
  try {
    return leaf && parseCertificate(leaf).notAfterMs;
  } catch (error) {
    // The judge says what is wrong with it.
    if (error instanceof MalformedError) return undefined;
    throw error;
  }
}
