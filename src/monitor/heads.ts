/**
 * Heads of one log held against each other: no two trees of one size, none that goes back.
 * @module
 */
import { countOf } from "../base/plural.ts";
import { equalBytes } from "../encoding/bytes.ts";
import type { TreeHead } from "../rfc6962/tree-head.ts";
import { type Finding, finding } from "./finding.ts";

/** Two heads, and what people call them. */
export interface HeadPair {
  readonly older: TreeHead;
  readonly olderName: string;
  readonly newer: TreeHead;
  readonly newerName: string;
}

/**
 * What two heads alone say against each other; whether the smaller tree is a prefix of the
 * larger one is for a proof or the entries to say.
 */
export function compareHeads(pair: HeadPair): readonly Finding[] {
  const { older, olderName, newer, newerName } = pair;
  const where = `${newerName} and ${olderName}`;
  const sizes = `size ${newer.treeSize} of ${newer.timestampMs}, size ${older.treeSize} of ${older.timestampMs}`;
  if (older.treeSize === newer.treeSize) {
    return equalBytes(older.rootHash, newer.rootHash)
      ? []
      : [finding("consistency", where, `two trees of one size: ${sizes}`)];
  }
  const isLarger = newer.treeSize > older.treeSize;
  const isLater = newer.timestampMs > older.timestampMs;
  return isLarger === isLater ? [] : [finding("consistency", where, `it goes back: ${sizes}`)];
}

/** Heads that a shard's folder and its guard hold. */
export interface ShardHeads {
  readonly committed: TreeHead | undefined;
  readonly previous: TreeHead | undefined;
  readonly published: TreeHead | undefined;
  /** The guard's last head; undefined if it was not asked, or never signed. */
  readonly guard: TreeHead | undefined;
  /** Whether the guard was asked. */
  readonly hasGuard: boolean;
}

/** What the heads of a shard at rest say against each other. */
export function auditShardHeads(heads: ShardHeads): readonly Finding[] {
  const { committed, previous, published, guard, hasGuard } = heads;
  const findings: Finding[] = [];
  if (hasGuard && guard === undefined && published !== undefined) {
    const message = `it never signed, but size ${published.treeSize} was published`;
    findings.push(finding("guard", "the guard", message));
  }
  const known = [
    { name: "the previous head", head: previous, kind: "head" },
    { name: "the published head", head: published, kind: "head" },
    { name: "the guard's head", head: guard, kind: "guard" },
  ] as const;
  for (const { name, head, kind } of known) {
    if (head === undefined) continue;
    if (committed === undefined || committed.treeSize < head.treeSize) {
      const missing = head.treeSize - (committed?.treeSize ?? 0);
      const message = `the store is behind it by ${countOf(missing, "entry")}: restored, rolled back or damaged`;
      findings.push(finding(kind, `${name} of size ${head.treeSize}`, message));
      continue;
    }
    if (committed.timestampMs < head.timestampMs) {
      const message = `the store's head of ${committed.timestampMs} is older: rolled back or damaged`;
      findings.push(finding(kind, `${name} of ${head.timestampMs}`, message));
    }
    findings.push(
      ...compareHeads({
        older: head,
        olderName: name,
        newer: committed,
        newerName: "the committed head",
      }),
    );
  }
  if (guard !== undefined && published !== undefined && guard.treeSize < published.treeSize) {
    const message = `size ${published.treeSize} was published after it: an old copy of the guard`;
    findings.push(finding("guard", `the guard's head of size ${guard.treeSize}`, message));
  }
  return findings;
}
