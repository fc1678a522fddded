/**
 * What pages are made from: the logs of this server through their facade, and what the
 * configuration says of them.
 * @module
 */
import type { LogKey } from "../checkpoint/browser-key.ts";
import type { Log } from "../log/log.ts";
import type { Sha256 } from "../merkle/hash.ts";
import type { KnownLog } from "../sct/log-list.ts";
import type { LogOperator } from "../static-ct/log-json.ts";
import type { AssetSet } from "./assets.ts";

/** What the configuration knows of a shard and the log does not. */
export interface ShardSite {
  /** Prefix of submissions, the shard's name included; without trailing slash. */
  readonly submissionUrl: string;
  /** Prefix of reads; as `submissionUrl`. */
  readonly monitoringUrl: string;
}

/** A rate of requests that one client is held to. */
export interface PageRate {
  readonly perSecond: number;
  readonly burst: number;
}

/** A bound that clients meet, for people. */
export interface StatedLimits {
  readonly reads?: PageRate | undefined;
  readonly addChain?: PageRate | undefined;
  readonly addPreChain?: PageRate | undefined;
}

/** All that pages are made from. */
export interface Site {
  /** By name, in the order of the configuration; read for each request. */
  readonly logs: ReadonlyMap<string, Log>;
  readonly sites: ReadonlyMap<string, ShardSite>;
  readonly operator: LogOperator;
  readonly software: { readonly name: string; readonly version: string };
  readonly limits: StatedLimits;
  readonly assets: AssetSet;
  /** Other logs that are known by name; empty where no list was given. */
  readonly logList: readonly KnownLog[];
  readonly sha256: Sha256;
  /** A log's key from its SubjectPublicKeyInfo. @throws MalformedError `MALFORMED_KEY`. */
  readonly openKey: (publicKey: Uint8Array) => LogKey;
  /** Wall time; milliseconds since the Unix epoch. */
  readonly nowMs: () => number;
}
