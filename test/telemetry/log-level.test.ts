import assert from "node:assert/strict";
import { test } from "node:test";
import { LogLevelSwitch } from "../../src/telemetry/log-level.ts";
import type { LogLevel } from "../../src/telemetry/logging.ts";
import { ManualClock } from "../support/manual-clock.ts";

function make() {
  const clock = new ManualClock();
  const applied: LogLevel[] = [];
  const levels = new LogLevelSwitch({
    configured: "info",
    nowMs: () => clock.nowMs(),
    after: (delayMs, run) => clock.after(delayMs, run),
    apply: (level) => void applied.push(level),
  });
  return { clock, applied, levels };
}

test("LogLevelSwitch.set() lasts until the next change", async () => {
  const { clock, applied, levels } = make();
  assert.deepEqual(levels.state, { level: "info", configured: "info", untilMs: undefined });
  levels.set("trace", undefined);
  await clock.advance(1e9);
  assert.deepEqual(levels.state, { level: "trace", configured: "info", untilMs: undefined });
  assert.deepEqual(applied, ["trace"]);
});

test("LogLevelSwitch.set() for a time goes back by itself, unless it was changed before", async () => {
  const { clock, applied, levels } = make();
  levels.set("debug", 1_000);
  assert.equal(levels.state.untilMs, clock.nowMs() + 1_000);
  await clock.advance(999);
  assert.equal(levels.state.level, "debug");
  await clock.advance(1);
  assert.deepEqual(levels.state, { level: "info", configured: "info", untilMs: undefined });
  levels.set("debug", 1_000);
  levels.set("warn", undefined);
  await clock.advance(5_000);
  assert.equal(levels.state.level, "warn");
  assert.deepEqual(applied, ["debug", "info", "debug", "warn"]);
  levels.set("debug", 1_000);
  levels[Symbol.dispose]();
  await clock.advance(5_000);
  assert.equal(levels.state.level, "debug");
});
