/**
 * `/-/submit`: a chain or SCTs to be checked. What is posted is judged and decoded here, in the
 * server's words; the living part, `browser/submit.tsx`, takes the form over, proves what it
 * shows, and submits on request.
 * @module
 */

import { MalformedError } from "../../base/errors.ts";
import { countOf } from "../../base/plural.ts";
import { formatHex } from "../../encoding/hex.ts";
import type { PathStep, Verdict } from "../../log/validate.ts";
import type { KnownLog } from "../../sct/log-list.ts";
import { MMD_SECONDS } from "../../static-ct/log-json.ts";
import { ASSET_FOLDER, LOG_LIST } from "../assets.ts";
import { CERTIFICATES_MAX, claimsOf, type Pasted, parsePasted } from "../check/pasted.ts";
import { checkSignature, logOf, shardNameOf, stepOfLog } from "../check/sct.ts";
import { chooseShard, type SubmitData } from "../check/submission.ts";
import type { Step } from "../check/world.ts";
import { type Html, html } from "../html.ts";
import type { Links, Page } from "../page.ts";
import type { Site } from "../site.ts";
import { certificateData, viewCertificate } from "./certificate.ts";
import { formatCount } from "./format.ts";
import { curlLine } from "./home.ts";
import { notAfterOf, renderChain, sctTitle } from "./pasted.ts";
import { logName, renderSct, renderSteps, type SctView, sctData } from "./sct.ts";
import { viewShard } from "./status.ts";
import { renderVerdict, type VerdictStep, type VerdictView } from "./verdict.ts";

/** The page before anything was pasted. */
export async function submitPage(site: Site): Promise<Page> {
  return {
    status: 200,
    title: "Submit and check",
    nav: "-/submit",
    script: "submit.tsx",
    data: dataOf(site),
    body: (links) => html`${head()}
${formOf(site, "", "", links)}
<div id="living">${hints(site, links)}</div>`,
  };
}

function dataOf(site: Site): SubmitData {
  const file = site.assets.names[LOG_LIST];
  return {
    shards: [...site.logs.keys()].map((name) => {
      const { notAfterStartMs, notAfterLimitMs, opensAtMs, closesAtMs } = viewShard(site, name);
      return { name, notAfterStartMs, notAfterLimitMs, opensAtMs, closesAtMs };
    }),
    logList: file === undefined ? null : ASSET_FOLDER + file,
  };
}

/** The answer to the form. */
export async function checkedPage(site: Site, field: (name: string) => string): Promise<Page> {
  // A browser sends the lines of a field so; what it is shown again it sends again.
  const text = field("text").replaceAll("\r\n", "\n");
  const named = field("shard");
  const common = { title: "Submit and check", nav: "-/submit", script: "submit.tsx" as const };
  let pasted: Pasted;
  try {
    pasted = parsePasted(text);
  } catch (thrown) {
    if (!(thrown instanceof MalformedError)) throw thrown;
    const problem = thrown.message;
    return {
      ...common,
      status: 400,
      data: { code: thrown.code, problem },
      body: (links) => html`${head()}
${formOf(site, text, named, links)}
<div id="living"><p class="notice" role="alert">This cannot be read: ${problem}.</p></div>`,
    };
  }
  const { chain, passedOver } = pasted;
  const verdict = await verdictOf(site, named, chain);
  const views = checkHere(site, pasted);
  const certificates = chain
    .slice(0, CERTIFICATES_MAX)
    .map((der) => viewCertificate(site.sha256, der));
  return {
    ...common,
    status: 200,
    data: {
      verdict: verdict ?? null,
      scts: views.map(({ view, steps }) => sctData(view, steps)),
      certificates: certificates.map(certificateData),
    },
    body: (links) => html`${head()}
${formOf(site, text, named, links)}
<div id="living">
<p class="note">These are the server’s words. With JavaScript your browser checks signatures and proofs itself; without, <code>./stratus submit</code> and <code>./stratus cert check</code> do.</p>
${views.map(
  ({ view, steps }, index) =>
    html`<section class="panel sct"><h2>${sctTitle(index, views.length, view.isEmbedded, logName(view))}</h2>${renderSct(view, links)}${renderSteps(steps)}</section>`,
)}
${passedOver > 0 && html`<p class="notice">${formatCount(passedOver)} more SCTs are passed over.</p>`}
${verdict && html`<section class="panel" aria-labelledby="verdict"><h2 id="verdict">Would it be taken?</h2>${renderVerdict(verdict, notAfterOf(chain), links)}</section>`}
${verdict?.isAccepted && submitLine(site, verdict)}
${renderChain(certificates, chain.length)}
</div>`,
  };
}

/** @throws UnavailableError: no verdict can be given now. */
async function verdictOf(
  site: Site,
  named: string,
  chain: readonly Uint8Array[],
): Promise<VerdictView | undefined> {
  if (chain.length === 0) return undefined;
  const shard = chooseShard(dataOf(site).shards, named, chain, site.nowMs());
  const log = shard && site.logs.get(shard.name);
  if (log === undefined) return undefined;
  return viewVerdict(log.identity.name, await log.validate(undefined, chain));
}

/** The view of a verdict that was given here. */
function viewVerdict(shard: string, verdict: Verdict): VerdictView {
  const { endpoint, takenBy = "", refusal, accepted } = verdict;
  const { duplicate } = accepted ?? {};
  return {
    shard,
    endpoint,
    isAccepted: accepted !== undefined,
    takenBy,
    code: refusal?.code ?? "",
    detail: refusal?.message ?? "",
    path: (accepted?.path ?? []).map(stepOf),
    ...(duplicate && { duplicate }),
  };
}

function stepOf({ subject, fingerprint }: PathStep): VerdictStep {
  return { subject, sha256: formatHex(fingerprint) };
}

interface CheckedHere {
  readonly view: SctView;
  readonly steps: readonly Step[];
}

function checkHere(site: Site, { chain, scts }: Pasted): readonly CheckedHere[] {
  if (scts.length === 0) return [];
  const { sha256, openKey } = site;
  const means = { sha256, openKey, nowMs: site.nowMs() };
  const claims = claimsOf(sha256, chain);
  const shards = ownLogs(site);
  return scts.map((pasted): CheckedHere => {
    const own = logOf(shards, pasted.sct);
    const log = own ?? logOf(site.logList, pasted.sct);
    const { steps } = checkSignature(means, claims, pasted, log);
    const view: SctView = { ...pasted, log, shard: own && shardNameOf(own) };
    return { view, steps: [stepOfLog(log, own !== undefined), ...steps] };
  });
}

/** The shards of this server, as a log list has them. */
function ownLogs(site: Site): readonly KnownLog[] {
  return [...site.logs].map(([name, { identity, publicKey }]): KnownLog => {
    const { submissionUrl = "", monitoringUrl = "" } = site.sites.get(name) ?? {};
    const { logId, type, origin, notAfterStartMs, notAfterLimitMs } = identity;
    return {
      description: origin,
      publicKey,
      logId,
      type,
      submissionUrl,
      monitoringUrl,
      mmdSeconds: MMD_SECONDS[type],
      window: { startMs: notAfterStartMs, limitMs: notAfterLimitMs },
      operator: site.operator.name,
      state: undefined,
    };
  });
}

function head(): Html {
  return html`<section class="hero">
<h1>Submit and check</h1>
<p class="lead">Paste a chain to see which shard takes it and what rule would refuse it; nothing is logged until you say so. Paste a certificate with SCTs, a list of them, or the answer of add-chain to see whether they hold.</p>
</section>`;
}

function formOf(site: Site, text: string, named: string, links: Links): Html {
  return html`<form class="paste" id="paste-form" action="${links("-/submit")}" method="post">
<label for="paste-text">Certificates in PEM, the leaf first; an SCT as JSON, or base64 or hex of a certificate, an SCT or a list of them</label>
<textarea id="paste-text" name="text" rows="9" maxlength="400000" autocomplete="off" spellcheck="false" required>${text}</textarea>
<div class="actions">
<button type="submit">Check</button>
<span id="paste-file"></span>
<span class="pair"><label for="paste-shard">Shard</label>
<select id="paste-shard" name="shard"><option value="">by its expiry</option>${[
    ...site.logs.keys(),
  ].map(
    (name) => html`<option value="${name}"${name === named && html` selected`}>${name}</option>`,
  )}</select></span>
</div>
</form>`;
}

function submitLine({ sites }: Site, { shard, endpoint }: VerdictView): Html {
  const { submissionUrl = "" } = sites.get(shard) ?? {};
  return html`<section aria-labelledby="line"><h2 id="line">Submit it</h2>
<p>With the chain in <code>chain.pem</code>:</p>
<pre class="shell" tabindex="0"><code>${curlLine(submissionUrl, endpoint)}</code></pre>
</section>`;
}

function hints(site: Site, links: Links): Html {
  const { length } = site.logList;
  return html`<section aria-labelledby="hints">
<h2 id="hints">What is checked</h2>
<dl class="facts">
<div><dt>A chain</dt><dd>By the judge of add-chain itself: window, path to an <a href="${links("-/roots")}">accepted root</a>, signatures, poison. Then you may submit it, and see its SCT and its proof.</dd></div>
<div><dt>Embedded SCTs</dt><dd>The TBSCertificate is rebuilt as each log saw it and the signature verified over it. The key of the issuer is part of that: paste the issuer too.</dd></div>
<div><dt>An SCT alone</dt><dd>One of this server’s shards names its entry, which is fetched and proven. For another log’s, paste its certificate beside it.</dd></div>
<div><dt>Logs known by name</dt><dd>${countOf(site.logs.size, "shard", formatCount)} of this server${
    length === 0
      ? "; it was given no list of others"
      : html`, and ${countOf(length, "log", formatCount)} of a list that it was given`
  }.</dd></div>
</dl>
</section>`;
}
