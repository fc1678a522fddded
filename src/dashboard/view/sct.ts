/**
 * An SCT field by field, for people and for programs.
 * @module
 */
import { MalformedError } from "../../base/errors.ts";
import { formatBase64 } from "../../encoding/base64.ts";
import { formatHex } from "../../encoding/hex.ts";
import { formatSctJson } from "../../rfc6962/json.ts";
import { encodeSct, type Sct } from "../../rfc6962/sct.ts";
import { decodeDigitallySigned } from "../../rfc6962/signature.ts";
import { describeExtensions } from "../../sct/describe.ts";
import type { KnownLog } from "../../sct/log-list.ts";
import type { Step } from "../check/world.ts";
import { type Html, html } from "../html.ts";
import type { Links } from "../page.ts";
import { formatTimeMs } from "./format.ts";

/** An SCT, and who is behind it. */
export interface SctView {
  readonly sct: Sct;
  readonly isEmbedded: boolean;
  /** Undefined if nobody knows it. */
  readonly log: KnownLog | undefined;
  /** The shard of this server that it is of; undefined: of none. */
  readonly shard: string | undefined;
}

/** What a log is called. */
export function logName({ log, shard }: Pick<SctView, "log" | "shard">): string {
  return shard ?? (log?.description || "an unknown log");
}

/** The fields of an SCT. */
export function renderSct(view: SctView, links: Links): Html {
  const { sct, log, shard } = view;
  const { leafIndex, text } = describeExtensions(sct.extensions);
  // Logs of others, of RFC 6962 alone, give none.
  const isBare = sct.extensions.length === 0 && shard === undefined && log?.type === "rfc6962";
  const path = shard !== undefined && leafIndex !== undefined && `${shard}/entry/${leafIndex}`;
  return html`<dl class="facts">
<div><dt>Log</dt><dd>${logName(view)}${log?.operator && html` <span class="quiet">${log.operator}</span>`}${log?.state && html` <span class="badge">${log.state.name}</span>`}</dd></div>
<div><dt>Log ID</dt><dd><code class="hash">${formatBase64(sct.logId)}</code></dd></div>
<div><dt>Time</dt><dd>${formatTimeMs(sct.timestampMs)} <span class="quiet">${sct.timestampMs}</span></dd></div>
<div><dt>Extensions</dt><dd>${isBare ? "none" : text}${path && html` <a href="${links(path)}">Its entry</a>`}</dd></div>
<div><dt>Signature</dt><dd>${signatureOf(sct)}</dd></div>
</dl>
<details class="forms"><summary>As JSON and as bytes</summary>
<pre class="shell" tabindex="0"><code>${formatSctJson(sct)}</code></pre>
<pre class="shell" tabindex="0"><code>${formatBase64(encodeSct(sct))}</code></pre>
</details>`;
}

function signatureOf({ signature }: Sct): Html {
  try {
    const signed = decodeDigitallySigned(signature);
    return html`${signed.algorithm.toUpperCase()} with SHA-256 <code class="hash quiet">${formatHex(signed.signature)}</code>`;
  } catch (thrown) {
    if (!(thrown instanceof MalformedError)) throw thrown;
    return html`${thrown.message} <code class="hash quiet">${formatHex(signature)}</code>`;
  }
}

const WORDS: Readonly<Record<Step["state"], string>> = {
  ok: "holds",
  bad: "fails",
  warn: "note",
  wait: "not checked",
};

/** Steps that the server went through: its word, not the visitor's own proof. */
export function renderSteps(steps: readonly Step[]): Html {
  return html`<ol class="steps">${steps.map(
    ({ name, state, text }) =>
      html`<li class="step ${state}"><span class="outcome">${WORDS[state]}</span><span class="what">${name}</span><span class="text">${text}</span></li>`,
  )}</ol>`;
}

/** An SCT for programs. */
export function sctData(view: SctView, steps: readonly Step[]): object {
  const { sct, log, shard, isEmbedded } = view;
  return {
    ...(JSON.parse(formatSctJson(sct)) as object),
    leafIndex: describeExtensions(sct.extensions).leafIndex ?? null,
    isEmbedded,
    shard: shard ?? null,
    log: log === undefined ? null : { description: log.description, operator: log.operator },
    steps,
  };
}
