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
  type OnExchange,
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
  /** Which NotAfter the log takes, by its own word; undefined if it does not say. */
  readonly window: ListedLog["window"];
}

/** Which log, and which key to hold it to. */
export interface LogConnectionOptions {
  /** The log's prefix: submissions and both reading APIs are below it. */
  readonly url: string;
  /** The key that the caller trusts; undefined: the one that the log states of itself. */
  readonly key: LogKey | undefined;
  /** Deadline of each exchange; default 30,000. */
  readonly timeoutMs: number | undefined;
  /** Is told of each exchange. */
  readonly onExchange?: OnExchange | undefined;
}

/**
 * Learns origin and, if none is given, key from `log.v3.json`.
 * @throws CheckError "log key" if there is no key, or another than the given one.
 * @throws TypeError if the URL is none.
 */
export async function openLog(options: LogConnectionOptions): Promise<LogConnection> {
  const url = normalizePrefix(options.url);
  const { timeoutMs = TIMEOUT_MS, onExchange } = options;
  const way = { url, timeoutMs, onExchange };
  const listed = await readLogJson(way);
  if (listed instanceof SourceError) {
    if (options.key === undefined) {
      const message = `log.v3.json does not tell it; give it with --key (${listed.message})`;
      throw new CheckError("log key", message, { cause: listed });
    }
    const trust = "the one given with --key (log.v3.json could not be read)";
    return connect(way, { key: options.key, origin: originOf(url), trust, window: undefined });
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
  const { window, submissionUrl } = listed;
  return connect(way, { key: trusted, origin: originOf(submissionUrl), trust, window });
}

/** How a log is reached. */
interface Way {
  readonly url: string;
  readonly timeoutMs: number;
  readonly onExchange: OnExchange | undefined;
}

function connect(
  way: Way,
  { origin, ...log }: Pick<LogConnection, "key" | "trust" | "window"> & { readonly origin: string },
): LogConnection {
  const { logId } = log.key;
  return {
    rfc6962: new HttpRfc6962Source(way),
    staticCt: new HttpStaticSource({ ...way, origin, logId, sha256 }),
    ...log,
  };
}

async function readLogJson({ url, ...way }: Way): Promise<ListedLog | SourceError> {
  const jsonUrl = `${url}/log.v3.json`;
  try {
    const text = await fetchText({ url: jsonUrl, bytesMax: LOG_JSON_BYTES_MAX, ...way });
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
