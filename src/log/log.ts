/**
 * The facade of one shard: what delivery (http, cli) may ask of it. Nothing here shows
 * anything beyond the published head.
 * @module
 */
import type { RejectedError, UnavailableError } from "../base/errors.ts";
import type { ShardDates, ShardPhase } from "../base/shard-life.ts";
import type { JsonEntry } from "../rfc6962/json.ts";
import type { Sct } from "../rfc6962/sct.ts";
import type { SignedTreeHead, TreeHead } from "../rfc6962/tree-head.ts";
import type { Into, ShardIdentity } from "../storage/store.ts";
import type { ShardState } from "../telemetry/observer.ts";
import type { RootSet } from "../x509/roots.ts";
import type { LoggedEntry } from "./logged-entry.ts";
import type { Verdict } from "./validate.ts";

/** The two ways in: RFC 6962, sections 4.1 and 4.2. */
export type SubmitEndpoint = "add-chain" | "add-pre-chain";

/** A shard's condition, for health, metrics and the operator. */
export interface LogStatus {
  readonly state: ShardState;
  /** Its place in its life, by the last head; undefined before the first. */
  readonly phase: ShardPhase | undefined;
  /** Whether the shard does all that its phase allows, and shows a fresh head until it retires. */
  readonly isReady: boolean;
  /** Why not, in a sentence that says what to do; empty when ready. */
  readonly reason: string;
  /** Age of the published head in milliseconds; undefined without one. */
  readonly headAgeMs: number | undefined;
  readonly poolEntryCount: number;
  readonly poolBytes: number;
  /** The last head that the guard knows; absent in a frontend, or without a guard. */
  readonly guardHead?: TreeHead | undefined;
  /** What the self-audit found damaged, in a sentence; absent if nothing. */
  readonly damage?: string | undefined;
}

/** One shard. */
export interface Log {
  readonly identity: ShardIdentity;
  /** The key's SubjectPublicKeyInfo, DER; empty, as is the log ID, where the key is missing. */
  readonly publicKey: Uint8Array;
  readonly dates: ShardDates;

  /** Accepted roots, DER, in order. */
  roots(): readonly Uint8Array[];

  /** From now on submissions are judged by these; what was learnt under others is forgotten. */
  replaceRoots(roots: RootSet): void;

  /**
   * What the headers of a submission alone refuse, before its body is read. add-chain gives way
   * before add-pre-chain. Returned and not thrown: in an overload that would be a fifth of it.
   * @returns RejectedError `REJECTED_SHARD_PLANNED`, `REJECTED_SHARD_CLOSED`; UnavailableError
   *   (pool full, not ready, ...); undefined if it may come.
   */
  refusalOf(endpoint: SubmitEndpoint): RejectedError | UnavailableError | undefined;

  /**
   * Looks for the answer that the same body, byte for byte, got before.
   * @returns A key to submit its chain with, and the SCT if there is one.
   * @throws MalformedError, RejectedError: what it was refused with before.
   */
  recall(
    endpoint: SubmitEndpoint,
    body: Uint8Array,
  ): { readonly bodyKey: string; readonly sct: Sct | undefined };

  /**
   * Judges a chain, has it sequenced, and resolves once its entry is durable and published.
   * @param chain DER certificates, leaf first; not copied, not changed.
   * @param bodyKey Of the body that held the chain, from `recall`; without it nothing is recalled.
   * @throws MalformedError, RejectedError, UnavailableError.
   */
  submit(endpoint: SubmitEndpoint, chain: readonly Uint8Array[], bodyKey?: string): Promise<Sct>;

  /**
   * Judges a chain as `submit` would and logs nothing.
   * @param endpoint Undefined: the one that the first certificate belongs to.
   * @throws UnavailableError, also when the pool is nearly full: a dry run gives way first.
   */
  validate(endpoint: SubmitEndpoint | undefined, chain: readonly Uint8Array[]): Promise<Verdict>;

  /** The published head. @throws UnavailableError `UNAVAILABLE_NO_HEAD` or `..._SHARD_NOT_READY`. */
  head(): SignedTreeHead;

  /** The published head as a checkpoint: c2sp.org/static-ct-api#checkpoints. @throws as `head`. */
  checkpoint(): string;

  /**
   * Calls `changed` each time the published head or the state is another, from the last call of
   * `head` on, until the returned function is called.
   */
  watch(changed: () => void): () => void;

  /** The published tree size without regard to the state: what reads are cut to. */
  publishedSize(): number;

  /** @throws RejectedError `REJECTED_TREE_SIZE_UNKNOWN` if `second` is beyond the published size. */
  proveConsistency(first: number, second: number): Promise<readonly Uint8Array[]>;

  /**
   * @throws RejectedError `REJECTED_LEAF_UNKNOWN` if no entry below `treeSize` has this hash;
   *   `REJECTED_TREE_SIZE_UNKNOWN` if `treeSize` is beyond the published size.
   */
  proveByHash(
    leafHash: Uint8Array,
    treeSize: number,
  ): Promise<{ readonly leafIndex: number; readonly path: readonly Uint8Array[] }>;

  /**
   * Entries [start, end), at most 1,024; fewer where the page would pass 32 MB of JSON.
   * @throws RejectedError `REJECTED_RANGE` if `start` is beyond the published size.
   */
  readEntries(start: number, end: number, into?: Into): Promise<readonly LoggedEntry[]>;

  /** @throws RejectedError `REJECTED_TREE_SIZE_UNKNOWN` if `treeSize` is beyond the published size. */
  entryAndProof(
    leafIndex: number,
    treeSize: number,
  ): Promise<JsonEntry & { readonly path: readonly Uint8Array[] }>;

  /** A hash tile; undefined if it is not wholly within the published size. */
  readTile(level: number, index: number, width: number): Promise<Uint8Array | undefined>;

  /** A data tile, not compressed; undefined if it is not wholly within the published size. */
  readDataTile(index: number, width: number): Promise<Uint8Array | undefined>;

  /**
   * A full data tile as the gzip that is stored of it: `readDataTile`'s bytes, compressed once;
   * undefined if it was not compressed yet, or is not wholly within the published size.
   */
  readSealedTile(index: number, into?: Into): Promise<Uint8Array | undefined>;

  /** An issuer by SHA-256; undefined if no entry names it. */
  readIssuer(fingerprint: Uint8Array): Promise<Uint8Array | undefined>;

  status(): LogStatus;
}
