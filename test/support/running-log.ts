/**
 * The composed log in this process: configuration, init, LevelDB in a temporary folder, both
 * servers on free ports of 127.0.0.1. A test asks it over HTTP alone.
 *
 * ```ts
 * await using log = await startRunningLog([{ name: "a", roots: [root] }]);
 * const sct = await log.submitted("a", "add-chain", [leaf]);
 * ```
 * @module
 */
import assert from "node:assert/strict";
import { createPublicKey, verify } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { initShards } from "../../src/cli/init.ts";
import { type Overrides, type Running, startStratus } from "../../src/compose.ts";
import type { Config } from "../../src/config/config.ts";
import { parseConfig } from "../../src/config/parse.ts";
import type { TestCa } from "./certificates.ts";
import {
  type ExpectedEntry,
  expectedExtraData,
  expectedLeaf,
  expectedLeafHash,
} from "./expected-entry.ts";
import { type CallOptions, call, closeCalls, type Reply } from "./http-call.ts";

/** Both ways in. */
export type Endpoint = "add-chain" | "add-pre-chain";

/** A shard of the test's configuration. */
export interface ShardSpec {
  readonly name: string;
  readonly roots: readonly (TestCa | Uint8Array)[];
  /** RFC 3339; default 2000-01-01 to 2100-01-01. */
  readonly window?: readonly [start: string, limit: string];
  readonly type?: "rfc6962" | "static-ct-api";
  /** Further fields, as lines of YAML. */
  readonly lines?: readonly string[];
}

/** Body of an accepted submission. */
export interface SctJson {
  readonly sct_version: number;
  readonly id: string;
  readonly timestamp: number;
  readonly extensions: string;
  readonly signature: string;
}

/** What must be in the log for a submission. */
export interface Expected {
  readonly entry: ExpectedEntry;
  readonly precertificate?: Uint8Array;
  /** What follows the leaf, the root included. */
  readonly path: readonly Uint8Array[];
}

/** Prefix of submissions of every shard; the origin lines come from it. */
export const PUBLIC_URL = "http://log.example";

/**
 * Creates the shards and serves them.
 * @param prepare Runs between the two.
 * @param frontends Threads that serve; if there are any, they know nothing of the overrides.
 * @param lines Further lines of the configuration.
 */
export async function startRunningLog(
  shards: readonly ShardSpec[],
  overrides: Overrides = {},
  prepare: (config: Config) => Promise<void> = () => Promise.resolve(),
  frontends: number = 0,
  lines: readonly string[] = [],
): Promise<RunningLog> {
  const folder = await mkdtemp(join(tmpdir(), "stratus-e2e-"));
  try {
    const config = await writeConfig(folder, shards, frontends, lines);
    await initShards(config, () => undefined);
    await prepare(config);
    return new RunningLog(folder, config, await startStratus(config, overrides));
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/** A log that runs, and what its clients do. */
export class RunningLog implements AsyncDisposable {
  readonly folder: string;
  readonly config: Config;
  #running: Running;

  constructor(folder: string, config: Config, running: Running) {
    this.folder = folder;
    this.config = config;
    this.#running = running;
  }

  /** `http://127.0.0.1:port`. */
  get origin(): string {
    return this.#running.listenUrl;
  }

  /** Of the operations server. */
  get operationsUrl(): string {
    return this.#running.operationsUrl;
  }

  /** Stops it; its folder stays until it is disposed of. */
  stop(): Promise<void> {
    return this.#running.stop();
  }

  /** Prefix of a shard. */
  url(shard: string): string {
    return `${this.origin}/${shard}`;
  }

  /** One request; `target` begins with a slash and is sent as it stands. */
  call(target: string, options?: CallOptions): Promise<Reply> {
    return call(this.origin, target, options);
  }

  /** GET that must succeed, as JSON. */
  async json(target: string, options?: CallOptions): Promise<Readonly<Record<string, unknown>>> {
    const reply = await this.call(target, options);
    assert.equal(reply.status, 200, `${target}: ${reply.text}`);
    return JSON.parse(reply.text);
  }

  /** Posts a chain. */
  submit(
    shard: string,
    endpoint: Endpoint,
    chain: readonly Uint8Array[],
    options?: CallOptions,
  ): Promise<Reply> {
    return this.call(`/${shard}/ct/v1/${endpoint}`, { body: chainJson(chain), ...options });
  }

  /** Posts a chain that must be taken. */
  async submitted(
    shard: string,
    endpoint: Endpoint,
    chain: readonly Uint8Array[],
  ): Promise<SctJson> {
    const reply = await this.submit(shard, endpoint, chain);
    assert.equal(reply.status, 200, reply.text);
    return JSON.parse(reply.text);
  }

  /** The log's key, from its own description. */
  async publicKey(shard: string): Promise<ReturnType<typeof createPublicKey>> {
    const { key } = await this.json(`/${shard}/log.v3.json`);
    const der = Buffer.from(String(key), "base64");
    return createPublicKey({ key: der, format: "der", type: "spki" });
  }

  /**
   * The SCT promises this very entry and the log shows it, byte for byte, with its path.
   * @returns The leaf hash.
   */
  async requireLogged(shard: string, sct: SctJson, expected: Expected): Promise<Buffer> {
    const leafIndex = leafIndexOf(sct);
    const leaf = expectedLeaf(expected.entry, sct.timestamp, leafIndex);
    const key = await this.publicKey(shard);
    requireSigned(key, leaf, Buffer.from(sct.signature, "base64"));
    const range = `start=${leafIndex}&end=${leafIndex}`;
    const { entries } = await this.json(`/${shard}/ct/v1/get-entries?${range}`, { fresh: true });
    const extraData = expectedExtraData(expected.precertificate, expected.path);
    const shown = { leaf_input: leaf.toString("base64"), extra_data: extraData.toString("base64") };
    assert.deepEqual(entries, [shown]);
    return expectedLeafHash(leaf);
  }

  /** Stops the log and starts it again over the same folder. */
  async restart(overrides: Overrides = {}): Promise<void> {
    await this.#running.stop();
    this.#running = await startStratus(this.config, overrides);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    closeCalls();
    await this.#running.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** The body of a submission. */
export function chainJson(chain: readonly Uint8Array[]): string {
  return JSON.stringify({ chain: chain.map((der) => Buffer.from(der).toString("base64")) });
}

/** The index that the `leaf_index` extension of an SCT names. */
export function leafIndexOf(sct: SctJson): number {
  const extensions = Buffer.from(sct.extensions, "base64");
  assert.equal(extensions.subarray(0, 3).toString("hex"), "000005");
  assert.equal(extensions.length, 8);
  return extensions.readUIntBE(3, 5);
}

/** `signed` is the key's `DigitallySigned` over `data`: ECDSA with SHA-256, DER. */
export function requireSigned(
  key: ReturnType<typeof createPublicKey>,
  data: Uint8Array,
  signed: Buffer,
): void {
  assert.equal(signed.subarray(0, 2).toString("hex"), "0403");
  assert.equal(signed.readUInt16BE(2), signed.length - 4);
  assert.ok(verify("sha256", data, key, signed.subarray(4)), "the signature is not the log's");
}

/** A certificate as PEM. */
export function pemOf(der: Uint8Array): string {
  const body = Buffer.from(der).toString("base64").replaceAll(/.{64}/g, "$&\n");
  return `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`;
}

async function writeConfig(
  folder: string,
  shards: readonly ShardSpec[],
  frontends: number,
  more: readonly string[],
): Promise<Config> {
  const lines = [
    "listen: 127.0.0.1:0",
    "operations: 127.0.0.1:0",
    `publicUrl: ${PUBLIC_URL}`,
    "development: true",
    "logLevel: fatal",
    "drainMs: 1000",
    `frontends: ${frontends}`,
    ...more,
    "shards:",
  ];
  for (const { name, roots, window, type = "static-ct-api", lines: further = [] } of shards) {
    const ders = roots.map((root) => (root instanceof Uint8Array ? root : root.der));
    await writeFile(join(folder, `${name}.pem`), ders.map(pemOf).join(""));
    const [start, limit] = window ?? ["2000-01-01T00:00:00Z", "2100-01-01T00:00:00Z"];
    lines.push(`  - name: ${name}`, `    type: ${type}`, `    roots: [./${name}.pem]`);
    lines.push(`    notAfterStart: ${start}`, `    notAfterLimit: ${limit}`);
    lines.push(...further.map((line) => `    ${line}`));
  }
  const path = join(folder, "stratus.yaml");
  const options = { path, cwd: folder, nowMs: Date.now(), shardFolders: [], overrides: {} };
  return parseConfig(`${lines.join("\n")}\n`, options);
}
