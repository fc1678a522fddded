/**
 * One bit flipped on the way into the store: what was read back is compared before anything
 * is signed, and what that cannot see the audits find.
 * @module
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fsck } from "../../src/cli/fsck.ts";
import type { Commit, Store } from "../../src/storage/store.ts";
import { type Random, seededRandom } from "../support/rot.ts";
import { RotShard } from "../support/rot-shard.ts";

let golden: RotShard;
before(async () => {
  golden = await RotShard.make(40);
});
after(() => golden[Symbol.asyncDispose]());

function flipped(bytes: Uint8Array, random: Random): Uint8Array {
  const copy = bytes.slice();
  const offset = random(copy.length);
  copy[offset] = (copy[offset] ?? 0) ^ (1 << random(8));
  return copy;
}

function inOne(items: readonly Uint8Array[], random: Random): readonly Uint8Array[] {
  const nth = random(items.length);
  return items.map((item, position) => (position === nth ? flipped(item, random) : item));
}

const WRITES: readonly {
  readonly what: string;
  readonly damage: (commit: Commit, random: Random) => Commit;
  /** Whether the read-back before signing sees it; else the audits do. */
  readonly isReadBack: boolean;
}[] = [
  {
    what: "an entry",
    damage: (commit, random) => ({ ...commit, entries: inOne(commit.entries, random) }),
    isReadBack: true,
  },
  {
    what: "a leaf hash",
    damage: (commit, random) => ({
      ...commit,
      runs: commit.runs.map((run) =>
        run.level === 0 ? { ...run, hashes: inOne(run.hashes, random) } : run,
      ),
    }),
    isReadBack: true,
  },
  {
    what: "an inner hash",
    damage: (commit, random) => ({
      ...commit,
      runs: commit.runs.map((run) =>
        run.level === 4 ? { ...run, hashes: inOne(run.hashes, random) } : run,
      ),
    }),
    isReadBack: true,
  },
  {
    what: "the SHA-256 of the group",
    damage: (commit, random) => ({
      ...commit,
      entriesSha256: flipped(commit.entriesSha256, random),
    }),
    // The sequencer compares with what it planned; the store's copy is for a restart.
    isReadBack: false,
  },
  {
    what: "a dedup key",
    damage: (commit, random) => ({ ...commit, dedupKeys: inOne(commit.dedupKeys, random) }),
    isReadBack: false,
  },
];

for (const { what, damage, isReadBack } of WRITES) {
  for (let seed = 0; seed < 6; seed += 1) {
    const catcher = isReadBack ? "read back and not signed" : "found by fsck";
    test(`${what} damaged on the way to the store is ${catcher}, seed ${seed}`, async () => {
      await using shard = await golden.copy();
      const random = seededRandom(seed);
      let isDamaged = false;
      const wrapStore = (store: Store): Store =>
        new Proxy(store, {
          get(target, name) {
            const value: unknown = Reflect.get(target, name, target);
            if (typeof value !== "function") return value;
            if (name !== "commit") return value.bind(target);
            return (commit: Commit) => {
              if (isDamaged || commit.entries.length < 16) return target.commit(commit);
              isDamaged = true;
              return target.commit(damage(commit, random));
            };
          },
        });
      const running = await shard.serve({ wrapStore });
      try {
        const before = running.shard.published?.treeSize;
        const indices = Array.from({ length: 20 }, (_, position) => 100 + position);
        const scts = await Promise.allSettled(indices.map((index) => running.submit(index)));
        const signed = scts.filter(({ status }) => status === "fulfilled").length;
        const codes = running.events.flatMap((event) =>
          event.type === "shard-fatal" ? [event.code] : [],
        );
        assert.ok(isDamaged, "the damage was done");
        if (isReadBack) {
          assert.equal(signed, 0, "an SCT over damage");
          assert.match(codes[0] ?? "", /^FATAL_(?:VERIFY_MISMATCH|STORE_CORRUPT)$/);
          const later = running.events.findIndex(({ type }) => type === "shard-fatal");
          const heads = running.events
            .slice(0, later)
            .filter(({ type }) => type === "head-published");
          for (const head of heads) {
            assert.ok(head.type === "head-published" && head.treeSize === before);
          }
        } else {
          assert.deepEqual([signed, codes], [20, []]);
        }
      } finally {
        await running[Symbol.asyncDispose]();
      }
      const io = { out: () => {}, err: () => {} };
      const progress = { isTerminal: false, write: () => {}, nowMs: () => 0 };
      const exitCode = await fsck({ folder: shard.folder, guard: shard.guard }, io, progress);
      if (!isReadBack) assert.equal(exitCode, 1, "fsck finds it");
    });
  }
}
