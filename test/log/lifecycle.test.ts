import assert from "node:assert/strict";
import { test } from "node:test";
import { requireTaking } from "../../src/log/lifecycle.ts";
import { TEST_IDENTITY } from "../support/commits.ts";

const DATES = { opensAtMs: Date.UTC(2026, 0, 1), closesAtMs: Date.UTC(2026, 6, 8) };

test("requireTaking() passes an open and a closing shard, and says why another is refused", () => {
  requireTaking(TEST_IDENTITY, DATES, "open");
  requireTaking(TEST_IDENTITY, DATES, "closing");
  assert.throws(() => requireTaking(TEST_IDENTITY, DATES, "planned"), {
    code: "REJECTED_SHARD_PLANNED",
    message: /from 2026-01-01T00:00:00.000Z on/,
  });
  for (const phase of ["read-only", "retired"] as const) {
    assert.throws(() => requireTaking(TEST_IDENTITY, DATES, phase), {
      code: "REJECTED_SHARD_CLOSED",
      message: /2026-07-01T00:00:00.000Z/,
    });
  }
});
