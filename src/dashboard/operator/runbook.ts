/**
 * Pages of docs/OPERATIONS.md by the name of their alert, and the little Markdown that they are
 * written in as markup.
 * @module
 */
import { type Html, html } from "../html.ts";

/** What stands below `### <alert>`; undefined if there is no such page. */
export function sectionOf(runbook: string, alert: string): string | undefined {
  const head = `\n### ${alert}\n`;
  const at = runbook.indexOf(head);
  if (at < 0) return undefined;
  const text = runbook.slice(at + head.length);
  const end = text.search(/^#{1,3} /m);
  return (end < 0 ? text : text.slice(0, end)).trim();
}

/** Paragraphs, lists, commands, bold words and code; links as their words. */
export function renderMarkdown(text: string): Html {
  return html`${text.split(/\n\n(?![^`]*\n```(?:\n|$))/).map(renderBlock)}`;
}

function renderBlock(block: string): Html {
  const [, code] = /^```\w*\n([\s\S]*?)\n?```$/.exec(block.trim()) ?? [];
  if (code !== undefined) return html`<pre><code>${code}</code></pre>`;
  if (/^[-*] /.test(block)) {
    const items = block.split(/^[-*] /m).filter((item) => item !== "");
    return html`<ul>${items.map((item) => html`<li>${renderInline(item)}</li>`)}</ul>`;
  }
  return html`<p>${renderInline(block)}</p>`;
}

const INLINE = /`([^`]+)`|\*\*([^*]+)\*\*|\*([^*\s][^*]*)\*|\[([^\]]+)\]\([^)]*\)/g;

function renderInline(text: string): readonly (Html | string)[] {
  const pieces: (Html | string)[] = [];
  let at = 0;
  for (const found of text.matchAll(INLINE)) {
    const [whole, code, strong, soft, link] = found;
    pieces.push(text.slice(at, found.index));
    if (code !== undefined) pieces.push(html`<code>${code}</code>`);
    else if (strong !== undefined) pieces.push(html`<strong>${strong}</strong>`);
    else if (soft !== undefined) pieces.push(html`<em>${soft}</em>`);
    else pieces.push(...renderInline(link ?? ""));
    at = found.index + whole.length;
  }
  return [...pieces, text.slice(at)];
}
