/**
 * `/-/roots`: the accepted roots of all shards, searchable by name and fingerprint.
 * @module
 */
import { formatHex } from "../../encoding/hex.ts";
import type { Sha256 } from "../../merkle/hash.ts";
import { type CertificateDescription, describeCertificate } from "../../x509/describe.ts";
import { type Html, html } from "../html.ts";
import type { Links, Page } from "../page.ts";
import type { Site } from "../site.ts";
import { formatCount, formatDay } from "./format.ts";
import { latin1Text } from "./query-text.ts";

/** An accepted root. */
export interface RootView {
  readonly subject: string;
  /** SHA-256 of its DER, 64 hex digits. */
  readonly fingerprint: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly key: string;
  /** Names of the shards that accept it. */
  readonly shards: readonly string[];
}

const SEARCH_CHARACTERS_MAX = 200;

/** The page. */
export async function rootsPage(site: Site, query: (name: string) => string): Promise<Page> {
  const search = latin1Text(query("q")).trim().slice(0, SEARCH_CHARACTERS_MAX);
  const all = viewRoots(site);
  const words = search
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== "");
  const found = all.filter((root) => {
    const text = searchText(root);
    return words.every((word) => text.includes(word) || text.includes(word.replaceAll(":", "")));
  });
  return {
    status: 200,
    title: "Accepted roots",
    nav: "-/roots",
    script: "roots.ts",
    data: { search, roots: found },
    body: (links) => bodyOf(site, search, all.length, found, links),
  };
}

/** What a search looks at. */
function searchText({ subject, fingerprint, key, shards }: RootView): string {
  return `${subject} ${fingerprint} ${key} ${shards.join(" ")}`.toLowerCase();
}

/** The roots of all shards, each once, by name. */
export function viewRoots(site: Site): readonly RootView[] {
  const shardsOf = new Map<Uint8Array, string[]>();
  const byFingerprint = new Map<string, { der: Uint8Array; shards: string[] }>();
  for (const [name, log] of site.logs) {
    for (const der of log.roots()) {
      const known = shardsOf.get(der);
      if (known !== undefined) {
        known.push(name);
        continue;
      }
      const { fingerprint } = describedRoot(der, site.sha256);
      const root = byFingerprint.get(fingerprint) ?? { der, shards: [] };
      root.shards.push(name);
      byFingerprint.set(fingerprint, root);
      shardsOf.set(der, root.shards);
    }
  }
  return [...byFingerprint.values()]
    .map(({ der, shards }): RootView => {
      const { fingerprint, description } = describedRoot(der, site.sha256);
      const { subject, notBeforeMs, notAfterMs, key } = description;
      return { subject, fingerprint, notBeforeMs, notAfterMs, key, shards };
    })
    .sort((a, b) => (a.subject < b.subject ? -1 : 1));
}

interface DescribedRoot {
  readonly fingerprint: string;
  readonly description: CertificateDescription;
}

/** Roots stay the same objects until they are read again. */
const described = new WeakMap<Uint8Array, DescribedRoot>();

function describedRoot(der: Uint8Array, sha256: Sha256): DescribedRoot {
  const known = described.get(der);
  if (known !== undefined) return known;
  const root = { fingerprint: formatHex(sha256(der)), description: describeCertificate(der) };
  described.set(der, root);
  return root;
}

/** The search: a form, which works as it stands. */
export function rootsSearch(search: string, links: Links): Html {
  return html`<form class="search" action="${links("-/roots")}" method="get" role="search">
<label for="q">Search by name or fingerprint</label>
<input id="q" name="q" type="search" value="${search}" maxlength="${SEARCH_CHARACTERS_MAX}" autocomplete="off" spellcheck="false">
<button type="submit">Search</button>
</form>`;
}

function bodyOf(
  site: Site,
  search: string,
  count: number,
  found: readonly RootView[],
  links: Links,
): Html {
  const shardCount = site.logs.size;
  return html`<section>
<h1>Accepted roots</h1>
<p>A submitted chain must end in one of these ${formatCount(count)} certificates. They are here to make spam attributable, not because anybody should trust them.</p>
${rootsSearch(search, links)}
<p id="found" role="status">${search === "" ? html`All ${formatCount(count)}.` : html`${formatCount(found.length)} of ${formatCount(count)} match \u201c${search}\u201d.`}</p>
<table class="roots">
<thead><tr><th scope="col">Name and SHA-256</th><th scope="col">Key</th><th scope="col">Valid until</th><th scope="col">Shards</th></tr></thead>
<tbody>${found.map(
    (root) => html`<tr>
<th scope="row">${root.subject === "" ? "(no name)" : root.subject}<code class="hash">${root.fingerprint}</code></th>
<td data-label="Key">${root.key}</td>
<td data-label="Valid until">${formatDay(root.notAfterMs)}</td>
<td data-label="Shards">${root.shards.length === shardCount ? "all" : root.shards.join(", ")}</td>
</tr>`,
  )}</tbody>
</table>
</section>`;
}
