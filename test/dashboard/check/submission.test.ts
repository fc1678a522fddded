import assert from "node:assert/strict";
import { test } from "node:test";
import {
  askVerdict,
  chooseShard,
  type ShardWindow,
  submitChain,
} from "../../../src/dashboard/check/submission.ts";
import { AnswerError } from "../../../src/dashboard/check/world.ts";
import { formatSctJson } from "../../../src/rfc6962/json.ts";
import { makeCa } from "../../support/certificates.ts";
import { CheckWorld } from "../../support/check-world.ts";

const root = makeCa({ subject: "Root" });
const chain = (year: number) => [root.issue({ notAfter: new Date(Date.UTC(year, 5, 1)) })];
const window = (name: string, year: number, more: Partial<ShardWindow> = {}): ShardWindow => ({
  name,
  notAfterStartMs: Date.UTC(year, 0),
  notAfterLimitMs: Date.UTC(year + 1, 0),
  closesAtMs: Date.UTC(year + 1, 0, 8),
  ...more,
});
const SHARDS = [
  window("a2026", 2026),
  window("b2027", 2027, { opensAtMs: Date.UTC(2027, 0) }),
  window("a2027", 2027),
  window("b2028", 2028, { opensAtMs: Date.UTC(2027, 6) }),
];
const NOW_MS = Date.UTC(2026, 10, 28);

test("chooseShard() takes the named one, else by expiry an open one, else the first", () => {
  const choose = (named: string, year: number) =>
    chooseShard(SHARDS, named, chain(year), NOW_MS)?.name;
  assert.equal(choose("a2026", 2027), "a2026");
  assert.equal(choose("", 2026), "a2026");
  assert.equal(choose("", 2027), "a2027");
  assert.equal(choose("", 2028), "b2028", "not open yet, but the one for it");
  assert.equal(choose("", 2040), "a2026");
  assert.equal(choose("nobody", 2027), "a2027");
  assert.equal(chooseShard([], "", chain(2027), NOW_MS), undefined);
});

test("askVerdict() and submitChain() take what the log answers, and its refusals", async () => {
  const world = new CheckWorld(3);
  const verdict = { accepted: true, shard: "a", endpoint: "add-chain", path: [] };
  world.lies.set("stratus/v1/validate", JSON.stringify(verdict));
  assert.equal((await askVerdict(world, chain(2027))).isAccepted, true);
  const sct = world.sctOf(2);
  world.lies.set("ct/v1/add-chain", formatSctJson(sct));
  assert.deepEqual(await submitChain(world, "add-chain", chain(2027)), sct);
  world.lies.set("ct/v1/add-chain", "{}");
  await assert.rejects(submitChain(world, "add-chain", chain(2027)), { code: "MALFORMED_JSON" });
  world.lies.set("ct/v1/add-chain", new AnswerError(503, "add-chain: 503 full"));
  await assert.rejects(submitChain(world, "add-chain", chain(2027)), /503 full/);
});
