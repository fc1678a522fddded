import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  groupDueInMs,
  LOOK_MS,
  STRETCH_MS_MAX,
  UNJUDGED_MIN,
} from "../../src/sequencer/stretch.ts";
import { Engine, makeSubmission } from "../support/engine.ts";

const BATCH = { intervalMs: 10, entriesMax: 4_096 };

/** Milliseconds from the last head until a group is due, looked at when it asks for it. */
function gathersFor(
  unjudgedAt: (ms: number) => number,
  changes: Partial<typeof BATCH> = {},
): number {
  let sinceMs = 0;
  for (let look = 0; look < 100; look += 1) {
    const dueInMs = groupDueInMs({ ...BATCH, ...changes }, sinceMs, sinceMs, () =>
      unjudgedAt(sinceMs),
    );
    if (dueInMs <= 0) return sinceMs;
    sinceMs += dueInMs;
  }
  return assert.fail("never due");
}

describe("groupDueInMs()", () => {
  test("while frontends have more than they can judge until the bound, else until the interval", () => {
    assert.equal(
      gathersFor(() => UNJUDGED_MIN),
      STRETCH_MS_MAX,
    );
    assert.equal(
      gathersFor(() => UNJUDGED_MIN - 1),
      10,
    );
    assert.equal(
      gathersFor(() => 0),
      10,
    );
  });

  test("ends with the first look that finds less", () => {
    assert.equal(
      gathersFor((ms) => (ms <= 10 ? 1_000 : 0)),
      10 + LOOK_MS,
    );
    assert.equal(
      gathersFor((ms) => (ms <= 10 + LOOK_MS ? 1_000 : 0)),
      10 + 2 * LOOK_MS,
    );
  });

  test("leaves an interval as long as the bound as it is", () => {
    assert.equal(
      gathersFor(() => 1_000, { intervalMs: STRETCH_MS_MAX }),
      STRETCH_MS_MAX,
    );
    assert.equal(
      gathersFor(() => 1_000, { intervalMs: 200 }),
      200,
    );
  });

  test("is over for a group that can take no more, after the interval", () => {
    assert.equal(
      gathersFor(() => 1_000, { entriesMax: 5 }),
      10,
    );
  });
});

describe("Sequencer", () => {
  /** Times between the heads while two submissions come in each of 300 ms. */
  async function spacings(unjudgedCount: number): Promise<ReadonlySet<number>> {
    const batch = { ...BATCH, bytesMax: 10_000_000, idleRefreshMs: 10_000 };
    const engine = new Engine({ batch, unjudgedCount: () => unjudgedCount });
    await engine.open();
    let number = 0;
    for (let ms = 0; ms < 300; ms += 1) {
      for (let count = 0; count < 2; count += 1) void engine.submit(makeSubmission(number++));
      await engine.clock.advance(1);
    }
    const times = engine.heads.map(({ timestampMs }) => timestampMs);
    await engine.clock.advance(1_000);
    return new Set(times.slice(3).map((time, at) => time - (times[at + 2] ?? time)));
  }

  test("makes a head each 50 ms while frontends are behind, else each 10", async () => {
    assert.deepEqual(await spacings(0), new Set([10]));
    assert.deepEqual(await spacings(1_000), new Set([STRETCH_MS_MAX]));
  });
});
