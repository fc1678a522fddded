/**
 * Fills a shard that was created and is not served: synthetic submissions through the real
 * sequencer, guard and LevelDB store, as `compose.ts` puts them together.
 * @module
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { systemClock } from "../../src/clock/system.ts";
import type { Config } from "../../src/config/config.ts";
import { lockFolder } from "../../src/lock/folder-lock.ts";
import { checkEntry } from "../../src/log/check-entry.ts";
import { dedupKeyOf, type Submission } from "../../src/sequencer/message.ts";
import { Sequencer } from "../../src/sequencer/sequencer.ts";
import { GuardedSigner } from "../../src/signer/guard.ts";
import { openGuardFolder } from "../../src/signer/guard-folder.ts";
import { readKeyFile } from "../../src/signer/key-file.ts";
import { LEVEL_DEFAULTS } from "../../src/storage/level/folder.ts";
import { openLevelStore } from "../../src/storage/level/level-store.ts";
import { REAL_SEAM } from "../../src/storage/level/real.ts";
import { expectedLeaf, expectedLeafHash } from "./expected-entry.ts";
import { sha256 } from "./sha256.ts";

/** What a filled shard holds. */
export interface Filled {
  /** Leaf hash of each entry, computed by the test from what was submitted. */
  readonly leafHashes: readonly Uint8Array[];
  /** Sizes of all heads that were published. */
  readonly publishedSizes: ReadonlySet<number>;
}

/** Logs `groups` of so many certificates of made-up bytes, each group as one commit. */
export async function fillShard(config: Config, groups: readonly number[]): Promise<Filled> {
  const shard = config.shards[0] ?? assert.fail("no shard");
  const key = await readKeyFile(shard.keyPath);
  const seam = REAL_SEAM;
  const options = { ...LEVEL_DEFAULTS, sha256, lockFolder, seam };
  await using store = await openLevelStore(shard.folder, options);
  const folder = await openGuardFolder(config.guard, key.logId, lockFolder);
  await using signer = new GuardedSigner({ key, folder, sha256 });
  const publishedSizes = new Set<number>();
  const limits = { entriesMax: Math.max(...groups), bytesMax: 2 ** 30 };
  const sequencer = new Sequencer({
    shard: shard.name,
    store,
    signer,
    clock: systemClock,
    sha256,
    observer: () => undefined,
    batch: { ...limits, intervalMs: 0, idleRefreshMs: 3_600_000 },
    pool: limits,
    checkEntry,
    clockSteadyMs: undefined,
    publish: (head) => publishedSizes.add(head.treeSize),
    changed: () => undefined,
  });
  await sequencer.start();
  const leafHashes: Uint8Array[] = [];
  try {
    for (const count of groups) leafHashes.push(...(await logGroup(sequencer, count)));
  } finally {
    await sequencer.stop();
  }
  return { leafHashes, publishedSizes };
}

/** @returns Leaf hashes in the order of the log. */
function logGroup(sequencer: Sequencer, count: number): Promise<readonly Uint8Array[]> {
  const issuer = Buffer.from("the issuer of all");
  const issuers = [{ fingerprint: sha256(issuer), der: issuer }];
  const chainFingerprints = issuers.map(({ fingerprint }) => fingerprint);
  const group = Array.from({ length: count }, (): Submission => {
    const entry = { type: "x509", certificate: Uint8Array.from(randomBytes(40)) } as const;
    const dedupKey = dedupKeyOf(sha256, entry);
    return {
      dedupKey,
      entry,
      precertificate: undefined,
      chainFingerprints,
      issuers,
      priority: "normal",
    };
  });
  return new Promise((resolve, reject) => {
    const logged: { leafIndex: number; hash: Uint8Array }[] = [];
    sequencer.sequence(group, (position, outcome) => {
      const { entry } = group[position] ?? assert.fail("no such submission");
      if (outcome.type !== "logged" || entry.type !== "x509") {
        reject(new Error(`not logged: ${JSON.stringify(outcome)}`));
        return;
      }
      const { leafIndex, timestampMs } = outcome;
      const leaf = expectedLeaf({ certificate: entry.certificate }, timestampMs, leafIndex);
      logged.push({ leafIndex, hash: expectedLeafHash(leaf) });
      if (logged.length < count) return;
      resolve(logged.toSorted((a, b) => a.leafIndex - b.leafIndex).map(({ hash }) => hash));
    });
  });
}
