/**
 * SCTs of a log of ours and of another one, over a log in memory that lies where a test says so.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { proveSct } from "../../../src/dashboard/check/own-sct.ts";
import { type Claim, type Pasted, parsePasted } from "../../../src/dashboard/check/pasted.ts";
import { checkScts, type SctResult } from "../../../src/dashboard/check/scts.ts";
import { AnswerError } from "../../../src/dashboard/check/world.ts";
import { formatSctJson } from "../../../src/rfc6962/json.ts";
import { encodeSctList, type Sct } from "../../../src/rfc6962/sct.ts";
import { parseLogList } from "../../../src/sct/log-list.ts";
import { parseLogJson } from "../../../src/static-ct/log-json.ts";
import { CheckWorld, certificateOf } from "../../support/check-world.ts";
import { makeOtherLog } from "../../support/other-log.ts";
import { sha256 } from "../../support/sha256.ts";

const other = makeOtherLog();
const { logs: others } = parseLogList(sha256, other.listText);

const ownOf = async (world: CheckWorld) => ({
  ...parseLogJson(sha256, await world.api.get("log.v3.json")),
  operator: "",
  state: undefined,
});

const claimOf = (index: number): Claim => ({
  entry: { type: "x509", certificate: certificateOf(index) },
  notAfterMs: undefined,
  what: "it",
});

async function prove(world: CheckWorld, sct: Sct, claims: readonly Claim[]) {
  const own = await ownOf(world);
  const pasted = { sct, isEmbedded: false };
  return proveSct(world, { pasted, own, chain: [], claims });
}

const states = (steps: readonly { readonly name: string; readonly state: string }[]) =>
  Object.fromEntries(steps.map(({ name, state }) => [name, state]));

test("proveSct() proves an SCT over what was sent, or over what is logged", async () => {
  const world = new CheckWorld(30);
  for (const claims of [[claimOf(4)], []]) {
    const { steps, evidence, claim } = await prove(world, world.sctOf(4), claims);
    const found = states(steps);
    for (const name of ["Log", "SCT signature", "Entry", "Signature", "Inclusion"]) {
      assert.equal(found[name], "ok", name);
    }
    assert.equal(evidence, undefined);
    assert.deepEqual(claim?.entry, claimOf(4).entry);
  }
});

test("proveSct() refutes a signature, a log, an entry, and a promise that is not kept", async () => {
  const world = new CheckWorld(30);
  const sct = world.sctOf(4);
  const forged = { ...sct, signature: world.sctOf(5).signature };
  for (const claims of [[claimOf(4)], []]) {
    const { steps } = await prove(world, forged, claims);
    assert.equal(states(steps)["SCT signature"], "bad");
  }
  const strange = await prove(world, { ...sct, logId: other.logId }, []);
  assert.equal(states(strange.steps)["Log"], "bad");

  const path = "ct/v1/get-entry-and-proof";
  world.lies.set(path, await world.api.get(`${path}?leaf_index=5&tree_size=30`));
  const moved = await prove(world, sct, [claimOf(4)]);
  assert.deepEqual(
    [states(moved.steps)["Entry"], states(moved.steps)["SCT signature"]],
    ["bad", "ok"],
  );
  assert.ok(moved.evidence);
  world.lies.clear();

  world.treeSize = 4;
  world.texts.clear();
  const early = await prove(world, sct, [claimOf(4)]);
  assert.equal(states(early.steps)["Inclusion"], "wait", "the merge delay is not over");
  assert.equal(early.evidence, undefined);
  world.timeMs += 60_000;
  world.texts.clear();
  const broken = await prove(world, sct, [claimOf(4)]);
  assert.equal(states(broken.steps)["Entry"], "bad");
  assert.equal(broken.evidence?.promise?.sct, formatSctJson(sct));
});

test("proveSct() keeps what it knows where the log does not answer, or answers rubbish", async () => {
  const world = new CheckWorld(30);
  world.lies.set("ct/v1/get-entry-and-proof", new AnswerError(503, "busy"));
  const silent = states((await prove(world, world.sctOf(4), [claimOf(4)])).steps);
  assert.deepEqual([silent["SCT signature"], silent["Answer"]], ["ok", "wait"]);
  world.lies.set("ct/v1/get-entry-and-proof", "{}");
  const rubbish = states((await prove(world, world.sctOf(4), [claimOf(4)])).steps);
  assert.deepEqual([rubbish["SCT signature"], rubbish["Answer"]], ["ok", "bad"]);
});

async function checkAll(world: CheckWorld, pasted: Pasted, own = true): Promise<SctResult[]> {
  const known = {
    own: [await ownOf(world)],
    others: async () => (own ? others : Promise.reject(new AnswerError(404, "gone"))),
    worldOf: () => world,
  };
  const results: SctResult[] = [];
  await checkScts(known, pasted, (index, result) => {
    results[index] = result;
  });
  return results;
}

test("checkScts() names logs by the list, and holds nobody's word for a signature", async () => {
  const world = new CheckWorld(30);
  const foreign = other.sctOf(claimOf(4).entry, world.timeMs);
  const list = Buffer.from(encodeSctList([foreign, world.sctOf(4)])).toString("base64");
  const [first, second] = await checkAll(world, parsePasted(list));
  assert.equal(first?.view.log?.description, "Example Other Log 2027");
  assert.deepEqual(states(first?.steps ?? [])["SCT signature"], "wait");
  assert.equal(second?.view.shard, "check");
  assert.equal(states(second?.steps ?? [])["Inclusion"], "ok");
  const unknown = { ...foreign, logId: new Uint8Array(32) };
  const [nobody] = await checkAll(world, parsePasted(formatSctJson(unknown)));
  assert.equal(states(nobody?.steps ?? [])["Log"], "wait");
  const [gone] = await checkAll(world, parsePasted(formatSctJson(foreign)), false);
  assert.equal(states(gone?.steps ?? [])["Answer"], "wait");
});
