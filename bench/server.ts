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
}

const LAUNCHER = join(dirname(fileURLToPath(import.meta.url)), "..", "stratus");
const SHARD = "bench2027";
const START_MS_MAX = 30_000;
const STOP_MS_MAX = 30_000;

/**
 * A fresh log of one shard for 2027, on free ports, its folder below `parent`, that accepts
 * the root of every kind of issuer of this seed. The folder goes when it is disposed of.
 *
 * @throws Error with the end of its log if it does not answer within 30 s.
 */
export async function openStratus(options: {
  readonly seed: number;
  /** A folder on the disk to measure; default: for temporary files. */
  readonly parent?: string;
  /** As in the configuration; default `auto`. */
  readonly frontends?: number | "auto";
  /** Further arguments of Node, as `--cpu-prof`. */
  readonly nodeOptions?: string;
}): Promise<Server> {
  const folder = await mkdtemp(join(options.parent ?? tmpdir(), "stratus-bench-"));
  const roots = ISSUER_KINDS.map((kind) => deriveAuthority(kind, options.seed).root);
  await writeFile(join(folder, "roots.pem"), roots.map(formatCertificatePem).join(""));
  const [port, operationsPort] = await freePorts();
  const config = join(folder, "stratus.yaml");
  await writeFile(config, formatConfig(port, operationsPort, options.frontends ?? 0));
  await promisify(execFile)(LAUNCHER, ["init", "--config", config]);
  const log = join(folder, "server.log");
  const child = spawn(LAUNCHER, ["serve", "--config", config], {
    stdio: ["ignore", openSync(log, "w"), openSync(log, "a")],
    env: { ...process.env, NODE_OPTIONS: options.nodeOptions ?? "" },
  });
  const stop = async () => {
    await stopChild(child);
    await rm(folder, { recursive: true });
  };
  const url = `http://127.0.0.1:${port}/${SHARD}`;
  try {
    await waitUntilReady(url, child);
  } catch (error) {
    const tail = readFileSync(log, "utf8").slice(-2_000);
    await stop();
    throw new Error(`the server did not start:\n${tail}`, { cause: error });
  }
  return {
    url,
    pid: child.pid ?? 0,
    dataFolder: join(folder, "data", SHARD),
    [Symbol.asyncDispose]: stop,
  };
}

function formatConfig(port: number, operationsPort: number, frontends: number | "auto"): string {
  return `listen: 127.0.0.1:${port}
operations: 127.0.0.1:${operationsPort}
publicUrl: http://127.0.0.1:${port}
data: ./data
frontends: ${frontends}
guard: ./guard
shards:
  - name: ${SHARD}
    notAfterStart: 2027-01-01T00:00:00Z
    notAfterLimit: 2028-01-01T00:00:00Z
    type: static-ct-api
    roots: [./roots.pem]
`;
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
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`no head within ${START_MS_MAX} ms`);
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const kill = setTimeout(() => child.kill("SIGKILL"), STOP_MS_MAX);
  child.kill("SIGTERM");
  await ended;
  clearTimeout(kill);
}
