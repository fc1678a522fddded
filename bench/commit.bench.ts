/**
 * The commit of a group: through the real store alone, and with all that stands between it and
 * the SCTs (read back, verify, sign through the guard); beside it what the disk takes for as
 * many bytes. `BENCH=real scripts/node24 --test bench/commit.bench.ts`.
 * @module
 */
import assert from "node:assert/strict";
import { fdatasyncSync, openSync, writeSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { defined } from "../src/base/assert.ts";
import { systemClock } from "../src/clock/system.ts";
import { lockFolder } from "../src/lock/folder-lock.ts";
import { checkEntry } from "../src/log/check-entry.ts";
import { EMPTY_FRONTIER, type Frontier } from "../src/merkle/frontier.ts";
import type { SignedTreeHead, TreeHead } from "../src/rfc6962/tree-head.ts";
import { commitPlan } from "../src/sequencer/commit.ts";
import type { Plan } from "../src/sequencer/plan.ts";
import { GuardedSigner } from "../src/signer/guard.ts";
import { createGuardFolder, openGuardFolder } from "../src/signer/guard-folder.ts";
import { createKeyFile } from "../src/signer/key-file.ts";
import { createLevelStore, LEVEL_DEFAULTS } from "../src/storage/level/folder.ts";
import { type LevelStore, openLevelStore } from "../src/storage/level/level-store.ts";
import { REAL_SEAM } from "../src/storage/level/real.ts";
import { appendBlock } from "./fill.ts";
import { FillEntries } from "./fill-entries.ts";
import { sha256 } from "./log-reader.ts";
import { FLUSH_KINDS, type FlushCounts, FlushMeter, meterGuard, meterSeam } from "./slow-seam.ts";
import { declareWaitingStage, printStageHead } from "./stage.ts";

printStageHead();

const NOW_MS = Date.UTC(2026, 10, 15);
const entries = new FillEntries(42);
const parent = process.env["BENCH_FOLDER"] ?? tmpdir();
const folder = await mkdtemp(join(parent, "stratus-commit-"));

/** A shard with its plans made ahead. */
class Bench implements AsyncDisposable {
  readonly store: LevelStore;
  readonly meter: FlushMeter;
  readonly #signer: GuardedSigner;
  #signed: SignedTreeHead | undefined;
  #head: TreeHead | undefined;
  #frontier: Frontier = EMPTY_FRONTIER;
  #plans: readonly Plan[] = [];
  #commits = 0;
  /** Making the store is flushed too. */
  readonly #before: FlushCounts;

  constructor(store: LevelStore, signer: GuardedSigner, meter: FlushMeter) {
    this.store = store;
    this.#signer = signer;
    this.meter = meter;
    this.#before = meter.counts;
  }

  static async open(name: string): Promise<Bench> {
    const meter = new FlushMeter(async () => {});
    const shard = join(folder, name);
    const options = { ...LEVEL_DEFAULTS, sha256, lockFolder, seam: meterSeam(REAL_SEAM, meter) };
    const key = await createKeyFile(join(folder, `${name}.pem`));
    const { logId } = key;
    const window = { notAfterStartMs: NOW_MS, notAfterLimitMs: NOW_MS + 1 };
    const identity = { name, logId, origin: `bench/${name}`, type: "rfc6962", ...window } as const;
    await createLevelStore(shard, identity, options);
    await createGuardFolder(join(folder, "guard"), logId);
    const guard = await openGuardFolder(join(folder, "guard"), logId, lockFolder);
    const signer = new GuardedSigner({ key, folder: meterGuard(guard, meter), sha256 });
    return new Bench(await openLevelStore(shard, options), signer, meter);
  }

  /** Plans the next `count` groups of so many entries. */
  plan(count: number, groupEntries: number): void {
    this.#plans = Array.from({ length: count }, (): Plan => {
      const timestampMs = (this.#head?.timestampMs ?? NOW_MS) + 1;
      const block = entries.make(this.#frontier.size, groupEntries, timestampMs);
      const what = { count: groupEntries, timestampMs };
      const { frontier, commit } = appendBlock(this.#frontier, block, what);
      const { issuers } = entries;
      const { head } = commit;
      const plan = {
        commit: { expected: this.#head, ...commit, issuers },
        tree: { head, frontier },
      };
      this.#head = head;
      this.#frontier = frontier;
      return plan;
    });
  }

  async commit(at: number, isSigned: boolean): Promise<Uint8Array> {
    const plan = defined(this.#plans[at], "it was planned");
    this.#commits += 1;
    if (isSigned) {
      const ports = { store: this.store, signer: this.#signer, clock: systemClock };
      const options = { ...ports, sha256, checkEntry };
      this.#signed = (await commitPlan(options, this.#signed, plan)).signed;
    } else await this.store.commit(plan.commit);
    return plan.tree.head.rootHash;
  }

  /** The entries of plan `at` are in the store, byte for byte. */
  async check(at: number): Promise<void> {
    const { commit, tree } = defined(this.#plans[at], "it was planned");
    const end = tree.head.treeSize;
    const run = await this.store.readEntries(end - commit.entries.length, end);
    assert.deepEqual(run.bytes, new Uint8Array(Buffer.concat(commit.entries)));
  }

  get flushesPerCommit(): string {
    const { counts } = this.meter;
    const each = FLUSH_KINDS.map((kind) => {
      return `${kind} ${((counts[kind] - this.#before[kind]) / this.#commits).toFixed(2)}`;
    });
    return `; flushes a commit: ${each.join(", ")}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.store[Symbol.asyncDispose]();
    await this.#signer[Symbol.asyncDispose]();
  }
}

const opened = new AsyncDisposableStack();
after(async () => {
  await opened.disposeAsync();
  await rm(folder, { recursive: true });
});

/** Groups, and how many of them a round takes. */
const GROUPS = [
  [1, 100],
  [10, 60],
  [75, 20],
  [1_000, 3],
] as const;

// All are opened before the first is declared: the runner does not wait for this file's awaits.
const benches = new Map<string, Bench>();
for (const [groupEntries] of GROUPS) {
  for (const name of [`${groupEntries}-false`, `${groupEntries}-true`]) {
    benches.set(name, opened.use(await Bench.open(name)));
  }
}
for (const [groupEntries, realCount] of GROUPS) {
  for (const isSigned of [false, true]) {
    const bench = defined(benches.get(`${groupEntries}-${isSigned}`), "all were opened");
    declareWaitingStage({
      name: `commit${isSigned ? ", read back, verify, sign" : " through the store"}, per entry of ${groupEntries}`,
      realCount,
      thingsPerRun: groupEntries,
      cpu: "process",
      prepare: (count) => bench.plan(count, groupEntries),
      run: (at) => bench.commit(at, isSigned),
      check: (at) => bench.check(at),
      note: () => bench.flushesPerCommit,
    });
  }
  const file = openSync(join(folder, `raw-${groupEntries}`), "w+");
  const block = new Uint8Array(groupEntries * entries.length).fill(1);
  declareWaitingStage({
    name: `limit: write and fdatasync of the bytes of ${groupEntries} entries, per entry`,
    realCount,
    thingsPerRun: groupEntries,
    cpu: "process",
    run: async () => {
      writeSync(file, block);
      fdatasyncSync(file);
      return new Uint8Array(1);
    },
    check: (_at, result) => assert.equal(result.length, 1),
  });
}
