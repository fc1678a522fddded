/**
 * A whole log in this process, on real files in a folder of its own; and an address that shows
 * the world what it is told to show.
 * @module
 */
import { cp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { loadConfig } from "../../src/cli/load-config.ts";
import { type Overrides, type Running, startStratus } from "../../src/compose.ts";
import { createShard } from "../../src/create.ts";
import type { Log } from "../../src/log/log.ts";
import { formatTreeHeadJson } from "../../src/rfc6962/json.ts";
import type { Sct } from "../../src/rfc6962/sct.ts";
import type { TestCa } from "./certificates.ts";
import { type CrashSubmission, crashSubmission } from "./crash-audit.ts";
import type { LogFolder } from "./process.ts";

/** The one shard. */
export const SHARD = "test2027";

/** A running log. */
export interface LocalLog extends AsyncDisposable {
  readonly running: Running;
  readonly log: Log;
  /** Submits number `serial` of `ca`. */
  submit(ca: TestCa, serial: number): Promise<Sct>;
}

const made = new Map<TestCa, Map<number, CrashSubmission>>();

/** The same bytes each time: a CA's signature differs, and with it the certificate. */
function submissionOf(ca: TestCa, serial: number): CrashSubmission {
  const known = made.get(ca) ?? new Map<number, CrashSubmission>();
  made.set(ca, known);
  const submission = known.get(serial) ?? crashSubmission(ca, serial);
  known.set(serial, submission);
  return submission;
}

/** Creates what is missing and serves. */
export async function startLocal(folder: LogFolder, overrides: Overrides = {}): Promise<LocalLog> {
  const options = { cwd: folder.path, nowMs: Date.now(), overrides: {} };
  const config = await loadConfig(folder.config, options);
  for (const shard of config.shards) await createShard(config, shard);
  return serveLocal(folder, overrides);
}

/** Serves what is there. */
export async function serveLocal(folder: LogFolder, overrides: Overrides = {}): Promise<LocalLog> {
  const options = { cwd: folder.path, nowMs: Date.now(), overrides: {} };
  const running = await startStratus(await loadConfig(folder.config, options), overrides);
  const log = running.logs.get(SHARD);
  if (log === undefined) throw new Error(`there is no shard ${SHARD}`);
  return {
    running,
    log,
    submit(ca, serial) {
      const { endpoint, chain } = submissionOf(ca, serial);
      return log.submit(endpoint, chain);
    },
    [Symbol.asyncDispose]: () => running.stop(),
  };
}

/** Serves, submits each of `serials`, and stops. */
export async function grow(
  folder: LogFolder,
  ca: TestCa,
  serials: readonly number[],
): Promise<void> {
  await using local = await startLocal(folder);
  await Promise.all(serials.map((serial) => local.submit(ca, serial)));
}

/** Copies `data`, `guard`, or both, over what `to` has of them. */
export async function copyParts(
  from: LogFolder,
  to: LogFolder,
  parts: readonly ("data" | "guard")[],
): Promise<void> {
  for (const part of parts) {
    await rm(join(to.path, part), { recursive: true, force: true });
    await cp(join(from.path, part), join(to.path, part), { recursive: true });
  }
}

/** An address that shows the last head it was given. */
export interface Billboard extends AsyncDisposable {
  readonly url: string;
  /** Shows the head of `log` from now on. */
  show(log: Log): void;
  /** Answers these texts from now on; undefined is 404. */
  showTexts(texts: { readonly sth?: string; readonly checkpoint?: string }): void;
}

/** Opens an address on a free port of this machine. */
export async function openBillboard(): Promise<Billboard> {
  let texts: { readonly sth?: string; readonly checkpoint?: string } = {};
  const server = createServer((request, response) => {
    const text = request.url?.endsWith("/checkpoint") ? texts.checkpoint : texts.sth;
    response.writeHead(text === undefined ? 404 : 200).end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    show(log) {
      texts = { sth: formatTreeHeadJson(log.head()), checkpoint: log.checkpoint() };
    },
    showTexts(shown) {
      texts = shown;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
