/**
 * What pasted certificates and SCTs look like, on the server and in the browser.
 * @module
 */
import { parseCertificate } from "../../x509/certificate.ts";
import { type Html, html } from "../html.ts";
import { type CertificateView, renderCertificate } from "./certificate.ts";
import { formatCount } from "./format.ts";

/** When a chain's first certificate expires. @throws MalformedError if it does not parse. */
export function notAfterOf([leaf]: readonly Uint8Array[]): number {
  return leaf === undefined ? 0 : parseCertificate(leaf).notAfterMs;
}

/** What an SCT's panel is called. @param name Of its log. */
export function sctTitle(index: number, count: number, isEmbedded: boolean, name: string): string {
  const which = count === 1 ? "SCT" : `SCT ${index + 1} of ${count}`;
  return `${which}${isEmbedded ? " in the certificate" : ""}: ${name}`;
}

/** The certificates that were pasted. @param count How many there are. */
export function renderChain(certificates: readonly CertificateView[], count: number): Html {
  if (certificates.length === 0) return html``;
  return html`<section aria-labelledby="pasted">
<h2 id="pasted">${count === 1 ? "The certificate" : `The ${formatCount(count)} certificates`}</h2>
<ol class="chain">${certificates.map(
    (certificate) =>
      html`<li><details><summary>${certificate.title}</summary>${renderCertificate(certificate)}</details></li>`,
  )}</ol>
${count > certificates.length && html`<p class="note">The first ${certificates.length} are shown.</p>`}
</section>`;
}
