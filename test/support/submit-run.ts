/**
 * Runs `submit` against a NaiveLog and collects what it says.
 * @module
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type SubmitOptions, submit } from "../../src/cli/submit.ts";
import { makeCa, type TestCa } from "./certificates.ts";
import type { Lies, NaiveLog } from "./naive-log.ts";

export const root: TestCa = makeCa();
export const intermediate: TestCa = root.intermediate();
/** A certificate and a precertificate with their issuers, root included. */
export const chain: readonly Uint8Array[] = [intermediate.issue(), intermediate.der, root.der];
export const precertChain: readonly Uint8Array[] = [
  intermediate.issue({ precert: true }),
  intermediate.der,
  root.der,
];

/** What a run of the command came to. */
export interface Run {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
}

/** Runs the command. */
export async function run(options: SubmitOptions): Promise<Run> {
  const out: string[] = [];
  const err: string[] = [];
  const io = { out: (line: string) => out.push(line), err: (line: string) => err.push(line) };
  const exitCode = await submit(options, io);
  return { exitCode, out: out.join("\n"), err: err.join("\n") };
}

/** A folder with files of certificates and keys; removed when disposed. */
export class Files implements AsyncDisposable {
  readonly folder: string;
  #count = 0;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async make(): Promise<Files> {
    return new Files(await mkdtemp(join(tmpdir(), "stratus-submit-")));
  }

  /** The path of a new file. */
  async write(content: string | Uint8Array): Promise<string> {
    this.#count += 1;
    const path = join(this.folder, `${this.#count}.pem`);
    await writeFile(path, content);
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true });
  }
}

/** PEM of certificates. */
export function pem(...ders: readonly Uint8Array[]): string {
  return ders
    .map((der) => Buffer.from(der).toString("base64").replaceAll(/.{64}/g, "$&\n"))
    .map((body) => `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`)
    .join("");
}

/** Runs the command with a file of these certificates. */
export async function submitTo(
  log: NaiveLog,
  ders: readonly Uint8Array[] = precertChain,
  options: Partial<SubmitOptions> = {},
): Promise<Run> {
  await using files = await Files.make();
  const chainFile = await files.write(pem(...ders));
  return await run({ url: log.url, chainFile, timeoutMs: 5_000, ...options });
}

/** Changes the text of the answers at one path. */
export function answering(path: string, change: (text: string) => string): Lies {
  return {
    answer: (truth, asked) =>
      asked === path ? { ...truth, body: change(truth.body.toString()) } : truth,
  };
}
