/**
 * What the operator decides, after parsing: frozen, absolute paths, every default applied.
 * The YAML form, its defaults and the doc of each field are in `schema.ts`.
 * @module
 */
import type { ShardDates } from "../base/shard-life.ts";

/** An address to listen on. */
export interface ListenAddress {
  /** Host name or IP address, without brackets. */
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
}

/** Group commit. */
export interface BatchConfig {
  /** No two heads are closer than this, in milliseconds; 0 to 10,000. */
  readonly intervalMs: number;
  /** Entries of one group at most; 1 to 4,096. */
  readonly entriesMax: number;
  /** Bytes of the entries of one group at most. */
  readonly bytesMax: number;
  /** An idle shard renews its head this often, in milliseconds. */
  readonly idleRefreshMs: number;
}

/** Entries that wait for a group. */
export interface PoolConfig {
  readonly entriesMax: number;
  readonly bytesMax: number;
}

/** A rate of requests. */
export interface RateConfig {
  readonly perSecond: number;
  /** Requests that may come at once. */
  readonly burst: number;
}

/** What one client may do, and bounds of the whole process. */
export interface LimitsConfig {
  /** CIDR; see `parseNetwork`. */
  readonly trustedProxies: readonly string[];
  /** Of one client; absent: no limit. */
  readonly reads?: RateConfig | undefined;
  readonly addChain?: RateConfig | undefined;
  readonly addPreChain?: RateConfig | undefined;
  /** Of one client, for pages. */
  readonly pages: RateConfig;
  /** Open connections to the public port. */
  readonly connectionsMax: number;
  /** Of bodies that are not judged yet. */
  readonly bodiesInFlightBytesMax: number;
  /** Age from which a certificate gives way to newer ones. */
  readonly lowPriorityAfterMs: number;
}

/** The running self-audit. */
export interface AuditConfig {
  /** 0 turns it off; up to 100,000. */
  readonly entriesPerSecond: number;
}

/** Below either, a shard takes no submissions. */
export interface FreeSpaceConfig {
  /** Bytes free in the file systems of `data` and `guard`. */
  readonly bytesMin: number;
  /** Of the whole file system. */
  readonly percentMin: number;
}

/** When the sources of roots are read again, and what is then not believed. */
export interface RootsReloadConfig {
  /** Milliseconds between two readings; 0: only when asked. */
  readonly intervalMs: number;
  /** Percent of a shard's roots that one reading may lose; 0 to 100. */
  readonly lossPercentMax: number;
}

/** Certificates that no path may contain. */
export interface BlockedConfig {
  /** SHA-256, 64 lower-case digits each. */
  readonly fingerprints: readonly string[];
  /** Absolute path of a file with more of them, read again with the roots. */
  readonly file?: string | undefined;
}

/** Who answers for the logs. */
export interface OperatorConfig {
  /** As log lists have it; undefined: nobody said. */
  readonly name?: string | undefined;
  readonly emails: readonly string[];
}

/** The dates of a shard's life, and what log programs have said of it; milliseconds as above. */
export interface ShardDatesConfig extends ShardDates {
  readonly pendingAtMs?: number | undefined;
  readonly qualifiedAtMs?: number | undefined;
  readonly usableAtMs?: number | undefined;
}

/** One shard, whether written out or expanded from a series. */
export interface ShardConfig {
  /** `[a-z0-9][a-z0-9-]{0,62}`; part of its URL and the name of its folder. */
  readonly name: string;
  readonly type: "rfc6962" | "static-ct-api";
  /** Inclusive; milliseconds since the Unix epoch; whole seconds. */
  readonly notAfterStartMs: number;
  /** Exclusive. */
  readonly notAfterLimitMs: number;
  readonly dates: ShardDatesConfig;
  /** `mozilla`, absolute paths of files, and URLs. */
  readonly roots: readonly string[];
  /** Absolute path of the PKCS#8 P-256 key. */
  readonly keyPath: string;
  /** Absolute path of the shard's folder: `<data>/<name>`. */
  readonly folder: string;
  readonly batch: BatchConfig;
  readonly pool: PoolConfig;
  readonly audit: AuditConfig;
  /** A submission not answered by then gets 503; milliseconds. */
  readonly answerWithinMs: number;
  readonly acceptPrecertificateSigningCertificates: boolean;
  /** Dotted OIDs (names as `serverAuth` are resolved); empty: no filter. */
  readonly extendedKeyUsages: readonly string[];
}

/** The whole configuration. */
export interface Config {
  readonly listen: ListenAddress;
  /** Metrics, health; never the public port. */
  readonly operations: ListenAddress;
  readonly operator: OperatorConfig;
  /** Without trailing slash. */
  readonly publicUrl: string;
  /** Prefix of submissions; the origin lines come from it. Without trailing slash. */
  readonly submissionUrl: string;
  /** Prefix of reads. Without trailing slash. */
  readonly monitoringUrl: string;
  /** Absolute path: one folder per shard below it. */
  readonly data: string;
  /** Absolute path: one folder per log ID below it. */
  readonly guard: string;
  /** Only then may `dev` create keys and shards by itself. */
  readonly development: boolean;
  readonly logLevel: "trace" | "debug" | "info" | "warn" | "error" | "fatal";
  /** Threads that serve the public port, one for each core if `auto`; 0: the main thread does. */
  readonly frontends: number | "auto";
  /** Whether get-entries is compressed here. */
  readonly compress: boolean;
  /** `stdout`, or an absolute path; undefined: requests are not written down. */
  readonly accessLog?: string | undefined;
  /** Whether the public port shows pages to people. */
  readonly pages: boolean;
  /** Absolute path of a log list in Chrome's v3 form; undefined: pages name no other logs. */
  readonly logList?: string | undefined;
  /** How long SIGTERM waits for requests in flight; milliseconds. */
  readonly drainMs: number;
  readonly freeSpace: FreeSpaceConfig;
  readonly limits: LimitsConfig;
  readonly rootsReload: RootsReloadConfig;
  readonly blocked: BlockedConfig;
  /** In the order of the file, those of a series by year. At least one. */
  readonly shards: readonly ShardConfig[];
  /** Names of those that a series has come to by itself, and that have no folder in `data`. */
  readonly ahead: readonly string[];
}
