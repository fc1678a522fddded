/**
 * Worlds for LevelStore in which calls fail or the process dies. Every call passes through one
 * gate that counts it; what is not flushed can be made to be lost with the process.
 * @module
 */
import { readFile, rm, writeFile } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { REAL_SEAM } from "../../src/storage/level/real.ts";
import type {
  Database,
  DatabaseOptions,
  FileSystem,
  OpenFile,
  Seam,
} from "../../src/storage/level/seam.ts";

/** What happens at one call. */
export interface Fault {
  /** Which call, from 0, counted from when the fault is set. */
  readonly at: number;
  /** `before`: it fails and did nothing; `after`: it fails and did it; `crash`: the process dies. */
  readonly mode: "before" | "after" | "crash" | "torn crash";
  readonly code: "EIO" | "ENOSPC" | "EMFILE";
}

/** One call that reached the gate. */
export interface Call {
  /** As in `entries.write`, `db.get`, `files.rename`. */
  readonly name: string;
  /** Bytes written. */
  readonly bytes: number;
}

/**
 * The calls of a run worth a fault: all that change or flush something, and of look-ups, which
 * are many and alike, the first and the last.
 */
export function faultPoints(calls: readonly Call[]): readonly number[] {
  const isLookup = (call: Call) => call.name === "db.get";
  const ends = [calls.findIndex(isLookup), calls.findLastIndex(isLookup)];
  return [...calls.keys()].filter((at) => !isLookup(calls[at]!) || ends.includes(at));
}

/** A process of which the seam is all it sees of the world. */
export class FaultyWorld implements Seam {
  readonly poisoned: Set<string> = new Set();
  readonly files: FileSystem;
  calls: Call[] = [];
  /** Waited for before each flush. */
  slowFlush: () => Promise<void> = async () => {};
  #fault: Fault | undefined;
  #isDead = false;
  readonly #databases = new Set<Database>();
  readonly #open = new Set<OpenFile>();
  /** Path to what is durable of a file that has been written to; undefined: not even its name. */
  readonly #durable = new Map<string, Uint8Array | undefined>();
  readonly #unnamed = new Set<string>();

  constructor() {
    const real = REAL_SEAM.files;
    this.files = {
      makeFolder: (path) => this.#call("files.makeFolder", () => real.makeFolder(path)),
      listFolder: (path) => this.#call("files.listFolder", () => real.listFolder(path)),
      openFile: (path, mode) => this.#call(`files.open ${mode}`, () => this.#openFile(path, mode)),
      rename: (path, to) => this.#call("files.rename", () => this.#rename(path, to)),
      remove: (path) => this.#call("files.remove", () => real.remove(path)),
      syncFolder: (path) =>
        this.#call("files.syncFolder", async () => {
          await this.slowFlush();
          await real.syncFolder(path);
          for (const file of this.#unnamed) if (dirname(file) === path) this.#unnamed.delete(file);
        }),
    };
  }

  /** Sets what happens at a call to come, and counts from here. */
  set(fault: Fault | undefined): void {
    this.calls = [];
    this.#fault = fault;
  }

  /** Whether the fault was met. */
  get isMet(): boolean {
    return this.#fault !== undefined && this.calls.length > this.#fault.at;
  }

  /** Whether the process has died. */
  get isDead(): boolean {
    return this.#isDead;
  }

  /** Ends the process; with `losesUnsynced` the machine too: what was not flushed is gone. */
  async kill(losesUnsynced: boolean): Promise<void> {
    this.#isDead = true;
    await Promise.allSettled([...this.#open].map((file) => file.close()));
    await Promise.allSettled([...this.#databases].map((database) => database.close()));
    if (!losesUnsynced) return;
    for (const [path, bytes] of this.#durable) {
      if (this.#unnamed.has(path)) await rm(path, { force: true });
      else if (bytes !== undefined) await writeFile(path, bytes);
    }
  }

  async openDatabase(path: string, options: DatabaseOptions): Promise<Database> {
    return this.#call("db.open", async () => {
      const real = await REAL_SEAM.openDatabase(path, options);
      this.#databases.add(real);
      return {
        get: (key: Uint8Array) => {
          this.#enter("db.get", 0);
          return this.#leave(real.get(key));
        },
        write: (writes, { sync }) => {
          let bytes = 0;
          for (const [key, value] of writes) bytes += key.length + (value?.length ?? 0);
          const name = sync ? "db.write sync" : "db.write";
          const act = async () => {
            if (sync) await this.slowFlush();
            await real.write(writes, { sync });
          };
          return this.#call(name, act, bytes);
        },
        keys: (start, end, count) => real.keys(start, end, count),
        scan: (start, end) => real.scan(start, end),
        close: () =>
          this.#call("db.close", async () => {
            this.#databases.delete(real);
            await real.close();
          }),
      };
    });
  }

  async #openFile(path: string, mode: "read" | "write"): Promise<OpenFile> {
    if (mode === "write" && !this.#durable.has(path)) {
      const before = await readFile(path).catch(() => undefined);
      this.#durable.set(path, before ?? new Uint8Array(0));
      if (before === undefined) this.#unnamed.add(path);
    }
    const real = await REAL_SEAM.files.openFile(path, mode);
    this.#open.add(real);
    const flushed = async (flush: () => Promise<void>) => {
      await this.slowFlush();
      await flush();
      this.#durable.set(path, await readFile(path));
    };
    const name = basename(path);
    const kind = name.endsWith(".new") ? "copy" : name.length === 64 ? "issuer" : "entries";
    return {
      read: (length, position) => this.#call(`${kind}.read`, () => real.read(length, position)),
      readQuickly: (length, position) =>
        this.#call(`${kind}.read`, () => real.readQuickly(length, position)),
      write: (bytes, position) =>
        this.#call(
          `${kind}.write`,
          () => real.write(bytes, position),
          bytes.length,
          () => real.write(bytes.subarray(0, Math.floor(bytes.length / 2)), position),
        ),
      syncData: () => this.#call(`${kind}.syncData`, () => flushed(() => real.syncData())),
      sync: () => this.#call(`${kind}.sync`, () => flushed(() => real.sync())),
      close: () =>
        this.#call(`${kind}.close`, async () => {
          this.#open.delete(real);
          await real.close();
        }),
    };
  }

  async #rename(path: string, to: string): Promise<void> {
    await REAL_SEAM.files.rename(path, to);
    // A rename that is not flushed may or may not be there later; here it is.
    const durable = this.#durable.get(path);
    if (durable !== undefined) this.#durable.set(to, durable);
    this.#durable.delete(path);
    this.#unnamed.delete(path);
  }

  async #call<T>(
    name: string,
    act: () => Promise<T>,
    bytes = 0,
    tear: () => Promise<void> = async () => {},
  ): Promise<T> {
    const at = this.calls.length;
    if (this.#fault?.at === at && this.#fault.mode === "torn crash") await tear();
    this.#enter(name, bytes);
    const result = await act();
    return this.#fault?.at === at ? this.#leave(result) : result;
  }

  #enter(name: string, bytes: number): void {
    if (this.#isDead) throw new Error("the process is dead");
    const at = this.calls.length;
    this.calls.push({ name, bytes });
    const fault = this.#fault;
    if (fault?.at !== at) return;
    if (fault.mode === "before") throw faultError(fault.code);
    if (fault.mode === "after") return;
    this.#isDead = true;
    throw new Error("the process dies");
  }

  #leave<T>(result: T): T {
    const fault = this.#fault;
    if (fault?.mode === "after" && this.calls.length === fault.at + 1) throw faultError(fault.code);
    return result;
  }
}

function faultError(code: Fault["code"]): Error {
  return Object.assign(new Error(`${code}: injected`), { code });
}
