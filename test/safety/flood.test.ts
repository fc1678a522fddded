/**
 * A flood of old certificates and of certificates that carry SCTs already: what a CA waits for
 * still gets in, and the flood is told to come back.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Outcome } from "../../src/sequencer/message.ts";
import { Engine, makeSubmission } from "../support/engine.ts";

const ROOM = 20;

/** Submits numbers [start, end) at once; their outcomes once all are answered. */
function flood(
  engine: Engine,
  [start, end]: readonly [number, number],
  priority: "normal" | "low",
): Promise<readonly Outcome[]> {
  const numbers = Array.from({ length: end - start }, (_, index) => start + index);
  return Promise.all(numbers.map((index) => engine.submit(makeSubmission(index, { priority }))));
}

function countOf(outcomes: readonly Outcome[], type: Outcome["type"]): number {
  return outcomes.filter((outcome) => outcome.type === type).length;
}

test("a pool full of low priority gives way to normal submissions, and answers them 503", async () => {
  const engine = new Engine({ pool: { entriesMax: ROOM, bytesMax: 1_000_000 } });
  await engine.open();
  const old = flood(engine, [0, 3 * ROOM], "low");
  const fresh = flood(engine, [1_000, 1_000 + ROOM - 5], "normal");
  await engine.clock.advance(300);
  assert.equal(countOf(await fresh, "logged"), ROOM - 5);
  const answers = await old;
  assert.equal(countOf(answers, "logged"), 5);
  for (const answer of answers) {
    if (answer.type === "unavailable") assert.equal(answer.code, "UNAVAILABLE_POOL_FULL");
  }
  // The oldest of the flood keep their places: the newest give way.
  assert.deepEqual(
    answers.slice(0, 5).map(({ type }) => type),
    Array.from({ length: 5 }, () => "logged"),
  );
  // And those that gave way come back later, once each.
  const again = flood(engine, [0, 3 * ROOM], "low");
  await engine.clock.advance(300);
  assert.ok(countOf(await again, "logged") >= ROOM);
  assert.equal(engine.fatalCode, undefined);
});

test("a pool full of normal submissions lets no low one in, and evicts nobody for it", async () => {
  const engine = new Engine({ pool: { entriesMax: ROOM, bytesMax: 1_000_000 } });
  await engine.open();
  const fresh = flood(engine, [0, ROOM], "normal");
  const old = flood(engine, [1_000, 1_010], "low");
  await engine.clock.advance(300);
  assert.equal(countOf(await fresh, "logged"), ROOM);
  assert.equal(countOf(await old, "unavailable"), 10);
});
