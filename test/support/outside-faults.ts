/**
 * Faults of what stands before a log, and of logs as a probe sees them from outside, for the alerts
 * that must tell of them.
 * @module
 */
import { probe } from "../../src/cli/probe.ts";
import { addressOf, CA, type Fault, NO_AUDIT, prepare, SHARD, slowSeam } from "./faults.ts";
import { type Lies, NaiveLog } from "./naive-log.ts";
import { writeProbeCa } from "./probe-ca.ts";
import { serveHere } from "./running.ts";
import { Files } from "./submit-run.ts";
import { startTls } from "./tls-server.ts";

const CERTIFICATE: Fault = {
  name: "the proxy shows a certificate of nobody that is trusted, and it expires soon",
  alerts: [
    ["StratusTlsExpires", ""],
    ["StratusTlsInvalid", ""],
  ],
  async start(stack) {
    const soon = new Date(Date.now() + 3 * 86_400_000);
    const proxy = stack.use(await startTls(soon, soon));
    const more = [`monitoringUrl: https://${proxy.host}`];
    const shards = [{ name: SHARD, more: NO_AUDIT }];
    const folder = await prepare(stack, shards, 0, "frontends: 0", more);
    const here = stack.use(await serveHere(folder));
    return { address: addressOf(here.operationsUrl), strike: async () => {} };
  },
};

/** Probes a log again and again, until it is stopped or the stack is disposed of. */
async function startProbe(
  stack: AsyncDisposableStack,
  url: string,
): Promise<{ readonly address: string; readonly stop: () => Promise<void> }> {
  const files = stack.use(await Files.make());
  const { caCertFile, caKeyFile } = await writeProbeCa(files, "p256", CA);
  const { promise: stopped, resolve } = Promise.withResolvers<void>();
  const { promise: listening, resolve: onListening } = Promise.withResolvers<string>();
  const running = probe(
    {
      urls: [url],
      caCertFile,
      caKeyFile,
      timeoutMs: 10_000,
      withinMs: 0,
      everyMs: 300,
      listen: "127.0.0.1:0",
      stopped,
      onListening,
    },
    { out: () => {}, err: () => {} },
  );
  const stop = async (): Promise<void> => {
    resolve();
    await running;
  };
  stack.defer(stop);
  return { address: addressOf(await listening), stop };
}

/** A fault of a log that a probe meets. */
function probed(name: string, alerts: readonly string[], lies: () => Lies): Fault {
  return {
    name,
    alerts: alerts.map((alert) => [alert, ""]),
    async start(stack) {
      const log = stack.use(await NaiveLog.start(3));
      const { address } = await startProbe(stack, log.url);
      return {
        address,
        job: "stratus-probe",
        async strike() {
          log.lies = lies();
        },
      };
    },
  };
}

const SLOW: Fault = {
  name: "a probe waits long for its SCTs",
  alerts: [["StratusProbeSlow", ""]],
  async start(stack) {
    const folder = await prepare(stack, [{ name: SHARD, more: NO_AUDIT }], 0);
    const seam = slowSeam(() => true);
    const here = stack.use(await serveHere(folder, { seam: () => seam }));
    const { address } = await startProbe(stack, `${here.listenUrl}/${SHARD}`);
    return { address, job: "stratus-probe", strike: async () => {} };
  },
};

const SILENT: Fault = {
  name: "the probe is gone",
  alerts: [["StratusProbeSilent", ""]],
  async start(stack) {
    const log = stack.use(await NaiveLog.start(3));
    const { address, stop } = await startProbe(stack, log.url);
    return { address, job: "stratus-probe", strike: stop };
  },
};

/** All of them. */
export const OUTSIDE_FAULTS: readonly Fault[] = [
  CERTIFICATE,
  probed("a log answers a probe 503", ["StratusProbeFails"], () => ({
    answer: (truth) => ({ ...truth, status: 503 }),
  })),
  probed("a log lies to a probe", ["StratusProbeFails", "StratusProbeContradicted"], () => ({
    sct: (sct) => ({ ...sct, timestampMs: sct.timestampMs - 1 }),
  })),
  SLOW,
  SILENT,
];
