/**
 * Observer: JSON logs by pino. Requests are not logged one by one: metrics count them.
 * @module
 */
import { type DestinationStream, destination, pino } from "pino";
import type { LogEvent, Observer } from "./observer.ts";

/** Least severity that is written. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** All levels, the most talkative first. */
export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal"] as const;

/** Logs that are being written. */
export interface Logging {
  readonly observer: Observer;
  /** From now on nothing below this is written. */
  readonly setLevel: (level: LogLevel) => void;
}

/** Standard error, written to synchronously: the last lines before a crash are the ones needed. */
export function standardError(): DestinationStream {
  return destination({ dest: 2, sync: true });
}

/** Writes one line of JSON for each event that a person may want to read. */
export function openLogging(configured: LogLevel, stream: DestinationStream): Logging {
  const logger = pino({ level: configured, base: null, messageKey: "message" }, stream);
  const observer: Observer = (event) => {
    const level = levelOf(event);
    // Most events are never written: no line is made of them.
    if (level === undefined || !logger.isLevelEnabled(level)) return;
    const { type, ...fields } = event;
    logger[level]({ event: type, ...fields });
  };
  const setLevel = (level: LogLevel): void => {
    logger.level = level;
  };
  return { observer, setLevel };
}

/** How much an event matters; undefined for what metrics alone count. */
function levelOf(event: LogEvent): LogLevel | undefined {
  switch (event.type) {
    case "request":
    case "pool-size":
    case "pool-limits":
    case "shard-ready":
    case "space":
    case "audit-progress":
    case "sealing-progress":
    case "guard-head":
    case "clock-drift":
      return undefined;
    case "submission-answered":
    case "head-published":
    case "batch-committed":
      return "trace";
    case "submission-refused":
      return event.code === "BUG" ? "error" : "debug";
    case "shard-state":
      return event.state === "failed" ? "error" : "info";
    case "recovery-step":
      return "info";
    case "tls-certificate":
      return event.problem === "" ? "debug" : "warn";
    case "tls-unread":
      return "info";
    case "roots-read":
      return event.changeCount > 0 ? "info" : "debug";
    case "roots-refused":
      return "error";
    case "audit-pass":
      return event.damage > 0 ? "error" : "debug";
    case "log-level":
    case "clock-held":
    case "audit-interrupted":
    case "space-short":
    case "history-unwritten":
    case "pages-bare":
    case "roots-warning":
      return "warn";
    case "audit-finding":
      return event.isConfirmed ? "error" : "warn";
    case "frontend-ended":
    case "request-bug":
    case "sealing-failed":
      return "error";
    case "shard-fatal":
      return "fatal";
  }
}
