/**
 * `/<shard>`: the tree head and what a visitor can check of it, in the words of the server; the
 * living part, `browser/shard.tsx`, checks it.
 * @module
 */
import { formatBase64, parseBase64 } from "../../encoding/base64.ts";
import { formatHex } from "../../encoding/hex.ts";
import { type Html, html } from "../html.ts";
import type { Links, Page } from "../page.ts";
import type { Site } from "../site.ts";
import { formatCount, formatDay, formatDuration, formatTimeMs } from "./format.ts";
import { growthOf } from "./growth.ts";
import { type ShardView, toneOf, viewShard } from "./status.ts";

/** The page; undefined for a shard that the server does not have. */
export async function shardPage(site: Site, name: string): Promise<Page | undefined> {
  const log = site.logs.get(name);
  if (log === undefined) return undefined;
  const shard = viewShard(site, name);
  const growth = await growthOf(log, site.nowMs());
  const { head, ...rest } = shard;
  return {
    status: 200,
    title: `${name}: tree head`,
    script: "shard.tsx",
    data: {
      ...rest,
      head: head && {
        treeSize: head.treeSize,
        timestampMs: head.timestampMs,
        rootHash: formatBase64(head.rootHash),
        signature: formatBase64(head.signature),
      },
      entriesLastHour: growth?.lastHour,
      entriesLastDay: growth?.lastDay,
    },
    body: (links) => html`${shardHead(shard, links)}
<div id="living" data-shard="${name}">${headOf(shard, site.nowMs())}
<p class="note">These are the server’s words; with JavaScript your browser verifies them. Or check the whole log yourself: <code>./stratus audit ${shard.monitoringUrl}</code></p>
</div>
${findForm(name, "", links)}
${factsOf(shard, links)}`,
  };
}

/** Name, state and window of a shard, above all that belongs to it. */
export function shardHead(shard: ShardView, links: Links): Html {
  const { name, state, reason, type } = shard;
  return html`<section class="hero">
<p class="crumbs"><a href="${links("")}">Shards</a></p>
<h1>${name} <span class="badge ${toneOf(shard)}">${state}</span></h1>
<p class="lead">Certificates that expire from ${formatDay(shard.notAfterStartMs)} and before ${formatDay(shard.notAfterLimitMs)}. ${
    type === "rfc6962" ? "An RFC 6962 log" : "A static-ct-api log"
  }; submissions ${shard.opensAtMs !== undefined && html`from ${formatDay(shard.opensAtMs)} `}until ${formatDay(shard.closesAtMs)}.</p>
${reason !== "" && html`<p class="notice">${reason}</p>`}
</section>`;
}

/** The published head. */
function headOf({ head }: ShardView, nowMs: number): Html {
  if (head === undefined) return html`<p class="notice">There is no tree head to show now.</p>`;
  return html`<section class="panel" aria-labelledby="head">
<h2 id="head">Tree head</h2>
<dl class="facts">
<div><dt>Tree size</dt><dd class="large">${formatCount(head.treeSize)}</dd></div>
<div><dt>Signed</dt><dd>${formatTimeMs(head.timestampMs)}, ${formatDuration(nowMs - head.timestampMs)} ago</dd></div>
<div><dt>Root hash</dt><dd><code class="hash">${formatHex(head.rootHash)}</code></dd></div>
</dl>
</section>`;
}

/** The search for an entry: works as it stands for an index and a leaf hash. */
export function findForm(shard: string, search: string, links: Links): Html {
  return html`<section aria-labelledby="find">
<h2 id="find">Find an entry</h2>
<form class="search" id="find-form" action="${links(`${shard}/entry`)}" method="get" role="search">
<label for="find-text">Index, leaf hash (hex or base64), SHA-256 of a certificate, or an SCT or certificate pasted as JSON, PEM or base64</label>
<textarea id="find-text" name="find" rows="2" maxlength="100000" autocomplete="off" spellcheck="false">${search}</textarea>
<button type="submit">Find</button>
<div id="find-result" role="status"></div>
</form>
</section>`;
}

function keyOf({ logId, publicKey }: ShardView): Html {
  if (logId === "") return html`<div><dt>Public key</dt><dd>missing</dd></div>`;
  return html`<div><dt>Log ID</dt><dd><code class="hash">${logId}</code></dd></div>
<div><dt>Log ID in hex</dt><dd><code class="hash">${formatHex(parseBase64(logId))}</code></dd></div>
<div><dt>Public key</dt><dd><code class="hash">${publicKey}</code></dd></div>`;
}

function factsOf(shard: ShardView, links: Links): Html {
  const { name } = shard;
  const documents = ["checkpoint", "log.v3.json", "ct/v1/get-sth", "ct/v1/get-roots", "tile/0/000"];
  return html`<section aria-labelledby="facts">
<h2 id="facts">This log</h2>
<dl class="facts">
<div><dt>Origin</dt><dd>${shard.origin}</dd></div>
${keyOf(shard)}
<div><dt>Submission prefix</dt><dd>${shard.submissionUrl}/</dd></div>
<div><dt>Monitoring prefix</dt><dd>${shard.monitoringUrl}/</dd></div>
<div><dt>Maximum merge delay</dt><dd>${formatDuration(shard.mmdSeconds * 1000)}</dd></div>
<div><dt>Accepted roots</dt><dd><a href="${links(`-/roots?q=${name}`)}">${formatCount(shard.rootCount)}</a></dd></div>
<div><dt>For programs</dt><dd class="links">${documents.map((path) => html`<a href="${links(`${name}/${path}`)}">${path}</a> `)}</dd></div>
</dl>
</section>`;
}
