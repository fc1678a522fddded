import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  ADD_CHAIN_TURN_WAIT_MS_MAX,
  SLICE_MS,
  SubmissionTurns,
  TURN_WAIT_MS_MAX,
  WAITING_SUBMISSIONS_MAX,
} from "../../src/http/submission-turns.ts";

/** A loop of events moved by hand: `pass` is what Node does after it has read all sockets. */
class Loop {
  nowMs = 1_000;
  readonly #deferred: (() => void)[] = [];
  readonly turns: SubmissionTurns;
  readonly shown = new Int32Array(1);
  judged: number[] = [];

  constructor() {
    const clock = {
      nowMs: () => 0,
      monotonicMs: () => this.nowMs,
      after: (delayMs: number, run: () => void) => {
        assert.equal(delayMs, 0);
        this.#deferred.push(run);
        return () => undefined;
      },
    };
    this.turns = new SubmissionTurns(clock, this.shown);
  }

  /** A submission whose judging takes so long. */
  send(number: number, tookMs: number): Promise<number> | number {
    return this.turns.run(() => {
      this.judged.push(number);
      this.nowMs += tookMs;
      return number;
    });
  }

  /** @param elsewhereMs What all else takes before it. */
  pass(elsewhereMs = 0): void {
    this.nowMs += elsewhereMs;
    for (const run of this.#deferred.splice(0)) run();
  }

  get isIdle(): boolean {
    return this.#deferred.length === 0;
  }

  refuses(endpoint: "add-chain" | "add-pre-chain"): boolean {
    try {
      this.turns.requireRoom(endpoint);
      return false;
    } catch (error) {
      assert.equal(Reflect.get(Object(error), "code"), "UNAVAILABLE_OVERLOADED");
      return true;
    }
  }
}

test("SubmissionTurns judges at once until the pass has had its slice, then in order", async () => {
  const loop = new Loop();
  const answers = Array.from({ length: 5 * SLICE_MS }, (_, number) => loop.send(number, 0.5));
  assert.equal(loop.judged.length, 2 * SLICE_MS);
  assert.equal(loop.turns.waitingCount, 3 * SLICE_MS);
  loop.pass();
  assert.equal(loop.judged.length, 4 * SLICE_MS);
  answers.push(loop.send(5 * SLICE_MS, 0.5));
  loop.pass();
  loop.pass();
  const expected = Array.from({ length: 5 * SLICE_MS + 1 }, (_, number) => number);
  assert.deepEqual(loop.judged, expected);
  assert.deepEqual(await Promise.all(answers), expected);
  loop.pass();
  assert.ok(loop.isIdle, "nothing is deferred while nobody waits");
});

test("SubmissionTurns judges as long in each pass, whatever all else takes", () => {
  const loop = new Loop();
  for (let number = 0; number < 400; number += 1) loop.send(number, 1);
  const slices = [0, 0, 50, 1_000, 5].map((elsewhereMs) => {
    const before = loop.judged.length;
    loop.pass(elsewhereMs);
    return loop.judged.length - before;
  });
  assert.deepEqual(slices, Array(5).fill(SLICE_MS));
});

test("SubmissionTurns passes on what judging throws, at once and in its turn", async () => {
  const loop = new Loop();
  const fail = (): never => {
    throw new TypeError("no");
  };
  assert.throws(() => loop.turns.run(fail), TypeError);
  loop.send(0, 100);
  const later = loop.turns.run(fail);
  const after = loop.send(1, 1);
  loop.pass();
  await assert.rejects(Promise.resolve(later), TypeError);
  assert.equal(await after, 1);
});

test("SubmissionTurns refuses by what it measured: add-chain first, at half the wait", () => {
  const loop = new Loop();
  assert.ok(!loop.refuses("add-chain"));
  // Many passes teach it that one takes 2 ms, of which judging is half.
  const fill = (waiting: number): void => {
    while (loop.turns.waitingCount < waiting) loop.send(0, 1);
  };
  for (let turn = 0; turn < 1_200 / SLICE_MS; turn += 1) {
    fill(200);
    loop.pass(SLICE_MS);
  }
  fill(Math.floor(ADD_CHAIN_TURN_WAIT_MS_MAX / 2) - 5);
  assert.ok(Math.abs(loop.turns.waitMs / loop.turns.waitingCount - 2) < 0.01);
  assert.equal(loop.shown[0], Math.round(1_000 * loop.turns.waitMs), "microseconds");
  while (loop.turns.waitingCount > ADD_CHAIN_TURN_WAIT_MS_MAX / 2 - 5) loop.pass(SLICE_MS);
  assert.ok(!loop.refuses("add-chain"));
  fill(ADD_CHAIN_TURN_WAIT_MS_MAX / 2 + 5);
  assert.ok(loop.refuses("add-chain") && !loop.refuses("add-pre-chain"));
  fill(TURN_WAIT_MS_MAX / 2 + 5);
  assert.ok(loop.refuses("add-pre-chain"));
  while (loop.turns.waitingCount > 0) loop.pass(SLICE_MS);
  assert.ok(!loop.refuses("add-chain"), "what is refused comes in again");
  assert.equal(loop.shown[0], 0);
});

test("SubmissionTurns bounds how many wait, whatever a turn takes", () => {
  const loop = new Loop();
  loop.send(0, 100);
  // Turns that take nothing: no wait would ever be too long.
  for (let turn = 0; turn < 10_000 && loop.turns.waitMs < 1e9; turn += 1) {
    for (let count = 0; count < 100; count += 1) loop.send(count, 0.001);
    if (loop.turns.waitingCount >= WAITING_SUBMISSIONS_MAX) break;
  }
  assert.ok(loop.refuses("add-pre-chain"));
});

test("property: SubmissionTurns judges each once, in order, and never more than a slice", () => {
  const step = fc.record({
    sent: fc.nat(20),
    tookMs: fc.double({ min: 0.01, max: 15, noNaN: true }),
    elsewhereMs: fc.double({ min: 0, max: 60, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const loop = new Loop();
      let sent = 0;
      let longestMs = 0;
      for (const { sent: count, tookMs, elsewhereMs } of steps) {
        longestMs = Math.max(longestMs, tookMs);
        for (let at = 0; at < count; at += 1) loop.send(sent + at, tookMs);
        sent += count;
        const beforeMs = loop.nowMs;
        loop.pass(elsewhereMs);
        assert.ok(loop.nowMs - beforeMs - elsewhereMs <= SLICE_MS + longestMs);
      }
      for (let rest = 0; loop.turns.waitingCount > 0; rest += 1) {
        assert.ok(rest <= sent, "each pass takes one at least");
        loop.pass();
      }
      assert.deepEqual(loop.judged, [...Array(sent).keys()]);
    }),
  );
});
