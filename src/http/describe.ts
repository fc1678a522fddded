/**
 * What the server says about itself to programs: `/log.v3.json` of each shard, `/logs.json`.
 * @module
 */
import { UnavailableError } from "../base/errors.ts";
import type { Clock } from "../clock/clock.ts";
import { describeLog, type Site } from "../log/description.ts";
import type { Log } from "../log/log.ts";
import type { SignedTreeHead } from "../rfc6962/tree-head.ts";
import {
  formatLogJson,
  formatLogListJson,
  type LogDescription,
  type LogOperator,
} from "../static-ct/log-json.ts";
import { type Answer, JSON_HEADERS, ok, okTagged } from "./answer.ts";
import type { Handler } from "./responder.ts";

/** All that these pages are made of. */
export interface Description {
  readonly logs: ReadonlyMap<string, Log>;
  readonly sites: ReadonlyMap<string, Site>;
  readonly operator: LogOperator;
  readonly software: LogDescription["software"];
  readonly clock: Clock;
}

/** `/<shard>/log.v3.json`. */
export function getLogJsonHandler(shard: string, about: Description): Handler {
  return () =>
    okTagged(JSON_HEADERS, Buffer.from(formatLogJson(describeShard(shard, about)), "utf8"));
}

/** `/logs.json`: all shards as a log list. */
export function getLogsJsonHandler(about: Description): Handler {
  return () => {
    const logs = [...about.logs.keys()].map((shard) => describeShard(shard, about));
    return json(formatLogListJson(about.operator, logs, about.clock.nowMs()));
  };
}

function describeShard(shard: string, about: Description): LogDescription {
  const log = about.logs.get(shard);
  const site = about.sites.get(shard);
  if (log === undefined || site === undefined) throw new RangeError(`no shard ${shard}`);
  const { identity, publicKey, dates } = log;
  return describeLog({
    identity,
    publicKey,
    dates,
    site,
    head: headOf(log),
    nowMs: about.clock.nowMs(),
    isHalted: log.status().state === "read-only",
    software: about.software,
  });
}

/** The head, if there is one: a shard in trouble must not take the whole list with it. */
function headOf(log: Log): SignedTreeHead | undefined {
  try {
    return log.head();
  } catch (thrown) {
    if (thrown instanceof UnavailableError) return undefined;
    throw thrown;
  }
}

function json(text: string): Answer {
  return ok(JSON_HEADERS, Buffer.from(text, "utf8"));
}
