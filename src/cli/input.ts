/**
 * What commands are given: URLs, and files of certificates or keys, `-` being standard input.
 * @module
 */
import { readFile } from "node:fs/promises";
import { buffer } from "node:stream/consumers";
import { MalformedError, messageOf, quote } from "../base/errors.ts";
import type { LogKey } from "../checkpoint/browser-key.ts";
import { parseLogKey } from "../client/log-key.ts";
import { cleanText, normalizePrefix, SourceError } from "../client/transport.ts";
import { equalBytes } from "../encoding/bytes.ts";
import { parsePem } from "../x509/roots.ts";
import { type CommandIo, EXIT } from "./io.ts";

/** The command itself was wrong. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** A log's prefix without trailing slash. @throws UsageError that names `flag`. */
export function requireUrl(url: string, flag: string = "--url"): string {
  try {
    return normalizePrefix(url);
  } catch (cause) {
    throw new UsageError(`${flag}: ${messageOf(cause)}`, { cause });
  }
}

/**
 * The chain in a PEM file, DER, leaf first. Other text is passed over, and so is the leaf where
 * it stands once more at the end: `openssl s_client` prints the server's certificate there.
 * @throws UsageError if the file cannot be read, is not PEM or holds no certificate.
 */
export async function readChainFile(path: string): Promise<readonly Uint8Array[]> {
  const pem = new TextDecoder().decode(await readInput(path));
  let chain: readonly Uint8Array[];
  try {
    chain = parsePem(pem);
  } catch (cause) {
    if (!(cause instanceof MalformedError)) throw cause;
    throw new UsageError(`${quote(path)}: ${cause.message}`, { cause });
  }
  if (chain.length === 0) {
    throw new UsageError(`no certificate in ${quote(path)}: expected PEM`);
  }
  return withoutRepeatedLeaf(chain);
}

/** A log's public key (PEM, DER or base64). @throws UsageError. */
export async function readKeyFile(path: string): Promise<LogKey> {
  try {
    return parseLogKey(await readFile(path));
  } catch (cause) {
    throw new UsageError(`--key ${quote(path)}: ${messageOf(cause)}`, { cause });
  }
}

/** The bytes of a file, or of standard input. @throws UsageError. */
export async function readInput(path: string): Promise<Uint8Array> {
  try {
    return path === "-" ? await buffer(process.stdin) : await readFile(path);
  } catch (cause) {
    throw new UsageError(messageOf(cause), { cause });
  }
}

/**
 * Says why a command came to nothing.
 * @param command As it is typed: `stratus submit`.
 * @returns The exit code: 2 for a mistake in the command, 1 where a log or a file is to blame.
 * @throws Anything else.
 */
export function reportTrouble(command: string, thrown: unknown, io: CommandIo): number {
  if (thrown instanceof UsageError) {
    io.err(`${command}: ${thrown.message}`);
    return EXIT.usage;
  }
  if (thrown instanceof SourceError || thrown instanceof MalformedError) {
    io.err(`${command}: ${cleanText(thrown.message, 2_000)}`);
    const retryAfter = thrown instanceof SourceError ? thrown.retryAfter : undefined;
    if (retryAfter !== undefined) io.err(`  Retry-After: ${retryAfter} (seconds, or a date)`);
    return EXIT.failed;
  }
  throw thrown;
}

function withoutRepeatedLeaf(chain: readonly Uint8Array[]): readonly Uint8Array[] {
  const [leaf] = chain;
  const last = chain.at(-1);
  const isRepeated = chain.length > 1 && leaf !== undefined && last !== undefined;
  return isRepeated && equalBytes(leaf, last) ? chain.slice(0, -1) : chain;
}
