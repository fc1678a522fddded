/**
 * The level of the logs on the operations port: GET shows it, PUT or POST with
 * `?level=debug&seconds=600` sets it, for so long or until the next change.
 * @module
 */
import { MalformedError, quote } from "../base/errors.ts";
import { type Answer, operatorJson, refusal } from "./answer.ts";
import type { HttpRequest } from "./exchange.ts";
import { parseQuery } from "./query.ts";

/** Where the level is set for all threads. */
export interface Levels {
  /** Every level, the most talkative first. */
  readonly names: readonly string[];
  /** The longest that a level lasts which goes back by itself; milliseconds. */
  readonly forMsMax: number;
  state(): {
    readonly level: string;
    readonly configured: string;
    /** When it goes back; undefined: never. */
    readonly untilMs: number | undefined;
  };
  /** @param level One of `names`. @param forMs Undefined: until the next change. */
  set(level: string, forMs: number | undefined): void;
}

/** What is written now. */
export function showLevel(levels: Levels): Answer {
  const { level, configured, untilMs } = levels.state();
  const until = untilMs === undefined ? null : new Date(untilMs).toISOString();
  const body = { level, configured, until, levels: levels.names };
  return operatorJson(body);
}

/**
 * Sets the level.
 * @throws MalformedError `MALFORMED_QUERY`, `MALFORMED_PARAMETER`.
 */
export function changeLevel(levels: Levels, request: HttpRequest): Answer {
  // A page that somebody on this machine looks at must not quiet the log.
  const { origin, host } = request.headers;
  if (origin !== undefined && URL.parse(origin)?.host !== URL.parse(`http://${host}`)?.host) {
    return refusal(403, "REJECTED_METHOD", "not for pages of other origins");
  }
  const query = parseQuery(request.url ?? "");
  const level = query("level");
  if (!levels.names.includes(level)) {
    throw wrong(`level: expected one of ${levels.names.join(", ")}, got ${quote(level)}`);
  }
  levels.set(level, readDuration(query("seconds"), levels.forMsMax / 1_000));
  return showLevel(levels);
}

function readDuration(text: string, secondsMax: number): number | undefined {
  if (text === "") return undefined;
  const seconds = /^[1-9][0-9]{0,8}$/.test(text) ? Number(text) : Number.POSITIVE_INFINITY;
  if (seconds <= secondsMax) return 1_000 * seconds;
  throw wrong(`seconds: expected 1 to ${secondsMax}, got ${quote(text)}`);
}

function wrong(message: string): MalformedError {
  return new MalformedError("MALFORMED_PARAMETER", message);
}
