/**
 * Port: a log as its readers see it, whichever API it is read through. What comes back was
 * parsed strictly, but it is the log's word: no signature and no proof was verified.
 * @module
 */
import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import type { JsonEntry } from "../rfc6962/json.ts";
import type { SignedTreeHead } from "../rfc6962/tree-head.ts";
import type { TileLeaf } from "../static-ct/tile-leaf.ts";

/** Which public API a log is read through. */
export type LogApi = "RFC 6962" | "static-ct-api";

/** An entry and its audit path. */
export interface EntryAndProof extends JsonEntry {
  /** Sibling hashes from the leaf's level upwards; 32 bytes each. */
  readonly path: readonly Uint8Array[];
}

/**
 * What both APIs can answer. Tree sizes that are asked for must not be larger than one that
 * `head` answered. Each method throws SourceError if the log does not answer, refuses, or
 * answers what does not parse.
 */
export interface LogSource {
  readonly api: LogApi;

  /** The newest head: get-sth, or the checkpoint as such. */
  head(): Promise<SignedTreeHead>;

  /** Consistency proof; empty from size 0 and between equal sizes. */
  consistency(firstSize: number, secondSize: number): Promise<readonly Uint8Array[]>;

  /**
   * Entries from `start` on, in order: at least one, at most `end - start`; ask again for the
   * rest. `end` must not be beyond the tree.
   */
  entries(start: number, end: number): Promise<readonly JsonEntry[]>;

  /** One entry and its audit path in the tree of `treeSize` leaves. */
  entryAndProof(leafIndex: number, treeSize: number): Promise<EntryAndProof>;
}

/** A log read through RFC 6962, section 4. */
export interface Rfc6962Reader extends LogSource {
  readonly api: "RFC 6962";

  /** get-proof-by-hash: section 4.5. `leafHash` has 32 bytes. */
  proofByHash(
    leafHash: Uint8Array,
    treeSize: number,
  ): Promise<{ readonly leafIndex: number; readonly path: readonly Uint8Array[] }>;

  /** get-roots: section 4.7. DER certificates. */
  roots(): Promise<readonly Uint8Array[]>;
}

/** A log read through c2sp.org/static-ct-api. */
export interface StaticCtReader extends LogSource {
  readonly api: "static-ct-api";

  /** The newest checkpoint of the log that this reader was told to expect. */
  checkpoint(): Promise<Checkpoint>;

  /** The first `width` hashes of a hash tile, one after the other: `32 * width` bytes. */
  tile(level: number, index: number, width: number): Promise<Uint8Array>;

  /** The first `width` TileLeafs of a data tile, or more of them, one after the other. */
  dataTile(index: number, width: number): Promise<Uint8Array>;

  /** The certificate with this SHA-256, which was compared. */
  issuer(fingerprint: Uint8Array): Promise<Uint8Array>;

  /** The root of the first `treeSize` leaves, computed from hash tiles. */
  rootFromTiles(treeSize: number): Promise<Uint8Array>;
}

/** The tiles and issuers of a log, from wherever they are read. */
export type TileReader = Pick<StaticCtReader, "tile" | "dataTile" | "issuer">;

/** Index look-ups of a store, which no public API shows whole. */
export interface AuditIndexes {
  /** Where entries with these dedup keys stand, in order; undefined for those not there. */
  findDuplicates(
    dedupKeys: readonly Uint8Array[],
  ): Promise<readonly ({ readonly leafIndex: number; readonly timestampMs: number } | undefined)[]>;

  /** Index of the entry with this leaf hash; undefined if there is none. */
  findLeaf(leafHash: Uint8Array): Promise<number | undefined>;
}

/**
 * A log of a fixed size as an audit walks through it: a store's or a public API's. Each method
 * throws MalformedError or FatalError `FATAL_STORE_CORRUPT` where what it should answer is
 * damaged, and anything else where there is no answer now.
 */
export interface AuditSource {
  /** Tree levels between the hashes that `nodes` answers; undefined if it answers none. */
  readonly nodeLevelStep: 4 | 8 | undefined;

  /** All of the entries [start, end), in order. */
  entries(start: number, end: number): Promise<readonly TileLeaf[]>;

  /** Stored hashes [start, end) of one tree level, a multiple of `nodeLevelStep`; 32 bytes each. */
  nodes(level: number, start: number, end: number): Promise<readonly Uint8Array[]>;

  /** The hashes of the right edge of the tree of the first `size` leaves, largest subtree first. */
  frontier(size: number): Promise<readonly Uint8Array[]>;

  /** A certificate of a chain by its SHA-256; undefined if there is none. */
  issuer(fingerprint: Uint8Array): Promise<Uint8Array | undefined>;

  /** What is stored of full data tile `index` besides its entries, if anything; absent: nothing. */
  sealedTile?(index: number): Promise<Uint8Array | undefined>;

  /** Undefined where there are none to be seen. */
  readonly indexes: AuditIndexes | undefined;
}
