/**
 * Starts the server under test as a child process: `./stratus init`, then `./stratus serve`
 * on a configuration in a temporary folder, with the benchmark's own root.
 * @module
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { openSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { deriveAuthority } from "./certificates.ts";
import { formatCertificatePem } from "./der.ts";
import { ISSUER_KINDS } from "./keys.ts";

/** A server that is being measured. */
export interface Server extends AsyncDisposable {
  /** Of its one shard. */
  readonly url: string;
  /** Its first process. */
  readonly pid: number;
  /** Its shard's data; undefined where it keeps none on a disk. */
  readonly dataFolder: string | undefined;
  /** Where it shows its metrics, at `/metrics`; absent if nowhere. */
  readonly operationsUrl?: string;
}

/** A Stratus in a child process. */
export interface StratusServer extends Server {
  readonly child: ChildProcess;
  /** From the start of its process until it answered with a head; milliseconds. */
  readonly readyMs: number;
  /** Ends it with SIGKILL; its folder stays. */
  kill(): Promise<void>;
  /** Ends it with SIGTERM; its folder stays. */
  stop(): Promise<void>;
}

/** A folder with configuration and roots of a log of one shard. */
export interface ServerFolder {
  readonly folder: string;
  /** Path of the configuration. */
  readonly config: string;
  /** As in {@link Server}. */
  readonly url: string;
  readonly operationsUrl: string;
  readonly dataFolder: string;
}

const LAUNCHER = join(dirname(fileURLToPath(import.meta.url)), "..", "stratus");
const NODE = join(dirname(LAUNCHER), "scripts", "node24");
const SHARD = "bench2027";
/** Part of what a shard is, so it stays when the ports change; nobody answers there. */
const PUBLIC_URL = "http://127.0.0.1:1";
const START_MS_MAX = 30_000;
const STOP_MS_MAX = 30_000;
const POLL_MS = 10;

/** How a log is made. */
export interface FolderOptions {
  readonly seed: number;
  /** As in the configuration; default 0. */
  readonly frontends?: number | "auto";
  /** Further lines of the shard's configuration, indented by four. */
  readonly shardLines?: string;
}

/** How a server is started. */
export interface StartOptions {
  /** Further arguments of Node, as `--cpu-prof`. */
  readonly nodeOptions?: string;
  /**
   * A script of `bench` with its arguments that serves instead of `stratus serve`, with an IPC
   * channel; `--config` is appended.
   */
  readonly script?: readonly string[];
}

/**
 * A fresh log of one shard for 2027, on free ports, its folder below `parent`, that accepts
 * the root of every kind of issuer of this seed. The folder goes when it is disposed of.
 *
 * @param options.parent A folder on the disk to measure; default: for temporary files.
 * @throws Error with the end of its log if it does not answer within 30 s.
 */
export async function openStratus(
  options: FolderOptions & StartOptions & { readonly parent?: string },
): Promise<StratusServer> {
  const folder = await mkdtemp(join(options.parent ?? tmpdir(), "stratus-bench-"));
  const remove = () => rm(folder, { recursive: true });
  try {
    const server = await startStratusIn(await configureFolder(folder, options), options);
    const dispose = async () => {
      await server.stop();
      await remove();
    };
    return { ...server, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await remove();
    throw error;
  }
}

/**
 * Writes configuration (on ports that are free now) and roots into `folder`, and creates the
 * shard unless it is there.
 */
export async function configureFolder(
  folder: string,
  options: FolderOptions,
): Promise<ServerFolder> {
  const roots = ISSUER_KINDS.map((kind) => deriveAuthority(kind, options.seed).root);
  await writeFile(join(folder, "roots.pem"), roots.map(formatCertificatePem).join(""));
  const [port, operationsPort] = await freePorts();
  const config = join(folder, "stratus.yaml");
  await writeFile(config, formatConfig(port, operationsPort, options));
  await promisify(execFile)(LAUNCHER, ["init", "--config", config]);
  return {
    folder,
    config,
    url: `http://127.0.0.1:${port}/${SHARD}`,
    operationsUrl: `http://127.0.0.1:${operationsPort}`,
    dataFolder: join(folder, "data", SHARD),
  };
}

/**
 * Serves a folder. Disposing of it stops the process; the folder stays.
 * @throws Error with the end of its log if it does not answer within 30 s.
 */
export async function startStratusIn(
  where: ServerFolder,
  options: StartOptions = {},
): Promise<StratusServer> {
  const { folder, config, url, operationsUrl, dataFolder } = where;
  const log = join(folder, "server.log");
  const { script } = options;
  const [program, args] =
    script === undefined ? [LAUNCHER, ["serve"]] : [NODE, [...NODE_QUIET, ...script]];
  const started = performance.now();
  const child = spawn(program, [...args, "--config", config], {
    stdio: ["ignore", openSync(log, "w"), openSync(log, "a"), ...IPC.slice(script ? 0 : 1)],
    env: { ...process.env, NODE_OPTIONS: options.nodeOptions ?? "" },
  });
  const stop = () => stopChild(child, "SIGTERM");
  try {
    await waitUntilReady(url, child);
  } catch (error) {
    const tail = readFileSync(log, "utf8").slice(-2_000);
    await stop();
    throw new Error(`the server did not start:\n${tail}`, { cause: error });
  }
  return {
    ...{ url, operationsUrl, dataFolder, child, stop },
    pid: child.pid ?? 0,
    readyMs: performance.now() - started,
    kill: () => stopChild(child, "SIGKILL"),
    [Symbol.asyncDispose]: stop,
  };
}

const IPC = ["ipc"] as const;
const NODE_QUIET = ["--disable-warning=ExperimentalWarning"];

function formatConfig(port: number, operationsPort: number, options: FolderOptions): string {
  return `listen: 127.0.0.1:${port}
operations: 127.0.0.1:${operationsPort}
publicUrl: ${PUBLIC_URL}
data: ./data
frontends: ${options.frontends ?? 0}
guard: ./guard
shards:
  - name: ${SHARD}
    notAfterStart: 2027-01-01T00:00:00Z
    notAfterLimit: 2028-01-01T00:00:00Z
    type: static-ct-api
    roots: [./roots.pem]
${options.shardLines ?? ""}`;
}

async function freePorts(): Promise<readonly [number, number]> {
  const probes = [createServer(), createServer()] as const;
  const ports = probes.map(
    (probe) =>
      new Promise<number>((resolve) => {
        probe.listen(0, "127.0.0.1", () => resolve(Reflect.get(Object(probe.address()), "port")));
      }),
  );
  const [first = 0, second = 0] = await Promise.all(ports);
  for (const probe of probes) await new Promise((resolve) => probe.close(resolve));
  return [first, second];
}

async function waitUntilReady(url: string, child: ChildProcess): Promise<void> {
  const deadline = performance.now() + START_MS_MAX;
  while (performance.now() < deadline) {
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new Error(`exit code ${child.exitCode ?? child.signalCode}`);
    }
    const response = await fetch(`${url}/ct/v1/get-sth`).catch(() => undefined);
    await response?.arrayBuffer();
    if (response?.status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error(`no head within ${START_MS_MAX} ms`);
}

async function stopChild(child: ChildProcess, signal: "SIGTERM" | "SIGKILL"): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const kill = setTimeout(() => child.kill("SIGKILL"), STOP_MS_MAX);
  child.kill(signal);
  await ended;
  clearTimeout(kill);
}
