import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { FoundRoot, SourceReading } from "../../src/roots/load.ts";
import { planBlocking, planReload } from "../../src/roots/plan.ts";
import { RootsState } from "../../src/roots/state.ts";

/** Not a certificate: plans look at fingerprints alone. */
function root(index: number): FoundRoot {
  const fingerprint = index.toString(16).padStart(64, "0");
  return { der: Uint8Array.of(index), fingerprint, subject: `CN=${index}` };
}

function reading(...indexes: readonly number[]): SourceReading {
  return { roots: indexes.map(root), warnings: [] };
}

const range = (start: number, end: number): readonly number[] =>
  Array.from({ length: end - start }, (_, index) => start + index);

/** A log with shards over sources, reading after reading. */
class Log {
  readonly state = new RootsState();
  readonly #shards: Readonly<Record<string, readonly string[]>>;
  #nowMs = 0;

  constructor(shards: Readonly<Record<string, readonly string[]>>) {
    this.#shards = shards;
  }

  read(readings: Readonly<Record<string, SourceReading | Error>>, lossPercentMax = 20) {
    this.#nowMs += 1;
    const plan = planReload({
      state: this.state,
      shards: Object.entries(this.#shards).map(([name, sources]) => ({ name, sources })),
      readings: new Map(Object.entries(readings)),
      lossPercentMax,
      nowMs: this.#nowMs,
    });
    for (const change of plan.changes) this.state.apply(change);
    return {
      ...plan,
      told: plan.changes.map(({ change, subject, source, shards }) => {
        return `${change} ${subject} ${source} ${shards.join()}`;
      }),
    };
  }

  accepted(shard: string): readonly string[] {
    return [...this.state.acceptedBy(shard).values()].map((item) => item.subject);
  }
}

test("planReload() takes the merged sources once, one line for all shards of a root", () => {
  const log = new Log({ one: ["x", "y"], two: ["x"] });
  const { told, changes } = log.read({ x: reading(1, 2), y: reading(2, 3) });
  assert.deepEqual(told, ["added CN=1 x one,two", "added CN=2 x one,two", "added CN=3 y one"]);
  assert.ok(changes.every(({ certificate }) => certificate !== undefined));
  assert.deepEqual(log.accepted("one"), ["CN=1", "CN=2", "CN=3"]);
  assert.deepEqual(log.accepted("two"), ["CN=1", "CN=2"]);
  assert.deepEqual(log.read({ x: reading(1, 2), y: reading(2, 3) }).told, []);
});

test("planReload() adds what is new, records what is lost, and removes nothing", () => {
  const log = new Log({ one: ["x"] });
  log.read({ x: reading(...range(0, 10)) });
  const { told, refused } = log.read({ x: reading(...range(1, 11)) });
  assert.deepEqual(told, ["added CN=10 x one", "lost CN=0 x one"]);
  assert.deepEqual(refused, []);
  assert.equal(log.accepted("one").length, 11);
  assert.deepEqual(log.read({ x: reading(...range(1, 11)) }).told, [], "said once");
  assert.deepEqual(log.read({ x: reading(...range(0, 11)) }).told, ["returned CN=0 x one"]);
});

for (const [lost, isRefused] of [
  [2, false],
  [3, true],
] as const) {
  test(`a reading that lost ${lost} of 10 is ${isRefused ? "refused" : "taken"}`, () => {
    const log = new Log({ one: ["x"] });
    log.read({ x: reading(...range(0, 10)) });
    const { changes, refused } = log.read({ x: reading(...range(lost, 12)) });
    assert.equal(refused.length, isRefused ? 1 : 0);
    if (isRefused) {
      assert.deepEqual(changes, []);
      assert.equal(refused[0]?.reason, "lost");
      assert.match(refused[0]?.message ?? "", /lost 3 of 10 roots, more than 20 %/);
      assert.equal(log.read({ x: reading(...range(lost, 12)) }, 50).changes.length, 5);
    } else {
      assert.equal(changes.length, 4);
    }
  });
}

test("losses do not add up to a refusal: what is lost already does not count again", () => {
  const log = new Log({ one: ["x"] });
  log.read({ x: reading(...range(0, 100)) });
  for (const start of [15, 30, 43]) {
    assert.deepEqual(log.read({ x: reading(...range(start, 100)) }).refused, []);
  }
  assert.equal(log.accepted("one").length, 100);
});

test("a source that gave nothing loses nothing, and others are still added", () => {
  const log = new Log({ one: ["x", "y"], two: ["y"] });
  log.read({ x: reading(1, 2, 3), y: reading(4, 5) });
  const { told, refused } = log.read({ x: new Error("x is down"), y: reading(4, 6) });
  // `two` has no part in x: for it half of two roots are gone.
  assert.deepEqual(told, ["added CN=6 y one"]);
  assert.deepEqual(
    refused.map(({ shard, reason }) => `${shard} ${reason}`),
    ["one source", "two lost"],
  );
  assert.match(refused[0]?.message ?? "", /^x is down; its roots stay/);
});

test("a shard that never had roots needs all its sources", () => {
  const log = new Log({ one: ["x", "y"] });
  assert.throws(() => log.read({ x: reading(1), y: new Error("y is down") }), /y is down/);
});

test("the bytes of a certificate stand in the first line about it alone", () => {
  const log = new Log({ one: ["x"], two: ["y"] });
  const { changes } = log.read({ x: reading(1), y: reading(1) });
  assert.deepEqual(
    changes.map(({ shards, certificate }) => [shards[0], certificate !== undefined]),
    [
      ["one", true],
      ["two", false],
    ],
  );
  assert.deepEqual(log.accepted("two"), ["CN=1"]);
});

test("property: no reading ever takes a root away, and a refused one adds none", () => {
  const some = fc.uniqueArray(fc.nat(30), { minLength: 1 });
  const one = fc.oneof(
    { weight: 5, arbitrary: some.map((indexes) => reading(...indexes)) },
    { weight: 1, arbitrary: fc.constant(new Error("down")) },
  );
  fc.assert(
    fc.property(some, some, fc.array(fc.record({ x: one, y: one })), (x, y, readings) => {
      const log = new Log({ one: ["x", "y"], two: ["x"] });
      log.read({ x: reading(...x), y: reading(...y) });
      for (const next of readings) {
        const before = new Map(["one", "two"].map((name) => [name, new Set(log.accepted(name))]));
        const { refused } = log.read(next);
        for (const [name, roots] of before) {
          const after = new Set(log.accepted(name));
          assert.ok([...roots].every((subject) => after.has(subject)));
          const isLost = refused.some(({ shard, reason }) => shard === name && reason === "lost");
          if (isLost) assert.equal(after.size, roots.size);
        }
      }
    }),
  );
});

test("planBlocking() blocks and unblocks what changed, with the subject if it is known", () => {
  const log = new Log({ one: ["x"] });
  log.read({ x: reading(1) });
  const blocked = new Map([
    [root(1).fingerprint, "file"],
    [root(2).fingerprint, "configuration"],
  ]);
  const first = planBlocking(log.state, blocked, 7);
  assert.deepEqual(
    first.map(({ change, subject, source }) => [change, subject, source]),
    [
      ["blocked", "CN=1", "file"],
      ["blocked", "", "configuration"],
    ],
  );
  for (const change of first) log.state.apply(change);
  assert.deepEqual(planBlocking(log.state, blocked, 8), []);
  blocked.delete(root(1).fingerprint);
  const [second, ...rest] = planBlocking(log.state, blocked, 9);
  assert.deepEqual([second?.change, second?.subject, rest.length], ["unblocked", "CN=1", 0]);
});
