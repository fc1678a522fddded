/**
 * Observer: JSON logs by pino. Requests are not logged one by one: metrics count them.
 * @module
 */
import { type DestinationStream, destination, pino } from "pino";
import type { Observer } from "./observer.ts";

/** Least severity that is written. */
export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "fatal";

/** Standard error, written to synchronously: the last lines before a crash are the ones needed. */
export function standardError(): DestinationStream {
  return destination({ dest: 2, sync: true });
}

/** Writes one line of JSON for each event that a person may want to read. */
export function loggingObserver(level: LogLevel, stream: DestinationStream): Observer {
  const logger = pino({ level, base: null, messageKey: "message" }, stream);
  return (event) => {
    const { type, ...fields } = event;
    const line = { event: type, ...fields };
    switch (event.type) {
      case "request":
      case "pool-size":
      case "audit-progress":
        return;
      case "submission-answered":
      case "head-published":
      case "batch-committed":
        logger.trace(line);
        return;
      case "submission-refused":
        if (event.code === "BUG") logger.error(line);
        else logger.debug(line);
        return;
      case "shard-state":
        if (event.state === "failed") logger.error(line);
        else logger.info(line);
        return;
      case "recovery-step":
        logger.info(line);
        return;
      case "audit-pass":
        if (event.damage > 0) logger.error(line);
        else logger.debug(line);
        return;
      case "clock-held":
      case "audit-interrupted":
      case "space-short":
        logger.warn(line);
        return;
      case "audit-finding":
        if (event.isConfirmed) logger.error(line);
        else logger.warn(line);
        return;
      case "frontend-ended":
      case "request-bug":
        logger.error(line);
        return;
      case "shard-fatal":
        logger.fatal(line);
        return;
    }
  };
}
