/**
 * The composed log inside the test's own process, over a folder and with adapters replaced:
 * for what a real process cannot be made to meet, such as a failing disk.
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { initShards } from "../../src/cli/init.ts";
import { loadConfig } from "../../src/cli/load-config.ts";
import type { Clock } from "../../src/clock/clock.ts";
import { systemClock } from "../../src/clock/system.ts";
import { type Overrides, type Running, startStratus } from "../../src/compose.ts";
import type { Config } from "../../src/config/config.ts";
import { hashLeaf } from "../../src/merkle/hash.ts";
import { REAL_SEAM } from "../../src/storage/level/real.ts";
import type { OpenFile, Seam } from "../../src/storage/level/seam.ts";
import type { Prover } from "./ledger.ts";
import type { LogFolder } from "./process.ts";
import { sha256 } from "./sha256.ts";

/** The configuration of a folder. */
export function configOf(folder: LogFolder): Promise<Config> {
  return loadConfig(folder.config, { cwd: folder.path, nowMs: Date.now(), overrides: {} });
}

/** `init` without a process. */
export async function initHere(folder: LogFolder): Promise<void> {
  await initShards(await configOf(folder), () => {});
}

/** A log of this process; stopped when disposed of. */
export interface Here extends AsyncDisposable, Running {}

/** `serve` without a process. */
export async function serveHere(folder: LogFolder, overrides: Overrides = {}): Promise<Here> {
  const running = await startStratus(await configOf(folder), overrides);
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= running.stop();
    return stopping;
  };
  return { ...running, stop, [Symbol.asyncDispose]: stop };
}

/** The machine's clock, moved. */
export function movedClock(offsetMs: number): Clock {
  return { ...systemClock, nowMs: () => Date.now() + offsetMs };
}

/** Calls that can be made to fail, as a disk does. */
export type DiskCall =
  | "open database"
  | "batch"
  | "entries fsync"
  | "entries write"
  | "entries read";

/** The real world, where one kind of call fails with EIO for as long as `failing` says so. */
export class FailingDisk {
  failing: DiskCall | undefined;

  /** A world of its own: what is poisoned in it is healed by a restart, as in a process. */
  seam(): Seam {
    const check = (call: DiskCall): void => {
      if (this.failing !== call) return;
      throw Object.assign(new Error("EIO: i/o error (made by a test)"), { code: "EIO" });
    };
    const wrap = (file: OpenFile): OpenFile => ({
      ...file,
      read: async (length, position) => {
        check("entries read");
        return file.read(length, position);
      },
      readQuickly: async (length, position) => {
        check("entries read");
        return file.readQuickly(length, position);
      },
      write: async (bytes, position) => {
        check("entries write");
        await file.write(bytes, position);
      },
      syncData: async () => {
        check("entries fsync");
        await file.syncData();
      },
    });
    return {
      poisoned: new Set(),
      files: {
        ...REAL_SEAM.files,
        openFile: async (path, mode) => {
          const file = await REAL_SEAM.files.openFile(path, mode);
          return path.includes("/entries/") ? wrap(file) : file;
        },
      },
      openDatabase: async (path, options) => {
        check("open database");
        const database = await REAL_SEAM.openDatabase(path, options);
        return {
          ...database,
          write: async (writes, how) => {
            check("batch");
            await database.write(writes, how);
          },
        };
      },
    };
  }
}

/** Paths of a shard that show what is proven, for a tree of `size` leaves; and what they are. */
export async function provenPaths(prover: Prover, size: number): Promise<readonly string[]> {
  const [entry] = await prover.source.entries(0, 1);
  assert(entry !== undefined);
  const hash = encodeURIComponent(
    Buffer.from(hashLeaf(sha256, entry.leafInput)).toString("base64"),
  );
  return [
    "ct/v1/get-roots",
    `ct/v1/get-sth-consistency?first=1&second=${size}`,
    `ct/v1/get-proof-by-hash?hash=${hash}&tree_size=${size}`,
    `ct/v1/get-entries?start=0&end=${size - 1}`,
    `ct/v1/get-entry-and-proof?leaf_index=0&tree_size=${size}`,
    `tile/0/000.p/${size}`,
    `tile/data/000.p/${size}`,
    "log.v3.json",
  ];
}

/** Paths that show a head. */
export const HEAD_PATHS: readonly string[] = ["ct/v1/get-sth", "checkpoint"];

/** Statuses by path. */
export async function statusesOf(
  url: string,
  paths: readonly string[],
): Promise<Readonly<Record<string, number>>> {
  const statuses: Record<string, number> = {};
  for (const path of paths) {
    const response = await fetch(`${url}/${path}`);
    await response.arrayBuffer();
    statuses[path] = response.status;
  }
  return statuses;
}

/** The path of an issuer. */
export function issuerPath(der: Uint8Array): string {
  return `issuer/${createHash("sha256").update(der).digest("hex")}`;
}
