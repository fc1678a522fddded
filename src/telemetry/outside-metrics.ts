/**
 * Metrics of what a log depends on and does not command: its clock, its guard's record, the
 * certificate of its public address, and the CPU of its threads.
 * @module
 */
import { Counter, Gauge, type Registry } from "prom-client";
import { LagWatch } from "./lag.ts";
import type { Observer } from "./observer.ts";

/** Certificates, guard and clock, in the main thread's registry. */
export function outsideMetrics(registry: Registry, nowMs: () => number): Observer {
  const registers = [registry];
  const gauge = (name: string, help: string, labelNames: string[]) =>
    new Gauge({ name, help, labelNames, registers });
  const expiry = gauge(
    "stratus_tls_expiry_timestamp_seconds",
    "When the first certificate expires of the chain that a public address shows.",
    ["host"],
  );
  const valid = gauge(
    "stratus_tls_valid",
    "1 if a client would take the certificate of a public address: chain, name and time.",
    ["host"],
  );
  const checks = new Counter({
    name: "stratus_tls_checks_total",
    help: "Looks at the certificates of the public addresses; failed: none was shown.",
    labelNames: ["host", "result"],
    registers,
  });
  const guardSize = gauge("stratus_guard_tree_size", "Leaves of the guard's last head.", ["shard"]);
  const guardTimes = new Map<string, number>();
  new Gauge({
    name: "stratus_guard_age_seconds",
    help: "Age of the last head in the guard's record.",
    labelNames: ["shard"],
    registers,
    collect() {
      for (const [shard, timestampMs] of guardTimes)
        this.set({ shard }, (nowMs() - timestampMs) / 1000);
    },
  });
  const drift = gauge(
    "stratus_clock_drift_seconds",
    "How far wall time has moved against steady time since the start.",
    [],
  );
  return (event) => {
    switch (event.type) {
      case "tls-certificate": {
        const { host } = event;
        checks.inc({ host, result: "ok" });
        expiry.set({ host }, event.expiresMs / 1_000);
        valid.set({ host }, event.problem === "" ? 1 : 0);
        return;
      }
      case "tls-unread":
        checks.inc({ host: event.host, result: "failed" });
        return;
      case "guard-head":
        guardSize.set({ shard: event.shard }, event.treeSize);
        guardTimes.set(event.shard, event.timestampMs);
        return;
      case "clock-drift":
        drift.set(event.driftMs / 1_000);
        return;
      default:
    }
  };
}

/**
 * How late the event loop of the slowest frontend thread was. The main thread's is a metric of
 * Node's, and this one 0 where it serves alone.
 */
export function frontendLag(registry: Registry, thread: "main" | "frontend"): void {
  const watch = thread === "frontend" ? new LagWatch() : undefined;
  new Gauge({
    name: "stratus_frontend_lag_seconds",
    help: "How late the event loop of the slowest frontend was at worst, within the last minute.",
    registers: [registry],
    aggregator: "max",
    collect() {
      this.set(watch?.worstSeconds() ?? 0);
    },
  });
}
