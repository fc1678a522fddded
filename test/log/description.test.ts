import assert from "node:assert/strict";
import { test } from "node:test";
import { type Described, describeLog } from "../../src/log/description.ts";
import { TEST_IDENTITY } from "../support/commits.ts";

const DATES = {
  opensAtMs: 1_000,
  closesAtMs: 10_000,
  retiresAtMs: 20_000,
};

function describedAt(timestampMs: number | undefined, more: Partial<Described> = {}) {
  return describeLog({
    identity: TEST_IDENTITY,
    publicKey: Uint8Array.of(1),
    dates: DATES,
    site: {
      submissionUrl: "https://a/x",
      monitoringUrl: "https://b/x",
      listed: { pendingAtMs: 500, qualifiedAtMs: 2_000, usableAtMs: 3_000 },
    },
    head:
      timestampMs === undefined
        ? undefined
        : { treeSize: 7, timestampMs, rootHash: new Uint8Array(32), signature: Uint8Array.of() },
    nowMs: 99_000,
    isHalted: false,
    software: { name: "stratus", version: "0" },
    ...more,
  });
}

test("describeLog() goes through a whole life by the head's time", () => {
  const life = [0, 500, 1_000, 2_000, 3_000, 10_000, 20_000].map((timeMs) => {
    const { condition, conditionSinceMs, listState, plannedChanges, finalTreeHead } =
      describedAt(timeMs);
    const changes = plannedChanges.map((change) => change.condition).join(" ");
    const since = conditionSinceMs ?? "";
    return `${condition} ${since}|${listState?.name ?? ""}|${changes}|${finalTreeHead?.treeSize ?? ""}`;
  });
  assert.deepEqual(life, [
    "inactive ||active readonly inactive|",
    "inactive |pending|active readonly inactive|",
    "active 1000|pending|readonly inactive|",
    "active 1000|qualified|readonly inactive|",
    "active 1000|usable|readonly inactive|",
    "readonly 10000|readonly|inactive|7",
    "inactive 20000|retired||7",
  ]);
});

test("describeLog() says nothing of programs where the operator has not", () => {
  const site = { submissionUrl: "", monitoringUrl: "", listed: {} };
  assert.equal(describedAt(5_000, { site }).listState, undefined);
});

test("describeLog() of a shard that signs nothing more is readonly, without a final head", () => {
  const halted = describedAt(undefined, { isHalted: true, nowMs: 5_000 });
  assert.deepEqual([halted.condition, halted.finalTreeHead], ["readonly", undefined]);
});

test("describeLog() without a head goes by the time that it is given, and has no final head", () => {
  const { condition, finalTreeHead } = describedAt(undefined);
  assert.deepEqual([condition, finalTreeHead], ["inactive", undefined]);
});
