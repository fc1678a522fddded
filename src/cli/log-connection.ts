/**
 * A log that a command talks to: both of its APIs at one URL, and the key that is trusted.
 * @module
 */

import type { LogKey } from "../checkpoint/browser-key.ts";
import { CheckError } from "../client/check.ts";
import { openLogKey } from "../client/log-key.ts";
import { HttpRfc6962Source } from "../client/rfc6962.ts";
import { HttpStaticSource } from "../client/static-ct.ts";
import {
  fetchText,
  normalizePrefix,
  parseAnswer,
  SourceError,
  TIMEOUT_MS,
} from "../client/transport.ts";
import { equalBytes } from "../encoding/bytes.ts";
import { formatHex } from "../encoding/hex.ts";
import { sha256 } from "../signer/sha256.ts";
import { type ListedLog, parseLogJson } from "../static-ct/log-json.ts";

const LOG_JSON_BYTES_MAX = 65_536;

/** A log and how far it is trusted. */
export interface LogConnection {
  readonly rfc6962: HttpRfc6962Source;
  readonly staticCt: HttpStaticSource;
  readonly key: LogKey;
  /** Where the key comes from, in a sentence for people. */
  readonly trust: string;
}

/** Which log, and which key to hold it to. */
export interface LogConnectionOptions {
  /** The log's prefix: submissions and both reading APIs are below it. */
  readonly url: string;
  /** The key that the caller trusts; undefined: the one that the log states of itself. */
  readonly key: LogKey | undefined;
  /** Deadline of each exchange; default 30,000. */
  readonly timeoutMs: number | undefined;
}

/**
 * Learns origin and, if none is given, key from `log.v3.json`.
 * @throws CheckError "log key" if there is no key, or another than the given one.
 * @throws TypeError if the URL is none.
 */
export async function openLog(options: LogConnectionOptions): Promise<LogConnection> {
  const url = normalizePrefix(options.url);
  const timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
  const listed = await readLogJson(url, timeoutMs);
  if (listed instanceof SourceError) {
    if (options.key === undefined) {
      const message = `log.v3.json does not tell it; give it with --key (${listed.message})`;
      throw new CheckError("log key", message, { cause: listed });
    }
    const trust = "the one given with --key (log.v3.json could not be read)";
    return connect(url, timeoutMs, options.key, originOf(url), trust);
  }
  const { key } = options;
  if (key !== undefined && !equalBytes(key.logId, listed.logId)) {
    const ids = `--key has log ID ${formatHex(key.logId)}, log.v3.json ${formatHex(listed.logId)}`;
    throw new CheckError("log key", `this is another log than the trusted one: ${ids}`);
  }
  const trust =
    key === undefined
      ? "from the log's own log.v3.json: this trusts the log's word; --key trusts yours"
      : "the one given with --key; log.v3.json states the same";
  const trusted = key ?? openListedKey(url, listed);
  return connect(url, timeoutMs, trusted, originOf(listed.submissionUrl), trust);
}

function connect(
  url: string,
  timeoutMs: number,
  key: LogKey,
  origin: string,
  trust: string,
): LogConnection {
  const { logId } = key;
  return {
    rfc6962: new HttpRfc6962Source({ url, timeoutMs }),
    staticCt: new HttpStaticSource({ url, timeoutMs, origin, logId, sha256 }),
    key,
    trust,
  };
}

async function readLogJson(url: string, timeoutMs: number): Promise<ListedLog | SourceError> {
  const jsonUrl = `${url}/log.v3.json`;
  try {
    const text = await fetchText({ url: jsonUrl, bytesMax: LOG_JSON_BYTES_MAX, timeoutMs });
    return parseAnswer(jsonUrl, () => parseLogJson(sha256, text));
  } catch (thrown) {
    if (thrown instanceof SourceError) return thrown;
    throw thrown;
  }
}

function openListedKey(url: string, listed: ListedLog): LogKey {
  try {
    return parseAnswer(`${url}/log.v3.json`, () => openLogKey(listed.publicKey));
  } catch (cause) {
    if (!(cause instanceof SourceError)) throw cause;
    throw new CheckError("log key", cause.message, { cause });
  }
}

/** "the submission prefix of the log as a schema-less URL with no trailing slashes". */
function originOf(url: string): string {
  return url.replace(/^https?:\/\//, "").replace(/\/+$/, "");
}
