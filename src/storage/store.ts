/**
 * Port: the durable memory of one shard. High-level on purpose: an adapter makes `commit`
 * atomic in its own way. Sizes that an answer may show are the caller's business: reads are
 * cut by the caller to the published head.
 * @module
 */
import type { NodeRun } from "../merkle/frontier.ts";
import type { NodeId } from "../merkle/node.ts";
import type { SignedTreeHead, TreeHead } from "../rfc6962/tree-head.ts";

/** What a store belongs to; written once by `init`, never changed. */
export interface ShardIdentity {
  /** Name of the shard, as in its URL. */
  readonly name: string;
  /** SHA-256 of the log's SubjectPublicKeyInfo; 32 bytes. */
  readonly logId: Uint8Array;
  /** Origin line of its checkpoints. */
  readonly origin: string;
  readonly type: "rfc6962" | "static-ct-api";
  /** Inclusive; milliseconds since the Unix epoch. */
  readonly notAfterStartMs: number;
  /** Exclusive. */
  readonly notAfterLimitMs: number;
}

/** A certificate of chains, stored once. */
export interface Issuer {
  /** SHA-256 of `der`; 32 bytes. */
  readonly fingerprint: Uint8Array;
  readonly der: Uint8Array;
}

/** Where a logged entry stands. */
export interface DedupHit {
  readonly leafIndex: number;
  /** The entry's timestamp; milliseconds since the Unix epoch. */
  readonly timestampMs: number;
}

/** Consecutive entries as they are stored. */
export interface EntryRun {
  /** Index of the first. */
  readonly start: number;
  /** The TileLeafs one after the other: what a data tile holds. */
  readonly bytes: Uint8Array;
  /** For each entry the offset in `bytes` behind its last byte. */
  readonly ends: readonly number[];
}

/** Everything that is derived from new entries. */
export interface DerivedRecords {
  /** Every new complete subtree; the run of level 0 is the new leaf hashes. */
  readonly runs: readonly NodeRun[];
  /** 32 bytes for each new entry, in order. */
  readonly dedupKeys: readonly Uint8Array[];
  /** The timestamp of each new entry, in order; milliseconds since the Unix epoch. */
  readonly timestampsMs: readonly number[];
}

/** One group of entries and the head that follows; of no entries for an idle refresh. */
export interface Commit extends DerivedRecords {
  /** The head that the store must hold now; undefined for the first commit of a shard. */
  readonly expected: TreeHead | undefined;
  readonly head: TreeHead;
  /** Encoded TileLeafs of [expected.treeSize, head.treeSize). */
  readonly entries: readonly Uint8Array[];
  /** SHA-256 over `entries` one after the other; 32 bytes. */
  readonly entriesSha256: Uint8Array;
  /** Issuers that the store may not have yet; storing one again is harmless. */
  readonly issuers: readonly Issuer[];
}

/** What a store knows of itself when it is loaded. */
export interface StoreState {
  readonly identity: ShardIdentity;
  /** The head of the last commit; undefined before the first. */
  readonly committed: TreeHead | undefined;
  /** The head before that one, which the last commit carried along. */
  readonly previous: TreeHead | undefined;
  /** SHA-256 of the entries [previous.treeSize, committed.treeSize), as the last commit gave it. */
  readonly entriesSha256: Uint8Array | undefined;
  /** The last head that was published here; may lag behind the guard's. */
  readonly published: SignedTreeHead | undefined;
  /** How many of the last entries must have their records checked. */
  readonly recheckEntryCount: number;
  /**
   * How many of these, the first of them, may be checked while the shard is open: the storage has
   * reason to say that none of their records was lost.
   */
  readonly recheckLaterCount: number;
}

/**
 * Where bytes may be put: gives an array of at least `length` bytes, which nobody else uses as
 * long as the result is in use. A read may ask again, and may give back a fresh array after all.
 */
export type Into = (length: number) => Uint8Array;

/**
 * Reads for frontends; each sees what was committed. Every read throws FatalError
 * `FATAL_STORE_CORRUPT` where a checksum differs, `UnavailableError` `UNAVAILABLE_STORE` where
 * the storage does not answer.
 */
export interface StoreReader {
  /**
   * Hashes of complete subtrees, in the order asked for; 32 bytes each; views or copies.
   * @throws FatalError `FATAL_STORE_CORRUPT` if one is not there.
   */
  readNodes(nodes: readonly NodeId[]): Promise<readonly Uint8Array[]>;

  /** The first `width` hashes of hash tile (level, index), one after the other: `32 * width` bytes. */
  readTile(level: number, index: number, width: number): Promise<Uint8Array>;

  /** Entries [start, end): at least one, at most 4,096, all committed. */
  readEntries(start: number, end: number, into?: Into): Promise<EntryRun>;

  /**
   * Full data tile `index` as the gzip that was made of it once, against its checksum; undefined
   * if it was not compressed yet, or is not full.
   */
  readSealedTile(index: number, into?: Into): Promise<Uint8Array | undefined>;

  /** Index of the entry with this leaf hash; undefined if there is none. */
  findLeaf(leafHash: Uint8Array): Promise<number | undefined>;

  /** The certificate with this SHA-256; undefined if no committed entry names it. */
  readIssuer(fingerprint: Uint8Array): Promise<Uint8Array | undefined>;

  /** Where entries with these dedup keys stand, in order; undefined for those not logged. */
  findDuplicates(dedupKeys: readonly Uint8Array[]): Promise<readonly (DedupHit | undefined)[]>;
}

/** The whole store: held by one sequencer. */
export interface Store extends StoreReader, AsyncDisposable {
  /** Reads the state afresh; drops everything that an earlier load remembered. */
  load(): Promise<StoreState>;

  /**
   * Makes a group durable, all or nothing, before it resolves.
   *
   * @throws FatalError `FATAL_HEAD_CONFLICT` if the store holds another head than `expected`:
   *   nothing was changed; `FATAL_FSYNC` if a flush failed: only a restart recovers;
   *   `FATAL_COMMIT_UNKNOWN` if the outcome is unknown: load again.
   * @throws UnavailableError `UNAVAILABLE_STORE` if nothing was committed.
   */
  commit(commit: Commit): Promise<void>;

  /** Remembers the published head; need not be durable when it resolves. Errors as in `commit`. */
  publish(head: SignedTreeHead): Promise<void>;

  /**
   * Writes the derived records of entries [committed - dedupKeys.length, committed) again;
   * the head stays. Durable when it resolves. Errors as in `commit`.
   */
  rewriteDerived(expected: TreeHead, records: DerivedRecords): Promise<void>;

  /**
   * To be called once the records of all `recheckEntryCount` entries were checked, and mended if
   * need be; or with false once one is not what it should be. Until it is called with true, the
   * storage does not forget that some may have been lost, and lets none of them wait.
   */
  recordsChecked(areSound: boolean): Promise<void>;

  /**
   * Goes back to the head before the committed one, dropping the entries beyond it with all
   * their records. Only for a head that was never signed. Errors as in `commit`. Afterwards
   * `committed` and `previous` are both `to`, and `entriesSha256` is that of no bytes.
   *
   * @param to What `previous` is now: anything else is `FATAL_HEAD_CONFLICT`.
   */
  revert(expected: TreeHead, to: TreeHead | undefined): Promise<void>;
}

/** Entry `position` of a run: a view. */
export function entryOfRun(run: EntryRun, position: number): Uint8Array {
  const start = position === 0 ? 0 : run.ends[position - 1];
  const end = run.ends[position];
  if (start === undefined || end === undefined) {
    throw new RangeError(`no entry ${position} in a run of ${run.ends.length}`);
  }
  return run.bytes.subarray(start, end);
}
