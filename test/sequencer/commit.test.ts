/**
 * The fault table: each call that a group makes on Store and Signer, failed in each way, and
 * what must come of it; then an audit of everything that was handed out.
 * @module
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FatalError, UnavailableError } from "../../src/base/errors.ts";
import { bytesKey } from "../../src/encoding/bytes.ts";
import { hashLeaf } from "../../src/merkle/hash.ts";
import { encodeMerkleTreeLeaf } from "../../src/rfc6962/entry.ts";
import { encodeTreeHeadToSign } from "../../src/rfc6962/tree-head.ts";
import type { Outcome } from "../../src/sequencer/message.ts";
import { encodeLeafIndexExtension } from "../../src/static-ct/extensions.ts";
import { decodeTileLeaf } from "../../src/static-ct/tile-leaf.ts";
import { ReferenceTree, referenceLeafHash } from "../reference/merkle.ts";
import {
  ENGINE_KEY,
  Engine,
  type EngineOptions,
  intercept,
  makeSubmission,
} from "../support/engine.ts";
import { sha256 } from "../support/sha256.ts";

type Fault = "unapplied" | "applied" | "never";

interface Row {
  readonly port: "store" | "signer";
  readonly method: string;
  readonly fault: Fault;
  readonly error: Error;
  /** Tree size after recovery; the group appends 2 to a tree of 3. */
  readonly treeSize: number;
  /** What the waiter for a fresh entry is told; "nothing" if its process died. */
  readonly answer: string;
  /** What the waiter for a duplicate is told: it is answered before the commit. */
  readonly duplicate: string;
  /** Whether a restart was needed. */
  readonly isFinal: boolean;
}

const DOWN = new UnavailableError("UNAVAILABLE_STORE", "down");
const UNKNOWN = new FatalError("FATAL_COMMIT_UNKNOWN", "unknown");
const FSYNC = new FatalError("FATAL_FSYNC", "EIO");

const IN_DOUBT = "UNAVAILABLE_OUTCOME_UNKNOWN";

function rows(): readonly Row[] {
  const all: Row[] = [];
  const add = (
    port: Row["port"],
    method: string,
    before: Partial<Row>,
    faults: readonly (readonly [Fault, Error, Partial<Row>])[],
  ): void => {
    for (const [fault, error, changes] of faults) {
      const answer = fault === "never" ? "nothing" : IN_DOUBT;
      const base = { port, method, fault, error, answer, treeSize: 3, isFinal: false };
      all.push({ duplicate: "logged", ...base, ...before, ...changes });
    }
  };
  const reads = (error: Error): readonly (readonly [Fault, Error, Partial<Row>])[] => [
    ["unapplied", error, {}],
    ["never", error, {}],
  ];
  add("store", "findDuplicates", { duplicate: IN_DOUBT }, [
    ["unapplied", DOWN, {}],
    ["never", DOWN, { duplicate: "nothing" }],
  ]);
  add("store", "commit", {}, [
    ["unapplied", DOWN, {}],
    ["unapplied", UNKNOWN, {}],
    ["applied", UNKNOWN, { treeSize: 5 }],
    ["unapplied", FSYNC, { isFinal: true }],
    ["applied", FSYNC, { isFinal: true, treeSize: 5 }],
    ["never", UNKNOWN, {}],
  ]);
  add("store", "readEntries", { treeSize: 5 }, reads(DOWN));
  add("store", "readIssuer", { treeSize: 5 }, reads(DOWN));
  // The duplicate's hash is read before the commit: the whole group is in doubt.
  add("store", "readNodes", { duplicate: IN_DOUBT }, [
    ["unapplied", DOWN, {}],
    ["never", DOWN, { duplicate: "nothing" }],
  ]);
  add("store", "publish", { treeSize: 5, answer: "logged" }, [
    ["unapplied", DOWN, {}],
    ["applied", UNKNOWN, {}],
    ["unapplied", FSYNC, { isFinal: true }],
    ["never", DOWN, {}],
  ]);
  add("signer", "signTreeHead", { treeSize: 5 }, [
    ["unapplied", FSYNC, { isFinal: true }],
    ["applied", FSYNC, { isFinal: true }],
    ["never", FSYNC, {}],
  ]);
  add("signer", "signScts", { duplicate: IN_DOUBT, answer: IN_DOUBT }, [
    ["unapplied", new FatalError("FATAL_SIGNATURE", "wrong"), { isFinal: true }],
    ["never", FSYNC, { duplicate: "nothing", answer: "nothing" }],
  ]);
  return all;
}

describe("a group whose call", () => {
  for (const row of rows()) {
    const { port, method, fault, error, treeSize } = row;
    const how = fault === "never" ? "never returns" : `fails ${fault} (${error.message})`;
    test(`${port}.${method}() ${how}: ${row.answer}, then size ${treeSize}`, () => runRow(row));
  }

  test("table: every call of a group on store and signer has its rows", async () => {
    const called = new Set<string>();
    const engine = await engineWithThree();
    const record = <Port extends object>(port: Port): Port =>
      intercept(port, (name, call) => {
        called.add(name);
        return call();
      });
    engine.crash();
    await engine.open({ wrapStore: record, wrapSigner: record });
    called.clear();
    await engine.log(0, 3, 4);
    assert.deepEqual(
      [...called].toSorted(),
      [...new Set(rows().map(({ method }) => method))].toSorted(),
    );
  });
});

async function engineWithThree(): Promise<Engine> {
  const engine = new Engine();
  await engine.open();
  await engine.log(0, 1, 2);
  return engine;
}

async function runRow(row: Row): Promise<void> {
  const engine = await engineWithThree();
  engine.crash();
  await engine.clock.advance(1_000);
  let isArmed = false;
  const hook = (name: string, call: () => unknown): unknown => {
    if (!isArmed || name !== row.method) return call();
    isArmed = false;
    return faultOf(row, call);
  };
  const faulty: EngineOptions =
    row.port === "store"
      ? { wrapStore: (store) => intercept(store, hook) }
      : { wrapSigner: (signer) => intercept(signer, hook) };
  await engine.open(faulty);
  isArmed = true;
  const answers = new Map<number, Outcome>();
  for (const index of [0, 3, 4]) {
    void engine.submit(makeSubmission(index)).then((outcome) => answers.set(index, outcome));
  }
  await engine.clock.advance(200);
  assert.ok(!isArmed, "the fault was met");
  assert.equal(codeOf(answers.get(3)), row.answer);
  assert.equal(codeOf(answers.get(0)), row.duplicate);
  await engine.clock.advance(1_500);
  if (row.isFinal || row.fault === "never") {
    if (row.isFinal) assert.equal(engine.sequencer.state, "failed", "only a restart recovers");
    engine.crash();
    await engine.open({ wrapStore: (store) => store, wrapSigner: (signer) => signer });
  }
  assert.equal(engine.sequencer.state, "open");
  assert.equal(engine.head?.treeSize, row.treeSize);
  const given = [...answers].filter(([, outcome]) => outcome.type === "logged");
  const retries = await engine.log(0, 3, 4);
  for (const [position, index] of [0, 3, 4].entries()) given.push([index, retries[position]!]);
  assert.equal(engine.head?.treeSize, 5, "the retry got the one entry");
  audit(engine, given);
}

async function faultOf({ fault, error }: Row, call: () => unknown): Promise<unknown> {
  if (fault === "applied") await call();
  if (fault === "never") await new Promise(() => {});
  throw error;
}

function codeOf(outcome: Outcome | undefined): string {
  if (outcome === undefined) return "nothing";
  return outcome.type === "logged" ? "logged" : outcome.code;
}

/** Everything that was handed out is in the tree, and the heads are one chain. */
function audit(engine: Engine, given: readonly (readonly [number, Outcome])[]): void {
  const leaves = engine.disk.entries.map((bytes) => encodeMerkleTreeLeaf(decodeTileLeaf(bytes)));
  const tree = new ReferenceTree(leaves.map(referenceLeafHash));
  let [last] = engine.heads;
  assert.ok(last !== undefined);
  for (const head of engine.heads) {
    ENGINE_KEY.verify(encodeTreeHeadToSign(head), head.signature);
    assert.deepEqual(head.rootHash, tree.root(0, head.treeSize));
    assert.ok(head.treeSize >= last.treeSize);
    if (head.timestampMs === last.timestampMs) assert.deepEqual(head.signature, last.signature);
    else assert.ok(head.timestampMs > last.timestampMs);
    last = head;
  }
  for (const [index, outcome] of given) {
    assert.equal(outcome.type, "logged");
    if (outcome.type !== "logged") continue;
    const { leafIndex, timestampMs, signature } = outcome;
    const { entry } = makeSubmission(index);
    const extensions = encodeLeafIndexExtension(leafIndex);
    const leaf = encodeMerkleTreeLeaf({ timestampMs, entry, extensions });
    ENGINE_KEY.verify(leaf, signature);
    assert.deepEqual(leaf, leaves[leafIndex]);
    assert.equal(engine.disk.leaves.get(bytesKey(hashLeaf(sha256, leaf))), leafIndex);
  }
  assert.equal(engine.disk.dedup.size, leaves.length, "no entry twice");
}
