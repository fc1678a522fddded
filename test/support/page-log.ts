/**
 * What the tests of pages look at: a running log with some entries, and a proxy before it that
 * can be told to lie. Pages link relatively, so a visitor of the proxy stays with it.
 * @module
 */
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import type { Overrides } from "../../src/compose.ts";
import { makeCa, type TestCa } from "./certificates.ts";
import { type RunningLog, type ShardSpec, startRunningLog } from "./running-log.ts";

/** A log with entries. */
export interface PageLog extends AsyncDisposable {
  readonly log: RunningLog;
  readonly root: TestCa;
  readonly issuer: TestCa;
  /** Submits one more precertificate for this name. */
  grow(name?: string): Promise<void>;
}

/** Years around now: shards that are open, wait, and are over. */
export function pageShards(root: TestCa, nowMs: number): readonly ShardSpec[] {
  const year = new Date(nowMs).getUTCFullYear();
  return [0, 1, 2].map((later): ShardSpec => {
    const start = `${year + later}-01-01T00:00:00Z`;
    const limit = `${year + later + 1}-01-01T00:00:00Z`;
    return { name: `nimbus${year + later}`, roots: [root], window: [start, limit] };
  });
}

/** Name of the shard that has the entries. */
export function busyShard(nowMs: number): string {
  return `nimbus${new Date(nowMs).getUTCFullYear() + 1}`;
}

/** Starts a log of three shards, the second of which has `count` entries. */
export async function startPageLog(
  count: number,
  lines: readonly string[] = [],
  overrides: Overrides = {},
): Promise<PageLog> {
  const root = makeCa({ subject: "Example Root R1" });
  const issuer = root.intermediate({ subject: "Example Issuing CA 3" });
  const nowMs = Date.now();
  const shard = busyShard(nowMs);
  const notAfter = new Date(Date.UTC(new Date(nowMs).getUTCFullYear() + 1, 2, 1, 12));
  const notBefore = new Date(nowMs - 3_600_000);
  const log = await startRunningLog(
    pageShards(root, nowMs),
    overrides,
    async () => undefined,
    0,
    lines,
  );
  let serial = 1_000;
  const grow = async (name = `host${serial}.example.org`): Promise<void> => {
    serial += 1;
    const precert = serial % 4 !== 0;
    const dnsNames = [name, `www.${name}`];
    const der = issuer.issue({ serial, notBefore, notAfter, dnsNames, subject: name, precert });
    const chain = [der, issuer.der, root.der];
    await log.submitted(shard, precert ? "add-pre-chain" : "add-chain", chain);
  };
  await Promise.all(Array.from({ length: count }, () => grow()));
  return { log, root, issuer, grow, [Symbol.asyncDispose]: () => log[Symbol.asyncDispose]() };
}

/** Changes an answer, then 200: its path with query, its body. Undefined leaves it as it is. */
export type Lie = (path: string, body: string) => string | undefined;

/** A proxy that answers as the log does, but for what it is told to change. */
export interface Liar extends AsyncDisposable {
  /** `http://127.0.0.1:port`. */
  readonly origin: string;
  /** From now on answers are changed by this; undefined: none is. */
  tell(lie: Lie | undefined): void;
}

/** Starts a proxy of `origin`. */
export async function startLiar(origin: string): Promise<Liar> {
  let lie: Lie | undefined;
  const server = createServer((asked, answer) => {
    const headers = { ...asked.headers, "accept-encoding": "identity" };
    const target = { method: asked.method, path: asked.url, headers };
    const sent = request(origin, target, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.once("end", () => {
        const whole = Buffer.concat(chunks);
        const body = lie?.(asked.url ?? "", whole.toString());
        const { "content-length": _, ...kept } = response.headers;
        answer.writeHead(body === undefined ? (response.statusCode ?? 502) : 200, kept);
        answer.end(body ?? whole);
      });
    });
    sent.once("error", () => answer.destroy());
    asked.pipe(sent);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    tell: (next) => {
      lie = next;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
