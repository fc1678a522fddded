/**
 * Shards in tables: one for all of them, and the hour and day of each.
 * @module
 */
import { countOf } from "../../base/plural.ts";
import { type Html, html } from "../html.ts";
import { formatBytes, formatCount, formatDuration } from "../view/format.ts";
import type { DashboardData, DiskView, ShardFigures } from "./data.ts";
import { formatLarge, formatSeconds } from "./plots.ts";
import type { Quantiles, Totals } from "./totals.ts";

/** All shards: where each stands, and what to do next. */
export function shardsTable({ shards }: DashboardData): Html {
  return html`<div class="wide"><table>
<thead><tr><th scope="col">Shard</th><th scope="col">State</th><th scope="col" class="number">Entries</th><th scope="col" class="number">Head</th><th scope="col" class="number">Accepted, hour</th><th scope="col" class="number">p99, hour</th><th scope="col" class="number">Pool</th><th scope="col">Next</th></tr></thead>
<tbody>${shards.map(
    (shard) => html`<tr data-shard="${shard.name}">
<th scope="row"><a href="${`#shard-${shard.name}`}">${shard.name}</a></th>
<td data-label="State"><span class="${`badge ${shard.tone}`}">${wordOf(shard)}</span></td>
<td class="number" data-label="Entries" data-cell="size">${formatCount(shard.treeSize)}</td>
<td class="number" data-label="Head">${shard.headAgeMs === undefined ? "none" : html`${formatDuration(shard.headAgeMs)} old`}</td>
<td class="number" data-label="Accepted, hour" data-cell="accepted">${formatCount(shard.hour.accepted)}</td>
<td class="number" data-label="p99, hour">${p99Of(shard.hour.latency)}</td>
<td class="number" data-label="Pool">${formatCount(shard.pool.entries)}</td>
<td class="next" data-label="Next">${shard.next}</td></tr>
`,
  )}</tbody></table></div>`;
}

function wordOf({ state, phase, isReady }: ShardFigures): string {
  if (state !== "open") return state;
  return isReady ? (phase ?? state) : "not ready";
}

/** Figures of one shard. */
export function shardFigures(shard: ShardFigures): Html {
  const { audit, pool, hour, day } = shard;
  return html`<p class="next"><strong>Next:</strong> ${shard.next}</p>
<div class="figures">
<div class="wide"><table class="totals">
<thead><tr><td></td><th scope="col" class="number">Last hour</th><th scope="col" class="number">Last day</th></tr></thead>
<tbody>${ROWS.map(
    ([title, value]) =>
      html`<tr><th scope="row">${title}</th><td class="number" data-label="hour">${value(hour)}</td><td class="number" data-label="day">${value(day)}</td></tr>
`,
  )}</tbody></table></div>
<div>
${reasonsTable(day)}
${issuersTable(day)}
<h3>Now</h3>
<dl class="facts">
<div><dt>Pool</dt><dd>${formatCount(pool.entries)} of ${formatCount(pool.entriesMax)} entries, ${formatBytes(pool.bytes)} of ${formatBytes(pool.bytesMax)}</dd></div>
<div><dt>Self-audit</dt><dd>${auditWords(audit)}</dd></div>
${shard.disks.map(
  (disk) => html`<div><dt>Disk of ${disk.place}</dt><dd>${diskWords(disk)}</dd></div>
`,
)}</dl>
</div>
</div>`;
}

const ROWS: readonly (readonly [title: string, value: (totals: Totals) => Html | string])[] = [
  ["Accepted", ({ accepted }) => formatCount(accepted)],
  ["Logged before", ({ duplicate }) => formatCount(duplicate)],
  ["Refused", ({ refused }) => formatCount(refused)],
  ["Submission to SCT, p50", ({ latency }) => p50Of(latency)],
  ["Submission to SCT, p99", ({ latency }) => p99Of(latency)],
  ["over 500\u00a0ms", (totals) => overOf(totals, 0)],
  ["over 1\u00a0s", (totals) => overOf(totals, 1)],
  ["over 2\u00a0s", (totals) => overOf(totals, 2)],
  ["Merge delay, p99", ({ mergeDelay }) => p99Of(mergeDelay)],
  [
    "Groups",
    ({ batches, idleBatches }) => `${formatCount(batches)} (${formatCount(idleBatches)} idle)`,
  ],
  [
    "Entries in a group",
    ({ batches, idleBatches, batchEntries }) => meanOf(batchEntries, batches - idleBatches),
  ],
  ["Commit, p50 and p99", ({ steps }) => bothOf(steps.commit)],
  ["Verify, p50 and p99", ({ steps }) => bothOf(steps.verify)],
  ["Sign, p50 and p99", ({ steps }) => bothOf(steps.sign)],
  ["Requests", ({ requests }) => formatCount(requests)],
  ["answered 429 or 5xx", ({ unavailable, requests }) => shareOf(unavailable, requests)],
  ["On record", ({ recordedSeconds }) => formatDuration(1_000 * recordedSeconds)],
];

const NONE = "\u2013";

function p50Of({ p50 }: Quantiles): string {
  return p50 === null ? NONE : formatSeconds(p50);
}

function p99Of({ p99, isP99AtLeast }: Quantiles): string {
  if (p99 === null) return NONE;
  return isP99AtLeast ? `${formatSeconds(p99)} or more` : formatSeconds(p99);
}

function bothOf(quantiles: Quantiles): string {
  return quantiles.p50 === null ? NONE : `${p50Of(quantiles)}, ${p99Of(quantiles)}`;
}

function meanOf(sum: number, count: number): string {
  return count > 0 ? formatCount(Math.round(sum / count)) : NONE;
}

function shareOf(count: number, all: number): string {
  if (count === 0) return "0";
  return `${formatCount(count)} (${((100 * count) / all).toFixed(2)}\u00a0%)`;
}

function overOf({ latencyOver, timed }: Totals, target: number): Html | string {
  const { count } = latencyOver[target] ?? { count: 0 };
  return count === 0 ? "0" : html`<strong class="ill">${shareOf(count, timed)}</strong>`;
}

function reasonsTable({ reasons }: Totals): Html {
  return html`<h3>Refused in the last day, by reason</h3>${
    reasons.length === 0
      ? html`<p class="note">None.</p>`
      : html`<table><tbody>${reasons.map(
          ({ code, count }) =>
            html`<tr><th scope="row"><code>${code}</code></th><td class="number">${formatCount(count)}</td></tr>
`,
        )}</tbody></table>`
  }`;
}

function issuersTable({ issuers }: Totals): Html {
  return html`<h3>Last day, by issuer</h3>${
    issuers.length === 0
      ? html`<p class="note">None.</p>`
      : html`<table><thead><tr><th scope="col">Issuer</th><th scope="col" class="number">Accepted</th><th scope="col" class="number">Before</th><th scope="col" class="number">Refused</th></tr></thead>
<tbody>${issuers.map(
          ({ issuer, accepted, duplicate, refused }) =>
            html`<tr><th scope="row">${issuer}</th><td class="number" data-label="accepted">${formatCount(accepted)}</td><td class="number" data-label="before">${formatCount(duplicate)}</td><td class="number" data-label="refused">${formatCount(refused)}</td></tr>
`,
        )}</tbody></table>`
  }`;
}

function auditWords({
  position,
  treeSize,
  lastPassSeconds,
  passes,
}: ShardFigures["audit"]): string {
  const pass =
    passes > 0 && lastPassSeconds !== undefined
      ? `; ${countOf(passes, "whole pass", formatCount)}, the last in ${formatDuration(1_000 * lastPassSeconds)}`
      : "; no whole pass since the start";
  if (position === undefined || treeSize === undefined) return "has not begun";
  return `entry ${formatCount(position)} of ${formatCount(treeSize)}${pass}`;
}

/** What is free of a disk, and for how long. */
export function diskWords({ freeBytes, totalBytes, forecast }: DiskView): string {
  const share = totalBytes > 0 ? ` (${Math.round((100 * freeBytes) / totalBytes)}\u00a0%)` : "";
  const free = `${formatLarge(freeBytes)} free of ${formatLarge(totalBytes)}${share}`;
  const span = `${forecast.hours.toFixed(1)}\u00a0h on record`;
  switch (forecast.kind) {
    case "unknown":
      return `${free}; too little on record for a forecast: ${span}, 1\u00a0h is needed`;
    case "steady":
      return `${free}; it does not fill, by ${span}`;
    case "filling": {
      const { daysLeft, bytesPerDay } = forecast;
      const days = daysLeft < 10 ? daysLeft.toFixed(1) : formatCount(Math.round(daysLeft));
      return `${free}; full in ${days} days at ${formatLarge(bytesPerDay)} a day, by ${span}`;
    }
  }
}
