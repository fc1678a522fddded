/**
 * A log that loses its data: a shard that grows, backups of it, and another folder with the same
 * key, where it is restored.
 * @module
 */
import assert from "node:assert/strict";
import { cp, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { backUp } from "../../src/cli/backup.ts";
import { restore } from "../../src/cli/restore.ts";
import { makeCa, type TestCa } from "./certificates.ts";
import { runCommand } from "./command-run.ts";
import { SHARD, startLocal } from "./local-log.ts";
import { LogFolder } from "./process.ts";
import { configOf } from "./running.ts";
import type { Run } from "./submit-run.ts";

/** A head is not renewed by itself, so that what stands in two folders stays the same. */
const QUIET = "batch: { intervalMs: 0, idleRefreshMs: 3600000 }";
/** Submissions that wait at a time: each is answered within its deadline on a busy machine. */
const GROUP = 100;
const SILENT = { isTerminal: false, write: () => {}, nowMs: () => performance.now() };

/** Numbers [start, end). */
export function numbers(start: number, end: number): number[] {
  return Array.from({ length: end - start }, (_, at) => start + at);
}

/** See the module. */
export class LostData implements AsyncDisposable {
  readonly ca: TestCa = makeCa();
  /** The log as it is. */
  readonly log: LogFolder;
  /** A machine with the same configuration: it has what is copied there. */
  readonly other: LogFolder;

  private constructor(ca: TestCa, log: LogFolder, other: LogFolder) {
    this.ca = ca;
    this.log = log;
    this.other = other;
  }

  /** A log of `size` entries that was stopped. */
  static async make(size: number): Promise<LostData> {
    const ca = makeCa();
    const shards = [{ name: SHARD, more: QUIET }];
    const more = ["logLevel: fatal", "frontends: 0"];
    const log = await LogFolder.make(ca, shards, more);
    const other = await LogFolder.make(ca, shards, more);
    const made = new LostData(ca, log, other);
    await made.grow(0, size);
    return made;
  }

  /** Logs submissions [start, end). */
  async grow(start: number, end: number): Promise<void> {
    await using local = await startLocal(this.log);
    for (let first = start; first < end; first += GROUP) {
      const group = numbers(first, Math.min(end, first + GROUP));
      await Promise.all(group.map((serial) => local.submit(this.ca, serial)));
    }
  }

  get backups(): string {
    return join(this.log.path, "backups");
  }

  backUp(folder: LogFolder = this.log): Promise<Run> {
    return runCommand(async (io) =>
      backUp(
        await configOf(folder),
        { shard: SHARD, folder: this.backups, keep: 2, withKeys: false },
        io,
        SILENT,
      ),
    );
  }

  /** Gives the other machine the key, and the guard if so wished. */
  async moveTo({ guard }: { readonly guard: boolean }): Promise<void> {
    await rm(join(this.other.path, "data"), { recursive: true, force: true });
    await rm(join(this.other.path, "guard"), { recursive: true, force: true });
    await mkdir(this.other.shardPath(SHARD), { recursive: true, mode: 0o700 });
    await cp(this.log.shardPath(SHARD, "key.pem"), this.other.shardPath(SHARD, "key.pem"));
    if (guard) await this.copyGuard();
  }

  /** The newest guard, as it is now. */
  async copyGuard(): Promise<void> {
    await rm(join(this.other.path, "guard"), { recursive: true, force: true });
    await cp(join(this.log.path, "guard"), join(this.other.path, "guard"), { recursive: true });
  }

  /** Runs `restore` on the other machine. */
  restore(
    options: {
      readonly from?: string;
      readonly refill?: string;
      readonly checkpoint?: string;
    },
    folder: LogFolder = this.other,
  ): Promise<Run> {
    return runCommand(async (io) =>
      restore(await configOf(folder), { shard: SHARD, timeoutMs: 5_000, ...options }, io, SILENT),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.log[Symbol.asyncDispose]();
    await this.other[Symbol.asyncDispose]();
  }
}

/** The whole of a log as it is served: each entry with chain and proof, tiles and issuers. */
export async function readWhole(url: string, size: number): Promise<ReadonlyMap<string, string>> {
  const answers = new Map<string, string>();
  const get = async (path: string): Promise<string> => {
    const response = await fetch(`${url}/${path}`);
    assert.equal(response.status, 200, path);
    const text = Buffer.from(await response.arrayBuffer()).toString("latin1");
    answers.set(path, text);
    return text;
  };
  await get("ct/v1/get-sth");
  for (let start = 0; start < size; ) {
    const page = await get(`ct/v1/get-entries?start=${start}&end=${size - 1}`);
    start += (JSON.parse(page) as { entries: readonly unknown[] }).entries.length;
  }
  for (let tile = 0; tile * 256 < size; tile += 1) {
    const width = Math.min(256, size - tile * 256);
    const name = `${String(tile).padStart(3, "0")}${width === 256 ? "" : `.p/${width}`}`;
    await get(`tile/0/${name}`);
    await get(`tile/data/${name}`);
  }
  for (const index of [0, Math.floor(size / 2), size - 1]) {
    await get(`ct/v1/get-entry-and-proof?leaf_index=${index}&tree_size=${size}`);
  }
  return answers;
}
