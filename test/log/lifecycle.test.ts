import assert from "node:assert/strict";
import { test } from "node:test";
import { closesAtMs, requireNotClosed } from "../../src/log/lifecycle.ts";
import { TEST_IDENTITY } from "../support/commits.ts";

test("requireNotClosed() refuses from 7 days after NotAfterLimit on, to the millisecond", () => {
  assert.equal(closesAtMs(TEST_IDENTITY), Date.UTC(2026, 6, 8));
  requireNotClosed(TEST_IDENTITY, Date.UTC(2026, 6, 8) - 1);
  assert.throws(() => requireNotClosed(TEST_IDENTITY, Date.UTC(2026, 6, 8)), {
    code: "REJECTED_SHARD_CLOSED",
    message: /2026-07-01T00:00:00.000Z/,
  });
});
