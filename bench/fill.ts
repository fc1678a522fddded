/**
 * `scripts/node24 bench/fill.ts --folder DIR --entries N`: takes a shard to N entries through
 * the Store port, in groups of some thousand, and signs heads through its guard, so that
 * `stratus serve` opens it. It goes on where an earlier run ended, however that ended.
 * @module
 */
import { mkdir } from "node:fs/promises";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { defined } from "../src/base/assert.ts";
import { messageOf } from "../src/base/errors.ts";
import { loadConfig } from "../src/cli/load-config.ts";
import { equalBytes } from "../src/encoding/bytes.ts";
import { parseDecimal } from "../src/encoding/decimal.ts";
import { lockFolder } from "../src/lock/folder-lock.ts";
import { appendLeaves, type Frontier, frontierRoot } from "../src/merkle/frontier.ts";
import type { TreeHead } from "../src/rfc6962/tree-head.ts";
import { proveFrom } from "../src/sequencer/recover.ts";
import { readFrontier } from "../src/sequencer/verify.ts";
import { GuardedSigner } from "../src/signer/guard.ts";
import { openGuardFolder } from "../src/signer/guard-folder.ts";
import { readKeyFile } from "../src/signer/key-file.ts";
import type { Signer } from "../src/signer/signer.ts";
import { LEVEL_DEFAULTS } from "../src/storage/level/folder.ts";
import { openLevelStore } from "../src/storage/level/level-store.ts";
import { REAL_SEAM } from "../src/storage/level/real.ts";
import type { Commit, Store } from "../src/storage/store.ts";
import { type EntryBlock, FillEntries } from "./fill-entries.ts";
import { sealFilled } from "./fill-seal.ts";
import type { BlockTask } from "./fill-worker.ts";
import { sha256 } from "./log-reader.ts";
import { describeMachine } from "./machine.ts";
import { configureFolder, type ServerFolder } from "./server.ts";

/** What is filled. */
export interface FillOptions {
  /** Made, with configuration, key, guard and shard, unless it is there. */
  readonly folder: string;
  /** Entries that the tree shall have. */
  readonly entries: number;
  readonly seed: number;
  /** Of the configuration that serves it; default 0. */
  readonly frontends?: number;
  /** Entries of one commit; a multiple of 256 makes whole tiles. */
  readonly groupEntries: number;
  /** Whether full tiles are sealed before it ends. */
  readonly isSealed: boolean;
  /** Stops before the next commit once it is aborted. */
  readonly signal?: AbortSignal;
  readonly log: (line: string) => void;
}

/** What was done. */
export interface FillReport {
  readonly where: ServerFolder;
  /** Size before and now. */
  readonly start: number;
  readonly treeSize: number;
  readonly seconds: number;
  readonly entriesPerSecond: number;
  /** Of all threads of this process, LevelDB's too; microseconds. */
  readonly cpuUsPerEntry: number;
  /** What sealing took; undefined if it was not asked for. */
  readonly sealed: Awaited<ReturnType<typeof sealFilled>> | undefined;
}

/** Blocks that are being made while one is committed. */
const BLOCKS_AHEAD = 3;
const SIGN_EVERY_ENTRIES = 262_144;
const LOG_EVERY_MS = 5_000;

/**
 * Fills the shard.
 * @throws FatalError if it is in use, or is not what its guard signed.
 */
export async function fillFolder(options: FillOptions): Promise<FillReport> {
  const where = await configureFolder(await madeFolder(options.folder), options);
  const cwd = process.cwd();
  const config = await loadConfig(where.config, { cwd, nowMs: Date.now(), overrides: {} });
  const shard = defined(config.shards[0], "it has one shard");
  const key = await readKeyFile(shard.keyPath);
  const seam = REAL_SEAM;
  const storeOptions = { ...LEVEL_DEFAULTS, sha256, lockFolder, seam };
  await using store = await openLevelStore(shard.folder, storeOptions);
  const guard = await openGuardFolder(config.guard, key.logId, lockFolder);
  await using signer = new GuardedSigner({ key, folder: guard, sha256 });
  const started = performance.now();
  const cpuBefore = process.cpuUsage();
  const { start, head } = await fillStore(store, signer, options);
  const seconds = (performance.now() - started) / 1_000;
  const cpu = process.cpuUsage(cpuBefore);
  const sealed = options.isSealed
    ? await sealFilled(store, head?.treeSize ?? 0, options.log)
    : undefined;
  const treeSize = head?.treeSize ?? 0;
  const added = treeSize - start;
  return {
    ...{ where, start, treeSize, seconds, sealed },
    entriesPerSecond: added / seconds,
    cpuUsPerEntry: (cpu.user + cpu.system) / Math.max(1, added),
  };
}

async function fillStore(
  store: Store,
  signer: Signer,
  options: FillOptions,
): Promise<{ readonly start: number; readonly head: TreeHead | undefined }> {
  const { committed } = await store.load();
  let head: TreeHead | undefined = committed;
  let frontier = await readFrontier(store, head?.treeSize ?? 0);
  if (head !== undefined && !equalBytes(frontierRoot(sha256, frontier), head.rootHash)) {
    throw new Error("the stored tree is not its head's");
  }
  const start = frontier.size;
  const progress = new FillProgress(start, options);
  const { issuers } = new FillEntries(options.seed);
  await using blocks = new Blocks(start, options, head?.timestampMs ?? 0);
  for (let block = await blocks.next(); block !== undefined; block = await blocks.next()) {
    const { task, made } = block;
    const appended = appendBlock(frontier, made, task);
    await store.commit({ expected: head, ...appended.commit, issuers });
    ({ frontier } = appended);
    blocks.giveBack(made);
    const before = head?.treeSize ?? 0;
    head = appended.commit.head;
    const signEvery = Math.floor(head.treeSize / SIGN_EVERY_ENTRIES);
    if (signEvery > Math.floor(before / SIGN_EVERY_ENTRIES)) await publish(store, signer, head);
    progress.show(head.treeSize);
    if (options.signal?.aborted === true) break;
  }
  if (head !== undefined) await publish(store, signer, head);
  return { start, head };
}

/** Signs the head through the guard, as a sequencer does. */
async function publish(store: Store, signer: Signer, head: TreeHead): Promise<void> {
  const proof = await proveFrom(sha256, store, signer.lastHead, head);
  await store.publish(await signer.signTreeHead(head, proof));
}

/** What a commit of a block has, but for the head that it expects and its issuers. */
export interface AppendedBlock {
  readonly frontier: Frontier;
  readonly commit: Omit<Commit, "expected" | "issuers">;
}

/** Appends a block to the tree. */
export function appendBlock(
  frontier: Frontier,
  made: EntryBlock,
  task: Pick<BlockTask, "count" | "timestampMs">,
): AppendedBlock {
  const { count, timestampMs } = task;
  const length = made.bytes.length / count;
  const cut = (bytes: Uint8Array, width: number) =>
    Array.from({ length: count }, (_, at) => bytes.subarray(width * at, width * (at + 1)));
  const appended = appendLeaves(sha256, frontier, cut(made.leafHashes, 32));
  const rootHash = frontierRoot(sha256, appended.frontier);
  return {
    frontier: appended.frontier,
    commit: {
      head: { treeSize: appended.frontier.size, timestampMs, rootHash },
      entries: cut(made.bytes, length),
      entriesSha256: made.sha256,
      runs: appended.runs,
      dedupKeys: cut(made.dedupKeys, 32),
      timestampsMs: new Array<number>(count).fill(timestampMs),
    },
  };
}

/** Blocks of entries in order, made in a thread some time before they are asked for. */
class Blocks implements AsyncDisposable {
  readonly #worker: Worker;
  readonly #options: FillOptions;
  readonly #ahead: { readonly task: BlockTask; readonly made: Promise<EntryBlock> }[] = [];
  readonly #waiting: ((block: EntryBlock) => void)[] = [];
  readonly #failed: Promise<never>;
  /** Memory that nobody looks at any more. */
  readonly #memory: ArrayBuffer[] = [];
  #start: number;
  #timestampMs: number;

  constructor(start: number, options: FillOptions, lastTimestampMs: number) {
    this.#options = options;
    this.#start = start;
    this.#timestampMs = lastTimestampMs;
    const workerData = { seed: options.seed };
    this.#worker = new Worker(new URL("./fill-worker.ts", import.meta.url), { workerData });
    this.#worker.on("message", (block: EntryBlock) => this.#waiting.shift()?.(block));
    this.#failed = new Promise((_, reject) => this.#worker.once("error", reject));
    this.#failed.catch(() => undefined);
  }

  /** Undefined once all were made. */
  async next(): Promise<{ readonly task: BlockTask; readonly made: EntryBlock } | undefined> {
    while (this.#ahead.length < BLOCKS_AHEAD && this.#start < this.#options.entries) this.#ask();
    const first = this.#ahead.shift();
    if (first === undefined) return undefined;
    return { task: first.task, made: await Promise.race([first.made, this.#failed]) };
  }

  /** Takes the memory of a block's entries (not of its hashes: the tree's edge is made of them). */
  giveBack(made: EntryBlock): void {
    const { buffer } = made.bytes;
    if (buffer instanceof ArrayBuffer) this.#memory.push(buffer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }

  #ask(): void {
    const { entries, groupEntries } = this.#options;
    const start = this.#start;
    // After an odd remainder the groups are whole tiles again.
    const end = Math.min(entries, start - (start % groupEntries) + groupEntries);
    this.#timestampMs = Math.max(this.#timestampMs + 1, Date.now());
    const memory = this.#memory.pop();
    const timestampMs = this.#timestampMs;
    const task: BlockTask = { start, count: end - start, timestampMs, memory };
    const made = new Promise<EntryBlock>((resolveBlock) => this.#waiting.push(resolveBlock));
    this.#ahead.push({ task, made });
    this.#worker.postMessage(task, memory === undefined ? [] : [memory]);
    this.#start = end;
  }
}

class FillProgress {
  readonly #startSize: number;
  readonly #options: FillOptions;
  readonly #started: number = performance.now();
  #shown: { readonly ms: number; readonly size: number };

  constructor(startSize: number, options: FillOptions) {
    this.#startSize = startSize;
    this.#options = options;
    this.#shown = { ms: this.#started, size: startSize };
  }

  show(size: number): void {
    const now = performance.now();
    if (now - this.#shown.ms < LOG_EVERY_MS) return;
    const rateOf = (since: number, ms: number) => (1_000 * (size - since)) / (now - ms);
    const lately = rateOf(this.#shown.size, this.#shown.ms);
    const left = (this.#options.entries - size) / rateOf(this.#startSize, this.#started);
    const cells = [
      `${size} of ${this.#options.entries}`,
      `${lately.toFixed(0)}/s`,
      `${left.toFixed(0)} s left`,
      `${(process.memoryUsage.rss() / 2 ** 20).toFixed(0)} MB`,
    ];
    this.#options.log(cells.join(", "));
    this.#shown = { ms: now, size };
  }
}

async function madeFolder(path: string): Promise<string> {
  const folder = resolve(path);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return folder;
}

const USAGE = `scripts/node24 bench/fill.ts --folder DIR [--entries 10000000] [--group 4096] [--seed 42] [--seal]

Takes the shard below DIR to so many entries (2.7 kB each before tiles are sealed, which --seal
does at the end and otherwise 'serve' in the background); DIR is made if it is not there. Goes on where an earlier run ended. Afterwards:
  ./stratus serve --config DIR/stratus.yaml
  ./stratus fsck DIR/data/bench2027 --guard DIR/guard
`;

async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      folder: { type: "string" },
      entries: { type: "string", default: "10000000" },
      group: { type: "string", default: "4096" },
      seed: { type: "string", default: "42" },
      seal: { type: "boolean", default: false },
    },
    strict: true,
  });
  if (values.folder === undefined) {
    console.log(USAGE);
    return 2;
  }
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
  const report = await fillFolder({
    folder: values.folder,
    entries: parseDecimal(values.entries),
    seed: parseDecimal(values.seed),
    groupEntries: parseDecimal(values.group),
    isSealed: values.seal,
    signal: stop.signal,
    log: (line) => console.error(`fill: ${line}`),
  });
  console.log(describeMachine());
  console.log(
    `from ${report.start} to ${report.treeSize} entries in ${report.seconds.toFixed(1)} s: ${report.entriesPerSecond.toFixed(0)}/s, ${report.cpuUsPerEntry.toFixed(1)} us of CPU an entry`,
  );
  if (report.sealed !== undefined) {
    const { entries, seconds, cpuUsPerEntry } = report.sealed;
    console.log(
      `sealed ${entries} entries in ${seconds.toFixed(1)} s, ${cpuUsPerEntry.toFixed(1)} us of CPU an entry`,
    );
  }
  return 0;
}

if (import.meta.main) {
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    console.error(`bench/fill.ts: ${messageOf(error)}`);
    process.exitCode = 2;
  }
}
