import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  gathering,
  LARGE_ENTRIES,
  LARGE_STRETCH_MS_MAX,
  LOOK_MS,
  STRETCH_MS_MAX,
  UNJUDGED_MS_MIN,
} from "../../src/sequencer/stretch.ts";
import { Engine, intercept, makeSubmission } from "../support/engine.ts";

const BATCH = { intervalMs: 10, entriesMax: 4_096 };

/**
 * Milliseconds from the last head until a group is due, looked at when it asks for it.
 * @param perMs Entries that come in a millisecond.
 * @param answeredAtMs When a stretched group was answered, if one was.
 */
function gathersFor(
  unjudgedAt: (ms: number) => number,
  changes: Partial<typeof BATCH> = {},
  perMs = 1,
  answeredAtMs = Number.NEGATIVE_INFINITY,
): number {
  let sinceMs = 0;
  for (let look = 0; look < 100; look += 1) {
    const batch = { ...BATCH, ...changes };
    const unjudgedMs = () => unjudgedAt(sinceMs);
    const times = { sinceMs, answeredMs: sinceMs - answeredAtMs };
    const { dueInMs, isStretched } = gathering(batch, times, perMs * sinceMs, unjudgedMs);
    const isLater = dueInMs > 0 && sinceMs >= batch.intervalMs;
    assert.equal(isStretched, isLater && unjudgedMs() > UNJUDGED_MS_MIN);
    if (dueInMs <= 0) return sinceMs;
    sinceMs += dueInMs;
  }
  return assert.fail("never due");
}

describe("gathering()", () => {
  test("while frontends have more than they can judge until the bound, else until the interval", () => {
    assert.equal(
      gathersFor(() => UNJUDGED_MS_MIN + 1),
      STRETCH_MS_MAX,
    );
    assert.equal(
      gathersFor(() => UNJUDGED_MS_MIN),
      10,
    );
    assert.equal(
      gathersFor(() => 0),
      10,
    );
  });

  test("ends earlier for a large group", () => {
    const always = (): number => 1_000;
    assert.equal(gathersFor(always, {}, LARGE_ENTRIES / 25), LARGE_STRETCH_MS_MAX);
    // It becomes large after that bound.
    assert.equal(gathersFor(always, {}, LARGE_ENTRIES / 64), 64);
  });

  test("goes on for an interval from the answers of a stretched group, within its bound", () => {
    const nobody = (): number => 0;
    assert.equal(gathersFor(nobody, {}, 1, 25), 25 + BATCH.intervalMs);
    assert.equal(gathersFor(nobody, {}, 1, -1), BATCH.intervalMs);
    assert.equal(gathersFor(nobody, {}, LARGE_ENTRIES / 25, 45), LARGE_STRETCH_MS_MAX);
    assert.equal(gathersFor(nobody, {}, 1, 95), STRETCH_MS_MAX);
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
  /** Times between the heads while two submissions come in each of 600 ms. */
  async function spacings(unjudgedMs: number): Promise<ReadonlySet<number>> {
    const batch = { ...BATCH, bytesMax: 10_000_000, idleRefreshMs: 10_000 };
    const engine = new Engine({ batch, unjudgedMs: () => unjudgedMs });
    await engine.open();
    let number = 0;
    for (let ms = 0; ms < 600; ms += 1) {
      for (let count = 0; count < 2; count += 1) void engine.submit(makeSubmission(number++));
      await engine.clock.advance(1);
    }
    const times = engine.heads.map(({ timestampMs }) => timestampMs);
    await engine.clock.advance(1_000);
    return new Set(times.slice(3).map((time, at) => time - (times[at + 2] ?? time)));
  }

  test("makes a head each 100 ms while frontends are behind, else each 10", async () => {
    assert.deepEqual(await spacings(0), new Set([10]));
    assert.deepEqual(await spacings(1_000), new Set([STRETCH_MS_MAX]));
  });

  /** Between two heads, the later one for what came while the earlier was committed, in 30 ms. */
  async function spacingBehind(unjudgedMs: number): Promise<number> {
    const batch = { ...BATCH, bytesMax: 10_000_000, idleRefreshMs: 10_000 };
    let left = unjudgedMs;
    const engine = new Engine({
      batch,
      unjudgedMs: () => left,
      wrapStore: (store) =>
        intercept(store, async (method, call) => {
          if (method === "commit") {
            await new Promise<void>((resolve) => engine.clock.after(30, resolve));
          }
          return call();
        }),
    });
    await engine.open();
    await engine.clock.advance(100);
    const submit = (number: number) => void engine.submit(makeSubmission(number));
    submit(0);
    await engine.clock.advance(50);
    submit(1);
    // It is due after the interval, or once frontends have nothing left.
    await engine.clock.advance(20);
    left = 0;
    await engine.clock.advance(10);
    submit(2);
    await engine.clock.advance(200);
    const [third, second] = engine.heads.map(({ timestampMs }) => timestampMs).toReversed();
    assert.equal(engine.head?.treeSize, 3);
    return (third ?? 0) - (second ?? 0);
  }

  test("lets what follows a stretched group gather, once that is answered", async () => {
    assert.equal(await spacingBehind(0), 30);
    assert.equal(await spacingBehind(1_000), 30 + BATCH.intervalMs);
  });
});
