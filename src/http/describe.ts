/**
 * What the server says about itself: `/log.v3.json` of each shard, `/logs.json`, and a plain
 * home page that links to both.
 * @module
 */
import { UnavailableError } from "../base/errors.ts";
import type { Clock } from "../clock/clock.ts";
import type { Log } from "../log/log.ts";
import type { SignedTreeHead } from "../rfc6962/tree-head.ts";
import {
  formatLogJson,
  formatLogListJson,
  type LogDescription,
  type LogOperator,
  MMD_SECONDS,
} from "../static-ct/log-json.ts";
import { type Answer, HTML_HEADERS, JSON_HEADERS, ok, okTagged } from "./answer.ts";
import type { Handler } from "./responder.ts";

/** What the configuration knows of a shard and the log does not. */
export interface Site {
  /** Prefix of submissions, the shard's name included; without trailing slash. */
  readonly submissionUrl: string;
  /** Prefix of reads; as `submissionUrl`. */
  readonly monitoringUrl: string;
  /** When the shard stops taking submissions; milliseconds since the Unix epoch. */
  readonly closesAtMs: number;
}

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
    okTagged(JSON_HEADERS, Buffer.from(formatLogJson(describeLog(shard, about)), "utf8"));
}

/** `/logs.json`: all shards as a log list. */
export function getLogsJsonHandler(about: Description): Handler {
  return () => {
    const logs = [...about.logs.keys()].map((shard) => describeLog(shard, about));
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
  const state = log.status().state;
  return `<li><b>${shard}</b>: ${state}, NotAfter from ${window}. ${links.join(" ")}</li>`;
}

function describeLog(shard: string, about: Description): LogDescription {
  const log = about.logs.get(shard);
  const site = about.sites.get(shard);
  if (log === undefined || site === undefined) throw new RangeError(`no shard ${shard}`);
  const { identity, publicKey } = log;
  const { state } = log.status();
  const isClosed = state === "closed" || state === "stopped";
  return {
    description: identity.origin,
    publicKey,
    logId: identity.logId,
    type: identity.type,
    submissionUrl: site.submissionUrl,
    monitoringUrl: site.monitoringUrl,
    mmdSeconds: MMD_SECONDS[identity.type],
    notAfterStartMs: identity.notAfterStartMs,
    notAfterLimitMs: identity.notAfterLimitMs,
    condition: isClosed || state === "read-only" ? "readonly" : "active",
    conditionSinceMs: isClosed ? site.closesAtMs : undefined,
    plannedChanges: isClosed ? [] : [{ condition: "readonly", atMs: site.closesAtMs, comment: "" }],
    finalTreeHead: state === "closed" ? headOf(log) : undefined,
    software: about.software,
  };
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
