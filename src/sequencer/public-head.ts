/**
 * Rollback detection where the guard was taken back too: what the world was shown under this
 * key must be known to guard and store.
 * @module
 */

import { FatalError } from "../base/errors.ts";
import { countOf } from "../base/plural.ts";
import { equalBytes } from "../encoding/bytes.ts";
import { frontierRoot } from "../merkle/frontier.ts";
import { emptyRoot, type Sha256 } from "../merkle/hash.ts";
import type { SignedTreeHead, TreeHead } from "../rfc6962/tree-head.ts";
import type { StoreReader } from "../storage/store.ts";
import { readFrontier } from "./verify.ts";

/**
 * Requires that `shown`, a head with a good signature, follows from what is known here.
 *
 * @param last The guard's last head; undefined if it never signed.
 * @param committed The store's head.
 * @param url Where `shown` was.
 * @throws FatalError `FATAL_ROLLED_BACK` if it is newer than the guard's last;
 *   `FATAL_GUARD_DISAGREES` if it is of another tree.
 */
export async function requireKnown(
  sha256: Sha256,
  store: StoreReader,
  known: { readonly last: SignedTreeHead | undefined; readonly committed: TreeHead | undefined },
  shown: TreeHead,
  url: string,
): Promise<void> {
  const { last, committed } = known;
  const size = last?.treeSize ?? 0;
  const timeMs = last?.timestampMs ?? 0;
  if (shown.treeSize > size || shown.timestampMs > timeMs) {
    const entries = Math.max(0, shown.treeSize - size);
    const ours = last === undefined ? "none" : `size ${size} of ${dateOf(timeMs)}`;
    throw new FatalError(
      "FATAL_ROLLED_BACK",
      `data and guard are behind what the world was shown by ${countOf(entries, "entry")}` +
        `${last === undefined ? "" : ` and ${shown.timestampMs - timeMs} ms`}: ${url} has a head ` +
        `of size ${shown.treeSize} of ${dateOf(shown.timestampMs)}, signed with this key, and ` +
        `the guard's last is ${ours}. Both were restored from an older copy, or another process ` +
        "signs with this key: stop that one, or bring the newer data and guard back; " +
        "nothing is signed",
    );
  }
  // What is missing from the store is for its recovery to say.
  if (committed === undefined || shown.treeSize > committed.treeSize) return;
  const root =
    shown.treeSize === 0
      ? emptyRoot(sha256)
      : frontierRoot(sha256, await readFrontier(store, shown.treeSize));
  if (equalBytes(root, shown.rootHash)) return;
  throw new FatalError(
    "FATAL_GUARD_DISAGREES",
    `${url} has a head of size ${shown.treeSize}, signed with this key, of another tree than ` +
      "the one stored here: two logs have used one key. Find the other one and keep every " +
      "signed head; this log has to be retired; nothing is signed",
  );
}

function dateOf(timestampMs: number): string {
  return new Date(timestampMs).toISOString();
}
