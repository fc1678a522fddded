import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DOUBT_MS, GAP_MS_MAX, LifeWatch } from "../../src/sequencer/life-watch.ts";
import { Engine, makeSubmission } from "../support/engine.ts";
import { CLOCK_START_MS, ManualClock } from "../support/manual-clock.ts";

const DAY_MS = 86_400_000;
const CLOSES = CLOCK_START_MS + DAY_MS;

describe("LifeWatch", () => {
  test("headDueInMs(): a date makes a head due, not closer than the interval", () => {
    const clock = new ManualClock();
    const spacing = { intervalMs: 100, idleRefreshMs: 10_000 };
    const nowMs = clock.nowMs();
    const steadyMs = clock.monotonicMs();
    const dueIn = (closesInMs: number) =>
      new LifeWatch(clock, { closesAtMs: nowMs + closesInMs }).headDueInMs(
        nowMs,
        steadyMs,
        spacing,
      );
    assert.equal(dueIn(60_000), 10_000);
    assert.equal(dueIn(4_000), 4_000);
    assert.equal(dueIn(20), 100);
  });

  test("doubt() of a date within a long gap, until there was steady time; not of a short one", async () => {
    const clock = new ManualClock();
    const watch = new LifeWatch(clock, { closesAtMs: CLOSES });
    clock.wallMs = CLOSES + 5;
    assert.equal(watch.doubt(clock.wallMs - GAP_MS_MAX), undefined);
    assert.match(watch.doubt(clock.wallMs - GAP_MS_MAX - 1) ?? "", /1\.0 days .* cannot be undone/);
    assert.equal(watch.doubt(CLOSES), undefined, "the date was passed before");
    assert.equal(watch.doubt(0), undefined, "a new shard has nothing to lose");
    await clock.advance(DOUBT_MS);
    assert.equal(watch.doubt(CLOSES - GAP_MS_MAX), undefined);
  });
});

describe("Sequencer with dates", () => {
  const dates = { closesAtMs: CLOSES };

  test("no entry is as new as the closing date, and the head of that instant has the final size", async () => {
    const closesMs = CLOCK_START_MS + 60_000;
    const engine = new Engine({ dates: { closesAtMs: closesMs } });
    await engine.open();
    await engine.log(1, 2);
    await engine.clock.advance(closesMs - engine.clock.nowMs() - 20);
    const late = engine.submit(makeSubmission(3));
    await engine.clock.advance(10);
    const tooLate = engine.submit(makeSubmission(4));
    await engine.clock.advance(300);
    assert.equal((await late).type, "logged");
    const refused = await tooLate;
    assert.equal(refused.type === "unavailable" && refused.code, "UNAVAILABLE_SHARD_NOT_READY");
    const final = engine.heads.filter(({ timestampMs }) => timestampMs >= closesMs);
    assert.ok(final.length > 0);
    assert.deepEqual(new Set(final.map(({ treeSize }) => treeSize)), new Set([3]));
    await engine.clock.advance(30_000);
    assert.equal(engine.head?.treeSize, 3);
    assert.ok((engine.head?.timestampMs ?? 0) > closesMs + 20_000, "heads go on");
  });

  test("a start with a clock far ahead closes nothing: signing waits for an hour of it", async () => {
    const engine = new Engine({ dates });
    await engine.open();
    await engine.log(1);
    const before = engine.head;
    engine.crash();
    engine.clock.wallMs = CLOSES + 400 * DAY_MS;
    await engine.open();
    await engine.clock.advance(60_000);
    assert.match(engine.sequencer.reason, /cannot be undone/);
    assert.deepEqual(engine.head, before, "no head from the future");
    const held = await engine.submit(makeSubmission(2));
    assert.equal(held.type === "unavailable" && held.code, "UNAVAILABLE_CLOCK_HELD");
    // The operator stops it, sets the clock right and starts it: nothing has happened.
    engine.crash();
    engine.clock.wallMs = (before?.timestampMs ?? 0) + 3_600_000;
    await engine.open();
    await engine.log(2);
    assert.equal(engine.head?.treeSize, 2);
    // A log that really was away for so long closes after the hour.
    engine.crash();
    engine.clock.wallMs = CLOSES + DAY_MS;
    await engine.open();
    await engine.clock.advance(DOUBT_MS + 20_000);
    assert.equal(engine.sequencer.reason, "");
    assert.ok((engine.head?.timestampMs ?? 0) > CLOSES);
    assert.equal(engine.head?.treeSize, 2);
  });

  test("a clock that jumps over the date while it runs holds signing, and comes back", async () => {
    const engine = new Engine({ dates });
    await engine.open();
    engine.clock.wallMs += 30 * DAY_MS;
    await engine.clock.advance(30_000);
    assert.ok(engine.heads.every(({ timestampMs }) => timestampMs < CLOSES));
    engine.clock.wallMs -= 30 * DAY_MS;
    await engine.clock.advance(30_000);
    assert.equal(engine.sequencer.reason, "");
    await engine.log(1);
    assert.equal(engine.head?.treeSize, 1);
  });
});
