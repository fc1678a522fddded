import assert from "node:assert/strict";
import { test } from "node:test";
import { FrontendLoad } from "../../src/channel/load.ts";

test("FrontendLoad has the sum of what its frontends say, and forgets those that are gone", () => {
  const load = new FrontendLoad();
  assert.equal(load.unjudgedCount, 0);
  const [first, second] = [load.add(), load.add()];
  first.cell[0] = 3;
  // Another thread has the same memory.
  new Int32Array(second.cell.buffer)[0] = 40;
  assert.equal(load.unjudgedCount, 43);
  second.remove();
  assert.equal(load.unjudgedCount, 3);
});
