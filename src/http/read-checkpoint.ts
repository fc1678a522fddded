/**
 * `/checkpoint`: c2sp.org/static-ct-api#checkpoints, and with `wait` the feed of new heads.
 * @module
 */
import { MalformedError, messageOf } from "../base/errors.ts";
import { parseInt64 } from "../encoding/decimal.ts";
import type { Log } from "../log/log.ts";
import { type Answer, CHECKPOINT_HEADERS, okTagged } from "./answer.ts";
import type { ClientLimits } from "./client-limits.ts";
import { isKnownEtag } from "./etag.ts";
import type { HttpRequest } from "./exchange.ts";
import { type HeadFeed, WAIT_MS_MAX } from "./head-feed.ts";
import { parseQuery, type Query } from "./query.ts";
import type { Handler } from "./responder.ts";

/** Whether a request target asks to wait. Any other query is passed over. */
export function isWait(target: string): boolean {
  return /[?&]wait=/.test(target);
}

/**
 * The checkpoint; one is encoded once. With `wait` it waits so many seconds until the tree has
 * more than `size` entries; without `size`, until the head is another than the one that
 * If-None-Match names; without either, than the newest. What is answered then is the newest head.
 */
export function getCheckpointHandler(log: Log, feed: HeadFeed, clients: ClientLimits): Handler {
  let last: { readonly text: string; readonly answer: Answer } | undefined;
  const answer = (): Answer => {
    const text = log.checkpoint();
    if (last?.text !== text) {
      last = { text, answer: okTagged(CHECKPOINT_HEADERS, Buffer.from(text, "utf8")) };
    }
    return last.answer;
  };
  const newsTest = (query: Query, request: HttpRequest): (() => boolean) => {
    if (query("size") !== "") {
      const size = wholeParameter(query, "size");
      return () => BigInt(log.head().treeSize) > size;
    }
    const known = request.headers["if-none-match"] ?? answer().etag;
    return () => !isKnownEtag(answer().etag ?? "", known);
  };
  return (request, response) => {
    const target = request.url ?? "";
    if (!isWait(target)) return answer();
    const query = parseQuery(target);
    const waitSeconds = wholeParameter(query, "wait");
    const isNews = newsTest(query, request);
    const waitMs = waitSeconds > WAIT_SECONDS_MAX ? WAIT_MS_MAX : 1_000 * Number(waitSeconds);
    return feed.wait(log, response, { isNews, answer, waitMs, client: clients.clientOf(request) });
  };
}

const WAIT_SECONDS_MAX = BigInt(WAIT_MS_MAX / 1_000);

function wholeParameter(query: Query, name: string): bigint {
  let value: bigint;
  try {
    value = parseInt64(query(name));
  } catch (cause) {
    throw parameterError(`${name}: ${messageOf(cause)}`);
  }
  if (value < 0n) throw parameterError(`${name} (${value}) must be >= 0`);
  return value;
}

function parameterError(text: string): MalformedError {
  return new MalformedError("MALFORMED_PARAMETER", `bad wait on checkpoint request: ${text}`);
}
