import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { addHitters, HeavyHitters, KEYS_KEPT } from "../../src/policy/heavy-hitters.ts";

/** Exact counts beside the sketch. */
class Counted {
  readonly sketch = new HeavyHitters();
  readonly exact = new Map<string, number>();

  add(key: string): void {
    this.sketch.add(key);
    this.exact.set(key, (this.exact.get(key) ?? 0) + 1);
  }
}

function requireBounds(counted: readonly Counted[]): void {
  const { total, missed, counts } = addHitters(counted.map(({ sketch }) => sketch.seen()));
  const exact = new Map<string, number>();
  for (const each of counted) {
    for (const [key, count] of each.exact) exact.set(key, (exact.get(key) ?? 0) + count);
  }
  assert.equal(
    total,
    [...exact.values()].reduce((sum, count) => sum + count, 0),
  );
  assert.ok(missed <= total / KEYS_KEPT, `${missed} of ${total}`);
  for (const [key, count] of exact) {
    const shown = counts.get(key) ?? 0;
    assert.ok(shown <= count && count <= shown + missed, `${key}: ${shown}, ${count}, ${missed}`);
  }
}

test("HeavyHitters counts few keys exactly", () => {
  const sketch = new HeavyHitters();
  for (const key of ["a", "b", "a", "c", "a"]) sketch.add(key);
  const { total, missed, counts } = sketch.seen();
  assert.deepEqual([total, missed], [5, 0]);
  assert.deepEqual(Object.fromEntries(counts), { a: 3, b: 1, c: 1 });
});

test("HeavyHitters finds who asks most among 100,000 strangers, in bounded memory", () => {
  const counted = new Counted();
  for (let index = 0; index < 100_000; index += 1) {
    counted.add(`stranger ${index}`);
    if (index % 20 === 0) counted.add("heavy");
  }
  const { counts } = counted.sketch.seen();
  assert.ok(counts.size <= 2 * KEYS_KEPT);
  const [[first] = []] = [...counts].toSorted(([, a], [, b]) => b - a);
  assert.equal(first, "heavy");
  requireBounds([counted]);
});

test("property: no count is too large, none too small by more than `missed`, alone or added up", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 1, max: 4_000 }), fc.integer({ min: 1, max: 6 })), {
        minLength: 1,
        maxLength: 4,
      }),
      (threads) => {
        const counted = threads.map(([keys, skew], thread) => {
          const each = new Counted();
          for (let index = 0; index < 3 * keys; index += 1) {
            each.add(`${thread % 2} ${Math.floor(keys * ((index * 0.618) % 1) ** skew)}`);
          }
          return each;
        });
        requireBounds(counted);
      },
    ),
    { numRuns: 30 },
  );
});
