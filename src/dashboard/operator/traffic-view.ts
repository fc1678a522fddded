/**
 * Who asks most, in tables: what `/traffic` of the operations port tells.
 * @module
 */
import { type Html, html } from "../html.ts";
import { formatCount, formatDuration } from "../view/format.ts";

const SHOWN_MAX = 8;

interface Hitter {
  readonly network?: string;
  readonly userAgent?: string;
  readonly requests: number;
  readonly requestsMax: number;
}

interface Kind {
  readonly requests: number;
  readonly networks: readonly Hitter[];
  readonly userAgents: readonly Hitter[];
}

interface Traffic {
  readonly seconds: number;
  readonly reads: Kind;
  readonly submissions: Kind;
}

/** The tables. */
export function trafficTables(traffic: object): Html {
  const { seconds, reads, submissions } = traffic as Traffic;
  return html`<p>In the last ${formatDuration(1_000 * seconds)}: ${formatCount(reads.requests)} reads, ${formatCount(submissions.requests)} submissions. <a href="./traffic">All of it</a>.</p>
<div class="columns">
${tableOf("Reads by network", reads.networks)}
${tableOf("Reads by User-Agent", reads.userAgents)}
${tableOf("Submissions by network", submissions.networks)}
${tableOf("Submissions by User-Agent", submissions.userAgents)}
</div>`;
}

function tableOf(title: string, hitters: readonly Hitter[]): Html | undefined {
  if (hitters.length === 0) return undefined;
  return html`<div><h3>${title}</h3><table><tbody>${hitters.slice(0, SHOWN_MAX).map(
    ({ network, userAgent, requests, requestsMax }) =>
      html`<tr><th scope="row">${network ?? userAgent ?? ""}</th><td class="number">${formatCount(requests)}${requestsMax > requests && html` to ${formatCount(requestsMax)}`}</td></tr>
`,
  )}</tbody></table></div>`;
}
