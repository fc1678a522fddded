import assert from "node:assert/strict";
import { test } from "node:test";
import { type Found, findEntry } from "../../../src/dashboard/check/find.ts";
import { proveGrowth, spreadIndexes } from "../../../src/dashboard/check/growth.ts";
import { checkHead } from "../../../src/dashboard/check/head.ts";
import { openLog } from "../../../src/dashboard/check/log.ts";
import { proveEntry } from "../../../src/dashboard/check/prove.ts";
import type { Search } from "../../../src/dashboard/check/search.ts";
import { drawTree } from "../../../src/dashboard/view/tree.ts";
import { hashLeaf } from "../../../src/merkle/hash.ts";
import { CheckWorld, certificateOf } from "../../support/check-world.ts";
import { sha256 } from "../../support/sha256.ts";

test("proveEntry() proves every entry of trees to 17, and draws the way", async () => {
  for (let size = 1; size <= 17; size += 1) {
    const world = new CheckWorld(size);
    for (let index = 0; index < size; index += 1) {
      const { entry, evidence, head, steps } = await proveEntry(world, index);
      assert.ok(entry?.isIncluded && head, `${index} of ${size}`);
      assert.equal(evidence, undefined);
      assert.ok(steps.every(({ state }) => state !== "bad"));
      const picture = String(drawTree({ ...entry, rootHash: head.rootHash }));
      assert.equal((picture.match(/class="node sibling"/g) ?? []).length, entry.path.length);
      assert.match(picture, /= equal/);
    }
  }
});

test("proveEntry() refutes every wrong hash of a path, one too many, and one too few", async () => {
  const world = new CheckWorld(13);
  const path = "ct/v1/get-entry-and-proof";
  const good = JSON.parse(await world.api.get(`${path}?leaf_index=6&tree_size=13`)) as {
    readonly audit_path: readonly string[];
  };
  const wrong = Buffer.alloc(32, 4).toString("base64");
  const paths = [
    ...good.audit_path.map((_, level) => good.audit_path.with(level, wrong)),
    good.audit_path.slice(1),
    [...good.audit_path, wrong],
  ];
  for (const audit of paths) {
    world.lies.set(path, JSON.stringify({ ...good, audit_path: audit }));
    const { entry, evidence, steps } = await proveEntry(world, 6);
    assert.equal(entry?.isIncluded, false);
    assert.equal(steps.find(({ name }) => name === "Inclusion")?.state, "bad");
    assert.deepEqual(evidence?.entry?.auditPath, audit);
  }
});

test("proveEntry() tells an entry that states another index", async () => {
  const world = new CheckWorld(13);
  const path = "ct/v1/get-entry-and-proof";
  world.lies.set(path, await world.api.get(`${path}?leaf_index=5&tree_size=13`));
  const { steps } = await proveEntry(world, 6);
  assert.equal(steps.find(({ name }) => name === "Index")?.text, "The leaf states index 5.");
});

test("proveEntry() refutes bytes that are no entry, and throws nothing", async () => {
  const world = new CheckWorld(13);
  const path = "ct/v1/get-entry-and-proof";
  const good = JSON.parse(await world.api.get(`${path}?leaf_index=6&tree_size=13`)) as object;
  for (const wrong of [{ leaf_input: "AAAA" }, { extra_data: "AAAB" }]) {
    world.lies.set(path, JSON.stringify({ ...good, ...wrong }));
    const { steps } = await proveEntry(world, 6);
    assert.equal(steps.find(({ name }) => name === "Contents")?.state, "bad");
  }
});

async function find(world: CheckWorld, search: Search, olderCount?: number): Promise<Found> {
  const log = await openLog(world);
  const { head } = await checkHead(world, log, await world.api.get("checkpoint"));
  assert.ok(head);
  const options = { world, log, head, onProgress: () => undefined };
  return findEntry(olderCount === undefined ? options : { ...options, olderCount }, search);
}

test("findEntry() by index, leaf hash, SHA-256 and SCT", async () => {
  const world = new CheckWorld(300);
  const leafHash = hashLeaf(sha256, world.leaves[4] ?? new Uint8Array(0));
  const searches: readonly Search[] = [
    { kind: "index", leafIndex: 4 },
    { kind: "hash", hash: leafHash },
    { kind: "hash", hash: sha256(certificateOf(4)) },
    { kind: "certificate", certificate: certificateOf(4) },
    { kind: "scts", scts: [world.sctOf(4)], certificate: undefined },
  ];
  for (const search of searches) assert.equal((await find(world, search)).leafIndex, 4);
});

test("findEntry() says how far it looked for a SHA-256", async () => {
  const small = await find(new CheckWorld(300), { kind: "hash", hash: new Uint8Array(32) });
  assert.equal(small.leafIndex, undefined);
  assert.match(small.text, /among all 300 entries\.$/);
  assert.equal(small.olderCount, undefined);
  const world = new CheckWorld(2_100);
  const large = await find(world, { kind: "hash", hash: sha256(certificateOf(4)) });
  assert.equal(large.leafIndex, undefined);
  assert.match(large.text, /among the newest 2.048 entries\. A log has no index by certificate/);
  assert.equal(large.olderCount, 52);
});

test("findEntry() looks further back for a SHA-256, to the first entry", async () => {
  const world = new CheckWorld(2_100);
  const search: Search = { kind: "hash", hash: sha256(certificateOf(4)) };
  assert.equal((await find(world, search, 52)).leafIndex, 4);
  const none = await find(world, { kind: "hash", hash: new Uint8Array(32) }, 52);
  assert.match(none.text, /among all 2.100 entries\.$/);
  assert.equal(none.olderCount, undefined);
});

test("findEntry() refutes an SCT that the log did not give, or does not keep", async () => {
  const world = new CheckWorld(30);
  const sct = world.sctOf(4);
  const bad = [
    { ...sct, timestampMs: sct.timestampMs + 1 },
    { ...sct, signature: world.sctOf(5).signature },
    { ...sct, extensions: world.sctOf(5).extensions },
  ];
  for (const one of bad) {
    const { steps } = await find(world, { kind: "scts", scts: [one], certificate: undefined });
    assert.equal(steps[0]?.state, "bad");
  }
  world.treeSize = 4;
  const { steps } = await find(world, { kind: "scts", scts: [sct], certificate: undefined });
  assert.match(steps[0]?.text ?? "", /a promise that is not kept/);
  const other = { ...sct, logId: new Uint8Array(32) };
  const found = await find(world, { kind: "scts", scts: [other], certificate: undefined });
  assert.match(found.text, /^Not an SCT of this log/);
});

test("proveGrowth() gives the times of entries that are proven, and no others", async () => {
  const world = new CheckWorld(30);
  const { head } = await proveEntry(world, 0);
  assert.ok(head);
  const { timestampMs, treeSize } = await proveGrowth(world, head, 29);
  assert.deepEqual([timestampMs, treeSize], [world.timeMs - 1_000 + 29, 30]);
  const path = "ct/v1/get-entry-and-proof";
  world.lies.set(path, await world.api.get(`${path}?leaf_index=3&tree_size=30`));
  await assert.rejects(proveGrowth(world, head, 29), /audit path/);
});

test("spreadIndexes() has the first and the last leaf, in order, and no more than asked for", () => {
  assert.deepEqual(spreadIndexes(0, 24), []);
  assert.deepEqual(spreadIndexes(1, 24), [0]);
  assert.deepEqual(spreadIndexes(3, 24), [0, 1, 2]);
  const many = spreadIndexes(2 ** 40, 24);
  assert.deepEqual([many.length, many[0], many.at(-1)], [24, 0, 2 ** 40 - 1]);
});
