/**
 * A map for what comes and goes.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { getHeapSpaceStatistics } from "node:v8";
import fc from "fast-check";
import { keep, LinkedMap } from "../../src/base/linked-map.ts";

const anyKey = fc.oneof(
  fc.nat({ max: 40 }).map((number) => `key${number}`),
  fc.nat({ max: 40 }),
  fc.constantFrom(2 ** 48 - 1, 2 ** 48 - 2, 2 ** 53 - 1, "", "a", "0123456789abcdef"),
);

const step = fc.record({
  act: fc.constantFrom("set", "set", "set", "delete", "delete", "use", "clear", "keep"),
  key: anyKey,
  value: fc.integer(),
});

/** What a LinkedMap promises, with JavaScript's own. */
function apply(
  model: Map<string | number, number>,
  { act, key, value }: { act: string; key: string | number; value: number },
): void {
  const known = model.get(key);
  if (act === "clear") {
    model.clear();
    return;
  }
  if (act !== "use" || known !== undefined) model.delete(key);
  if (act === "use" && known !== undefined) model.set(key, known);
  if (act === "set" || act === "keep") model.set(key, value);
  const [oldest] = model.keys();
  if (act === "keep" && model.size > 7 && oldest !== undefined) model.delete(oldest);
}

test("property: a LinkedMap is a Map in the order in which its entries were last set", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const map = new LinkedMap<string | number, number>();
      const model = new Map<string | number, number>();
      for (const { act, key, value } of steps) {
        const known = model.get(key);
        assert.equal(map.get(key), known);
        assert.equal(map.has(key), known !== undefined);
        if (act === "set") map.set(key, value);
        else if (act === "keep") keep(map, key, value, 7);
        else if (act === "use") assert.equal(map.use(key), known);
        else if (act === "delete") assert.equal(map.delete(key), known !== undefined);
        else map.clear();
        apply(model, { act, key, value });
        assert.equal(map.size, model.size);
        const [first] = model;
        assert.deepEqual(map.oldest(), first);
      }
      assert.deepEqual([...map.keys()], [...model.keys()]);
      assert.deepEqual(map.values(), [...model.values()]);
    }),
  );
});

/** How much the old generation grows while entries come and go, 40 at a time; bytes. */
function growth(map: Map<number, object> | LinkedMap<number, object>): number {
  const oldBytes = () =>
    getHeapSpaceStatistics()
      .filter(({ space_name }) => /^(old|large_object)/.test(space_name))
      .reduce((sum, { space_used_size }) => sum + space_used_size, 0);
  let number = 0;
  const pass = () => {
    map.set(number, { number, more: Array.from({ length: 8 }, () => number) });
    map.delete(number - 40);
    number += 1;
  };
  for (let time = 0; time < 1_000; time += 1) pass();
  // What the map has now gets old: 100 MB of garbage are some collections of what is young.
  const garbage: object[] = [];
  for (let time = 0; time < 2_000_000; time += 1) garbage[time % 8] = { time, more: [time] };
  const before = oldBytes();
  for (let time = 0; time < 400_000; time += 1) pass();
  return oldBytes() - before;
}

test("what was taken out of a LinkedMap goes with the next young collection", (context) => {
  growth(new LinkedMap());
  const bytes = growth(new LinkedMap());
  context.diagnostic(`${bytes} bytes; JavaScript's own map ${growth(new Map())}`);
  assert.ok(bytes < 2 ** 20, `${bytes} bytes stay`);
});
