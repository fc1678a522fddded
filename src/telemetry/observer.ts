/**
 * Port: what happened, as one union of events. Metrics and logs are two observers; a test
 * is a third. Events carry no bytes of certificates and no key material.
 * @module
 */
import type { ErrorCode } from "../base/errors.ts";
import type { ShardDates, ShardPhase } from "../base/shard-life.ts";

/** What a shard is doing: `starting` until recovery is through, `failed` after a fatal error. */
export type ShardState = "starting" | "open" | "read-only" | "failed" | "stopped";

/**
 * Why roots were not taken: a source gave nothing, too many were lost, the file of blocked
 * certificates or the ledger failed.
 */
export type RootsRefusal = "source" | "lost" | "blocklist" | "ledger";

/** Everything that core and engine report. `shard` is the shard's name. */
export type LogEvent =
  | {
      readonly type: "submission-answered";
      readonly shard: string;
      readonly endpoint: "add-chain" | "add-pre-chain";
      /** Whether the entry was in the log already. */
      readonly isDuplicate: boolean;
      /** Few values: see `IssuerLabels`. */
      readonly issuer: string;
      readonly durationMs: number;
    }
  | {
      readonly type: "submission-refused";
      readonly shard: string;
      readonly endpoint: "add-chain" | "add-pre-chain";
      readonly code: ErrorCode | "BUG";
      /** Absent where the headers alone were refused, or the body did not parse. */
      readonly issuer?: string;
      readonly durationMs: number;
    }
  | {
      readonly type: "batch-committed";
      readonly shard: string;
      readonly treeSize: number;
      readonly entryCount: number;
      readonly entryBytes: number;
      readonly commitMs: number;
      readonly verifyMs: number;
      readonly signMs: number;
      /** From the group's timestamp to its publication. */
      readonly mergeDelayMs: number;
    }
  | {
      readonly type: "head-published";
      readonly shard: string;
      readonly treeSize: number;
      readonly timestampMs: number;
    }
  | {
      readonly type: "shard-state";
      readonly shard: string;
      readonly state: ShardState;
      readonly message: string;
    }
  | {
      readonly type: "shard-fatal";
      readonly shard: string;
      readonly code: ErrorCode | "BUG";
      readonly message: string;
    }
  | {
      readonly type: "recovery-step";
      readonly shard: string;
      readonly message: string;
    }
  | {
      readonly type: "clock-held";
      readonly shard: string;
      readonly message: string;
    }
  | {
      /** The running self-audit has verified the entries before `position`. */
      readonly type: "audit-progress";
      readonly shard: string;
      readonly position: number;
      readonly treeSize: number;
    }
  | {
      /** The self-audit has been through the whole shard. */
      readonly type: "audit-pass";
      readonly shard: string;
      readonly treeSize: number;
      readonly durationMs: number;
      /** Confirmed findings that stand. */
      readonly damage: number;
    }
  | {
      readonly type: "audit-finding";
      readonly shard: string;
      /** Few values: `FindingKind` of the monitor. */
      readonly kind: string;
      readonly where: string;
      readonly message: string;
      /** Whether files that were opened afresh show it too. */
      readonly isConfirmed: boolean;
      /** Whether signing stopped for it. */
      readonly isForSigning: boolean;
    }
  | {
      /** The store did not answer the self-audit, which begins again later. */
      readonly type: "audit-interrupted";
      readonly shard: string;
      readonly message: string;
    }
  | {
      /** Entries of full tiles that are published and stand as they were committed. */
      readonly type: "sealing-progress";
      readonly shard: string;
      readonly unsealedEntries: number;
    }
  | {
      /** Entries could not be sealed, or what was sealed not be removed; the shard goes on. */
      readonly type: "sealing-failed";
      readonly shard: string;
      readonly message: string;
    }
  | {
      /** Room became short, or, with an empty message, is back. */
      readonly type: "space-short";
      readonly shard: string;
      readonly message: string;
    }
  | {
      /** What a file system has left, at each look; bytes. */
      readonly type: "space";
      readonly shard: string;
      readonly place: "data" | "guard";
      readonly freeBytes: number;
      readonly totalBytes: number;
    }
  | {
      /** Whether a shard serves in full, whenever the metrics are asked for. */
      readonly type: "shard-ready";
      readonly shard: string;
      readonly isReady: boolean;
      /** Undefined before the first head. */
      readonly phase: ShardPhase | undefined;
      readonly dates: ShardDates;
    }
  | {
      /** What a pool holds at most, once its shard is open. */
      readonly type: "pool-limits";
      readonly shard: string;
      readonly entriesMax: number;
      readonly bytesMax: number;
    }
  | {
      /** How full a pool is, whenever the metrics are asked for. */
      readonly type: "pool-size";
      readonly shard: string;
      readonly entryCount: number;
      readonly bytes: number;
    }
  | {
      /** The last head in the guard's record, whenever the metrics are asked for. */
      readonly type: "guard-head";
      readonly shard: string;
      readonly treeSize: number;
      readonly timestampMs: number;
    }
  | {
      /** How far wall time has moved against steady time since the start. */
      readonly type: "clock-drift";
      readonly driftMs: number;
    }
  | {
      /** The certificate that a public address of the log shows. */
      readonly type: "tls-certificate";
      readonly host: string;
      /** Of the first in its chain that expires; milliseconds since the Unix epoch. */
      readonly expiresMs: number;
      /** Why a client would not take it; empty if it would. */
      readonly problem: string;
    }
  | {
      /** The operator changed what is logged, or it went back by itself. */
      readonly type: "log-level";
      readonly level: string;
      /** What the configuration says. */
      readonly configured: string;
    }
  | {
      /** A public address showed no certificate. */
      readonly type: "tls-unread";
      readonly host: string;
      readonly message: string;
    }
  | {
      /** A throw that no code foresees, met while answering; `message` may hold a stack. */
      readonly type: "request-bug";
      readonly shard: string;
      readonly endpoint: string;
      readonly message: string;
    }
  | {
      /** A frontend thread ended that was not asked to; another takes its place. */
      readonly type: "frontend-ended";
      readonly message: string;
    }
  | {
      /** The sources of a shard's roots were read, at start or again. */
      readonly type: "roots-read";
      readonly shard: string;
      /** Whether nothing of it was refused. */
      readonly isWhole: boolean;
      /** Accepted roots: what get-roots shows. */
      readonly rootCount: number;
      /** Those of them that no source has any more. */
      readonly lostCount: number;
      /** Certificates that the operator has blocked, for all shards. */
      readonly blockedCount: number;
      /** Lines of the ledger that this reading made. */
      readonly changeCount: number;
      readonly timestampMs: number;
    }
  | {
      /** A reading of roots, or a part of one, that changed nothing. No shard: for all. */
      readonly type: "roots-refused";
      readonly shard: string;
      readonly reason: RootsRefusal;
      readonly message: string;
    }
  | {
      /** What the operator's dashboard tells of the past is not kept; the log goes on. */
      readonly type: "history-unwritten";
      readonly message: string;
    }
  | {
      /** Pages are served without what they load: style and scripts, or a log list. */
      readonly type: "pages-bare";
      readonly message: string;
    }
  | {
      readonly type: "roots-warning";
      readonly message: string;
    }
  | {
      readonly type: "request";
      readonly shard: string;
      readonly endpoint: string;
      readonly status: number;
      readonly durationMs: number;
    };

/** Takes events; must neither throw nor block. */
export type Observer = (event: LogEvent) => void;
