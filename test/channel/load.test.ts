import assert from "node:assert/strict";
import { test } from "node:test";
import { FrontendLoad, LINGER_MS_MAX, lingering } from "../../src/channel/load.ts";
import { UNJUDGED_MS_MIN } from "../../src/sequencer/stretch.ts";

test("FrontendLoad has the mean of what its frontends say, and forgets those that are gone", () => {
  const load = new FrontendLoad();
  assert.equal(load.unjudgedMs, 0);
  const [first, second] = [load.add(), load.add()];
  first.cell[0] = 3_000;
  // Another thread has the same memory.
  new Int32Array(second.cell.buffer)[0] = 40_000;
  assert.equal(load.unjudgedMs, 21.5);
  second.remove();
  assert.equal(load.unjudgedMs, 3);
});

/** Turns of an event loop, 1 ms each, until a deferred call is made. */
function turnsUntilRun(unjudgedMsAt: (ms: number) => number): number {
  let nowMs = 0;
  const deferred: (() => void)[] = [];
  const cell = new Int32Array(1);
  const clock = { nowMs: () => 0, monotonicMs: () => nowMs, after: () => assert.fail("no timer") };
  const wire = { post: () => {}, defer: (run: () => void) => void deferred.push(run) };
  let ranMs: number | undefined;
  lingering(wire, clock, cell).defer(() => {
    assert.equal(ranMs, undefined, "once");
    ranMs = nowMs;
  });
  for (; nowMs < 50; nowMs += 1) {
    cell[0] = 1_000 * unjudgedMsAt(nowMs);
    for (const run of deferred.splice(0)) run();
  }
  return ranMs ?? assert.fail("never");
}

test("lingering() lets groups gather while the frontend is far behind, for a moment", () => {
  const far = 2 * UNJUDGED_MS_MIN + 1;
  assert.equal(
    turnsUntilRun(() => 0),
    0,
  );
  // Before a shard would take its group.
  assert.equal(
    turnsUntilRun(() => UNJUDGED_MS_MIN + 1),
    0,
  );
  assert.equal(
    turnsUntilRun(() => far),
    LINGER_MS_MAX,
  );
  assert.equal(
    turnsUntilRun((ms) => (ms < 4 ? far : UNJUDGED_MS_MIN)),
    4,
  );
});

test("lingering() posts at once", () => {
  const posted: Uint8Array[] = [];
  const wire = { post: (bytes: Uint8Array) => void posted.push(bytes), defer: () => {} };
  const clock = { nowMs: () => 0, monotonicMs: () => 0, after: () => () => {} };
  const bytes = new Uint8Array(3);
  lingering(wire, clock, new Int32Array(1)).post(bytes);
  assert.equal(posted[0], bytes);
});
