/**
 * One bit flipped in each kind of record of a real shard: something catches it, no wrong byte
 * is served as good, and nothing is signed over it. `STRATUS_ROT_SEEDS` says how many seeds,
 * `STRATUS_ROT_FIRST` which is the first, `STRATUS_ROT_KIND` the one kind to take;
 * docs/SAFETY.md has the table of 1,000.
 * @module
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { CtError, FatalError, messageOf } from "../../src/base/errors.ts";
import { fsck } from "../../src/cli/fsck.ts";
import { leafOfSct, verifySctSignature } from "../../src/client/check.ts";
import { storeAuditSource } from "../../src/client/local.ts";
import { openLogKey } from "../../src/client/log-key.ts";
import { systemClock } from "../../src/clock/system.ts";
import { equalBytes } from "../../src/encoding/bytes.ts";
import { reopenShard, tablesOf } from "../../src/inspect.ts";
import { appendLeaves, EMPTY_FRONTIER, frontierRoot } from "../../src/merkle/frontier.ts";
import { hashLeaf } from "../../src/merkle/hash.ts";
import { SelfAudit } from "../../src/monitor/self-audit.ts";
import { encodeMerkleTreeLeaf, type SignedEntry } from "../../src/rfc6962/entry.ts";
import type { Sct } from "../../src/rfc6962/sct.ts";
import { entryOfChain } from "../../src/sct/entry.ts";
import {
  decodeLeafIndexExtension,
  encodeLeafIndexExtension,
} from "../../src/static-ct/extensions.ts";
import { decodeDataTile, decodeTileLeaf } from "../../src/static-ct/tile-leaf.ts";
import { REAL_SEAM } from "../../src/storage/level/real.ts";
import { entryOfRun, type Store } from "../../src/storage/store.ts";
import type { LogEvent } from "../../src/telemetry/observer.ts";
import { ROT_KINDS, type RotKind, seededRandom } from "../support/rot.ts";
import { RotShard, type RunningShard, submissionOf } from "../support/rot-shard.ts";
import { sha256 } from "../support/sha256.ts";

const ONLY_KIND = process.env["STRATUS_ROT_KIND"];
const KINDS = ROT_KINDS.filter(({ name }) => ONLY_KIND === undefined || name === ONLY_KIND);
assert.ok(KINDS.length > 0, `no kind is ${ONLY_KIND}`);
const SEEDS = Number(process.env["STRATUS_ROT_SEEDS"] ?? 2 * KINDS.length);
const FIRST_SEED = Number(process.env["STRATUS_ROT_FIRST"] ?? 0);
/** Enough that the oldest records are beyond what a start checks again. */
const ENTRIES = 1_900;
const NEW_ENTRY = ENTRIES;
const DUPLICATES = [0, 1, 255, 256, 700, 1_023, 1_500, ENTRIES - 1];

let golden: RotShard;
/** What the undamaged shard answers to each read. */
let answers: ReadonlyMap<string, string>;
let leafHashes: readonly Uint8Array[];
/** How often each catcher caught each kind. */
const table = new Map<string, Map<string, number>>();

before(async () => {
  golden = await RotShard.make(ENTRIES, { groupEntries: 32, sealed: [2, 4] });
  await using copy = await golden.copy();
  await using running = await copy.serve();
  const read = await readEverything(running);
  for (const [name, answer] of read) assert.ok(!answer.startsWith("refused"), `${name}: ${answer}`);
  answers = read;
  const hashes: Uint8Array[] = [];
  for (let index = 0; index * 256 < ENTRIES; index += 1) {
    const width = Math.min(256, ENTRIES - index * 256);
    const tile = await running.shard.readDataTile(index, width);
    for (const leaf of decodeDataTile(tile ?? new Uint8Array(0))) {
      hashes.push(hashLeaf(sha256, encodeMerkleTreeLeaf(leaf)));
    }
  }
  leafHashes = hashes;
});

after(async () => {
  await golden[Symbol.asyncDispose]();
  if (process.env["STRATUS_ROT_TABLE"] === undefined) return;
  for (const [kind, catchers] of table) {
    const counts = [...catchers].map(([name, count]) => `${name} ${count}`).join(", ");
    process.stdout.write(`| ${kind} | ${counts} |\n`);
  }
});

test("fsck and the self-audit find nothing in a shard that is whole", async () => {
  await using shard = await golden.copy();
  assert.deepEqual(await check(shard), { exitCode: 0, found: [] });
  await using running = await shard.serve();
  assert.deepEqual(await auditOnce(shard, running), []);
});

test("an entry that a commit of unknown outcome left behind is its submission's", async () => {
  await using shard = await golden.copy();
  let isBroken = false;
  await using running = await shard.serve({
    wrapStore: (store) =>
      withCommit(store, async (commit) => {
        await store.commit(commit);
        if (isBroken || commit.entries.length === 0) return;
        isBroken = true;
        throw new FatalError("FATAL_COMMIT_UNKNOWN", "the answer is lost");
      }),
  });
  const told = await submitAll(running, "a lost answer");
  assert.deepEqual([...told.unknown], [NEW_ENTRY]);
  assert.ok(isBroken);
  // It opens again by itself, and signs what was committed.
  const sct = await retried(running, NEW_ENTRY);
  assert.equal(decodeLeafIndexExtension(sct.extensions), NEW_ENTRY);
  await requireSignedTruth(running, told, "a lost answer");
  const nobody = { ...told, unknown: new Set<number>() };
  await assert.rejects(requireSignedTruth(running, nobody, ""), /that was not told so/);
  const another = { ...told, unknown: new Set([0, 1]) };
  await assert.rejects(requireSignedTruth(running, another, ""), /that was not told so/);
});

/** `store`, of which one call is another. */
function withCommit(store: Store, commit: Store["commit"]): Store {
  return new Proxy(store, {
    get(target, name) {
      if (name === "commit") return commit;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** Submits until the shard is open again; 10 seconds. */
async function retried(running: RunningShard, index: number): Promise<Sct> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await running.submit(index);
    } catch (error) {
      if (attempt === 100) throw error;
      await setTimeout(100);
    }
  }
}

for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed += 1) {
  const kind = KINDS[seed % KINDS.length]!;
  test(`bit rot, seed ${seed}: ${kind.name} is caught and never signed over`, async (context) => {
    await using shard = await golden.copy();
    const where = await kind.rot(shard, seededRandom(seed));
    context.diagnostic(where);
    const catchers = await catchersOf(shard, kind, where);
    const row = table.get(kind.name) ?? new Map<string, number>();
    table.set(kind.name, row);
    for (const catcher of catchers) row.set(catcher, (row.get(catcher) ?? 0) + 1);
  });
}

/** Looks at a damaged shard at rest, serves it, reads all of it and submits to it. */
async function catchersOf(shard: RotShard, kind: RotKind, where: string): Promise<Set<string>> {
  const catchers = new Set<string>();
  const { exitCode, found } = await check(shard);
  assert.notEqual(exitCode, 2, `${where}: fsck could not look: ${found.join("; ")}`);
  if (exitCode === 1) catchers.add("fsck");
  else assert.ok(kind.mayBeHarmless, `${where}: fsck finds nothing`);
  let running: RunningShard;
  try {
    running = await shard.serve();
  } catch (error) {
    assert.ok(error instanceof CtError, `${where}: ${messageOf(error)}`);
    catchers.add("start refused");
    return catchers;
  }
  await using _running = running;
  const { state } = running.shard.status();
  if (state !== "open") catchers.add("start refused");
  if (running.events.some(({ type }) => type === "recovery-step")) catchers.add("start mended");
  // What is read is right, or refused.
  const read = await readEverything(running);
  let refusals = 0;
  for (const [name, answer] of read) {
    // What is not known to be sealed is compressed anew.
    const isRemade = name.startsWith("sealed tile") && answer === "absent";
    if (isRemade) continue;
    const isNotThere = state !== "open" && answer.startsWith("absent");
    if (answer.startsWith("refused") || isNotThere) refusals += 1;
    // No single flipped bit makes a checksum right again; the two audits see that all the same.
    else if (kind.isSealed !== true) assert.equal(answer, answers.get(name), `${where}: ${name}`);
  }
  if (refusals > 0 && state === "open") catchers.add("checksum at read");
  if (exitCode === 0) assert.equal(refusals, 0, `${where}: fsck finds nothing, reads are refused`);
  const early = await submitAll(running, where);
  if (early.isHalted) catchers.add("proof before an SCT");
  const findings = await auditOnce(shard, running);
  if (findings.length > 0) catchers.add("self-audit");
  const isCaught = catchers.size > 0;
  const wasWrong = exitCode === 1;
  assert.equal(isCaught, wasWrong, `${where}: ${[...catchers].join()}`);
  await requireSignedTruth(running, early, where);
  return catchers;
}

/** `name -> answer` of every read that the shard offers; a refusal names its code. */
async function readEverything(running: RunningShard): Promise<ReadonlyMap<string, string>> {
  const { shard } = running;
  const read = new Map<string, string>();
  const ask = async (name: string, act: () => Promise<unknown>): Promise<void> => {
    let answer: string;
    try {
      const value = await act();
      answer = value === undefined || value === false ? "absent" : sha256Hex(value);
    } catch (error) {
      assert.ok(error instanceof CtError, `${name}: ${messageOf(error)}`);
      const isRefused = /^(?:FATAL|UNAVAILABLE)_/.test(error.code);
      answer = isRefused ? `refused: ${error.code}` : `absent: ${error.code}`;
    }
    read.set(name, answer);
  };
  const size = ENTRIES;
  for (let start = 0; start < size; start += 64) {
    const end = Math.min(size, start + 64);
    const isThere = end <= shard.publishedSize();
    await ask(`entries ${start}`, async () => isThere && (await shard.readEntries(start, end)));
  }
  for (let index = 0; index * 256 < size; index += 1) {
    const width = Math.min(256, size - index * 256);
    await ask(`data tile ${index}`, () => shard.readDataTile(index, width));
    await ask(`sealed tile ${index}`, () => shard.readSealedTile(index));
    await ask(`tile 0, ${index}`, () => shard.readTile(0, index, width));
  }
  await ask("tile 1, 0", () => shard.readTile(1, 0, Math.floor(size / 256)));
  const issuers = new Set<string>();
  for (const index of [0, 1, 2, 3]) {
    for (const der of submissionOf(index).chain.slice(1)) {
      issuers.add(Buffer.from(sha256(der)).toString("hex"));
    }
  }
  for (const name of issuers) {
    await ask(`issuer ${name}`, () => shard.readIssuer(Buffer.from(name, "hex")));
  }
  for (let index = 0; index < size; index += 3) {
    const hash = leafHashes?.[index];
    if (hash !== undefined) {
      const answer = await shard.proveByHash(hash, size).catch((error: unknown) => error);
      if (answer instanceof CtError) continue;
      assert.equal((answer as { leafIndex: number }).leafIndex, index, "get-proof-by-hash");
    }
    if (index % 36 === 0) await ask(`proof ${index}`, () => shard.entryAndProof(index, size));
  }
  for (let first = 1; first < size; first += 53) {
    await ask(`consistency ${first}`, () => shard.proveConsistency(first, size));
  }
  return read;
}

interface Logged {
  readonly entry: SignedEntry;
  readonly index: number;
  readonly sct: Sct;
}

/** What submitting came to. */
interface Told {
  readonly logged: readonly Logged[];
  /** Submissions that were told that their entry may be in the log. */
  readonly unknown: ReadonlySet<number>;
  readonly isHalted: boolean;
}

const UNKNOWN_CODES: readonly string[] = ["UNAVAILABLE_OUTCOME_UNKNOWN", "UNAVAILABLE_DEADLINE"];

/** Submits duplicates and a new chain. Every SCT must be the log's first word, or at the end. */
async function submitAll(running: RunningShard, where: string): Promise<Told> {
  const logged: Logged[] = [];
  const unknown = new Set<number>();
  for (const index of [...DUPLICATES, NEW_ENTRY]) {
    let sct: Sct;
    try {
      sct = await running.submit(index);
    } catch (error) {
      assert.ok(
        error instanceof CtError && error.code.startsWith("UNAVAILABLE_"),
        messageOf(error),
      );
      if (UNKNOWN_CODES.includes(error.code)) unknown.add(index);
      continue;
    }
    const leafIndex = decodeLeafIndexExtension(sct.extensions);
    // A dedup key that is gone lets its submission in once more: a true entry, and no wrong SCT.
    // One whose outcome is unknown may have taken a place before it.
    const added = logged.filter((one) => one.index >= ENTRIES).length;
    const isLast = leafIndex >= ENTRIES + added && leafIndex <= ENTRIES + added + unknown.size;
    assert.ok(isLast || leafIndex === index, `${where}: entry ${index} is ${leafIndex}`);
    logged.push({ entry: entryOf(index), index: leafIndex, sct });
  }
  const isHalted = running.events.some(
    (event) => event.type === "shard-fatal" && event.code === "FATAL_DEDUP_MISMATCH",
  );
  return { logged, unknown, isHalted };
}

function entryOf(index: number): SignedEntry {
  return entryOfChain(sha256, submissionOf(index).chain);
}

/**
 * What was signed is the tree of the true entries, and the SCTs' leaves are in it. An entry that
 * nobody was told of is that of a submission whose outcome was unknown, which gets it on retry.
 */
async function requireSignedTruth(running: RunningShard, told: Told, where: string): Promise<void> {
  const { logged } = told;
  const head = running.shard.published;
  if (head === undefined) {
    assert.equal(logged.length, 0, `${where}: an SCT without a head`);
    return;
  }
  if (running.shard.status().state === "read-only") assert.equal(logged.length, 0, where);
  const added = new Map(logged.flatMap((one) => (one.index >= ENTRIES ? [[one.index, one]] : [])));
  const key = openLogKey(running.shard.publicKey);
  for (const { entry, sct } of logged) verifySctSignature(key, entry, sct);
  const hashes = [...leafHashes];
  const unknown = new Set(told.unknown);
  for (let index = ENTRIES; index < head.treeSize; index += 1) {
    const one = added.get(index);
    const leaf =
      one === undefined
        ? await requireUntold(running, index, unknown, where)
        : leafOfSct(one.entry, one.sct);
    hashes.push(hashLeaf(sha256, leaf));
  }
  for (const index of added.keys()) assert.ok(index < head.treeSize, `${where}: an SCT beyond it`);
  const { frontier } = appendLeaves(sha256, EMPTY_FRONTIER, hashes.slice(0, head.treeSize));
  assert.equal(frontier.size, head.treeSize, `${where}: entries that nobody was told of`);
  assert.deepEqual(frontierRoot(sha256, frontier), head.rootHash, `${where}: the head's root`);
}

/** @param unknown Takes out the submission whose entry it is. @returns Its leaf, made anew. */
async function requireUntold(
  running: RunningShard,
  index: number,
  unknown: Set<number>,
  where: string,
): Promise<Uint8Array> {
  const stored = decodeTileLeaf(entryOfRun(await running.store.readEntries(index, index + 1), 0));
  const { timestampMs } = stored;
  const extensions = encodeLeafIndexExtension(index);
  for (const number of unknown) {
    const leaf = encodeMerkleTreeLeaf({ timestampMs, entry: entryOf(number), extensions });
    if (!equalBytes(leaf, encodeMerkleTreeLeaf(stored))) continue;
    unknown.delete(number);
    const sct = await running.submit(number).catch((error: unknown) => {
      // It does not sign any more.
      assert.ok(error instanceof CtError && error.code.startsWith("UNAVAILABLE_"), where);
    });
    if (sct !== undefined) {
      assert.deepEqual([sct.timestampMs, sct.extensions], [timestampMs, extensions], where);
    }
    return leaf;
  }
  return assert.fail(`${where}: entry ${index} is of a submission that was not told so`);
}

async function check(
  shard: RotShard,
): Promise<{ readonly exitCode: number; readonly found: readonly string[] }> {
  const lines: string[] = [];
  const io = { out: (line: string) => lines.push(line), err: (line: string) => lines.push(line) };
  const progress = { isTerminal: false, write: () => {}, nowMs: () => performance.now() };
  const exitCode = await fsck({ folder: shard.folder, guard: shard.guard }, io, progress);
  const found = lines.filter((line) => line.startsWith("DAMAGE") || line.startsWith("stratus"));
  return { exitCode, found };
}

/** One pass of the self-audit; what it confirmed. */
async function auditOnce(shard: RotShard, running: RunningShard): Promise<readonly LogEvent[]> {
  const events: LogEvent[] = [];
  await new Promise<void>((resolve) => {
    const audit = new SelfAudit({
      shard: shard.identity.name,
      source: storeAuditSource(running.store),
      tables: tablesOf(shard.folder, REAL_SEAM),
      reopen: () => reopenShard(shard.folder, REAL_SEAM),
      head: () => running.shard.published ?? stop(),
      clock: systemClock,
      sha256,
      observer: (event) => {
        events.push(event);
        if (event.type === "audit-pass" || event.type === "audit-interrupted") stop();
      },
      entriesPerSecond: 1_000_000,
      halt: (reason) => running.shard.halt(reason),
      tell: (damage) => running.shard.tellDamage(damage),
    });
    function stop(): undefined {
      void audit.stop().then(resolve);
    }
    audit.start();
  });
  return events.filter((event) => event.type === "audit-finding" && event.isConfirmed);
}

function sha256Hex(value: unknown): string {
  const text = JSON.stringify(value, (_, inner: unknown) =>
    inner instanceof Uint8Array ? Buffer.from(inner).toString("hex") : inner,
  );
  return Buffer.from(sha256(Buffer.from(text))).toString("hex");
}
