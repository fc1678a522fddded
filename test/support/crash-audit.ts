/**
 * What the world was told by a process, and the audit of a shard that a crash left: nothing
 * that was told may be untrue afterwards, and the shard goes on by itself.
 * @module
 */
import assert from "node:assert/strict";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "../../src/base/errors.ts";
import type { Shard } from "../../src/log/shard.ts";
import { appendLeaves, EMPTY_FRONTIER, frontierRoot } from "../../src/merkle/frontier.ts";
import { hashLeaf } from "../../src/merkle/hash.ts";
import { decodeMerkleTreeLeaf, type SignedEntry } from "../../src/rfc6962/entry.ts";
import type { Sct } from "../../src/rfc6962/sct.ts";
import { decodeLeafIndexExtension } from "../../src/static-ct/extensions.ts";
import type { LogEvent } from "../../src/telemetry/observer.ts";
import type { TestCa } from "./certificates.ts";
import { sha256 } from "./commits.ts";
import { initShard, openShard, SHARD_FOLDER } from "./crash-shard.ts";

/** One thing to submit, and what the log must record of it. */
export interface CrashSubmission {
  readonly endpoint: "add-chain" | "add-pre-chain";
  readonly chain: readonly Uint8Array[];
  readonly entry: SignedEntry;
}

/** What a process said, up to some moment. */
export interface Told {
  isInitialized: boolean;
  readonly heads: {
    readonly treeSize: number;
    readonly timestampMs: number;
    readonly rootHash: string;
    readonly signature: string;
  }[];
  readonly scts: {
    readonly number: number;
    readonly leafIndex: number;
    readonly timestampMs: number;
  }[];
}

/** Number `serial` of `ca`; every third is a certificate. */
export function crashSubmission(ca: TestCa, serial: number): CrashSubmission {
  const options = { serial, notAfter: new Date("2027-07-01T00:00:00Z") };
  if (serial % 3 === 0) {
    const certificate = ca.issue(options);
    const entry: SignedEntry = { type: "x509", certificate };
    return { endpoint: "add-chain", chain: [certificate, ca.der], entry };
  }
  const precertificate = ca.issue({ ...options, precert: true });
  // The TBS as the CA would sign it without poison: the tests' own code.
  const tbs = Uint8Array.from(ca.tbs(options));
  const entry: SignedEntry = { type: "precert", issuerKeyHash: sha256(ca.spki), tbs };
  return { endpoint: "add-pre-chain", chain: [precertificate, ca.der], entry };
}

/** Adds one line of the process to what it told. */
export function addTold(told: Told, line: string): void {
  const [word, ...values] = line.trim().split(" ");
  const [a = "", b = "", rootHash = "", signature = ""] = values;
  if (word === "init") told.isInitialized = true;
  else if (word === "head") {
    told.heads.push({ treeSize: Number(a), timestampMs: Number(b), rootHash, signature });
  } else if (word === "sct") {
    const sct = { number: Number(a), leafIndex: Number(b), timestampMs: Number(rootHash) };
    told.scts.push(sct);
  } else assert.fail(`the process said ${JSON.stringify(line)}`);
}

/** Where an SCT says that its entry stands. */
export function leafIndexOf(sct: Sct): number {
  return decodeLeafIndexExtension(sct.extensions);
}

/**
 * Opens what is in `root` and holds it to `told`.
 * @param submissions What the process submitted, by number; the last was never submitted.
 * @throws AssertionError, or what keeps the shard from opening.
 */
export async function auditCrash(
  root: string,
  ca: TestCa,
  submissions: readonly CrashSubmission[],
  told: Told,
): Promise<void> {
  const isThere = (name: string) =>
    stat(join(root, SHARD_FOLDER, name)).then(
      () => true,
      () => false,
    );
  if (!told.isInitialized && !(await isThere("db"))) {
    await initShard(root, await isThere("key.pem"));
  }
  const events: LogEvent[] = [];
  const shard = await openShard(root, ca.der, 3_600_000, (event) => events.push(event));
  try {
    await shard.start();
    const { isReady, reason } = shard.status();
    assert(isReady, `the shard did not open: ${reason}`);
    await requireTold(shard, submissions, told);
    await requireProgress(shard, submissions, told);
  } catch (cause) {
    const fatal = events.find((event) => event.type === "shard-fatal");
    if (fatal === undefined) throw cause;
    throw new Error(`${messageOf(cause)}, after ${fatal.code}: ${fatal.message}`, { cause });
  } finally {
    await shard.stop();
  }
}

async function requireTold(
  shard: Shard,
  submissions: readonly CrashSubmission[],
  told: Told,
): Promise<void> {
  const head = shard.head();
  const last = told.heads.at(-1);
  if (last !== undefined) {
    assert(head.treeSize >= last.treeSize, `size ${last.treeSize} went back to ${head.treeSize}`);
    assert(head.timestampMs >= last.timestampMs, "a head older than one that was published");
  }
  const logged = await readAll(shard, head.treeSize);
  const roots = new Map<number, string>([[0, hex(sha256(new Uint8Array(0)))]]);
  let frontier = EMPTY_FRONTIER;
  for (const [index, { leafInput }] of logged.entries()) {
    frontier = appendLeaves(sha256, frontier, [hashLeaf(sha256, leafInput)]).frontier;
    roots.set(index + 1, hex(frontierRoot(sha256, frontier)));
  }
  assert.equal(roots.get(head.treeSize), hex(head.rootHash), "the entries lead to the head");
  for (const { treeSize, timestampMs, rootHash, signature } of told.heads) {
    assert.equal(roots.get(treeSize), rootHash, `two roots for size ${treeSize}`);
    if (timestampMs !== head.timestampMs) continue;
    assert.equal(treeSize, head.treeSize, "two sizes at one time");
    assert.equal(hex(head.signature), signature, "two signatures for one head");
  }
  for (const { number, leafIndex, timestampMs } of told.scts) {
    const leaf = logged[leafIndex]?.leaf;
    assert(leaf !== undefined, `the entry of an SCT, ${leafIndex}, is lost`);
    assert.equal(leaf.timestampMs, timestampMs, `the timestamp of entry ${leafIndex}`);
    assert.deepEqual(leaf.entry, submissions[number]?.entry, `entry ${leafIndex} is another`);
  }
  const bodies = logged.map(({ leaf }) =>
    hex(leaf.entry.type === "x509" ? leaf.entry.certificate : leaf.entry.tbs),
  );
  assert.equal(new Set(bodies).size, bodies.length, "an entry stands twice");
}

/** A submission answered before gets its entry again, and a new one gets the next place. */
async function requireProgress(
  shard: Shard,
  submissions: readonly CrashSubmission[],
  told: Told,
): Promise<void> {
  const { treeSize } = shard.head();
  for (const known of [told.scts[0], told.scts.at(-1)]) {
    if (known === undefined) continue;
    const submission = submissions[known.number];
    assert(submission !== undefined, "only what was planned is submitted");
    const sct = await shard.submit(submission.endpoint, submission.chain);
    const again = { leafIndex: leafIndexOf(sct), timestampMs: sct.timestampMs };
    const { leafIndex, timestampMs } = known;
    assert.deepEqual(again, { leafIndex, timestampMs }, "a second entry for one submission");
  }
  const fresh = submissions.at(-1);
  assert(fresh !== undefined, "there is a fresh submission");
  const sct = await shard.submit(fresh.endpoint, fresh.chain);
  assert.equal(leafIndexOf(sct), treeSize, "the next entry takes the next place");
  assert.equal(shard.head().treeSize, treeSize + 1, "one entry more");
}

async function readAll(shard: Shard, treeSize: number) {
  const logged = [];
  while (logged.length < treeSize) {
    for (const { leafInput } of await shard.readEntries(logged.length, treeSize)) {
      logged.push({ leafInput, leaf: decodeMerkleTreeLeaf(leafInput) });
    }
  }
  return logged;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
