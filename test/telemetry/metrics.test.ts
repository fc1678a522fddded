import assert from "node:assert/strict";
import { test } from "node:test";
import { VERSION } from "../../src/base/version.ts";
import { combineObservers } from "../../src/telemetry/combine.ts";
import { metricsObserver } from "../../src/telemetry/metrics.ts";
import type { LogEvent } from "../../src/telemetry/observer.ts";

async function metricsOf(events: readonly LogEvent[], nowMs = 0): Promise<string> {
  const { observer, read } = metricsObserver(() => nowMs, "main");
  for (const event of events) observer(event);
  const { contentType, text } = await read([]);
  assert.match(contentType, /^text\/plain; version=0\.0\.4/);
  return text;
}

function has(text: string, line: string): void {
  assert.ok(text.split("\n").includes(line), `no line ${line}`);
}

test("metricsObserver() counts requests by shard, endpoint and status, with latency buckets", async () => {
  const request = { type: "request", shard: "a", endpoint: "get-sth", status: 200 } as const;
  const text = await metricsOf([
    { ...request, durationMs: 600 },
    { ...request, durationMs: 1_500 },
  ]);
  has(text, 'stratus_http_requests_total{shard="a",endpoint="get-sth",status="200"} 2');
  const bucket = (le: string) =>
    `stratus_http_request_seconds_bucket{le="${le}",shard="a",endpoint="get-sth"}`;
  has(text, `${bucket("0.5")} 0`);
  has(text, `${bucket("1")} 1`);
  has(text, `${bucket("2")} 2`);
});

test("metricsObserver() tells accepted, duplicate and refused submissions apart by code", async () => {
  const submission = { shard: "a", endpoint: "add-chain", issuer: "CA", durationMs: 5 } as const;
  const answered = { ...submission, type: "submission-answered" } as const;
  const refused = { ...submission, type: "submission-refused" } as const;
  const text = await metricsOf([
    { ...answered, isDuplicate: false },
    { ...answered, isDuplicate: true },
    { ...refused, code: "REJECTED_ISSUER_UNKNOWN" },
    { ...refused, code: "BUG" },
    { ...refused, issuer: "unknown", code: "REJECTED_ISSUER_UNKNOWN" },
    {
      type: "submission-refused",
      shard: "a",
      endpoint: "add-chain",
      code: "MALFORMED_JSON",
      durationMs: 1,
    },
  ]);
  for (const [outcome, count] of [
    ["accepted", 1],
    ["duplicate", 1],
    ["REJECTED_ISSUER_UNKNOWN", 2],
    ["BUG", 1],
    ["MALFORMED_JSON", 1],
  ] as const) {
    const labels = `shard="a",endpoint="add-chain",outcome="${outcome}"`;
    has(text, `stratus_submissions_total{${labels}} ${count}`);
  }
  const byIssuer = (issuer: string, outcome: string) =>
    `stratus_submissions_by_issuer_total{shard="a",issuer="${issuer}",outcome="${outcome}"}`;
  has(text, `${byIssuer("CA", "accepted")} 1`);
  has(text, `${byIssuer("CA", "duplicate")} 1`);
  has(text, `${byIssuer("CA", "refused")} 2`);
  has(text, `${byIssuer("unknown", "refused")} 1`);
  has(text, 'stratus_submission_seconds_count{shard="a",endpoint="add-chain"} 2');
});

test("metricsObserver() shows size, timestamp and age of the published head", async () => {
  const head = { type: "head-published", shard: "a", treeSize: 7, timestampMs: 9_000 } as const;
  const text = await metricsOf([head], 10_500);
  has(text, 'stratus_tree_size{shard="a"} 7');
  has(text, 'stratus_head_timestamp_seconds{shard="a"} 9');
  has(text, 'stratus_head_age_seconds{shard="a"} 1.5');
});

test("metricsObserver() shows groups, the pool, the state and incidents", async () => {
  const batch = { treeSize: 3, entryCount: 3, entryBytes: 500, mergeDelayMs: 40 };
  const text = await metricsOf([
    { type: "batch-committed", shard: "a", ...batch, commitMs: 2, verifyMs: 0.4, signMs: 30 },
    { type: "pool-size", shard: "a", entryCount: 11, bytes: 1_234 },
    { type: "shard-state", shard: "a", state: "starting", message: "" },
    { type: "shard-state", shard: "a", state: "open", message: "" },
    { type: "shard-fatal", shard: "a", code: "FATAL_FSYNC", message: "" },
    { type: "clock-held", shard: "a", message: "" },
    { type: "recovery-step", shard: "a", message: "" },
    { type: "request-bug", shard: "a", endpoint: "get-sth", message: "" },
  ]);
  has(text, 'stratus_batch_entries_bucket{le="1",shard="a"} 0');
  has(text, 'stratus_batch_entries_bucket{le="4",shard="a"} 1');
  has(text, 'stratus_entry_bytes_total{shard="a"} 500');
  has(text, 'stratus_batch_step_seconds_sum{shard="a",step="commit"} 0.002');
  has(text, 'stratus_batch_step_seconds_sum{shard="a",step="verify"} 0.0004');
  has(text, 'stratus_batch_step_seconds_sum{shard="a",step="sign"} 0.03');
  has(text, 'stratus_merge_delay_seconds_bucket{le="0.02",shard="a"} 0');
  has(text, 'stratus_merge_delay_seconds_bucket{le="0.05",shard="a"} 1');
  has(text, 'stratus_pool_entries{shard="a"} 11');
  has(text, 'stratus_pool_bytes{shard="a"} 1234');
  has(text, 'stratus_shard_state{shard="a",state="starting"} 0');
  has(text, 'stratus_shard_state{shard="a",state="open"} 1');
  has(text, 'stratus_shard_incidents_total{shard="a",incident="FATAL_FSYNC"} 1');
  has(text, 'stratus_shard_incidents_total{shard="a",incident="clock-held"} 1');
  has(text, 'stratus_shard_incidents_total{shard="a",incident="recovery-step"} 1');
  has(text, 'stratus_http_bugs_total{shard="a",endpoint="get-sth"} 1');
});

test("metricsObserver() says how many roots there are, since when, and what was refused", async () => {
  const read = { lostCount: 2, blockedCount: 3, changeCount: 1, timestampMs: 5_000 } as const;
  const text = await metricsOf([
    { type: "roots-read", shard: "a", isWhole: true, rootCount: 144, ...read },
    { type: "roots-read", shard: "a", isWhole: false, rootCount: 145, ...read, timestampMs: 9_000 },
    { type: "roots-read", shard: "b", isWhole: false, rootCount: 7, ...read },
    { type: "roots-refused", shard: "a", reason: "lost", message: "" },
    { type: "roots-refused", shard: "", reason: "blocklist", message: "" },
    { type: "roots-refused", shard: "", reason: "blocklist", message: "" },
  ]);
  has(text, 'stratus_roots{shard="a"} 145');
  has(text, 'stratus_roots{shard="b"} 7');
  has(text, 'stratus_roots_lost{shard="a"} 2');
  has(text, "stratus_roots_blocked 3");
  has(text, 'stratus_roots_reload_timestamp_seconds{shard="a"} 5');
  assert.doesNotMatch(text, /stratus_roots_reload_timestamp_seconds\{shard="b"/);
  has(text, 'stratus_roots_refused_total{shard="a",reason="lost"} 1');
  has(text, 'stratus_roots_refused_total{shard="",reason="blocklist"} 2');
});

test("metricsObserver() shows the certificates of public addresses, the guard and the drift", async () => {
  const host = "ct.example.org:443";
  const text = await metricsOf(
    [
      { type: "tls-certificate", host, expiresMs: 9_000, problem: "" },
      { type: "tls-unread", host, message: "down" },
      { type: "tls-certificate", host: "mon:443", expiresMs: 8_000, problem: "expired" },
      { type: "guard-head", shard: "a", treeSize: 7, timestampMs: 1_000 },
      { type: "clock-drift", driftMs: -1_500 },
    ],
    3_500,
  );
  has(text, `stratus_tls_expiry_timestamp_seconds{host="${host}"} 9`);
  has(text, `stratus_tls_valid{host="${host}"} 1`);
  has(text, 'stratus_tls_valid{host="mon:443"} 0');
  has(text, `stratus_tls_checks_total{host="${host}",result="failed"} 1`);
  has(text, `stratus_tls_checks_total{host="${host}",result="ok"} 1`);
  has(text, 'stratus_guard_tree_size{shard="a"} 7');
  has(text, 'stratus_guard_age_seconds{shard="a"} 2.5');
  has(text, "stratus_clock_drift_seconds -1.5");
});

test("metricsObserver() includes the process: CPU, memory, event loop delay", async () => {
  const text = await metricsOf([]);
  for (const name of [
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "nodejs_eventloop_lag_p99_seconds",
  ]) {
    assert.match(text, new RegExp(`^${name} `, "m"));
  }
});

test("metricsObserver() tells version and time once, however many threads count", async () => {
  const { read } = metricsObserver(() => 1_234_567, "main");
  const frontend = metricsObserver(() => 1_234_567, "frontend");
  const { text } = await read([await frontend.counted(), await frontend.counted()]);
  has(text, `stratus_build_info{version="${VERSION}"} 1`);
  has(text, "stratus_time_seconds 1234.567");
});

const CLOSES = { closesAtMs: 5_000 };
const RETIRES = { ...CLOSES, opensAtMs: 1_000, retiresAtMs: 7_000 };

test("metricsObserver() shows readiness, room in pools and file systems, dead frontends", async () => {
  const guard = { shard: "a", place: "guard", freeBytes: 7, totalBytes: 9 } as const;
  const text = await metricsOf([
    { type: "shard-ready", shard: "a", isReady: false, phase: undefined, dates: CLOSES },
    { type: "shard-ready", shard: "b", isReady: true, phase: "open", dates: CLOSES },
    { type: "shard-ready", shard: "b", isReady: true, phase: "retired", dates: RETIRES },
    { type: "pool-limits", shard: "a", entriesMax: 20_000, bytesMax: 1_000_000 },
    { type: "space", shard: "a", place: "data", freeBytes: 5, totalBytes: 10 },
    { type: "space", ...guard },
    { type: "space-short", shard: "a", message: "make room" },
    { type: "space-short", shard: "b", message: "make room" },
    { type: "space-short", shard: "b", message: "" },
    { type: "frontend-ended", message: "it died" },
  ]);
  has(text, 'stratus_shard_ready{shard="a"} 0');
  has(text, 'stratus_shard_ready{shard="b"} 1');
  has(text, 'stratus_shard_phase{shard="a",phase="open"} 0');
  has(text, 'stratus_shard_phase{shard="b",phase="open"} 0');
  has(text, 'stratus_shard_phase{shard="b",phase="retired"} 1');
  has(text, 'stratus_shard_date_seconds{shard="a",date="closes"} 5');
  has(text, 'stratus_shard_date_seconds{shard="b",date="opens"} 1');
  has(text, 'stratus_shard_date_seconds{shard="b",date="retires"} 7');
  has(text, 'stratus_pool_entries_max{shard="a"} 20000');
  has(text, 'stratus_pool_bytes_max{shard="a"} 1000000');
  has(text, 'stratus_space_free_bytes{shard="a",place="data"} 5');
  has(text, 'stratus_space_total_bytes{shard="a",place="data"} 10');
  has(text, 'stratus_space_free_bytes{shard="a",place="guard"} 7');
  has(text, 'stratus_space_short{shard="a"} 1');
  has(text, 'stratus_space_short{shard="b"} 0');
  has(text, "stratus_frontends_ended_total 1");
});

test("combineObservers() hands each event to all, in order", () => {
  const seen: string[] = [];
  const observe = combineObservers(
    (event) => seen.push(`first ${event.type}`),
    (event) => seen.push(`second ${event.type}`),
  );
  observe({ type: "clock-held", shard: "a", message: "" });
  assert.deepEqual(seen, ["first clock-held", "second clock-held"]);
});
