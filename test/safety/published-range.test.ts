/**
 * The range that a log publishes is the one that it enforces, to the second: clients choose
 * logs by log.v3.json and by /logs.json.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { makeCa } from "../support/certificates.ts";
import { startRunningLog } from "../support/running-log.ts";

test("log.v3.json's temporal_interval is the range of NotAfter that add-chain takes", async () => {
  const root = makeCa();
  await using log = await startRunningLog([
    { name: "r", roots: [root], window: ["2026-07-01T00:00:00Z", "2027-01-01T00:00:00Z"] },
  ]);
  const { temporal_interval: interval } = await log.json("/r/log.v3.json");
  const { start_inclusive: start, end_exclusive: end } = interval as Readonly<
    Record<string, string>
  >;
  const [startMs, endMs] = [Date.parse(start ?? ""), Date.parse(end ?? "")];
  const cases: readonly (readonly [number, number])[] = [
    [startMs - 1_000, 400],
    [startMs, 200],
    [endMs - 1_000, 200],
    [endMs, 400],
  ];
  for (const [notAfterMs, status] of cases) {
    const leaf = root.issue({ notAfter: new Date(notAfterMs) });
    const reply = await log.submit("r", "add-chain", [leaf]);
    assert.equal(reply.status, status, `${new Date(notAfterMs).toISOString()}: ${reply.text}`);
  }
});
