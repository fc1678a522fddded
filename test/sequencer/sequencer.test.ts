import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FatalError, UnavailableError } from "../../src/base/errors.ts";
import { bytesKey } from "../../src/encoding/bytes.ts";
import { hashLeaf } from "../../src/merkle/hash.ts";
import { encodeMerkleTreeLeaf } from "../../src/rfc6962/entry.ts";
import type { Outcome, Submission } from "../../src/sequencer/message.ts";
import { encodeLeafIndexExtension } from "../../src/static-ct/extensions.ts";
import { ENGINE_KEY, Engine, intercept, makeSubmission } from "../support/engine.ts";
import { settle } from "../support/manual-clock.ts";
import { sha256 } from "../support/sha256.ts";

type Logged = Outcome & { readonly type: "logged" };

function logged(outcome: Outcome | undefined): Logged {
  assert.equal(outcome?.type, "logged", JSON.stringify(outcome));
  return outcome as Logged;
}

function codeOf(outcome: Outcome | undefined): string {
  return outcome?.type === "unavailable" ? outcome.code : String(outcome?.type);
}

/** The answer is right: its signature, its place in the tree, and what was published by then. */
function assertProven(engine: Engine, submission: Submission, outcome: Outcome): void {
  const { leafIndex, timestampMs, signature, dedupKey } = logged(outcome);
  const extensions = encodeLeafIndexExtension(leafIndex);
  const leaf = encodeMerkleTreeLeaf({ timestampMs, entry: submission.entry, extensions });
  ENGINE_KEY.verify(leaf, signature);
  assert.deepEqual(dedupKey, submission.dedupKey);
  assert.deepEqual(engine.disk.nodes[0]?.[leafIndex], hashLeaf(sha256, leaf));
  assert.ok(leafIndex < (engine.head?.treeSize ?? 0));
}

describe("Sequencer.sequence()", () => {
  test("a thousand concurrent twins get one entry and one (timestamp, index)", async () => {
    const engine = new Engine();
    await engine.open();
    const submission = makeSubmission(1);
    const answers: Promise<Outcome>[] = [];
    for (let wave = 0; wave < 10; wave += 1) {
      for (let twin = 0; twin < 100; twin += 1) answers.push(engine.submit({ ...submission }));
      await engine.clock.advance(wave % 3 === 0 ? 60 : 0);
    }
    await engine.clock.advance(500);
    const outcomes = (await Promise.all(answers)).map(logged);
    const places = new Set(
      outcomes.map((outcome) => `${outcome.leafIndex}@${outcome.timestampMs}`),
    );
    assert.equal(places.size, 1);
    assert.equal(engine.head?.treeSize, 1);
    for (const outcome of outcomes) assertProven(engine, submission, outcome);
    assert.ok(outcomes.some(({ isDuplicate }) => isDuplicate));
    assert.ok(outcomes.some(({ isDuplicate }) => !isDuplicate));
  });

  test("answers only once the head is published: the reads of a waiter see its entry", async () => {
    const engine = new Engine();
    await engine.open();
    const seen: number[] = [];
    engine.sequencer.sequence(
      [1, 2, 3].map((index) => makeSubmission(index)),
      (_, outcome) => {
        assert.ok(logged(outcome).leafIndex < (engine.head?.treeSize ?? 0));
        seen.push(logged(outcome).leafIndex);
      },
    );
    await engine.clock.advance(300);
    assert.deepEqual(seen, [0, 1, 2]);
    const types = engine.events.map(({ type }) => type);
    assert.deepEqual(types.slice(-2), ["head-published", "batch-committed"]);
  });

  test("a twin that comes between take and answer gets that entry", async () => {
    const gates: (() => void)[] = [];
    const engine = new Engine({
      wrapStore: (store) =>
        intercept(store, async (method, call, args) => {
          const [commit] = args as [{ entries: unknown[] }];
          if (method === "commit" && commit.entries.length > 0) {
            await new Promise<void>((resolve) => gates.push(resolve));
          }
          return call();
        }),
    });
    await engine.open();
    const first = engine.submit(makeSubmission(1));
    await engine.clock.advance(200);
    assert.equal(gates.length, 1);
    const twin = engine.submit(makeSubmission(1));
    const other = engine.submit(makeSubmission(2));
    gates.pop()?.();
    await settle();
    assert.deepEqual(logged(await twin), logged(await first));
    await engine.clock.advance(200);
    gates.pop()?.();
    assert.equal(logged(await other).leafIndex, 1);
  });

  test("no two heads are closer than intervalMs, under any load", async () => {
    const engine = new Engine();
    await engine.open();
    const answers: Promise<Outcome>[] = [];
    for (let index = 0; index < 60; index += 1) {
      answers.push(engine.submit(makeSubmission(index)));
      await engine.clock.advance((index * 7) % 37);
    }
    await engine.clock.advance(300);
    assert.equal(new Set((await Promise.all(answers)).map((a) => logged(a).leafIndex)).size, 60);
    const times = engine.heads.map(({ timestampMs }) => timestampMs);
    const gaps = times.slice(1).map((time, index) => time - times[index]!);
    assert.ok(gaps.length > 5);
    assert.ok(Math.min(...gaps) >= 100, `gaps of ${gaps}`);
  });

  test("an idle log commits at once", async () => {
    const engine = new Engine();
    await engine.open();
    await engine.clock.advance(3_000);
    const answer = engine.submit(makeSubmission(1));
    await settle();
    assert.equal(logged(await answer).timestampMs, engine.clock.nowMs());
  });

  test("an idle log renews its head every idleRefreshMs, with the same root", async () => {
    const engine = new Engine();
    await engine.open();
    await engine.log(1, 2);
    const before = engine.heads.length;
    await engine.clock.advance(35_000);
    const renewed = engine.heads.slice(before);
    assert.equal(renewed.length, 3);
    assert.deepEqual(new Set(renewed.map(({ rootHash }) => bytesKey(rootHash))).size, 1);
  });

  test("a stream of duplicates does not keep the head from its renewal", async () => {
    const engine = new Engine();
    await engine.open();
    await engine.log(1, 2);
    engine.crash();
    await engine.open({
      wrapStore: (store) =>
        intercept(store, async (method, call) => {
          // Each look-up takes a while, so that the next twin is always there before its end.
          if (method === "findDuplicates") {
            await new Promise<void>((resolve) => engine.clock.after(200, resolve));
          }
          return call();
        }),
    });
    let answerCount = 0;
    const again = (index: number): void => {
      answerCount += 1;
      void engine.submit(makeSubmission(index)).then(() => again(index));
    };
    again(1);
    await engine.clock.advance(10);
    again(2);
    await engine.clock.advance(35_000);
    assert.ok(answerCount > 100);
    const times = engine.heads.map(({ timestampMs }) => timestampMs);
    const gaps = times.slice(1).map((time, index) => time - times[index]!);
    assert.ok(Math.max(...gaps) <= 10_500, `gaps of ${gaps}`);
    assert.ok(engine.clock.nowMs() - times.at(-1)! <= 10_500);
    assert.equal(engine.head?.treeSize, 2);
  });

  test("duplicates alone make no head", async () => {
    const engine = new Engine();
    await engine.open();
    await engine.log(1, 2);
    const heads = engine.heads.length;
    const [again] = await engine.log(2);
    assert.ok(logged(again).isDuplicate);
    assert.equal(engine.heads.length, heads);
    assertProven(engine, makeSubmission(2), logged(again));
  });

  test("a full pool is UNAVAILABLE_POOL_FULL; what has room is logged", async () => {
    const engine = new Engine({ pool: { entriesMax: 3, bytesMax: 1e6 } });
    await engine.open();
    const answers = [1, 2, 3, 4, 5].map((index) => engine.submit(makeSubmission(index)));
    assert.equal(engine.sequencer.pool.isFull, true);
    await engine.clock.advance(300);
    const codes = (await Promise.all(answers)).map(codeOf);
    assert.deepEqual(codes, [
      "logged",
      "logged",
      "logged",
      ...Array(2).fill("UNAVAILABLE_POOL_FULL"),
    ]);
    assert.equal(engine.sequencer.refusal, undefined);
    assert.equal(engine.head?.treeSize, 3);
  });

  test("a group keeps its bounds; the rest follows in the next", async () => {
    const batch = { entriesMax: 4, bytesMax: 1e6, intervalMs: 100, idleRefreshMs: 10_000 };
    const engine = new Engine({ batch });
    await engine.open();
    const answers = Array.from({ length: 10 }, (_, index) => engine.submit(makeSubmission(index)));
    await engine.clock.advance(1_000);
    const indices = (await Promise.all(answers)).map((answer) => logged(answer).leafIndex);
    assert.deepEqual(indices, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const sizes = engine.eventsOf("batch-committed").map(({ entryCount }) => entryCount);
    assert.deepEqual(sizes, [0, 4, 4, 2]);
  });
});

describe("Sequencer with a dedup index that points at", () => {
  for (const [what, tamper] of [
    ["another entry", { leafIndex: 1 }],
    ["the right entry with another timestamp", { timestampMs: 5 }],
  ] as const) {
    test(`${what} is FATAL_DEDUP_MISMATCH and signs no more`, async () => {
      const engine = new Engine();
      await engine.open();
      await engine.log(1, 2, 3);
      const key = bytesKey(makeSubmission(1).dedupKey);
      engine.disk.dedup.set(key, { ...engine.disk.dedup.get(key)!, ...tamper });
      const [outcome] = await engine.log(1);
      assert.equal(codeOf(outcome), "UNAVAILABLE_OUTCOME_UNKNOWN");
      assert.equal(engine.fatalCode, "FATAL_DEDUP_MISMATCH");
      const heads = engine.heads.length;
      await engine.clock.advance(60_000);
      assert.equal(engine.heads.length, heads);
      assert.equal(codeOf(engine.sequencer.refusal), "UNAVAILABLE_SHARD_NOT_READY");
    });
  }

  test("a place beyond the published size is FATAL_DEDUP_MISMATCH: no SCT for what is not there", async () => {
    const hit = { leafIndex: 7, timestampMs: 5 };
    const engine = new Engine({
      wrapStore: (store) =>
        intercept(store, (method, call) =>
          method === "findDuplicates" ? Promise.resolve([hit]) : call(),
        ),
    });
    await engine.open();
    const [outcome] = await engine.log(1);
    assert.equal(codeOf(outcome), "UNAVAILABLE_OUTCOME_UNKNOWN");
    assert.equal(engine.fatalCode, "FATAL_DEDUP_MISMATCH");
  });
});

describe("Sequencer and the clock", () => {
  test("a clock up to 1 s behind is waited for, unnoticed", async () => {
    const engine = new Engine();
    await engine.open();
    await engine.log(1);
    engine.clock.wallMs -= 900;
    const answer = engine.submit(makeSubmission(2));
    await engine.clock.advance(2_000);
    assert.ok(logged(await answer).timestampMs > engine.heads.at(-2)!.timestampMs);
    assert.equal(engine.eventsOf("clock-held").length, 0);
  });

  for (const jumpMs of [-5_000, 1_500, 3_600_000]) {
    test(`a jump of ${jumpMs} ms holds: 503, no head, resumed by itself when it is back`, async () => {
      const engine = new Engine();
      await engine.open();
      await engine.log(1);
      const heads = engine.heads.length;
      engine.clock.wallMs += jumpMs;
      const answers = [engine.submit(makeSubmission(2)), engine.submit(makeSubmission(1))];
      await engine.clock.advance(300);
      for (const answer of answers) assert.equal(codeOf(await answer), "UNAVAILABLE_CLOCK_HELD");
      await engine.clock.advance(120_000);
      assert.equal(engine.heads.length, heads, "nothing was signed");
      assert.equal(engine.eventsOf("clock-held").length, 1);
      assert.equal(codeOf(engine.sequencer.refusal), "UNAVAILABLE_CLOCK_HELD");
      assert.match(engine.sequencer.reason, /clock/);
      engine.clock.wallMs -= jumpMs;
      await engine.clock.advance(2_000);
      assert.equal(engine.sequencer.reason, "");
      assert.equal(logged((await engine.log(2))[0]).leafIndex, 1);
    });
  }

  test("a hold ends within a second of the clock's return, however long idleRefreshMs is", async () => {
    const batch = { entriesMax: 9, bytesMax: 1e6, intervalMs: 100, idleRefreshMs: 3_600_000 };
    const engine = new Engine({ batch });
    await engine.open();
    await engine.log(1);
    engine.clock.wallMs += 30_000;
    assert.equal(codeOf((await engine.log(2))[0]), "UNAVAILABLE_CLOCK_HELD");
    engine.clock.wallMs -= 30_000;
    const heads = engine.heads.length;
    await engine.clock.advance(1_100);
    assert.equal(engine.sequencer.refusal, undefined);
    assert.equal(engine.heads.length, heads, "the way out makes no head of its own");
    assert.equal(logged((await engine.log(2))[0]).leafIndex, 1);
  });

  test("a jump while a group is looked up is not taken for the truth", async () => {
    let jumpMs = 3_600_000;
    const engine = new Engine();
    await engine.open({
      wrapStore: (store) =>
        intercept(store, (method, call) => {
          if (method === "findDuplicates") {
            engine.clock.wallMs += jumpMs;
            jumpMs = 0;
          }
          return call();
        }),
    });
    await engine.log(1);
    await engine.clock.advance(30_000);
    assert.equal(codeOf(engine.sequencer.refusal), "UNAVAILABLE_CLOCK_HELD");
    assert.ok(engine.heads.every(({ timestampMs }) => timestampMs < engine.clock.nowMs() - 3e6));
  });

  test("a restart confirms a clock that jumped forward", async () => {
    const engine = new Engine();
    await engine.open();
    await engine.log(1);
    engine.clock.wallMs += 3_600_000;
    await engine.clock.advance(20_000);
    assert.equal(codeOf(engine.sequencer.refusal), "UNAVAILABLE_CLOCK_HELD");
    engine.crash();
    await engine.open();
    assert.equal(logged((await engine.log(2))[0]).leafIndex, 1);
  });

  test("in a development configuration, steady time confirms as well", async () => {
    const engine = new Engine({ clockSteadyMs: 60_000 });
    await engine.open();
    await engine.log(1);
    engine.clock.wallMs += 3_600_000;
    await engine.clock.advance(55_000);
    assert.equal(codeOf(engine.sequencer.refusal), "UNAVAILABLE_CLOCK_HELD");
    await engine.clock.advance(30_000);
    assert.equal(engine.sequencer.refusal, undefined);
    assert.equal(logged((await engine.log(2))[0]).leafIndex, 1);
  });
});

describe("Sequencer.start() and stop()", () => {
  test("a new log publishes the empty tree and is open", async () => {
    const engine = new Engine();
    await engine.open();
    assert.equal(engine.sequencer.state, "open");
    assert.equal(engine.head?.treeSize, 0);
    assert.deepEqual(engine.disk.published, engine.head);
  });

  test("stop() refuses what comes, answers what waits, and ends", async () => {
    const engine = new Engine();
    const sequencer = await engine.open();
    await engine.log(1);
    const waiting = [2, 3].map((index) => engine.submit(makeSubmission(index)));
    const stopped = sequencer.stop();
    assert.equal(codeOf(await engine.submit(makeSubmission(4))), "UNAVAILABLE_CLOSING");
    await engine.clock.advance(200);
    await stopped;
    for (const answer of waiting) logged(await answer);
    assert.equal(sequencer.state, "stopped");
    assert.equal(engine.disk.committed?.treeSize, 3);
  });

  test("stop() of a shard that failed, is held, or was never started ends at once", async () => {
    const engine = new Engine();
    await engine.open({
      wrapStore: (store) =>
        intercept(store, (method, call) => {
          if (method === "load") throw new UnavailableError("UNAVAILABLE_STORE", "down");
          return call();
        }),
    });
    assert.equal(engine.sequencer.state, "failed");
    await engine.sequencer.stop();
    const held = new Engine();
    await held.open();
    held.clock.wallMs += 9_999_999;
    await held.log(1);
    await held.sequencer.stop();
  });

  test("a store that answers again is reloaded by itself; the shard is open again", async () => {
    const engine = new Engine();
    let isDown = false;
    await engine.open({
      wrapStore: (store) =>
        intercept(store, (_, call) => {
          if (isDown) throw new UnavailableError("UNAVAILABLE_STORE", "down");
          return call();
        }),
    });
    await engine.log(1);
    isDown = true;
    assert.equal(codeOf((await engine.log(2))[0]), "UNAVAILABLE_OUTCOME_UNKNOWN");
    await engine.clock.advance(5_000);
    assert.equal(engine.sequencer.state, "failed");
    assert.equal(codeOf((await engine.log(3))[0]), "UNAVAILABLE_SHARD_NOT_READY");
    isDown = false;
    await engine.clock.advance(1_100);
    assert.equal(engine.sequencer.state, "open");
    assert.equal(logged((await engine.log(2))[0]).leafIndex, 1);
  });

  test("a failed fsync is final: no head and no SCT until a restart", async () => {
    const engine = new Engine();
    let failures = 1;
    await engine.open({
      wrapStore: (store) =>
        intercept(store, (method, call, args) => {
          const [commit] = args as [{ entries?: unknown[] }];
          if (method === "commit" && commit.entries?.length && failures-- > 0) {
            throw new FatalError("FATAL_FSYNC", "EIO");
          }
          return call();
        }),
    });
    assert.equal(codeOf((await engine.log(1))[0]), "UNAVAILABLE_OUTCOME_UNKNOWN");
    const heads = engine.heads.length;
    await engine.clock.advance(60_000);
    assert.equal(codeOf((await engine.log(1))[0]), "UNAVAILABLE_SHARD_NOT_READY");
    assert.equal(engine.heads.length, heads);
    assert.equal(engine.sequencer.state, "failed");
    engine.crash();
    await engine.open();
    assert.equal(logged((await engine.log(1))[0]).leafIndex, 0);
  });

  test("the first head after a restart keeps its distance from the last", async () => {
    const engine = new Engine();
    await engine.open();
    await engine.log(1);
    const answer = engine.submit(makeSubmission(2));
    await engine.clock.advance(0);
    await answer;
    engine.crash();
    await engine.open();
    await engine.log(3);
    const times = engine.heads.map(({ timestampMs }) => timestampMs);
    const gaps = [...new Set(times)]
      .slice(1)
      .map((time, index) => time - [...new Set(times)][index]!);
    assert.ok(Math.min(...gaps) >= 100, `gaps of ${gaps}`);
  });
});
