/**
 * What an audit finds: values, so that they can be counted, compared and confirmed.
 * @module
 */

import { frontierNodes } from "../merkle/frontier.ts";
import type { NodeId } from "../merkle/node.ts";
import { TILE_HEIGHT } from "../merkle/tile.ts";

/** What is damaged. */
export type FindingKind =
  /** An entry's bytes: unreadable, malformed, or not what they should be. */
  | "entry"
  /** An entry that is newer than its head, or does not stand where its `leaf_index` says. */
  | "entry-place"
  /** A TBS that is not its precertificate's. */
  | "entry-tbs"
  | "issuer"
  /** A stored leaf hash. */
  | "level-0"
  /** A stored hash of a tile above level 0. */
  | "tile"
  /** A stored hash between the levels of tiles. */
  | "inner-hash"
  | "dedup"
  | "leaf-index"
  /** A record of the database that nothing above explains. */
  | "record"
  /** What is served of a full data tile as gzip. */
  | "sealed-tile"
  /** A table, which holds records of the database. */
  | "table"
  /** A log of the database, or its list of tables. */
  | "database-log"
  /** A file of entries. */
  | "segment"
  | "head"
  | "signature"
  | "root"
  | "consistency"
  | "guard";

/** One thing that is wrong. */
export interface Finding {
  readonly kind: FindingKind;
  /** What it concerns: `entry 17`, `entries [256, 512)`, `hash (8, 3)`, `issuer 00ab...`. */
  readonly where: string;
  readonly message: string;
  /** Whether an answer that is yet to be signed would rest on it. */
  readonly isForSigning: boolean;
}

/** Findings that are kept at most; the rest is counted. */
export const FINDINGS_MAX = 1_000;

const MIRROR = "bring the bytes back from a mirror or backup, which their hash proves to be right";
const DERIVED = "everything but entries and issuers is derived from them and can be made again";
const TABLE =
  "stop the shard, and bring the file back from a backup of this very shard, or the whole " +
  "folder from one that is at least as new as the guard's last head; what is in it is derived " +
  "from entries and issuers, which a mirror has";
const STOP = "stop the log and keep a copy of its folders before anything is changed";

/** What the operator can do, by kind: a sentence without full stop. */
export const ADVICE: Readonly<Record<FindingKind, string>> = {
  entry: MIRROR,
  "entry-place": MIRROR,
  "entry-tbs": MIRROR,
  issuer: `${MIRROR}; any copy of the certificate will do`,
  "level-0": DERIVED,
  tile: DERIVED,
  "inner-hash": DERIVED,
  dedup: DERIVED,
  "leaf-index": DERIVED,
  record: DERIVED,
  "sealed-tile": MIRROR,
  table: TABLE,
  "database-log": TABLE,
  segment: MIRROR,
  head: `${STOP}; the guard and the public checkpoint know the last head`,
  signature: `${STOP}; compare with the key and with what the log published`,
  root: `${STOP}; find out whether entries or tiles are wrong: a mirror knows both`,
  consistency: `${STOP}; two heads that contradict each other end a log's trust`,
  guard: `${STOP}; never delete the guard: without it nothing shows what was signed`,
};

/** Makes a finding. @param isForSigning Default: whether its kind always is. */
export function finding(
  kind: FindingKind,
  where: string,
  message: string,
  isForSigning: boolean = ALWAYS_FOR_SIGNING.has(kind),
): Finding {
  return { kind, where, message, isForSigning };
}

const ALWAYS_FOR_SIGNING: ReadonlySet<FindingKind> = new Set([
  "level-0",
  "dedup",
  "leaf-index",
  "table",
  "head",
  "signature",
  "root",
  "consistency",
  "guard",
]);

/** One line for people, and for telling whether two findings are the same. */
export function formatFinding({ kind, where, message }: Finding): string {
  return `${kind}: ${where}: ${message}`;
}

/** Whether the root of `treeSize` leaves is computed from this stored hash. */
export function isOnEdge(node: NodeId, treeSize: number): boolean {
  const tileLevel = Math.floor(node.level / TILE_HEIGHT);
  return frontierNodes(treeSize).some(
    ({ level, index }) =>
      level >= node.level &&
      Math.floor(level / TILE_HEIGHT) === tileLevel &&
      Math.floor(node.index / 2 ** (level - node.level)) === index,
  );
}

/** `entry 3` or `entries [3, 5)`. */
export function entriesAt(start: number, end: number): string {
  return end - start === 1 ? `entry ${start}` : `entries [${start}, ${end})`;
}
