/**
 * Real processes of `./stratus` in temporary folders: started, asked on the addresses that
 * they print, ended by their process ID. All waiting is bounded.
 * @module
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { LogKey } from "../../src/checkpoint/browser-key.ts";
import { openLogKey } from "../../src/client/log-key.ts";
import type { TestCa } from "./certificates.ts";
import { ROOT } from "./source.ts";
import { pem } from "./submit-run.ts";

/** The launcher. */
export const STRATUS: string = join(ROOT, "stratus");

/** How long a process may take to start or to end; generous for a busy machine. */
const PATIENCE_MS = 60_000;

/** How a process ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** What a command that ended by itself came to. */
export interface Ran extends Ended {
  readonly stdout: string;
  readonly stderr: string;
}

/** How a process is started. */
export interface StartOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Instead of the repository's launcher. */
  readonly program?: string;
  /** Command and arguments that start it: `["prlimit", "--nofile=100"]`. */
  readonly wrapper?: readonly string[];
}

/** Waits until `probe` gives something; at most `timeoutMs`. @throws Error that names `what`. */
export async function until<T>(
  what: string,
  probe: () => Promise<T | undefined> | T | undefined,
  timeoutMs: number = PATIENCE_MS,
): Promise<T> {
  const endMs = performance.now() + timeoutMs;
  for (;;) {
    const found = await probe();
    if (found !== undefined) return found;
    if (performance.now() > endMs) throw new Error(`${what}: not within ${timeoutMs} ms`);
    await delay(10);
  }
}

/** One process of `./stratus`. */
export class StratusProcess implements AsyncDisposable {
  readonly ended: Promise<Ended>;
  /** Milliseconds since the Unix epoch. */
  readonly startedMs: number = Date.now();
  stdout = "";
  stderr = "";
  #end: Ended | undefined;
  readonly #child: ChildProcess;

  constructor(args: readonly string[], options: StartOptions = {}) {
    const { STRATUS_CONFIG, STRATUS_DATA, STRATUS_LISTEN, STRATUS_OPERATIONS, ...env } =
      process.env;
    const command = [...(options.wrapper ?? []), options.program ?? STRATUS, ...args];
    this.#child = spawn(command[0] ?? STRATUS, command.slice(1), {
      cwd: options.cwd ?? tmpdir(),
      env: { ...env, ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
    });
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
    this.ended = new Promise((resolve, reject) => {
      this.#child.once("error", reject);
      this.#child.once("close", (code, signal) => {
        this.#end = { code, signal };
        resolve(this.#end);
      });
    });
  }

  /** The process ID: the launcher becomes Node itself. */
  get pid(): number {
    const { pid } = this.#child;
    if (pid === undefined) throw new Error("the process did not start");
    return pid;
  }

  /** Whether it has ended. */
  get isOver(): boolean {
    return this.#end !== undefined;
  }

  /** Sends a signal to this process alone. */
  signal(signal: NodeJS.Signals): void {
    if (!this.isOver) process.kill(this.pid, signal);
  }

  /** Waits for its end. @throws Error if it takes longer; the process is then killed. */
  async end(timeoutMs: number = PATIENCE_MS): Promise<Ended> {
    try {
      return await until("the end of the process", () => this.#end, timeoutMs);
    } catch (error) {
      this.signal("SIGKILL");
      await this.ended;
      throw new Error(`${String(error)}\n${this.stdout}\n${this.stderr}`);
    }
  }

  /** Sends SIGTERM and waits for the end. */
  async stop(): Promise<Ended> {
    this.signal("SIGTERM");
    return this.end();
  }

  /** Lines of stderr that are JSON: the log. */
  logLines(): readonly Readonly<Record<string, unknown>>[] {
    return this.stderr
      .split("\n")
      .filter((line) => line.startsWith("{") && line.endsWith("}"))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  /** Waits until it says where it listens. @throws Error with its output if it ends instead. */
  async listening(): Promise<{ readonly url: string; readonly operationsUrl: string }> {
    return until("the address", () => {
      if (this.isOver) throw new Error(`it ended:\n${this.stdout}\n${this.stderr}`);
      const match = /listens on (\S+) \(operations on (\S+?)\)/.exec(this.stdout);
      const [, url, operationsUrl] = match ?? [];
      if (url === undefined || operationsUrl === undefined) return undefined;
      return { url, operationsUrl };
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.signal("SIGKILL");
    await this.ended;
  }
}

/** Runs a command to its end. */
export async function runStratus(
  args: readonly string[],
  options: StartOptions = {},
): Promise<Ran> {
  await using child = new StratusProcess(args, options);
  const ended = await child.end();
  return { ...ended, stdout: child.stdout, stderr: child.stderr };
}

/** A shard of a test's configuration; its window is the year 2027. */
export interface TestShard {
  readonly name: string;
  readonly type?: "rfc6962" | "static-ct-api";
  /** More lines of the shard, as YAML flow: `batch: { idleRefreshMs: 300 }`. */
  readonly more?: string;
}

/** A folder with a configuration, roots and data of a log; removed when disposed of. */
export class LogFolder implements AsyncDisposable {
  readonly path: string;
  readonly shards: readonly TestShard[];
  /** Folders and files of this log: below `path`. */
  readonly config: string;

  private constructor(path: string, shards: readonly TestShard[]) {
    this.path = path;
    this.shards = shards;
    this.config = join(path, "log.yaml");
  }

  /** Writes the configuration and the roots; nothing else is there yet. */
  static async make(
    root: TestCa,
    shards: readonly TestShard[] = [{ name: "test2027" }],
    more: readonly string[] = [],
  ): Promise<LogFolder> {
    const path = await mkdtemp(join(tmpdir(), "stratus-e2e-"));
    const folder = new LogFolder(path, shards);
    await writeFile(join(path, "roots.pem"), pem(root.der));
    await folder.writeConfig(more);
    return folder;
  }

  /** Writes the configuration again, with other shards or more top-level lines. */
  async writeConfig(
    more: readonly string[] = [],
    shards: readonly TestShard[] = this.shards,
  ): Promise<void> {
    const lines = [
      "listen: 127.0.0.1:0",
      "operations: 127.0.0.1:0",
      "publicUrl: http://127.0.0.1:1",
      "roots: [./roots.pem]",
      ...more,
      "shards:",
    ];
    for (const { name, type = "rfc6962", more: shardMore } of shards) {
      lines.push(`  - name: ${name}`);
      lines.push("    notAfterStart: 2027-01-01T00:00:00Z");
      lines.push("    notAfterLimit: 2028-01-01T00:00:00Z");
      lines.push(`    type: ${type}`);
      if (shardMore !== undefined) lines.push(`    ${shardMore}`);
    }
    await writeFile(this.config, `${lines.join("\n")}\n`);
  }

  /** Runs a command with this configuration. */
  run(command: string, options: StartOptions = {}): Promise<Ran> {
    return runStratus([command, "--config", this.config], options);
  }

  /** Runs `init`. @throws Error if it fails. */
  async init(): Promise<void> {
    const { code, stderr } = await this.run("init");
    if (code !== 0) throw new Error(`init: ${code}: ${stderr}`);
  }

  /** Starts `serve`; it need not be ready. */
  serve(): StratusProcess {
    return new StratusProcess(["serve", "--config", this.config]);
  }

  /** Path of a file or folder of a shard. */
  shardPath(shard: string, ...names: readonly string[]): string {
    return join(this.path, "data", shard, ...names);
  }

  /** The public key of a shard, from its key file. */
  async key(shard: string): Promise<LogKey> {
    const { createPublicKey } = await import("node:crypto");
    const text = await readFile(this.shardPath(shard, "key.pem"));
    const key = createPublicKey(text).export({ format: "der", type: "spki" });
    return openLogKey(Uint8Array.from(key));
  }

  /** Every path below the folder, sorted; with the bytes of files if so wished. */
  async list(): Promise<readonly string[]> {
    const entries = await readdir(this.path, { recursive: true, withFileTypes: true });
    return entries.map((entry) => join(entry.parentPath, entry.name)).sort();
  }

  /** Every file below the folder by path, as hex of its bytes. */
  async bytes(): Promise<ReadonlyMap<string, string>> {
    const files = new Map<string, string>();
    const entries = await readdir(this.path, { recursive: true, withFileTypes: true });
    for (const entry of entries) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      files.set(path, (await readFile(path)).toString("hex"));
    }
    return files;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Waits until a shard says that it is ready. */
export async function shardReady(operationsUrl: string, shard: string): Promise<void> {
  await until(`/readyz/${shard}`, async () => {
    const response = await fetch(`${operationsUrl}/readyz/${shard}`);
    await response.text();
    return response.status === 200 ? true : undefined;
  });
}
