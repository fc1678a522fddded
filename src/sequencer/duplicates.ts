/**
 * Step 3 of a submission's life: which of a group are in the log already. A hit is proven
 * against the tree before it is answered.
 * @module
 */
import { defined } from "../base/assert.ts";
import { FatalError } from "../base/errors.ts";
import { equalBytes } from "../encoding/bytes.ts";
import { hashLeaf, type Sha256 } from "../merkle/hash.ts";
import { encodeMerkleTreeLeaf } from "../rfc6962/entry.ts";
import { encodeLeafIndexExtension } from "../static-ct/extensions.ts";
import type { DedupHit, StoreReader } from "../storage/store.ts";
import { dedupKeyOf } from "./message.ts";
import type { Waiting } from "./pool.ts";

/** A submission whose entry is in the published tree. */
export interface Duplicate extends DedupHit {
  readonly waiting: Waiting;
  /** Encoded `MerkleTreeLeaf` of the logged entry: what its SCT signs. */
  readonly leaf: Uint8Array;
  /** Recomputed from the entry that `leaf` holds. */
  readonly dedupKey: Uint8Array;
}

/**
 * Splits a group.
 * @param publishedSize A hit at or beyond it cannot be: the last commit was published.
 * @throws FatalError `FATAL_DEDUP_MISMATCH` if a hit does not name the entry that it should.
 */
export async function findDuplicates(
  sha256: Sha256,
  store: StoreReader,
  group: readonly Waiting[],
  publishedSize: number,
): Promise<{ readonly fresh: readonly Waiting[]; readonly duplicates: readonly Duplicate[] }> {
  if (group.length === 0) return { fresh: [], duplicates: [] };
  const hits = await store.findDuplicates(group.map((waiting) => waiting.submission.dedupKey));
  const fresh: Waiting[] = [];
  const duplicates: Duplicate[] = [];
  for (const [position, waiting] of group.entries()) {
    const hit = hits[position];
    if (hit === undefined) {
      fresh.push(waiting);
      continue;
    }
    if (hit.leafIndex >= publishedSize) throw mismatch(hit, "beyond the published tree");
    const { entry } = waiting.submission;
    const leaf = encodeMerkleTreeLeaf({
      timestampMs: hit.timestampMs,
      entry,
      extensions: encodeLeafIndexExtension(hit.leafIndex),
    });
    duplicates.push({ ...hit, waiting, leaf, dedupKey: dedupKeyOf(sha256, entry) });
  }
  if (duplicates.length === 0) return { fresh, duplicates };
  const hashes = await store.readNodes(
    duplicates.map(({ leafIndex }) => ({ level: 0, index: leafIndex })),
  );
  for (const [position, duplicate] of duplicates.entries()) {
    const hash = defined(hashes[position], "one hash a node");
    if (!equalBytes(hashLeaf(sha256, duplicate.leaf), hash)) {
      throw mismatch(duplicate, "another entry");
    }
  }
  return { fresh, duplicates };
}

function mismatch(hit: DedupHit, what: string): FatalError {
  return new FatalError(
    "FATAL_DEDUP_MISMATCH",
    `the dedup index points at entry ${hit.leafIndex}, which is ${what}; ` +
      "the index is damaged: nothing is signed before it was repaired",
  );
}
