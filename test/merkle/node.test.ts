import assert from "node:assert/strict";
import { test } from "node:test";
import { nodesOfRange } from "../../src/merkle/node.ts";
import { planConsistency, planInclusion, planRoot } from "../../src/merkle/proof.ts";

/** Sizes around which an operator on 32 bits, or a floating logarithm, goes wrong. */
const LARGE_SIZES: readonly number[] = [2 ** 31, 2 ** 32, 2 ** 33, 2 ** 39, 2 ** 40].flatMap((at) =>
  [-3, -2, -1, 0, 1, 2].map((by) => at + by),
);

/** The leaves [start, end) of a node, as text of exact integers. */
function leavesOf(node: { readonly level: number; readonly index: number }): [bigint, bigint] {
  const span = 2n ** BigInt(node.level);
  return [BigInt(node.index) * span, (BigInt(node.index) + 1n) * span];
}

/** PATH of the RFC over ranges of leaves, in exact integers. */
function referencePath(m: bigint, start: bigint, end: bigint): [bigint, bigint][] {
  if (end - start === 1n) return [];
  const k = 2n ** BigInt((end - start - 1n).toString(2).length - 1);
  return m < k
    ? [...referencePath(m, start, start + k), [start + k, end]]
    : [...referencePath(m - k, start + k, end), [start, start + k]];
}

test("nodesOfRange() covers its range without gap, largest first", () => {
  for (let end = 1; end <= 300; end += 1) {
    const nodes = nodesOfRange({ start: 0, end });
    let at = 0n;
    for (const node of nodes) {
      const [start, stop] = leavesOf(node);
      assert.equal(start, at);
      at = stop;
    }
    assert.equal(at, BigInt(end));
    const levels = nodes.map((node) => node.level);
    assert.deepEqual(
      levels,
      [...new Set(levels)].sort((a, b) => b - a),
    );
  }
});

for (const [start, end] of [
  [0, 0],
  [5, 5],
  [5, 4],
  [1, 3],
  [2, 5],
  [6, 10],
  [0.5, 1.5],
  [0, 1.5],
  [0, Number.NaN],
] as const) {
  test(`nodesOfRange() of [${start}, ${end}) is a RangeError`, () => {
    assert.throws(() => nodesOfRange({ start, end }), RangeError);
  });
}

for (const size of LARGE_SIZES) {
  test(`planInclusion() and planRoot() at size ${size} keep exact coordinates`, () => {
    const indexes = [0, 1, 2 ** 31 - 1, 2 ** 31, size - 2, size - 1, Math.floor(size / 3)];
    for (const index of indexes.filter((at) => at < size)) {
      const plan = planInclusion(index, size);
      const expected = referencePath(BigInt(index), 0n, BigInt(size));
      assert.equal(plan.counts.length, expected.length);
      let next = 0;
      for (const [element, count] of plan.counts.entries()) {
        const spans = plan.nodes.slice(next, next + count).map(leavesOf);
        next += count;
        assert.deepEqual([spans[0]?.[0], spans.at(-1)?.[1]], expected[element]);
        for (let i = 1; i < spans.length; i += 1) assert.equal(spans[i]?.[0], spans[i - 1]?.[1]);
      }
      assert.equal(next, plan.nodes.length);
    }
    const whole = planRoot(size).nodes.map(leavesOf);
    assert.equal(whole.at(-1)?.[1], BigInt(size));
  });

  test(`planConsistency() to size ${size} covers the newer tree once`, () => {
    for (const first of [1, 2, 3, 2 ** 31 - 1, 2 ** 31, size - 2, size - 1]) {
      if (first >= size) continue;
      const spans = planConsistency(first, size).nodes.map(leavesOf);
      // The proof of a power of two leaves the first tree itself out.
      const isPower =
        Number.isInteger(Math.log2(first)) && 2 ** Math.round(Math.log2(first)) === first;
      if (isPower) spans.push([0n, BigInt(first)]);
      spans.sort((a, b) => (a[0] < b[0] ? -1 : 1));
      let at = 0n;
      for (const [start, end] of spans) {
        assert.equal(start, at, `from ${first}`);
        at = end;
      }
      assert.equal(at, BigInt(size), `from ${first}`);
    }
  });
}
