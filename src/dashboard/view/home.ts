/**
 * `/`: the shards on a timeline, their size and growth, how to submit, what limits hold, which
 * roots are accepted, and where programs find the same.
 * @module
 */
import { pluralOf } from "../../base/plural.ts";
import { type Html, html } from "../html.ts";
import type { Links, Page } from "../page.ts";
import type { PageRate, Site } from "../site.ts";
import { formatCount, formatDay, formatDuration } from "./format.ts";
import { type Growth, growthOf } from "./growth.ts";
import { rootsSearch, viewRoots } from "./roots.ts";
import { type ShardView, toneOf, viewShard } from "./status.ts";
import { drawTimeline } from "./timeline.ts";

/** Bytes of a submission at most: what `http` enforces. */
const BODY_BYTES_MAX = 512_000;

interface HomeShard extends ShardView {
  readonly growth: Growth | undefined;
}

/** The home page. */
export async function homePage(site: Site): Promise<Page> {
  const nowMs = site.nowMs();
  const shards = await Promise.all(
    [...site.logs].map(async ([name, log]): Promise<HomeShard> => {
      const growth = await growthOf(log, nowMs);
      return { ...viewShard(site, name), growth };
    }),
  );
  return {
    status: 200,
    title: `${site.operator.name}: Certificate Transparency`,
    nav: "",
    script: "home.ts",
    data: {
      operator: site.operator,
      software: site.software,
      time: nowMs,
      limits: { submissionBytes: BODY_BYTES_MAX, ...site.limits },
      shards: shards.map(dataOf),
    },
    body: (links) => bodyOf(site, shards, nowMs, links),
  };
}

/** A shard for programs: as other pages' data, hashes in base64. */
function dataOf({ head, growth, ...shard }: HomeShard): object {
  return {
    ...shard,
    treeSize: shard.treeSize,
    headTimestampMs: head?.timestampMs,
    entriesLastHour: growth?.lastHour,
    entriesLastDay: growth?.lastDay,
  };
}

function bodyOf(site: Site, shards: readonly HomeShard[], nowMs: number, links: Links): Html {
  const total = shards.reduce((sum, { treeSize }) => sum + treeSize, 0);
  const open = shards.filter((shard) => toneOf(shard) === "open");
  return html`<section class="hero">
<h1>Certificate Transparency</h1>
<p class="lead">An append-only, publicly verifiable record of TLS certificates. ${
    open.length === 1 ? "One shard takes" : html`${open.length} shards take`
  } submissions now; together they hold <strong>${formatCount(total)}</strong> ${pluralOf(total, "entry")}.</p>
</section>
<section aria-labelledby="shards">
<h2 id="shards">Shards</h2>
<p>Each shard is a log of its own, with its own key. It takes certificates whose <i>NotAfter</i> lies in its window, until some days after the window has passed.</p>
<div class="timeline-box">${drawTimeline(
    shards.map((shard) => ({
      ...shard,
      tone: toneOf(shard),
      limitMs: shard.notAfterLimitMs,
      startMs: shard.notAfterStartMs,
    })),
    nowMs,
  )}</div>
<table class="shards">
<thead><tr><th scope="col">Shard</th><th scope="col">NotAfter</th><th scope="col" class="number">Entries</th><th scope="col" class="number">Last hour</th><th scope="col" class="number">Last day</th><th scope="col" class="number">Head</th></tr></thead>
<tbody>${shards.map((shard) => rowOf(shard, nowMs, links))}</tbody>
</table>
</section>
${submitOf(shards, nowMs, links)}
${limitsOf(site, shards)}
<section aria-labelledby="roots">
<h2 id="roots">Accepted roots</h2>
<p>A chain must end in one of <a href="${links("-/roots")}">${formatCount(viewRoots(site).length)} accepted roots</a>.</p>
${rootsSearch("", links)}
</section>
${machinesOf(shards, links)}`;
}

function rowOf(shard: HomeShard, nowMs: number, links: Links): Html {
  const { name, state, reason, growth, head, treeSize } = shard;
  const tone = toneOf(shard);
  return html`<tr data-shard="${name}">
<th scope="row"><a href="${links(name)}">${name}</a> <span class="badge ${tone}"${reason !== "" && html` title="${reason}"`}>${state}</span></th>
<td data-label="NotAfter"><span class="range">${formatDay(shard.notAfterStartMs)} <span class="to">to</span> ${formatDay(shard.notAfterLimitMs)}</span></td>
<td class="number" data-label="Entries" data-live="size">${formatCount(treeSize)}</td>
<td class="number" data-label="Last hour">${growth === undefined ? "\u2013" : formatCount(growth.lastHour)}</td>
<td class="number" data-label="Last day">${growth === undefined ? "\u2013" : formatCount(growth.lastDay)}</td>
<td class="number" data-label="Head" data-live="age">${head === undefined ? "none" : html`${formatDuration(nowMs - head.timestampMs)} ago`}</td>
</tr>`;
}

/** A line of shell that makes the body of add-chain from a PEM file; nothing but awk and curl. */
export function curlLine(submissionUrl: string, endpoint: "add-chain" | "add-pre-chain"): string {
  const json = `awk '/-BEGIN/{printf n++?"\\",\\"":"{\\"chain\\":[\\"";p=1;next} /-END/{p=0} p{gsub(/[ \\r]/,"");printf "%s",$0} END{print "\\"]}"}' chain.pem`;
  return `${json} | curl -sS --data-binary @- ${submissionUrl}/ct/v1/${endpoint}`;
}

/** The shard that a certificate of ninety days belongs to, among those that take any. */
function usualShard(shards: readonly HomeShard[], nowMs: number): HomeShard | undefined {
  const open = shards.filter((shard) => toneOf(shard) === "open");
  const expiresMs = nowMs + 90 * 86_400_000;
  const takes = ({ notAfterStartMs, notAfterLimitMs }: HomeShard) =>
    expiresMs >= notAfterStartMs && expiresMs < notAfterLimitMs;
  return open.find(takes) ?? open[0];
}

function submitOf(shards: readonly HomeShard[], nowMs: number, links: Links): Html | undefined {
  const shard = usualShard(shards, nowMs);
  if (shard === undefined) return undefined;
  const { name, submissionUrl } = shard;
  return html`<section aria-labelledby="submit">
<h2 id="submit">Submit</h2>
<p>Put the certificate and its issuers into <code>chain.pem</code>, leaf first; the root may be left out. A certificate that expires in ninety days belongs to <a href="${links(name)}">${name}</a>:</p>
<pre class="shell" tabindex="0"><code>${curlLine(submissionUrl, "add-chain")}</code></pre>
<p>Precertificates go to <code>add-pre-chain</code>. The answer is an SCT; its <code>extensions</code> are part of what is signed: pass them on as they are. With this software installed, the same with every check:</p>
<pre class="shell" tabindex="0"><code>./stratus submit --url ${submissionUrl} chain.pem</code></pre>
</section>`;
}

function limitsOf({ limits }: Site, shards: readonly HomeShard[]): Html {
  const mmds = [...new Set(shards.map(({ mmdSeconds }) => mmdSeconds))].map((seconds) =>
    formatDuration(seconds * 1000),
  );
  const rates: readonly (readonly [string, PageRate | undefined])[] = [
    ["Reads", limits.reads],
    ["add-chain", limits.addChain],
    ["add-pre-chain", limits.addPreChain],
  ];
  return html`<section aria-labelledby="limits">
<h2 id="limits">Limits</h2>
<dl class="facts">
<div><dt>Maximum merge delay</dt><dd>${mmds.join(" or ")} stated; an entry is in the tree before its SCT is given</dd></div>
<div><dt>Body of a submission</dt><dd>${formatCount(BODY_BYTES_MAX)} bytes</dd></div>
<div><dt>One answer of get-entries</dt><dd>1${"\u00a0"}024 entries</dd></div>
${rates.map(([what, rate]) => html`<div><dt>${what} of one network</dt><dd>${rate === undefined ? "no limit" : html`${formatCount(rate.perSecond)} a second, ${formatCount(rate.burst)} at once`}</dd></div>`)}
</dl>
<p>What is beyond a limit is answered 429 or 503 with Retry-After.</p>
</section>`;
}

function machinesOf(shards: readonly HomeShard[], links: Links): Html {
  const documents = ["log.v3.json", "checkpoint", "ct/v1/get-sth", "ct/v1/get-roots"];
  return html`<section aria-labelledby="machines">
<h2 id="machines">For programs</h2>
<p>Every shard speaks <a href="https://www.rfc-editor.org/rfc/rfc6962">RFC 6962</a> and <a href="https://c2sp.org/static-ct-api">static-ct-api</a>. Pages answer <code>Accept: application/json</code> with what they show.</p>
<ul class="documents">
<li><a href="${links("logs.json")}">logs.json</a> all shards as a log list, schema v3</li>
<li><a href="${links("openapi.json")}">openapi.json</a> every path of both APIs</li>
${shards.map(({ name }) => html`<li class="links"><b>${name}</b> ${documents.map((path) => html`<a href="${links(`${name}/${path}`)}">${path}</a> `)}</li>`)}
</ul>
</section>`;
}
