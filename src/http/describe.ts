/**
 * What the server says about itself: `/log.v3.json` of each shard, `/logs.json`, and a plain
 * home page that links to both.
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
import { type Answer, HTML_HEADERS, JSON_HEADERS, ok, okTagged } from "./answer.ts";
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

/** `/`: the shards and where they are found. */
export function getHomeHandler(about: Description): Handler {
  return () => {
    const rows = [...about.logs].map(([shard, log]) => homeRow(shard, log));
    const html = [
      '<!doctype html><html lang="en"><meta charset="utf-8">',
      '<meta name="viewport" content="width=device-width"><title>Certificate Transparency</title>',
      "<h1>Certificate Transparency logs</h1>",
      `<ul>${rows.join("")}</ul>`,
      '<p><a href="/logs.json">logs.json</a></p></html>\n',
    ];
    return ok(HTML_HEADERS, Buffer.from(html.join("\n"), "utf8"));
  };
}

function homeRow(shard: string, log: Log): string {
  const { notAfterStartMs, notAfterLimitMs } = log.identity;
  const links = ["log.v3.json", "checkpoint", "ct/v1/get-sth", "ct/v1/get-roots"].map(
    (path) => `<a href="/${shard}/${path}">${path}</a>`,
  );
  const window = `${dayOf(notAfterStartMs)} to ${dayOf(notAfterLimitMs)}`;
  const { state, phase } = log.status();
  const life = state === "open" ? (phase ?? state) : state;
  return `<li><b>${shard}</b>: ${life}, NotAfter from ${window}. ${links.join(" ")}</li>`;
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

function dayOf(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 10);
}
