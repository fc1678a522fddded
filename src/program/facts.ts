/**
 * What is known of logs when they are held against the rules of trust programs. Others gather
 * it, from a configuration and from a running log; here it is only looked at.
 * @module
 */
import type { LogKey } from "../checkpoint/browser-key.ts";
import type { Sha256 } from "../merkle/hash.ts";
import type { LogDescription, LogOperator, LogSpec } from "../static-ct/log-json.ts";

/** A rate of requests of one client. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

/** A shard's public key, or why there is none. */
export type KeyFacts =
  | {
      /** As `P-256`, `P-384`, `RSA 2048`. */
      readonly algorithm: string;
      /** SubjectPublicKeyInfo, DER. */
      readonly publicKey: Uint8Array;
      /** SHA-256 of `publicKey`; 32 bytes. */
      readonly logId: Uint8Array;
    }
  | { readonly problem: string };

/** One shard, as it is configured. */
export interface LogFacts {
  readonly name: string;
  readonly type: LogSpec;
  /** With the shard's name, without trailing slash. */
  readonly submissionUrl: string;
  readonly monitoringUrl: string;
  /** Inclusive; milliseconds since the Unix epoch. */
  readonly notAfterStartMs: number;
  /** Exclusive. */
  readonly notAfterLimitMs: number;
  readonly mmdSeconds: number;
  /** A head is never older than this while the shard is ready; milliseconds. */
  readonly headAgeMsMax: number;
  readonly key: KeyFacts;
  /** Subjects of the accepted roots by the hex of their SHA-256. */
  readonly roots: ReadonlyMap<string, string>;
  /** Dotted OIDs; empty for no filter. */
  readonly extendedKeyUsages: readonly string[];
  readonly acceptPrecertificateSigningCertificates: boolean;
  /** As the log's own log.v3.json has it. */
  readonly listState: LogDescription["listState"];
  /** The last signed head of a log that has closed; undefined before, or where it is not known. */
  readonly finalTreeHead: LogDescription["finalTreeHead"];
}

/** Roots that somebody requires. */
export interface ReferenceRoots {
  /** What they are called: `the Mozilla store of Node`, or a file. */
  readonly source: string;
  /** Names, or empty texts, by the hex of their SHA-256. */
  readonly roots: ReadonlyMap<string, string>;
}

/** One answer of a running log. */
export interface LiveAnswer {
  readonly url: string;
  /** Undefined if none came. */
  readonly status: number | undefined;
  /** Why none came; empty if one did. */
  readonly problem: string;
  readonly cacheControl: string | undefined;
  readonly body: Uint8Array;
}

/** What is asked of a running shard. */
export type LiveName =
  | "log.v3.json"
  | "get-sth"
  | "get-roots"
  | "get-sth-consistency"
  | "get-entries"
  | "get-entry-and-proof"
  | "get-proof-by-hash"
  | "checkpoint"
  | "hash tile"
  | "data tile"
  | "refusal";

/** A shard's answers; those are absent that an empty tree has none of. */
export type LiveFacts = ReadonlyMap<LiveName, LiveAnswer>;

/** Everything. */
export interface Facts {
  readonly operator: { readonly name: string | undefined; readonly emails: LogOperator["emails"] };
  readonly isDevelopment: boolean;
  /** Of one client; undefined: no limit. */
  readonly limits: {
    readonly reads: Rate | undefined;
    readonly addChain: Rate | undefined;
    readonly addPreChain: Rate | undefined;
  };
  /** At least one. */
  readonly logs: readonly LogFacts[];
  readonly mozilla: ReferenceRoots;
  /** Root stores of programs, as files that the operator brought. */
  readonly references: readonly ReferenceRoots[];
  /** Answers by shard; undefined: nobody asked. */
  readonly live: ReadonlyMap<string, LiveFacts> | undefined;
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: number;
  readonly sha256: Sha256;
  /** @throws MalformedError `MALFORMED_KEY`. */
  readonly openKey: (publicKey: Uint8Array) => LogKey;
}
