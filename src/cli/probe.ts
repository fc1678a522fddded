/**
 * `stratus probe`: what a CA sees of a log, from outside, once or again and again. Once: exit code
 * 0 only if everything holds, 1 names the step that failed, 2 is a mistake in the command. With
 * `--every` it goes on until SIGTERM, and exports metrics.
 * @module
 */
import { createServer, type Server } from "node:http";
import { messageOf, quote } from "../base/errors.ts";
import { readKeyFile, reportTrouble, requireUrl, UsageError } from "./input.ts";
import { type CommandIo, EXIT } from "./io.ts";
import { type MakeProbe, openProbeCa } from "./probe-ca.ts";
import { ProbeMetrics } from "./probe-metrics.ts";
import { type Probe, type ProbeResult, runProbe } from "./probe-run.ts";
import { readSubmission } from "./submit.ts";

/** How long after a head that was too old a log is asked again. */
const AGAIN_MS = 1_000;

/** Logs of one process. */
const LOGS_MAX = 64;

/** The command line of `stratus probe`. */
export interface ProbeOptions {
  readonly urls: readonly string[];
  /** The CA that issues a precertificate for each probe; or `chainFile`. */
  readonly caCertFile?: string | undefined;
  readonly caKeyFile?: string | undefined;
  /** A chain that is submitted again each time: from the second one on it is a duplicate. */
  readonly chainFile?: string | undefined;
  /** File of the public key, for one log. */
  readonly keyFile?: string | undefined;
  readonly timeoutMs: number;
  readonly withinMs: number;
  /** See `Probe`; default a second. */
  readonly againMs?: number;
  /** Undefined: once. */
  readonly everyMs: number | undefined;
  /** `127.0.0.1:6964`: where metrics are; only with `everyMs`. */
  readonly listen?: string | undefined;
  /** Resolves when the process is asked to stop. */
  readonly stopped: Promise<void>;
  /** Is told where metrics are. */
  readonly onListening?: (url: string) => void;
}

/** Runs the command. @returns The exit code. */
export async function probe(options: ProbeOptions, io: CommandIo): Promise<number> {
  try {
    const probes = await readProbes(options, io);
    return options.everyMs === undefined
      ? await probeOnce(probes, io)
      : await probeOn(probes, { ...options, everyMs: options.everyMs }, io);
  } catch (thrown) {
    return reportTrouble("stratus probe", thrown, io);
  }
}

async function probeOnce(probes: readonly Probe[], io: CommandIo): Promise<number> {
  let code: number = EXIT.ok;
  for (const one of probes) {
    io.out(`Probing ${one.url}`);
    const result = await runProbe(one, io);
    if (result.failure === undefined) {
      io.out(describe(result));
    } else {
      io.err(describe(result));
      code = EXIT.failed;
    }
  }
  return code;
}

async function probeOn(
  probes: readonly Probe[],
  { everyMs, listen, stopped, onListening }: ProbeOptions & { readonly everyMs: number },
  io: CommandIo,
): Promise<number> {
  const metrics = new ProbeMetrics();
  const server = listen === undefined ? undefined : await serveMetrics(listen, metrics);
  if (server !== undefined) {
    io.out(`Metrics are at ${server.url}`);
    onListening?.(server.url);
  }
  let isStopped = false;
  const ended = stopped.then(() => {
    isStopped = true;
  });
  const silent: CommandIo = { out: () => {}, err: () => {} };
  const loop = async (one: Probe): Promise<void> => {
    while (!isStopped) {
      const startMs = performance.now();
      const result = await runProbe(one, silent);
      if (isStopped) return;
      metrics.add(one.url, result, Date.now());
      const line = `${new Date().toISOString()} ${one.url}: ${describe(result)}`;
      if (result.failure === undefined) io.out(line);
      else io.err(line);
      await sleepUnless(ended, startMs + everyMs - performance.now());
    }
  };
  // A probe that is under way is given up: its log is not waited for.
  await Promise.race([ended, Promise.all(probes.map(loop))]);
  server?.server.close();
  server?.server.closeAllConnections();
  return EXIT.ok;
}

/** Waits, at most until `ended`; leaves no timer. */
async function sleepUnless(ended: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const slept = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, Math.max(0, ms));
  });
  await Promise.race([slept, ended]);
  clearTimeout(timer);
}

function describe({ failure, leafIndex, times }: ProbeResult): string {
  if (failure !== undefined) {
    const { step, kind, message } = failure;
    const verdict = kind === "contradiction" ? "what the log said is not true: " : "";
    return `FAILED at "${step}": ${verdict}${message}`;
  }
  const ms = (step: Parameters<typeof times.get>[0]) => `${Math.round(times.get(step) ?? 0)} ms`;
  return (
    `Everything holds: entry ${leafIndex}; SCT after ${ms("submit")}, ` +
    `proof by RFC 6962 in ${ms("rfc6962")}, by tiles in ${ms("tiles")}; ` +
    `both ${ms("inclusion")} after the SCT`
  );
}

async function readProbes(options: ProbeOptions, io: CommandIo): Promise<readonly Probe[]> {
  const { urls, keyFile, timeoutMs, withinMs, everyMs, listen, againMs = AGAIN_MS } = options;
  if (urls.length > LOGS_MAX) throw new UsageError(`expected at most ${LOGS_MAX} logs`);
  if (keyFile !== undefined && urls.length > 1) throw new UsageError("--key is for one log");
  if (listen !== undefined && everyMs === undefined) {
    throw new UsageError("--listen needs --every: a single probe exports nothing");
  }
  const prefixes = new Set(urls.map((url) => requireUrl(url, "url")));
  const key = keyFile === undefined ? undefined : await readKeyFile(keyFile);
  const make = await readMake(options, io);
  return [...prefixes].map((url) => ({ url, key, make, timeoutMs, withinMs, againMs }));
}

async function readMake(options: ProbeOptions, io: CommandIo): Promise<MakeProbe> {
  const { caCertFile, caKeyFile, chainFile } = options;
  const hasCa = caCertFile !== undefined && caKeyFile !== undefined;
  const isOne = (caCertFile === undefined) === (caKeyFile === undefined);
  if (!isOne || hasCa === (chainFile !== undefined)) {
    throw new UsageError("expected --ca-cert and --ca-key, or --chain");
  }
  if (hasCa) return openProbeCa(caCertFile, caKeyFile);
  const prepared = await readSubmission({ chainFile: chainFile ?? "" }, io);
  return async () => prepared;
}

/** Serves `/metrics` on an address. @throws UsageError if it cannot listen there. */
async function serveMetrics(
  listen: string,
  metrics: ProbeMetrics,
): Promise<{ readonly server: Server; readonly url: string }> {
  const [, host = "", port = ""] = /^(.+):([0-9]{1,5})$/.exec(listen) ?? [];
  if (port === "" || Number(port) > 65_535) {
    throw new UsageError(`--listen: expected address:port, got ${quote(listen)}`);
  }
  const server = createServer((request, response) => {
    const isMetrics = request.url === "/metrics" && request.method === "GET";
    response.writeHead(isMetrics ? 200 : 404, { "Content-Type": "text/plain; version=0.0.4" });
    response.end(isMetrics ? metrics.format() : "only /metrics is here\n");
  });
  server.maxConnections = 64;
  const name = host.replace(/^\[|\]$/g, "");
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject).listen(Number(port), name, resolve);
    });
  } catch (cause) {
    throw new UsageError(`--listen: ${messageOf(cause)}`, { cause });
  }
  const address = server.address();
  const bound = typeof address === "object" && address !== null ? address.port : port;
  return { server, url: `http://${host}:${bound}/metrics` };
}
