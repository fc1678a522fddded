/**
 * The stored hashes that a commit's verification and its proof need, read in one look: each
 * record is read and checked, and each subtree folded, once for all who ask. Most of what a
 * head costs beside its entries was asking the same of the store three times over.
 * @module
 */
import { defined } from "../base/assert.ts";
import { frontierNodes } from "../merkle/frontier.ts";
import type { NodeId } from "../merkle/node.ts";
import { planConsistency } from "../merkle/proof.ts";
import { TILE_HEIGHT } from "../merkle/tile.ts";
import type { TreeHead } from "../rfc6962/tree-head.ts";
import type { StoreReader } from "../storage/store.ts";

/** Tree levels between the hashes that a store keeps: half a tile. */
export const STORED_LEVELS: number = TILE_HEIGHT / 2;

/** Reads hashes of complete subtrees. */
export type NodeReader = Pick<StoreReader, "readNodes">;

/** What the verification of a commit reads of a store. */
export type CommitReader = Pick<StoreReader, "readNodes" | "readEntries" | "readIssuer">;

/** No two nodes of a tree of up to 2^40 leaves have the same. */
const LEVEL_FACTOR = 2 ** 41;

/**
 * `store` as it is after the commit of `head` on top of `last`, with the edges of both trees, the
 * new hashes and those of the proof between them read now. Any other node is read when asked for.
 * @throws what `readNodes` throws.
 */
export async function readCommitted(
  store: CommitReader,
  last: TreeHead | undefined,
  head: TreeHead,
): Promise<CommitReader> {
  const first = last?.treeSize ?? 0;
  const nodes = new Map<number, NodeId>();
  const want = (wanted: readonly NodeId[]): void => {
    for (const node of wanted) nodes.set(keyOf(node), node);
  };
  want(frontierNodes(first));
  want(frontierNodes(head.treeSize));
  want(planConsistency(first, head.treeSize).nodes);
  want(newNodes(first, head.treeSize));
  const hashes = await store.readNodes([...nodes.values()]);
  const known = new Map<number, Uint8Array>();
  let position = 0;
  for (const key of nodes.keys()) {
    known.set(key, defined(hashes[position], "one hash a node"));
    position += 1;
  }
  return {
    async readNodes(wanted) {
      const found: Uint8Array[] = [];
      for (const node of wanted) {
        const hash = known.get(keyOf(node));
        if (hash === undefined) return store.readNodes(wanted);
        found.push(hash);
      }
      return found;
    },
    readEntries: (start, end, into) => store.readEntries(start, end, into),
    readIssuer: (fingerprint) => store.readIssuer(fingerprint),
  };
}

/** The nodes that a store keeps and that came to be between two sizes. */
function newNodes(first: number, size: number): readonly NodeId[] {
  const nodes: NodeId[] = [];
  for (let level = 0; 2 ** level <= size; level += STORED_LEVELS) {
    const end = Math.floor(size / 2 ** level);
    for (let index = Math.floor(first / 2 ** level); index < end; index += 1) {
      nodes.push({ level, index });
    }
  }
  return nodes;
}

function keyOf({ level, index }: NodeId): number {
  return level * LEVEL_FACTOR + index;
}
