/**
 * An entry taken apart: what `leaf_input` and `extra_data` of RFC 6962 hold, field by field.
 * The same code runs on the server, which shows what it has, and in the browser, which shows
 * what it fetched and verified.
 * @module
 */

import { MalformedError } from "../../base/errors.ts";
import { countOf } from "../../base/plural.ts";
import { formatBase64 } from "../../encoding/base64.ts";
import { formatHex } from "../../encoding/hex.ts";
import { hashLeaf, type Sha256 } from "../../merkle/hash.ts";
import { decodeExtraData, decodeMerkleTreeLeaf } from "../../rfc6962/entry.ts";
import { describeExtensions } from "../../sct/describe.ts";
import { type Html, html } from "../html.ts";
import {
  type CertificateView,
  certificateData,
  renderCertificate,
  viewCertificate,
} from "./certificate.ts";
import { formatBytes, formatCount, formatTimeMs } from "./format.ts";

/** An entry as the public API gives it. */
export interface RawEntry {
  readonly leafIndex: number;
  readonly leafInput: Uint8Array;
  readonly extraData: Uint8Array;
}

/** An entry for people. */
export interface EntryView extends RawEntry {
  readonly leafHash: Uint8Array;
  readonly timestampMs: number;
  readonly type: "x509" | "precert";
  readonly issuerKeyHash: Uint8Array | undefined;
  /** Of a precertificate entry: the TBSCertificate that is logged. */
  readonly tbs: Uint8Array | undefined;
  readonly extensions: Uint8Array;
  /** What the extensions say, in a line. */
  readonly extensionsText: string;
  /** The certificate, or the precertificate as it was submitted; then its chain. */
  readonly certificates: readonly CertificateView[];
}

/** Takes an entry apart. @throws MalformedError `MALFORMED_TLS` if it is none. */
export function viewEntry(sha256: Sha256, raw: RawEntry): EntryView {
  const { timestampMs, entry, extensions } = decodeMerkleTreeLeaf(raw.leafInput);
  const { precertificate, chain } = decodeExtraData(entry.type, raw.extraData);
  const first = entry.type === "x509" ? entry.certificate : precertificate;
  if (first === undefined) throw new MalformedError("MALFORMED_TLS", "no precertificate");
  const isPrecert = entry.type === "precert";
  return {
    ...raw,
    leafHash: hashLeaf(sha256, raw.leafInput),
    timestampMs,
    type: entry.type,
    issuerKeyHash: isPrecert ? entry.issuerKeyHash : undefined,
    tbs: isPrecert ? entry.tbs : undefined,
    extensions,
    extensionsText: describeExtensions(extensions).text,
    certificates: [first, ...chain].map((der) => viewCertificate(sha256, der)),
  };
}

/** An entry for programs. */
export function entryData(entry: EntryView): object {
  return {
    leafIndex: entry.leafIndex,
    leafHash: formatBase64(entry.leafHash),
    timestampMs: entry.timestampMs,
    type: entry.type,
    issuerKeyHash: entry.issuerKeyHash && formatBase64(entry.issuerKeyHash),
    extensions: formatBase64(entry.extensions),
    leafInput: formatBase64(entry.leafInput),
    extraData: formatBase64(entry.extraData),
    certificates: entry.certificates.map(certificateData),
  };
}

/** An entry as a page shows it. */
export function renderEntry(entry: EntryView): Html {
  const [first, ...chain] = entry.certificates;
  const { issuerKeyHash } = entry;
  return html`<section class="panel" aria-labelledby="leaf">
<h2 id="leaf">What the log signed</h2>
<dl class="facts">
<div><dt>Type</dt><dd>${entry.type === "precert" ? "precertificate" : "certificate"}</dd></div>
<div><dt>Logged</dt><dd>${formatTimeMs(entry.timestampMs)} <span class="quiet">${entry.timestampMs}</span></dd></div>
<div><dt>Leaf hash</dt><dd><code class="hash">${formatHex(entry.leafHash)}</code> <code class="hash quiet">${formatBase64(entry.leafHash)}</code></dd></div>
${issuerKeyHash && html`<div><dt>Issuer key hash</dt><dd><code class="hash">${formatHex(issuerKeyHash)}</code></dd></div>`}
${entry.tbs && html`<div><dt>TBSCertificate</dt><dd>${formatBytes(entry.tbs.length)}, the precertificate's without the poison</dd></div>`}
<div><dt>Extensions</dt><dd>${entry.extensionsText}</dd></div>
<div><dt>Leaf</dt><dd>${formatBytes(entry.leafInput.length)}</dd></div>
</dl>
</section>
${
  first &&
  html`<section class="panel" aria-labelledby="certificate">
<h2 id="certificate">${entry.type === "precert" ? "The precertificate" : "The certificate"}</h2>
${renderCertificate(first)}
</section>`
}
<section aria-labelledby="chain">
<h2 id="chain">Its chain</h2>
${
  chain.length === 0
    ? html`<p>None: it is an accepted root itself.</p>`
    : html`<ol class="chain">${chain.map(
        (certificate, index) =>
          html`<li><details><summary>${certificate.title}${
            index === chain.length - 1 && html` <span class="badge">accepted root</span>`
          }</summary>${renderCertificate(certificate)}</details></li>`,
      )}</ol>`
}
<p class="quiet">${countOf(entry.certificates.length, "certificate", formatCount)}, ${formatBytes(entry.extraData.length)} beside the leaf.</p>
</section>`;
}
