/**
 * What a shard would do with a chain, in plain words: on the server and in the browser.
 * @module
 */
import { JsonObject, parseJsonObject } from "../../encoding/json.ts";
import { type Html, html } from "../html.ts";
import type { Links } from "../page.ts";
import { formatCount, formatDay, formatTime } from "./format.ts";
import { ruleOf } from "./rules.ts";

/** A certificate of the path. */
export interface VerdictStep {
  readonly subject: string;
  /** SHA-256 in hex. */
  readonly sha256: string;
}

/** A verdict for people and programs. */
export interface VerdictView {
  /** The shard that was asked. */
  readonly shard: string;
  readonly endpoint: "add-chain" | "add-pre-chain";
  readonly isAccepted: boolean;
  /** The shard whose window takes the certificate; empty: none of this log. */
  readonly takenBy: string;
  /** Of a refusal: its code, and what was found. Empty otherwise. */
  readonly code: string;
  readonly detail: string;
  /** What follows the certificate, the root last; empty for a refusal. */
  readonly path: readonly VerdictStep[];
  /** Where the entry stands already. */
  readonly duplicate?: { readonly leafIndex: number; readonly timestampMs: number };
}

/** The view of an answer. @throws MalformedError `MALFORMED_JSON`. */
export function parseVerdict(text: string): VerdictView {
  const body = parseJsonObject(text);
  const optional = (name: string): string => (body.has(name) ? body.text(name) : "");
  const duplicate = body.has("duplicate") ? body.object("duplicate") : undefined;
  const path = body.has("path") ? body.list("path").map((item) => new JsonObject(item)) : [];
  return {
    shard: body.text("shard"),
    endpoint: body.text("endpoint") === "add-pre-chain" ? "add-pre-chain" : "add-chain",
    isAccepted: body.boolean("accepted"),
    takenBy: optional("taken_by"),
    code: optional("code"),
    detail: optional("detail"),
    path: path.map((step) => ({ subject: step.text("subject"), sha256: step.text("sha256") })),
    ...(duplicate && {
      duplicate: {
        leafIndex: duplicate.uint("leaf_index"),
        timestampMs: duplicate.uint("timestamp"),
      },
    }),
  };
}

/** A verdict as a page shows it. @param notAfterMs When the certificate expires. */
export function renderVerdict(view: VerdictView, notAfterMs: number, links: Links): Html {
  const { shard, isAccepted, duplicate, code, detail, endpoint } = view;
  const kind = endpoint === "add-pre-chain" ? "precertificate" : "certificate";
  if (isAccepted) {
    return html`<p class="verdict ok">${shard} would take this ${kind}.</p>
<dl class="facts">
<div><dt>Expires</dt><dd>${formatTime(notAfterMs)}, within the window of <a href="${links(shard)}">${shard}</a></dd></div>
<div><dt>Goes to</dt><dd><code>${endpoint}</code></dd></div>
<div><dt>Logged already</dt><dd>${
      duplicate === undefined
        ? "no"
        : html`yes, on ${formatTime(duplicate.timestampMs)}: <a href="${links(`${shard}/entry/${duplicate.leafIndex}`)}">entry ${formatCount(duplicate.leafIndex)}</a>`
    }</dd></div>
<div><dt>Path to a root</dt><dd>${renderPath(view)}</dd></div>
</dl>`;
  }
  const rule = ruleOf(code);
  return html`<p class="verdict no">${shard} refuses this ${kind}.</p>
<dl class="facts">
${rule && html`<div><dt>The rule</dt><dd class="rule">${rule.rule}</dd></div>`}
<div><dt>What was found</dt><dd>${detail} <code class="quiet">${code}</code></dd></div>
${rule && html`<div><dt>What mends it</dt><dd>${rule.remedy}</dd></div>`}
<div><dt>Shard for it</dt><dd class="taker">${renderTaker(view, notAfterMs, links)}</dd></div>
</dl>`;
}

function renderPath({ path }: VerdictView): Html {
  if (path.length === 0) return html`It is an accepted root itself.`;
  return html`<ol class="path">${path.map(
    ({ subject, sha256 }, index) =>
      html`<li>${subject}${index === path.length - 1 && html` <span class="badge">accepted root</span>`}<code class="hash quiet">${sha256}</code></li>`,
  )}</ol>`;
}

function renderTaker({ takenBy, shard }: VerdictView, notAfterMs: number, links: Links): Html {
  if (takenBy === "") {
    return html`No shard of this log takes a certificate that expires on ${formatDay(notAfterMs)}.`;
  }
  if (takenBy === shard) {
    return html`This one is the shard for it, by its expiry on ${formatDay(notAfterMs)}.`;
  }
  return html`<a href="${links(takenBy)}">${takenBy}</a> takes it: it expires on ${formatDay(notAfterMs)}.`;
}
