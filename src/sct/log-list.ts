/**
 * Log lists in Chrome's v3 form: which logs there are, whose, and in what state. Also what
 * `/logs.json` of this server answers.
 * @module
 */
import { MalformedError } from "../base/errors.ts";
import { JsonObject, parseJsonObject } from "../encoding/json.ts";
import type { Sha256 } from "../merkle/hash.ts";
import { type ListedLog, parseTime, readListedLog } from "../static-ct/log-json.ts";

/** A log that somebody vouches for. */
export interface KnownLog extends ListedLog {
  /** Who runs it; empty if nobody says. */
  readonly operator: string;
  /** In a program's words, such as `usable`; undefined if the list has none. */
  readonly state: { readonly name: string; readonly sinceMs: number | undefined } | undefined;
}

/** A list, and what of it was passed over. */
export interface LogList {
  readonly logs: readonly KnownLog[];
  /** One line for each log that does not parse. */
  readonly warnings: readonly string[];
}

/**
 * Reads a list.
 * @throws MalformedError `MALFORMED_JSON` if it is none, or has no log that can be used.
 */
export function parseLogList(sha256: Sha256, text: string): LogList {
  const logs: KnownLog[] = [];
  const warnings: string[] = [];
  for (const operator of objectsOf(parseJsonObject(text), "operators")) {
    const name = operator.has("name") ? operator.text("name") : "";
    const listed = [...objectsOf(operator, "logs"), ...objectsOf(operator, "tiled_logs")];
    for (const [index, log] of listed.entries()) {
      try {
        logs.push({ ...readListedLog(sha256, log), operator: name, state: stateOf(log) });
      } catch (error) {
        if (!(error instanceof MalformedError)) throw error;
        warnings.push(
          `log ${index + 1} of ${JSON.stringify(name)} is passed over: ${error.message}`,
        );
      }
    }
  }
  if (logs.length > 0) return { logs, warnings };
  throw new MalformedError(
    "MALFORMED_JSON",
    `no log in the list${warnings[0] ? `: ${warnings[0]}` : ""}`,
  );
}

/** Chrome's `"state": { "usable": { "timestamp": ... } }`, or our own `status`. */
function stateOf(log: JsonObject): KnownLog["state"] {
  if (!log.has("state")) {
    return log.has("status") ? { name: log.text("status"), sinceMs: undefined } : undefined;
  }
  const state = log.object("state");
  const [name] = state.names;
  if (name === undefined) return undefined;
  const at = state.object(name);
  return { name, sinceMs: at.has("timestamp") ? parseTime(at.text("timestamp")) : undefined };
}

function objectsOf(parent: JsonObject, name: string): readonly JsonObject[] {
  return parent.has(name) ? parent.list(name).map((item) => new JsonObject(item)) : [];
}
