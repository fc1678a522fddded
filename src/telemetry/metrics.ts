/**
 * Observer: Prometheus metrics. Every label takes few values: shards, endpoints and states of
 * this process, statuses, error codes.
 * @module
 */
import {
  AggregatorRegistry,
  Counter,
  collectDefaultMetrics,
  Gauge,
  Histogram,
  Registry,
} from "prom-client";
import { VERSION } from "../base/version.ts";
import { lifeMetrics } from "./life-metrics.ts";
import type { LogEvent, Observer, ShardState } from "./observer.ts";
import type { TalliedMetric } from "./outcome-tally.ts";
import { frontendLag, outsideMetrics } from "./outside-metrics.ts";
import { Tallies } from "./tallies.ts";

/** What one thread has counted: prom-client's own form, which passes between threads. */
export type Counted = readonly (
  | Awaited<ReturnType<Registry["getMetricsAsJSON"]>>[number]
  | TalliedMetric
)[];

/** The observer, and what it has seen so far. */
export interface Metrics {
  readonly observer: Observer;
  /**
   * Text of the Prometheus format, with the process's own figures (CPU, memory, event loop
   * delay, garbage collection of this thread).
   * @param others What other threads counted.
   */
  readonly read: (others: readonly Counted[]) => Promise<{
    readonly contentType: string;
    readonly text: string;
  }>;
  /** The same as values, without the process's own. */
  readonly all: (others: readonly Counted[]) => Promise<Counted>;
  /** For another thread. */
  readonly counted: () => Promise<Counted>;
}

const STATES: readonly ShardState[] = ["starting", "open", "read-only", "failed", "stopped"];

/** Seconds. What CAs are promised (p50 below 0.5, p99 below 1) has bounds of its own. */
const LATENCY_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 5];
const MERGE_BUCKETS = [0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 60];
const STEP_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2];
const COUNT_BUCKETS = [0, 1, 4, 16, 64, 256, 1024, 4096];

/** Adds what two threads counted that are gone: what speaks of now goes with them. */
export async function addCounted(a: Counted | undefined, b: Counted): Promise<Counted> {
  const lasting = b.filter(({ aggregator }) => aggregator === "sum");
  return a === undefined ? lasting : AggregatorRegistry.aggregate([a, lasting]).getMetricsAsJSON();
}

/**
 * Starts counting.
 * @param nowMs Wall time for the age of heads; milliseconds since the Unix epoch.
 */
export function metricsObserver(nowMs: () => number, thread: "main" | "frontend"): Metrics {
  const registry = new Registry();
  const processRegistry = new Registry();
  // They speak of the whole process, or could not be added up.
  if (thread === "main") {
    collectDefaultMetrics({ register: processRegistry });
    describeProcess(processRegistry, nowMs);
  }
  frontendLag(registry, thread);
  const outside = outsideMetrics(registry, nowMs);
  const tallies = new Tallies(LATENCY_BUCKETS);
  const bugs = bugMetrics(registry);
  const batches = batchMetrics(registry);
  const shards = shardMetrics(registry, nowMs);
  const audits = auditMetrics(registry);
  const sealing = sealingMetrics(registry);
  const conditions = conditionMetrics(registry);
  const counted = async () => [...(await registry.getMetricsAsJSON()), ...tallies.counted()];
  const roots = rootsMetrics(registry);
  const all = async (others: readonly Counted[]) =>
    AggregatorRegistry.aggregate([await counted(), ...others]);
  return {
    observer: (event) => {
      tallies.add(event);
      if (event.type === "request") return;
      bugs(event);
      batches(event);
      shards(event);
      audits(event);
      sealing(event);
      roots(event);
      conditions(event);
      outside(event);
    },
    counted,
    all: async (others) => (await all(others)).getMetricsAsJSON(),
    read: async (others) => {
      const process = await processRegistry.metrics();
      const text = `${process}\n${await (await all(others)).metrics()}`;
      return { contentType: registry.contentType, text };
    },
  };
}

function bugMetrics(registry: Registry): Observer {
  const bugs = new Counter({
    name: "stratus_http_bugs_total",
    help: "Requests answered 500: bugs.",
    labelNames: ["shard", "endpoint"],
    registers: [registry],
  });
  return (event) => {
    if (event.type === "request-bug") bugs.inc({ shard: event.shard, endpoint: event.endpoint });
  };
}

function batchMetrics(registry: Registry): Observer {
  const registers = [registry];
  const entries = new Histogram({
    name: "stratus_batch_entries",
    help: "Entries of one group; 0 for an idle refresh.",
    labelNames: ["shard"],
    buckets: COUNT_BUCKETS,
    registers,
  });
  const bytes = new Counter({
    name: "stratus_entry_bytes_total",
    help: "Bytes of committed entries.",
    labelNames: ["shard"],
    registers,
  });
  const steps = new Histogram({
    name: "stratus_batch_step_seconds",
    help: "Time of the steps of one group: commit, verify, sign.",
    labelNames: ["shard", "step"],
    buckets: STEP_BUCKETS,
    registers,
  });
  const mergeDelay = new Histogram({
    name: "stratus_merge_delay_seconds",
    help: "Time from the timestamp of a group's entries to the head that contains them.",
    labelNames: ["shard"],
    buckets: MERGE_BUCKETS,
    registers,
  });
  return (event) => {
    if (event.type !== "batch-committed") return;
    const { shard } = event;
    if (event.entryCount > 0) mergeDelay.observe({ shard }, event.mergeDelayMs / 1000);
    entries.observe({ shard }, event.entryCount);
    bytes.inc({ shard }, event.entryBytes);
    steps.observe({ shard, step: "commit" }, event.commitMs / 1000);
    steps.observe({ shard, step: "verify" }, event.verifyMs / 1000);
    steps.observe({ shard, step: "sign" }, event.signMs / 1000);
  };
}

function shardMetrics(registry: Registry, nowMs: () => number): Observer {
  const labelNames = ["shard"];
  const registers = [registry];
  const gauge = (name: string, help: string) => new Gauge({ name, help, labelNames, registers });
  const treeSize = gauge("stratus_tree_size", "Leaves of the published head.");
  const timestamp = gauge("stratus_head_timestamp_seconds", "Timestamp of the published head.");
  const poolEntries = gauge("stratus_pool_entries", "Entries that wait for a group.");
  const poolBytes = gauge("stratus_pool_bytes", "Bytes of entries that wait for a group.");
  const heads = new Map<string, number>();
  new Gauge({
    name: "stratus_head_age_seconds",
    help: "Age of the published head.",
    labelNames,
    registers,
    collect() {
      for (const [shard, timestampMs] of heads) this.set({ shard }, (nowMs() - timestampMs) / 1000);
    },
  });
  const states = new Gauge({
    name: "stratus_shard_state",
    help: "1 for the state that the shard is in, else 0.",
    labelNames: ["shard", "state"],
    registers,
  });
  const incidents = incidentMetrics(registry);
  return (event) => {
    if (event.type === "head-published") {
      const { shard } = event;
      treeSize.set({ shard }, event.treeSize);
      timestamp.set({ shard }, event.timestampMs / 1000);
      heads.set(shard, event.timestampMs);
    } else if (event.type === "pool-size") {
      poolEntries.set({ shard: event.shard }, event.entryCount);
      poolBytes.set({ shard: event.shard }, event.bytes);
    } else if (event.type === "shard-state") {
      const { shard } = event;
      for (const state of STATES) states.set({ shard, state }, state === event.state ? 1 : 0);
    } else {
      incidents(event);
    }
  };
}

function auditMetrics(registry: Registry): Observer {
  const labelNames = ["shard"];
  const registers = [registry];
  const gauge = (name: string, help: string) => new Gauge({ name, help, labelNames, registers });
  const position = gauge("stratus_audit_position", "Entries that this pass has verified.");
  const treeSize = gauge("stratus_audit_tree_size", "Entries that this pass will verify.");
  const seconds = gauge("stratus_audit_pass_seconds", "How long the last whole pass took.");
  const damage = gauge("stratus_audit_damage", "Confirmed damage that the last pass saw.");
  const passes = new Counter({
    name: "stratus_audit_passes_total",
    help: "Whole passes of the self-audit.",
    labelNames,
    registers,
  });
  const findings = new Counter({
    name: "stratus_audit_findings_total",
    help: "Errors of the self-audit by kind; unconfirmed: opened afresh, the files were right.",
    labelNames: ["shard", "kind", "confirmed"],
    registers,
  });
  return (event) => {
    if (event.type === "audit-progress") {
      position.set({ shard: event.shard }, event.position);
      treeSize.set({ shard: event.shard }, event.treeSize);
    } else if (event.type === "audit-pass") {
      passes.inc({ shard: event.shard });
      seconds.set({ shard: event.shard }, event.durationMs / 1_000);
      damage.set({ shard: event.shard }, event.damage);
    } else if (event.type === "audit-finding") {
      const { shard, kind, isConfirmed } = event;
      findings.inc({ shard, kind, confirmed: String(isConfirmed) });
    }
  };
}

function sealingMetrics(registry: Registry): Observer {
  const labelNames = ["shard"];
  const registers = [registry];
  const unsealed = new Gauge({
    name: "stratus_unsealed_entries",
    help: "Entries of full tiles that are published and not compressed for good yet.",
    labelNames,
    registers,
  });
  const errors = new Counter({
    name: "stratus_sealing_errors_total",
    help: "Failures to compress entries for good, or to remove what was compressed.",
    labelNames,
    registers,
  });
  return (event) => {
    if (event.type === "sealing-progress") {
      unsealed.set({ shard: event.shard }, event.unsealedEntries);
    } else if (event.type === "sealing-failed") {
      errors.inc({ shard: event.shard });
    }
  };
}

function rootsMetrics(registry: Registry): Observer {
  const registers = [registry];
  const labelNames = ["shard"];
  const gauge = (name: string, help: string) => new Gauge({ name, help, labelNames, registers });
  const count = gauge("stratus_roots", "Accepted roots: what get-roots shows.");
  const lost = gauge("stratus_roots_lost", "Accepted roots that no source has any more.");
  const reloaded = gauge(
    "stratus_roots_reload_timestamp_seconds",
    "When the sources of the roots were last read without a refusal.",
  );
  const blocked = new Gauge({
    name: "stratus_roots_blocked",
    help: "Certificates that the operator has blocked.",
    registers,
  });
  const refused = new Counter({
    name: "stratus_roots_refused_total",
    help: "Readings that changed nothing: source, lost, blocklist, ledger; no shard: for all.",
    labelNames: ["shard", "reason"],
    registers,
  });
  return (event) => {
    if (event.type === "roots-refused") {
      refused.inc({ shard: event.shard, reason: event.reason });
    } else if (event.type === "roots-read") {
      const { shard } = event;
      count.set({ shard }, event.rootCount);
      lost.set({ shard }, event.lostCount);
      blocked.set(event.blockedCount);
      if (event.isWhole) reloaded.set({ shard }, event.timestampMs / 1_000);
    }
  };
}

function incidentMetrics(registry: Registry): Observer {
  const count = new Counter({
    name: "stratus_shard_incidents_total",
    help: "What an operator should look at: fatal errors by code, clock holds, recovery steps.",
    labelNames: ["shard", "incident"],
    registers: [registry],
  });
  return (event: LogEvent) => {
    if (event.type === "shard-fatal") count.inc({ shard: event.shard, incident: event.code });
    else if (event.type === "clock-held" || event.type === "recovery-step") {
      count.inc({ shard: event.shard, incident: event.type });
    }
  };
}

/** Says once for a process which version it is, and at each reading what time it believes. */
function describeProcess(registry: Registry, nowMs: () => number): void {
  const registers = [registry];
  new Gauge({
    name: "stratus_build_info",
    help: "1, with the version of the program.",
    labelNames: ["version"],
    registers,
  }).set({ version: VERSION }, 1);
  new Gauge({
    name: "stratus_time_seconds",
    help: "The clock that timestamps are taken from; seconds since the Unix epoch.",
    registers,
    collect() {
      this.set(nowMs() / 1000);
    },
  });
}

/** Readiness, room in pools and file systems, frontends that died. */
function conditionMetrics(registry: Registry): Observer {
  const registers = [registry];
  const gauge = (name: string, help: string, labelNames = ["shard"]) =>
    new Gauge({ name, help, labelNames, registers });
  const ready = gauge("stratus_shard_ready", "1 while the shard serves in full, as /readyz says.");
  const setLife = lifeMetrics(gauge);
  const entriesMax = gauge("stratus_pool_entries_max", "Entries that may wait for a group.");
  const bytesMax = gauge("stratus_pool_bytes_max", "Bytes of entries that may wait for a group.");
  const short = gauge("stratus_space_short", "1 while submissions are refused for want of room.");
  const places = ["shard", "place"];
  const free = gauge("stratus_space_free_bytes", "Room left in a file system.", places);
  const total = gauge("stratus_space_total_bytes", "Size of a file system.", places);
  const frontendsEnded = new Counter({
    name: "stratus_frontends_ended_total",
    help: "Frontend threads that ended without being asked to.",
    registers,
  });
  return (event) => {
    switch (event.type) {
      case "shard-ready":
        ready.set({ shard: event.shard }, event.isReady ? 1 : 0);
        setLife(event);
        return;
      case "pool-limits":
        entriesMax.set({ shard: event.shard }, event.entriesMax);
        bytesMax.set({ shard: event.shard }, event.bytesMax);
        return;
      case "space-short":
        short.set({ shard: event.shard }, event.message === "" ? 0 : 1);
        return;
      case "space": {
        const { shard, place, freeBytes, totalBytes } = event;
        free.set({ shard, place }, freeBytes);
        total.set({ shard, place }, totalBytes);
        return;
      }
      case "frontend-ended":
        frontendsEnded.inc();
        return;
      default:
    }
  };
}
