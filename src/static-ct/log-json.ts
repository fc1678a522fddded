/**
 * What a log says about itself: `/log.v3.json` of one shard, with the fields of Chrome's log
 * list (schema v3) and of the operators' metadata schema, and `/logs.json`, a log list of all
 * shards. Generated from the configuration that is enforced; read by clients.
 * @module
 */
import { MalformedError, quote, UnavailableError } from "../base/errors.ts";
import { formatBase64 } from "../encoding/base64.ts";
import { equalBytes } from "../encoding/bytes.ts";
import { type JsonObject, parseJsonObject } from "../encoding/json.ts";
import type { Sha256 } from "../merkle/hash.ts";

/** Which specification a log is listed under: `logs` or `tiled_logs`. It serves both. */
export type LogSpec = "rfc6962" | "static-ct-api";

/** A log's own condition; whether a program trusts it (`usable`) is that program's to say. */
export type LogCondition = "active" | "readonly" | "inactive";

/** A state of Chrome's log list (schema v3). All but the last two are programs' words. */
export type ListState = "pending" | "qualified" | "usable" | "readonly" | "retired";

/** A change of condition that lies ahead. */
export interface PlannedChange {
  readonly condition: LogCondition;
  /** Milliseconds since the Unix epoch. */
  readonly atMs: number;
  /** Why, for people; may be empty. */
  readonly comment: string;
}

/** What identifies a log and tells a client how to use it. */
export interface LogIdentity {
  /** For people. The origin line is best: others take it as the name of the checkpoint's key. */
  readonly description: string;
  /** SubjectPublicKeyInfo, DER; empty where the log's key is missing. */
  readonly publicKey: Uint8Array;
  /** SHA-256 of `publicKey`, 32 bytes; empty with it. */
  readonly logId: Uint8Array;
  readonly type: LogSpec;
  /** Prefix of submissions, without trailing slash. */
  readonly submissionUrl: string;
  /** Prefix of reads, without trailing slash. A log of type `rfc6962` lists one URL for both. */
  readonly monitoringUrl: string;
  /** Maximum merge delay: 60 for `static-ct-api`, 86,400 for `rfc6962`. */
  readonly mmdSeconds: number;
}

/** Everything that `/log.v3.json` states. */
export interface LogDescription extends LogIdentity {
  /** Inclusive; milliseconds since the Unix epoch; whole seconds. */
  readonly notAfterStartMs: number;
  /** Exclusive. */
  readonly notAfterLimitMs: number;
  readonly condition: LogCondition;
  /** Since when; milliseconds since the Unix epoch; undefined where it is not known. */
  readonly conditionSinceMs: number | undefined;
  readonly plannedChanges: readonly PlannedChange[];
  /** As a log list would have it; undefined: nobody has said. */
  readonly listState: { readonly name: ListState; readonly sinceMs: number } | undefined;
  /** The last head of a log that is closed for good; undefined before. */
  readonly finalTreeHead: { readonly treeSize: number; readonly rootHash: Uint8Array } | undefined;
  readonly software: { readonly name: string; readonly version: string };
}

/** What a client takes from another log's `/log.v3.json`. */
export interface ListedLog extends LogIdentity {
  /** Accepted NotAfter; undefined if the log states none. */
  readonly window: { readonly startMs: number; readonly limitMs: number } | undefined;
}

/** Who runs the logs of a list. */
export interface LogOperator {
  readonly name: string;
  readonly emails: readonly string[];
}

/** Maximum merge delay that a log of this type states, in seconds. */
export const MMD_SECONDS: Readonly<Record<LogSpec, number>> = {
  rfc6962: 86_400,
  "static-ct-api": 60,
};

/**
 * The body of `/log.v3.json`: indented, fields in a fixed order, newline at the end.
 * @throws UnavailableError `UNAVAILABLE_SHARD_NOT_READY` for a log without its key.
 */
export function formatLogJson(log: LogDescription): string {
  if (!hasKey(log)) {
    throw new UnavailableError("UNAVAILABLE_SHARD_NOT_READY", "the log's key is missing");
  }
  return formatJson(logFields(log));
}

/**
 * The body of `/logs.json`: a log list (schema v3) of one operator, in the order of `logs`. One
 * without its key is left out: it cannot be listed.
 * @param timestampMs When this was put together; milliseconds since the Unix epoch.
 */
export function formatLogListJson(
  operator: LogOperator,
  logs: readonly LogDescription[],
  timestampMs: number,
): string {
  const listed = (type: LogSpec): readonly object[] =>
    logs.filter((log) => log.type === type && hasKey(log)).map(logFields);
  return formatJson({
    version: "3",
    log_list_timestamp: formatTime(timestampMs),
    operators: [
      {
        name: operator.name,
        email: operator.emails,
        logs: listed("rfc6962"),
        tiled_logs: listed("static-ct-api"),
      },
    ],
  });
}

/**
 * Reads `/log.v3.json`, ours and that of other logs. Fields that are not needed to use the
 * log are passed over.
 * @throws MalformedError `MALFORMED_JSON`, also where `log_id` is not the SHA-256 of `key`.
 */
export function parseLogJson(sha256: Sha256, text: string): ListedLog {
  return readListedLog(sha256, parseJsonObject(text));
}

/** As {@link parseLogJson}, for one log of a list. @throws MalformedError `MALFORMED_JSON`. */
export function readListedLog(sha256: Sha256, body: JsonObject): ListedLog {
  const publicKey = body.bytes("key");
  const logId = body.bytes("log_id");
  if (!equalBytes(sha256(publicKey), logId)) throw malformed("log_id is not the SHA-256 of key");
  const hasOneUrl = !body.has("submission_url");
  const type = body.has("log_spec") ? body.text("log_spec") : undefined;
  if (type !== undefined && type !== "rfc6962" && type !== "static-ct-api") {
    throw malformed(`unknown log_spec ${quote(type)}`);
  }
  const submissionUrl = parseUrl(body, hasOneUrl ? "url" : "submission_url");
  const monitoringUrl = hasOneUrl ? submissionUrl : parseUrl(body, "monitoring_url");
  const interval = body.has("temporal_interval") ? body.object("temporal_interval") : undefined;
  return {
    description: body.has("description") ? body.text("description") : "",
    publicKey,
    logId,
    type: type ?? (hasOneUrl ? "rfc6962" : "static-ct-api"),
    submissionUrl,
    monitoringUrl,
    mmdSeconds: body.uint("mmd"),
    window: interval && {
      startMs: parseTime(interval.text("start_inclusive")),
      limitMs: parseTime(interval.text("end_exclusive")),
    },
  };
}

function hasKey({ publicKey }: LogIdentity): boolean {
  return publicKey.length > 0;
}

/** The fields of one log, in the order in which they are written. */
function logFields(log: LogDescription): object {
  const { plannedChanges, conditionSinceMs } = log;
  return {
    description: log.description,
    log_id: formatBase64(log.logId),
    key: formatBase64(log.publicKey),
    ...(log.type === "rfc6962"
      ? { url: `${log.submissionUrl}/` }
      : { submission_url: `${log.submissionUrl}/`, monitoring_url: `${log.monitoringUrl}/` }),
    mmd: log.mmdSeconds,
    log_spec: log.type,
    temporal_interval: {
      start_inclusive: formatTime(log.notAfterStartMs),
      end_exclusive: formatTime(log.notAfterLimitMs),
    },
    ...listStateFields(log),
    status: log.condition,
    ...(conditionSinceMs !== undefined && { status_timestamp: formatTime(conditionSinceMs) }),
    planned_changes: plannedChanges.map((change) => ({
      new_status: change.condition,
      effective_date: formatTime(change.atMs),
      ...(change.comment !== "" && { comment: change.comment }),
    })),
    ...finalFields(log),
    log_software: { name: log.software.name, version: log.software.version },
  };
}

/**
 * `state` of a log in a list (schema v3); nothing where nobody has said, or where a log is closed
 * and its final head is not known: the schema wants that.
 */
export function listStateFields(log: Pick<LogDescription, "listState" | "finalTreeHead">): object {
  const { listState, finalTreeHead } = log;
  if (listState === undefined) return {};
  const isReadOnly = listState.name === "readonly";
  if (isReadOnly && finalTreeHead === undefined) return {};
  const timestamp = formatTime(listState.sinceMs);
  return { state: { [listState.name]: { timestamp, ...(isReadOnly && finalFields(log)) } } };
}

function finalFields({ finalTreeHead }: Pick<LogDescription, "finalTreeHead">): object {
  if (finalTreeHead === undefined) return {};
  const { rootHash, treeSize } = finalTreeHead;
  return {
    final_tree_head: { sha256_root_hash: formatBase64(rootHash), tree_size: treeSize },
  };
}

function formatJson(value: object): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

/** RFC 3339 in UTC, whole seconds, as the lists have it: `2026-01-01T00:00:00Z`. */
function formatTime(timeMs: number): string {
  return new Date(timeMs).toISOString().replace(/\.[0-9]{3}Z$/, "Z");
}

/**
 * The time that RFC 3339 text names; milliseconds since the Unix epoch.
 * @throws MalformedError `MALFORMED_JSON`.
 */
export function parseTime(text: string): number {
  const form =
    /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$/;
  const timeMs = form.test(text) ? Date.parse(text) : Number.NaN;
  // Date.parse takes 30 February as 2 March: what it understood must be the day that was written.
  const isDay =
    new Date(`${text.slice(0, 10)}T00:00:00Z`).getUTCDate() === Number(text.slice(8, 10));
  if (Number.isNaN(timeMs) || !isDay) throw malformed(`expected a time, got ${quote(text)}`);
  return timeMs;
}

function parseUrl(body: JsonObject, name: string): string {
  const text = body.text(name);
  if (!/^https?:\/\/[^\s/?#@]+(\/[^\s?#]*)?$/.test(text)) {
    throw malformed(`expected a URL in '${name}', got ${quote(text)}`);
  }
  return text.replace(/\/$/, "");
}

function malformed(message: string): MalformedError {
  return new MalformedError("MALFORMED_JSON", message);
}
