import assert from "node:assert/strict";
import { test } from "node:test";
import { SHARD_PHASES } from "../../src/base/shard-life.ts";
import { nextOfPhase } from "../../src/base/shard-next.ts";

test("nextOfPhase() has a sentence for each phase, with the dates that it waits for", () => {
  const dates = { opensAtMs: 1, closesAtMs: 2, retiresAtMs: 3 };
  const next = SHARD_PHASES.map((phase) => nextOfPhase("a", phase, dates, (ms) => `T${ms}`));
  assert.deepEqual(next, [
    "have log programs list it; it opens at T1",
    "nothing; it closes at T2",
    "nothing; it closes at T2, then ask for its retirement",
    "nothing; its last head is signed at T3",
    "stratus shard archive a <folder>; serve the folder, then take the shard out",
  ]);
  const undecided = nextOfPhase("a", "read-only", { closesAtMs: 2 }, String);
  assert.match(undecided, /^once log programs have retired it, write 'dates:/);
});
