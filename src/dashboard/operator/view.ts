/**
 * The operator's dashboard as markup. What is in `data-live` is made again by the browser, from
 * the same data by the same functions.
 * @module
 */
import { RANGES } from "../../history/range.ts";
import { type Html, html } from "../html.ts";
import { formatCount, formatDuration, formatTime } from "../view/format.ts";
import type { DashboardData, ShardFigures } from "./data.ts";
import { drawPicture } from "./picture.ts";
import { formatSeconds, type PlotSpec, PROCESS_PLOTS, SHARD_PLOTS } from "./plots.ts";
import { renderMarkdown } from "./runbook.ts";
import { shardFigures, shardsTable } from "./shard-view.ts";
import type { Course } from "./totals.ts";
import { trafficTables } from "./traffic-view.ts";

/** Parts that change; by the name in `data-live`. */
export function livePartsOf(data: DashboardData): ReadonlyMap<string, Html> {
  return new Map([
    ["warnings", warnings(data)],
    ["shards", shardsTable(data)],
    ...data.shards.map((shard) => [`figures ${shard.name}`, shardFigures(shard)] as const),
    ["process", processFigures(data)],
    ["traffic", trafficTables(data.traffic)],
    ["history", history(data)],
    ["time", html`${formatTime(data.timeMs)}`],
  ]);
}

/** The page. */
export function renderDashboard(data: DashboardData): Html {
  const parts = livePartsOf(data);
  const live = (name: string): Html => html`<div data-live="${name}">${parts.get(name)}</div>`;
  const range = (name: DashboardData["range"], words: string): Html =>
    html`<a href="${`./?range=${name}`}"${data.range === name && html` aria-current="true"`}>${words}</a>`;
  return html`<section class="hero">
<h1>Operations</h1>
<p class="when">As of <span data-live="time">${parts.get("time")}</span>${
    data.runMs !== undefined && html`; running since ${formatTime(data.runMs)}`
  }.</p>
${live("history")}
<nav class="ranges" aria-label="Plots show">${range("hour", "Last hour")}${range("day", "Last day")}</nav>
</section>
<section aria-labelledby="look"><h2 id="look">To look at</h2>${live("warnings")}</section>
<section aria-labelledby="shards"><h2 id="shards">Shards</h2>${live("shards")}</section>
${data.shards.map(
  (shard) => html`<section class="shard" id="${`shard-${shard.name}`}">
<details${isBusy(shard, data) && html` open`}><summary><h2>${shard.name}</h2></summary>
${plots(SHARD_PLOTS, shard.name, shard.course, data)}
${live(`figures ${shard.name}`)}
</details></section>
`,
)}<section aria-labelledby="process"><h2 id="process">Process</h2>
${plots(PROCESS_PLOTS, "", data.process.course, data)}
${live("process")}</section>
<section aria-labelledby="traffic"><h2 id="traffic">Who asks most</h2>${live("traffic")}</section>
<section aria-labelledby="about"><h2 id="about">How these figures are made</h2>
<p>The process looks at its counters every 10 s for the last hour and every 5 min for the last day, and
keeps both in <code>_history</code> in its data folder. What happened in the last seconds before it was
killed is missing. Times are counted in buckets: p50 and p99 are estimated within one, as Prometheus does;
counts above 500 ms, 1 s and 2 s are exact. A forecast is a straight line through what was free.</p></section>`;
}

function history({ isHistoryRead, isHistoryKept }: DashboardData): Html {
  return html`${!isHistoryRead && html`<p class="note">The history is still being read: figures of the past will grow.</p>`}${
    !isHistoryKept &&
    html`<p class="ill"><strong>The history is not being kept: the log of the process says why.</strong></p>`
  }`;
}

/** Where the browser plots; until then, and without scripts, a picture. */
function plots(
  specs: readonly PlotSpec[],
  shard: string,
  course: Course,
  { range, timeMs }: DashboardData,
): Html {
  const shown = { startMs: timeMs - RANGES[range].spanMs, endMs: timeMs };
  return html`<div class="plots">${specs.map(
    (spec) => html`<figure class="panel"><figcaption>${spec.title}</figcaption>
<div data-plot="${spec.title}" data-shard="${shard}">${drawPicture(spec, course, shown) ?? html`<p class="note">Nothing yet.</p>`}</div></figure>
`,
  )}</div>`;
}

function warnings({ warnings: found }: DashboardData): Html {
  if (found.length === 0)
    return html`<p class="verdict ok">Nothing. Every shard does what it should.</p>`;
  return html`<ul class="warnings">${found.map(
    ({
      alert,
      severity,
      shard,
      message,
      help,
    }) => html`<li class="${severity}" data-alert="${alert}">
<p><strong>${severity === "page" ? "Now" : "Soon"}</strong> <span class="where">${shard ?? "process"}</span> ${message}</p>
<details id="${`help-${alert}-${shard ?? ""}`}"><summary>What to do: ${alert}</summary>${
      help === undefined
        ? html`<p>docs/OPERATIONS.md has a page of this name.</p>`
        : renderMarkdown(help)
    }</details></li>
`,
  )}</ul>`;
}

function processFigures({ process, notCreated, timeMs }: DashboardData): Html {
  const { mainLagSeconds = 0, frontendLagSeconds = 0, clockDriftSeconds = 0 } = process;
  return html`<dl class="facts">
<div><dt>Event loop, main thread</dt><dd>at most ${formatSeconds(mainLagSeconds)} late in the last minute</dd></div>
<div><dt>Event loop, slowest frontend</dt><dd>at most ${formatSeconds(frontendLagSeconds)} late in the last minute</dd></div>
<div><dt>Frontends that died</dt><dd>${formatCount(process.frontendsEnded)} since the start</dd></div>
<div><dt>Clock</dt><dd>moved ${Math.abs(clockDriftSeconds).toFixed(2)}\u00a0s against steady time since the start</dd></div>
${process.tls.map(
  ({ host, expiresMs = 0 }) =>
    html`<div><dt>Certificate of ${host}</dt><dd>${formatDuration(expiresMs - timeMs)} left</dd></div>
`,
)}${
  notCreated.length > 0 &&
  html`<div><dt>Shards not created</dt><dd>${notCreated.join(", ")}: <code>stratus shard next</code></dd></div>`
}</dl>`;
}

/** Whether a shard's figures stand open: it had submissions, something is the matter, or it is alone. */
function isBusy({ name, day }: ShardFigures, { warnings: found, shards }: DashboardData): boolean {
  const isIll = found.some(({ shard }) => shard === name);
  return isIll || shards.length === 1 || day.accepted + day.duplicate + day.refused > 0;
}
