/**
 * `(tree, group, now) -> plan`: what a group of submissions makes of a tree. Pure.
 * @module
 */
import { assert } from "../base/assert.ts";
import { TREE_SIZE_MAX } from "../base/integers.ts";
import { bytesKey, joinBytes } from "../encoding/bytes.ts";
import { appendLeaves, type Frontier, frontierRoot } from "../merkle/frontier.ts";
import type { Sha256 } from "../merkle/hash.ts";
import { hashMerkleTreeLeaf } from "../rfc6962/entry.ts";
import type { TreeHead } from "../rfc6962/tree-head.ts";
import { encodeLeafIndexExtension } from "../static-ct/extensions.ts";
import { encodeTileLeaves, type TileLeaf } from "../static-ct/tile-leaf.ts";
import type { Commit, Issuer } from "../storage/store.ts";
import type { Submission } from "./message.ts";

/** A tree as the sequencer holds it between two groups. */
export interface Tree {
  /** The committed head; undefined before the first. */
  readonly head: TreeHead | undefined;
  readonly frontier: Frontier;
}

/** A commit and the tree after it. */
export interface Plan {
  readonly commit: Commit;
  readonly tree: Tree & { readonly head: TreeHead };
}

/**
 * Plans one group: one timestamp, consecutive indexes, leaf hashes, tiles, root.
 *
 * @param timestampMs Later than the tree's head.
 * @param submissions Distinct in their dedup keys, none of them logged yet; may be empty.
 * @param isNewIssuer Whether the store may lack an issuer.
 */
export function planGroup(
  sha256: Sha256,
  tree: Tree,
  timestampMs: number,
  submissions: readonly Submission[],
  isNewIssuer: (issuer: Issuer) => boolean,
): Plan {
  assert(tree.frontier.size === (tree.head?.treeSize ?? 0), "the frontier is the head's");
  assert(timestampMs > (tree.head?.timestampMs ?? 0), "a head is newer than the one before");
  assert(tree.frontier.size + submissions.length < TREE_SIZE_MAX, "the tree has room");
  const leaves: TileLeaf[] = [];
  const leafHashes: Uint8Array[] = [];
  const issuers = new Map<string, Issuer>();
  for (const [position, submission] of submissions.entries()) {
    const leaf: TileLeaf = {
      timestampMs,
      entry: submission.entry,
      extensions: encodeLeafIndexExtension(tree.frontier.size + position),
      precertificate: submission.precertificate,
      chainFingerprints: submission.chainFingerprints,
    };
    leaves.push(leaf);
    leafHashes.push(hashMerkleTreeLeaf(sha256, leaf));
    for (const issuer of submission.issuers) {
      if (isNewIssuer(issuer)) issuers.set(bytesKey(issuer.fingerprint), issuer);
    }
  }
  const entries = encodeTileLeaves(leaves);
  const appended = appendLeaves(sha256, tree.frontier, leafHashes);
  const head: TreeHead = {
    treeSize: appended.frontier.size,
    timestampMs,
    rootHash: frontierRoot(sha256, appended.frontier),
  };
  const commit: Commit = {
    expected: tree.head,
    head,
    entries,
    entriesSha256: sha256(joinBytes(entries)),
    issuers: [...issuers.values()],
    runs: appended.runs,
    dedupKeys: submissions.map((submission) => submission.dedupKey),
    timestampsMs: submissions.map(() => timestampMs),
  };
  return { commit, tree: { head, frontier: appended.frontier } };
}
