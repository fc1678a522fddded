/**
 * `/<shard>/entry/<index>`: one entry, decoded; and `/<shard>/entry?find=...`, which looks for
 * one by index or leaf hash. The living part, `browser/entry.tsx`, proves it.
 * @module
 */
import { RejectedError } from "../../base/errors.ts";
import { formatBase64 } from "../../encoding/base64.ts";
import { formatHex } from "../../encoding/hex.ts";
import type { Log } from "../../log/log.ts";
import { hashOf } from "../check/search.ts";
import { html } from "../html.ts";
import type { Page } from "../page.ts";
import type { Site } from "../site.ts";
import { entryData, renderEntry, viewEntry } from "./entry-view.ts";
import { formatCount } from "./format.ts";
import { findForm, shardHead } from "./shard.ts";
import { viewShard } from "./status.ts";

/** The page of an entry. */
export async function entryPage(
  site: Site,
  name: string,
  index: number,
): Promise<Page | undefined> {
  const log = site.logs.get(name);
  if (log === undefined) return undefined;
  const treeSize = log.publishedSize();
  if (index >= treeSize) {
    const message =
      treeSize === 0
        ? "The tree has no entry yet."
        : `The entries of the tree are numbered from 0 to ${formatCount(treeSize - 1)}.`;
    return missing(site, name, String(index), message);
  }
  const { leafInput, extraData, path } = await log.entryAndProof(index, treeSize);
  const view = viewEntry(site.sha256, { leafIndex: index, leafInput, extraData });
  return {
    status: 200,
    title: `${name}: entry ${index}`,
    script: "entry.tsx",
    data: { ...entryData(view), treeSize, auditPath: path.map((hash) => formatBase64(hash)) },
    body: (links) => html`<section class="hero">
<p class="crumbs"><a href="${links("")}">Shards</a> <a href="${links(name)}">${name}</a></p>
<h1>Entry ${formatCount(index)}</h1>
<nav class="links" aria-label="Entries">${
      index > 0
        ? html`<a rel="prev" href="${links(`${name}/entry/${index - 1}`)}">previous</a>`
        : undefined
    } ${index + 1 < treeSize ? html`<a rel="next" href="${links(`${name}/entry/${index + 1}`)}">next</a>` : undefined}</nav>
</section>
<div id="living" data-shard="${name}" data-index="${index}">
<p class="note">These are the server’s words; with JavaScript your browser verifies them.</p>
${renderEntry(view)}
</div>
${findForm(name, "", links)}`,
  };
}

/** The search. */
export async function findPage(
  site: Site,
  name: string,
  query: (name: string) => string,
): Promise<Page | undefined> {
  const log = site.logs.get(name);
  if (log === undefined) return undefined;
  const search = query("find").trim();
  if (search === "") return { status: 303, path: name };
  if (/^[0-9]{1,13}$/.test(search)) return { status: 303, path: `${name}/entry/${Number(search)}` };
  const hash = hashOf(query("find"));
  if (hash === undefined) {
    return missing(
      site,
      name,
      search,
      "The server looks up an index or a leaf hash. SCTs and certificates are taken apart in your browser, with JavaScript.",
    );
  }
  const leafIndex = await findLeaf(log, hash);
  if (leafIndex !== undefined) return { status: 303, path: `${name}/entry/${leafIndex}` };
  return missing(site, name, search, `No entry has the leaf hash ${formatHex(hash)}.`);
}

async function findLeaf(log: Log, hash: Uint8Array): Promise<number | undefined> {
  try {
    return (await log.proveByHash(hash, log.publishedSize())).leafIndex;
  } catch (thrown) {
    if (thrown instanceof RejectedError) return undefined;
    throw thrown;
  }
}

function missing(site: Site, name: string, search: string, message: string): Page {
  return {
    status: 404,
    title: `${name}: no such entry`,
    script: "entry.tsx",
    data: { code: "REJECTED_NOT_FOUND", message },
    body: (links) => html`${shardHead(viewShard(site, name), links)}
<p class="notice" role="status">${message}</p>
<div id="living" data-shard="${name}"></div>
${findForm(name, search, links)}`,
  };
}
