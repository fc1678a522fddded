/**
 * Faults of what stands before a log, for the alerts that must tell of them.
 * @module
 */
import { addressOf, type Fault, NO_AUDIT, prepare, SHARD } from "./faults.ts";
import { serveHere } from "./running.ts";
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

/** All of them. */
export const OUTSIDE_FAULTS: readonly Fault[] = [CERTIFICATE];
