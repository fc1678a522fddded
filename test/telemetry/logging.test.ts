import assert from "node:assert/strict";
import { test } from "node:test";
import { type LogLevel, openLogging } from "../../src/telemetry/logging.ts";
import type { LogEvent } from "../../src/telemetry/observer.ts";

/** Numbers that pino writes. */
const LEVEL = { trace: 10, debug: 20, info: 30, warn: 40, error: 50, fatal: 60 } as const;

const REFUSED = {
  type: "submission-refused",
  shard: "a",
  endpoint: "add-chain",
  code: "REJECTED_ISSUER_UNKNOWN",
  durationMs: 1,
} as const;
const REQUEST = {
  type: "request",
  shard: "a",
  endpoint: "get-sth",
  status: 200,
  durationMs: 1,
} as const;

function linesOf(level: LogLevel, ...events: readonly LogEvent[]): readonly unknown[] {
  const lines: unknown[] = [];
  const { observer: observe } = openLogging(level, {
    write: (line) => lines.push(JSON.parse(line)),
  });
  for (const event of events) observe(event);
  return lines.map((line) => {
    assert.ok(typeof line === "object" && line !== null && "time" in line);
    const { time, ...rest } = line;
    assert.equal(typeof time, "number");
    return rest;
  });
}

test("openLogging() writes a rejection at debug, with its code", () => {
  const { type: event, ...fields } = REFUSED;
  assert.deepEqual(linesOf("debug", REFUSED), [{ level: LEVEL.debug, event, ...fields }]);
  assert.deepEqual(linesOf("info", REFUSED), []);
});

test("openLogging() writes refused roots at error, warnings at warn, changes at info", () => {
  const read = { shard: "a", isWhole: true, rootCount: 1, lostCount: 0, blockedCount: 0 } as const;
  const lines = linesOf(
    "info",
    { type: "roots-refused", shard: "a", reason: "source", message: "down" },
    { type: "roots-warning", message: "no monitor" },
    { type: "roots-read", ...read, changeCount: 0, timestampMs: 1 },
    { type: "roots-read", ...read, changeCount: 2, timestampMs: 1 },
  );
  const { error, warn, info } = LEVEL;
  assert.deepEqual(lines, [
    { level: error, event: "roots-refused", shard: "a", reason: "source", message: "down" },
    { level: warn, event: "roots-warning", message: "no monitor" },
    { level: info, event: "roots-read", ...read, changeCount: 2, timestampMs: 1 },
  ]);
});

test("openLogging() writes a fatal error at fatal, a bug and a failed shard at error", () => {
  const message = "root differs";
  const lines = linesOf(
    "fatal",
    { type: "shard-fatal", shard: "a", code: "FATAL_VERIFY_MISMATCH", message },
    { type: "request-bug", shard: "a", endpoint: "get-sth", message },
  );
  const code = "FATAL_VERIFY_MISMATCH";
  assert.deepEqual(lines, [
    { level: LEVEL.fatal, event: "shard-fatal", shard: "a", code, message },
  ]);
  const errors = linesOf(
    "error",
    { type: "request-bug", shard: "a", endpoint: "get-sth", message },
    { type: "shard-state", shard: "a", state: "failed", message },
    { type: "shard-state", shard: "a", state: "open", message },
    { ...REFUSED, code: "BUG" },
  );
  assert.deepEqual(
    errors.map((line) => typeof line === "object" && line !== null && Reflect.get(line, "event")),
    ["request-bug", "shard-state", "submission-refused"],
  );
});

test("openLogging() writes nothing for single requests and pool sizes, at any level", () => {
  const pool = { type: "pool-size", shard: "a", entryCount: 1, bytes: 1 } as const;
  assert.deepEqual(linesOf("trace", REQUEST, pool), []);
});
