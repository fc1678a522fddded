/**
 * What the simulated clients read while everything else goes on: some proofs at once, of the
 * newest head or an older one, each held against the model.
 * @module
 */
import assert from "node:assert/strict";
import { CtError } from "../../src/base/errors.ts";
import type { Log } from "../../src/log/log.ts";
import { hashLeaf } from "../../src/merkle/hash.ts";
import { sha256 } from "../support/sha256.ts";
import type { Checker } from "./checker.ts";
import type { Prng } from "./world.ts";

/** Requests that come together, before the first is answered. */
const AT_ONCE_MAX = 3;

/** Sends some reads; what comes of them is checked when it comes. */
export function readSome(log: Log, checker: Checker, random: Prng): void {
  const newest = checker.heads.at(-1);
  // After a restart reads see nothing until a head is there again.
  if (newest === undefined || log.publishedSize() < newest.treeSize) return;
  const wasOpen = log.status().state === "open";
  const count = 1 + random.below(AT_ONCE_MAX);
  for (let sent = 0; sent < count; sent += 1) {
    const head = random.chance(0.7) ? newest : random.pick(checker.heads);
    if (head.treeSize === 0) continue;
    const leafIndex = random.below(head.treeSize);
    const leafHash = checker.leafHashes[leafIndex];
    assert(leafHash !== undefined, "the model has all that is published");
    const read = random.pick([proveLeaf, readEntry, proveOlder]);
    read({ log, checker, head, leafIndex, leafHash, random }).then(
      (check) => checker.guard(check),
      (error: unknown) => checker.guard(() => requireExplained(error, wasOpen)),
    );
  }
}

interface Wanted {
  readonly log: Log;
  readonly checker: Checker;
  readonly head: Checker["heads"][number];
  readonly leafIndex: number;
  readonly leafHash: Uint8Array;
  readonly random: Prng;
}

async function proveLeaf(wanted: Wanted): Promise<() => void> {
  const { log, checker, head, leafIndex, leafHash } = wanted;
  const found = await log.proveByHash(leafHash, head.treeSize);
  return () => {
    assert.equal(found.leafIndex, leafIndex);
    checker.onInclusion({ leafIndex, leafHash }, head, found.path);
  };
}

async function readEntry(wanted: Wanted): Promise<() => void> {
  const { log, checker, head, leafIndex, leafHash } = wanted;
  const { leafInput, path } = await log.entryAndProof(leafIndex, head.treeSize);
  return () => {
    assert.deepEqual(hashLeaf(sha256, leafInput), leafHash, `entry ${leafIndex} is another`);
    checker.onInclusion({ leafIndex, leafHash }, head, path);
  };
}

async function proveOlder({ log, checker, head, random }: Wanted): Promise<() => void> {
  const older = random.pick(checker.heads.filter(({ treeSize }) => treeSize <= head.treeSize));
  const proof = await log.proveConsistency(older.treeSize, head.treeSize);
  return () => checker.onConsistency(older, head, proof);
}

function requireExplained(error: unknown, wasOpen: boolean): void {
  const code = error instanceof CtError ? error.code : String(error);
  // Records that a death took are mended before a shard opens, while it is read already.
  const isMending = !wasOpen && /^(REJECTED_LEAF_UNKNOWN|FATAL_STORE_CORRUPT)$/.test(code);
  assert(isMending || code === "UNAVAILABLE_STORE", `a read got ${code}`);
}
