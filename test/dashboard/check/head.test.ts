import assert from "node:assert/strict";
import { test } from "node:test";
import { checkHead, type HeadReport } from "../../../src/dashboard/check/head.ts";
import { confirmKey, forgetPin, openLog } from "../../../src/dashboard/check/log.ts";
import { dismissAlarm, readAlarm, rememberAlarm } from "../../../src/dashboard/check/remember.ts";
import { AnswerError } from "../../../src/dashboard/check/world.ts";
import { CheckWorld } from "../../support/check-world.ts";

/** `Signature ok, Freshness bad, ...` */
function said({ steps }: HeadReport): string {
  return steps.map(({ name, state }) => `${name} ${state}`).join(", ");
}

async function look(world: CheckWorld, text?: string): Promise<HeadReport> {
  return checkHead(world, await openLog(world), text ?? (await world.api.get("checkpoint")));
}

/** A world that a visitor has seen at this size. */
async function seenAt(size: number): Promise<CheckWorld> {
  const world = new CheckWorld(20);
  world.treeSize = size;
  assert.match(said(await look(world)), /Consistency warn$/);
  world.timeMs += 1_000;
  return world;
}

test("a first head is signed and fresh; the key is trusted on sight, and said to be", async () => {
  const report = await look(new CheckWorld(20));
  assert.equal(said(report), "Key warn, Signature ok, Freshness ok, Consistency warn");
  assert.equal(report.head?.treeSize, 20);
  assert.equal(report.evidence, undefined);
});

for (let size = 0; size <= 20; size += 1) {
  test(`a head of 20 entries is proven from one of ${size}`, async () => {
    const world = await seenAt(size);
    world.treeSize = 20;
    assert.equal(said(await look(world)), "Key ok, Signature ok, Freshness ok, Consistency ok");
  });
}

test("two roots for one size are two histories, with both heads as evidence", async () => {
  const world = await seenAt(20);
  const before = world.texts.get([...world.texts.keys()].find((key) => key.includes("head")) ?? "");
  const forged = world.checkpoint({ rootHash: new Uint8Array(32).fill(9) });
  const { steps, evidence } = await look(world, forged);
  assert.match(steps.at(-1)?.text ?? "", /^Two histories/);
  assert.equal(evidence?.shown, forged);
  assert.equal(evidence?.before, before);
  // The head that was verified stays the one to be held against.
  assert.match(said(await look(world)), /Consistency ok/);
});

test("a proof with a wrong hash, one that is refused, a tree that shrank: refuted", async () => {
  const world = await seenAt(11);
  world.treeSize = 20;
  const path = "ct/v1/get-sth-consistency";
  const good = JSON.parse(await world.api.get(`${path}?first=11&second=20`)) as {
    readonly consistency: readonly string[];
  };
  world.lies.set(path, JSON.stringify({ consistency: good.consistency.toReversed() }));
  const wrong = await look(world);
  assert.match(said(wrong), /Consistency bad/);
  assert.deepEqual(wrong.evidence?.consistency, good.consistency.toReversed());
  world.lies.set(path, new AnswerError(400, "no"));
  assert.match((await look(world)).steps.at(-1)?.text ?? "", /refuses to prove/);
  world.lies.clear();
  world.treeSize = 10;
  assert.match((await look(world)).evidence?.what ?? "", /has shrunk/);
});

test("no answer proves nothing", async () => {
  const world = await seenAt(11);
  world.treeSize = 20;
  for (const status of [0, 429, 503]) {
    world.lies.set("ct/v1/get-sth-consistency", new AnswerError(status, "later"));
    const report = await look(world);
    assert.match(said(report), /Consistency wait/);
    assert.equal(report.evidence, undefined);
  }
});

test("an older head than the remembered one is told, and held against it", async () => {
  const world = await seenAt(11);
  const older = world.checkpoint({ timestampMs: world.timeMs - 5_000 });
  world.timeMs += 1_000;
  world.treeSize = 20;
  assert.match(said(await look(world)), /Consistency ok/);
  assert.match(said(await look(world, older)), /Freshness ok, Consistency warn/);
  world.treeSize = 11;
  const forked = world.checkpoint({
    timestampMs: world.timeMs - 5_000,
    rootHash: new Uint8Array(32),
  });
  assert.match(said(await look(world, forked)), /Consistency bad/);
});

test("age is held against the merge delay, unless the log says that it is over", async () => {
  const world = new CheckWorld(3);
  const old = world.checkpoint();
  world.timeMs += 59_000;
  assert.match(said(await look(world, old)), /Freshness ok/);
  world.timeMs += 2_000;
  assert.match(said(await look(world, old)), /Freshness bad/);
  world.condition = "readonly";
  assert.match(said(await look(world, old)), /Freshness warn/);
  world.timeMs -= 200_000;
  assert.match(said(await look(world, old)), /Freshness bad/);
});

test("what the pinned key did not sign is not believed, whatever the server states", async () => {
  const world = await seenAt(20);
  world.changeKey();
  const report = await look(world);
  assert.equal(said(report), "Key bad, Signature bad");
  assert.equal(report.head, undefined);
  forgetPin(world);
  assert.match(said(await look(world)), /^Key warn, Signature ok/);
});

test("every bit of a checkpoint's size, root and signature is held", async () => {
  const world = new CheckWorld(7);
  const [origin = "", size = "", root = "", empty = "", line = ""] = world.checkpoint().split("\n");
  const other = Buffer.alloc(32).toString("base64");
  for (const text of [
    [origin, "8", root, empty, line, ""],
    [origin, size, other, empty, line, ""],
    [`${origin}x`, size, root, empty, line, ""],
    [origin, size, root, empty, `${line.slice(0, -4)}AAAA`, ""],
    [""],
  ]) {
    assert.match(said(await look(world, text.join("\n"))), /Signature bad/);
  }
});

test("confirmKey() takes the log ID and the key, in base64 and hex, and no other", async () => {
  const world = new CheckWorld(1);
  const log = await openLog(world);
  const id = Buffer.from(world.logId);
  for (const text of ["", "x", Buffer.alloc(32).toString("hex"), id.toString("hex").slice(2)]) {
    assert.equal(confirmKey(world, log, text), undefined);
  }
  for (const text of [
    id.toString("base64"),
    id.toString("hex"),
    Buffer.from(world.publicKey).toString("base64"),
  ]) {
    assert.equal(confirmKey(world, log, text)?.pin.isConfirmed, true);
  }
  assert.match((await openLog(world)).step.text, /confirmed by you/);
});

test("a memory that holds nonsense is one that was never there", async () => {
  const world = await seenAt(5);
  for (const key of world.texts.keys()) world.texts.set(key, "{");
  assert.equal(said(await look(world)), "Key warn, Signature ok, Freshness ok, Consistency warn");
});

test("an alarm stays until it is dismissed; the first one counts", async () => {
  const world = new CheckWorld(5);
  const log = await openLog(world);
  const { evidence } = await look(world, "nonsense");
  assert.ok(evidence);
  rememberAlarm(world, log, evidence);
  rememberAlarm(world, log, { ...evidence, what: "later" });
  assert.deepEqual(readAlarm(world, log), evidence);
  dismissAlarm(world, log);
  assert.equal(readAlarm(world, log), undefined);
});
