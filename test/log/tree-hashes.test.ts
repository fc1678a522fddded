import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { concatBytes } from "../../src/encoding/bytes.ts";
import { TreeHashes } from "../../src/log/tree-hashes.ts";
import type { NodeId } from "../../src/merkle/node.ts";
import { planConsistency, planInclusion } from "../../src/merkle/proof.ts";
import type { StoreReader } from "../../src/storage/store.ts";
import { sha256 } from "../support/sha256.ts";
import { TestTree } from "../support/tree.ts";

/** Two full tiles of level 1, a third that grows, and a level 2 that begins. */
const SIZE = 140_000;
const TREE = new TestTree();
for (let start = 0; start < SIZE; start += 10_000) {
  TREE.append(Array.from({ length: 10_000 }, (_, at) => sha256(Buffer.from(`${start + at}`))));
}

const TILE_BYTES = 511 * 32;

/** Reads of the tree, counted; `damage` changes what a tile read gives. */
class CountingStore {
  readonly tiles: string[] = [];
  readonly nodes: NodeId[] = [];
  damage: (tile: Uint8Array) => void = () => {};

  async readNodes(nodes: readonly NodeId[]): Promise<readonly Uint8Array[]> {
    this.nodes.push(...nodes);
    return nodes.map((node) => TREE.node(node));
  }

  async readTile(level: number, index: number, width: number): Promise<Uint8Array> {
    this.tiles.push(`${level}/${index}`);
    const hashes = TREE.levels[8 * level]!.slice(256 * index, 256 * index + width);
    const tile = concatBytes(...hashes);
    this.damage(tile);
    return tile;
  }
}

/** Reads that end when `scheduler` says. */
class ScheduledStore extends CountingStore {
  readonly #scheduler: fc.Scheduler;

  constructor(scheduler: fc.Scheduler) {
    super();
    this.#scheduler = scheduler;
  }

  override readNodes(nodes: readonly NodeId[]): Promise<readonly Uint8Array[]> {
    return this.#scheduler.schedule(super.readNodes(nodes));
  }

  override readTile(level: number, index: number, width: number): Promise<Uint8Array> {
    return this.#scheduler.schedule(super.readTile(level, index, width));
  }
}

function hashesOver(store: CountingStore, bytesMax?: number): TreeHashes {
  return new TreeHashes(store as unknown as StoreReader, sha256, bytesMax);
}

describe("TreeHashes", () => {
  test("proves as the tree itself does, whatever was published and asked for before", async () => {
    const ask = fc.record({
      published: fc.oneof(
        fc.integer({ min: 1, max: SIZE }),
        fc.constantFrom(SIZE, 131_072, 65_536),
      ),
      isWhole: fc.boolean(),
      size: fc.nat(),
      place: fc.nat(),
    });
    const asks = fc.array(ask, { minLength: 1, maxLength: 30 });
    const bounds = fc.constantFrom(0, TILE_BYTES, 2 * TILE_BYTES, undefined);
    await fc.assert(
      fc.asyncProperty(asks, bounds, async (all, bytesMax) => {
        const hashes = hashesOver(new CountingStore(), bytesMax);
        for (const { published, isWhole, size, place } of all) {
          const treeSize = isWhole ? published : 1 + (size % published);
          const inclusion = planInclusion(place % treeSize, treeSize);
          assert.deepEqual(await hashes.prove(inclusion, published), TREE.prove(inclusion));
          const consistency = planConsistency(1 + (place % treeSize), treeSize);
          assert.deepEqual(await hashes.prove(consistency, published), TREE.prove(consistency));
        }
      }),
      { numRuns: 200 },
    );
  });

  test("proves each request's own plan when all of one tree come at once", async () => {
    for (let size = 2; size <= 40; size += 1) {
      const plans = Array.from({ length: size }, (_, leaf) => [
        planInclusion(leaf, size),
        planConsistency(leaf, size),
      ]).flat();
      const hashes = hashesOver(new CountingStore());
      const proofs = await Promise.all(plans.map((plan) => hashes.prove(plan, size)));
      assert.deepEqual(
        proofs,
        plans.map((plan) => TREE.prove(plan)),
      );
    }
  });

  test("proves each request's own plan when they overlap, in whatever order reads end", async () => {
    const ask = fc.record({
      published: fc.constantFrom(131_072 + 300, 23),
      older: fc.constantFrom(0, 0, 1, 9),
      // Near the right edge, where the proofs of one tree share what is right of them.
      back: fc.integer({ min: 1, max: 12 }),
      isInclusion: fc.boolean(),
    });
    const asks = fc.noBias(fc.array(ask, { minLength: 6, maxLength: 8 }));
    await fc.assert(
      fc.asyncProperty(asks, fc.scheduler(), async (all, scheduler) => {
        const hashes = hashesOver(new ScheduledStore(scheduler));
        const plans = all.map(({ published, older, back, isInclusion }) => {
          const treeSize = published - older;
          const leaf = treeSize - back;
          return isInclusion ? planInclusion(leaf, treeSize) : planConsistency(leaf, treeSize);
        });
        const proofs = plans.map((plan, at) => hashes.prove(plan, all[at]!.published));
        await scheduler.waitFor(Promise.all(proofs));
        for (const [at, plan] of plans.entries()) {
          assert.deepEqual(await proofs[at], TREE.prove(plan));
        }
      }),
      { numRuns: 60 },
    );
  });

  test("answers requests that overlap while the tree grows", async () => {
    const hashes = hashesOver(new CountingStore());
    const plans = Array.from({ length: 64 }, (_, step) => planInclusion(997 * step, 90_000 + step));
    const sizes = plans.map((_, step) => 90_000 + step + (step % 3));
    const proofs = await Promise.all(plans.map((plan, at) => hashes.prove(plan, sizes[at]!)));
    assert.deepEqual(
      proofs,
      plans.map((plan) => TREE.prove(plan)),
    );
  });

  test("reads nothing but level 0 again", async () => {
    const store = new CountingStore();
    const hashes = hashesOver(store);
    await hashes.prove(planInclusion(70_000, SIZE), SIZE);
    assert.deepEqual(store.tiles, ["1/1"]);
    store.nodes.length = 0;
    await hashes.prove(planInclusion(70_001, SIZE), SIZE);
    await hashes.prove(planInclusion(130_000, SIZE), SIZE);
    assert.deepEqual(store.tiles, ["1/1"]);
    assert.equal(store.nodes.length, 16);
    assert.ok(store.nodes.every(({ level }) => level < 8));
  });

  test("keeps no more tiles than it has bytes for: the least recently used goes", async () => {
    const store = new CountingStore();
    const hashes = hashesOver(store, 2 * TILE_BYTES - 1);
    for (const leaf of [0, 70_000, 70_001, 1]) await hashes.prove(planInclusion(leaf, SIZE), SIZE);
    assert.deepEqual(store.tiles, ["1/0", "1/1", "1/0"]);
  });

  test("refuses a tile that is not what the level above says, and keeps none of it", async () => {
    for (const byte of [0, 4_000, 8_191]) {
      const store = new CountingStore();
      const hashes = hashesOver(store);
      store.damage = (tile) => tile.set([tile[byte]! ^ 1], byte);
      const plan = planInclusion(3, SIZE);
      await assert.rejects(hashes.prove(plan, SIZE), { code: "FATAL_STORE_CORRUPT" });
      store.damage = () => {};
      assert.deepEqual(await hashes.prove(plan, SIZE), TREE.prove(plan));
    }
  });
});
