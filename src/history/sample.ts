/**
 * One look at what a process has counted, for one shard or, under {@link PROCESS}, for all of it.
 * Counts run from the start of the process, as those of Prometheus do.
 * @module
 */

/** One look. Plain values: a row of the history is this in JSON. */
export interface Sample {
  /** When it was taken; milliseconds since the Unix epoch. */
  readonly timeMs: number;
  /** When the process started: what was counted before that is another run's. */
  readonly runMs: number;
  /** Of events, by name. */
  readonly counts: Numbers;
  /** Of times, by name, then by the upper bound of the bucket in seconds; not cumulative. */
  readonly buckets: Readonly<Record<string, Numbers>>;
  /** What holds now. */
  readonly gauges: Numbers;
  /** Submissions by outcome and issuer, as `refused Example CA`; absent where a row had no room. */
  readonly issuers?: Numbers | undefined;
}

/** Numbers by name. */
export type Numbers = Readonly<Record<string, number>>;

/** Stands for the process where a shard's name is asked for; no shard has this name. */
export const PROCESS = "_process";

/** A metric as it is counted: what prom-client gives as JSON. */
export interface CountedMetric {
  readonly name: string;
  readonly values: readonly {
    readonly value: number;
    readonly labels: Readonly<Record<string, string | number | undefined>>;
    readonly metricName?: string | undefined;
  }[];
}

/** Gauges by the metric that they come from: their name, and the label that stands behind it. */
const GAUGES: Readonly<Record<string, readonly [name: string, label?: string]>> = {
  stratus_tree_size: ["treeSize"],
  stratus_pool_entries_max: ["poolEntriesMax"],
  stratus_pool_bytes_max: ["poolBytesMax"],
  stratus_pool_entries: ["poolEntries"],
  stratus_pool_bytes: ["poolBytes"],
  stratus_audit_position: ["auditPosition"],
  stratus_audit_tree_size: ["auditTreeSize"],
  stratus_audit_pass_seconds: ["auditPassSeconds"],
  stratus_unsealed_entries: ["unsealedEntries"],
  stratus_roots_reload_timestamp_seconds: ["rootsReadSeconds"],
  stratus_space_short: ["spaceShort"],
  stratus_space_free_bytes: ["free", "place"],
  stratus_space_total_bytes: ["total", "place"],
  stratus_frontend_lag_seconds: ["frontendLagSeconds"],
  stratus_clock_drift_seconds: ["clockDriftSeconds"],
  stratus_tls_expiry_timestamp_seconds: ["tlsExpiresSeconds", "host"],
  stratus_tls_valid: ["tlsValid", "host"],
};

/** Counters that are one number, or one for each value of a label. */
const COUNTS: Readonly<Record<string, readonly [name: string, label?: string]>> = {
  stratus_entry_bytes_total: ["entryBytes"],
  stratus_http_bugs_total: ["bugs"],
  stratus_audit_passes_total: ["auditPasses"],
  stratus_sealing_errors_total: ["sealingErrors"],
  stratus_frontends_ended_total: ["frontendsEnded"],
  stratus_audit_findings_total: ["finding", "confirmed"],
  stratus_shard_incidents_total: ["incident", "incident"],
  stratus_roots_refused_total: ["rootsRefused", "reason"],
};

const BUCKETS: Readonly<Record<string, string>> = {
  stratus_submission_seconds: "latency",
  stratus_merge_delay_seconds: "merge",
};

interface Draft {
  readonly counts: Record<string, number>;
  readonly buckets: Record<string, Record<string, number>>;
  readonly gauges: Record<string, number>;
  readonly issuers: Record<string, number>;
}

/**
 * What is to be kept of all that was counted.
 * @returns By shard, and of the process under {@link PROCESS}.
 */
export function takeSamples(
  metrics: readonly CountedMetric[],
  times: { readonly timeMs: number; readonly runMs: number },
): ReadonlyMap<string, Sample> {
  const drafts = new Map<string, Draft>();
  for (const { name, values } of metrics) {
    if (!name.startsWith("stratus_")) continue;
    // Buckets are counted up to their bound; a row holds what fell into each.
    const below = new Map<string, number>();
    for (const { value, labels, metricName } of values) {
      const shard = String(labels["shard"] ?? "") || PROCESS;
      const draft = drafts.get(shard) ?? makeDraft();
      drafts.set(shard, draft);
      put(draft, name, { value, labels, metricName, below });
    }
  }
  return new Map([...drafts].map(([shard, draft]) => [shard, { ...times, ...draft }]));
}

type Value = CountedMetric["values"][number] & { readonly below: Map<string, number> };

function put(draft: Draft, name: string, found: Value): void {
  const { value, labels } = found;
  const label = (key: string): string => String(labels[key] ?? "");
  const named = ([own, of]: readonly [name: string, label?: string]): string =>
    of === undefined ? own : `${own} ${label(of)}`;
  const gauge = GAUGES[name];
  const count = COUNTS[name];
  if (gauge !== undefined) {
    draft.gauges[named(gauge)] = value;
  } else if (count !== undefined) {
    add(draft.counts, named(count), value);
  } else if (name === "stratus_submissions_total") {
    const outcome = label("outcome");
    const isTaken = outcome === "accepted" || outcome === "duplicate";
    add(draft.counts, isTaken ? outcome : `refused ${outcome}`, value);
  } else if (name === "stratus_submissions_by_issuer_total") {
    add(draft.issuers, `${label("outcome")} ${label("issuer")}`, value);
  } else if (name === "stratus_http_requests_total") {
    add(draft.counts, "requests", value);
    // What log programs count against a log: all that is not the client's own mistake.
    if (/^(?:429|5..)$/.test(label("status"))) add(draft.counts, "unavailable", value);
  } else if (name === "stratus_batch_entries") {
    putBatches(draft, found);
  } else if (name === "stratus_batch_step_seconds") {
    putBucket(draft, `step ${label("step")}`, found);
  } else if (BUCKETS[name] !== undefined) {
    putBucket(draft, BUCKETS[name], found);
  }
}

function putBatches(draft: Draft, { value, labels, metricName }: Value): void {
  if (metricName?.endsWith("_sum")) add(draft.counts, "batchEntries", value);
  else if (metricName?.endsWith("_count")) add(draft.counts, "batches", value);
  else if (String(labels["le"]) === "0") add(draft.counts, "idleBatches", value);
}

function putBucket(draft: Draft, name: string, found: Value): void {
  const { value, labels, metricName, below } = found;
  if (!metricName?.endsWith("_bucket")) return;
  const { le, ...rest } = labels;
  const series = JSON.stringify(rest);
  const own = value - (below.get(series) ?? 0);
  below.set(series, value);
  const buckets = draft.buckets[name] ?? {};
  draft.buckets[name] = buckets;
  add(buckets, String(le), own);
}

function makeDraft(): Draft {
  return { counts: {}, buckets: {}, gauges: {}, issuers: {} };
}

function add(sums: Record<string, number>, name: string, value: number): void {
  sums[name] = (sums[name] ?? 0) + value;
}
