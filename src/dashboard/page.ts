/**
 * A page as a value, and the frame around every page. A page gives its data for programs and
 * its markup for people, from the same data; `http` chooses by the Accept header.
 * @module
 */
import { ASSET_FOLDER, type AssetSet, type BrowserEntry } from "./assets.ts";
import { type Html, html } from "./html.ts";

/** A page, or where to go instead. */
export type Page =
  | {
      readonly status: 200 | 400 | 404 | 503;
      /** Of the browser's tab. */
      readonly title: string;
      /** What `Accept: application/json` gets. */
      readonly data: object;
      /** What stands between the head and the foot; made only for people. */
      readonly body: (links: Links) => Html;
      /** The living part: an entry of `browser/`. */
      readonly script?: BrowserEntry;
      /** Which item of the head is marked as this page. */
      readonly nav?: string;
    }
  | {
      readonly status: 303;
      /** Path below the root, without slash before it. */
      readonly path: string;
    };

/**
 * Writes links so that they hold below any prefix that a proxy puts before the server.
 * @param path As `nimbus2027/checkpoint` or `-/roots`; empty for home.
 */
export type Links = (path: string) => string;

/** What the frame knows of the server. */
export interface Frame {
  readonly operator: string;
  readonly software: { readonly name: string; readonly version: string };
  readonly assets: AssetSet;
  /** Items of the head; default: those of the public pages. */
  readonly nav?: Nav;
  /** What stands below every page; default: that of the public pages. */
  readonly foot?: Html;
}

/** Items of the head, by path below the root. */
type Nav = readonly (readonly [path: string, text: string])[];

/** Items of the head, by path below the root. Whoever adds a page for everybody adds it here. */
const NAV: Nav = [
  ["", "Shards"],
  ["-/submit", "Submit and check"],
  ["-/roots", "Accepted roots"],
];

/** Links of a page at `path`: as many steps up as it has slashes. */
export function linksOf(path: string): Links {
  const steps = path.split("/").length - 2;
  const up = steps > 0 ? "../".repeat(steps) : "./";
  return (target) => `${up}${target}`;
}

/** The document of a page. @param path Of the request, with its slash. */
export function renderPage(
  page: Page & { status: 200 | 400 | 404 | 503 },
  path: string,
  frame: Frame,
): string {
  const links = linksOf(path);
  const asset = (name: string): string | undefined => {
    const file = frame.assets.names[name];
    return file && links(ASSET_FOLDER + file);
  };
  const script = page.script && asset(page.script);
  const style = asset("style.css");
  const icon = asset("icon.svg");
  return `<!doctype html>\n${html`<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${page.title}</title>
${style && html`<link rel="stylesheet" href="${style}">`}
${icon && html`<link rel="icon" type="image/svg+xml" href="${icon}">`}
${script && html`<script type="module" src="${script}"></script>`}
</head>
<body data-root="${links("")}">
<a class="skip" href="#main">Skip to the content</a>
<header class="head">
<a class="brand" href="${links("")}">${LOGO}<span>${frame.operator}</span></a>
<nav aria-label="Pages">${(frame.nav ?? NAV).map(
    ([target, text]) =>
      html`<a href="${links(target)}"${page.nav === target && html` aria-current="page"`}>${text}</a>`,
  )}</nav>
</header>
<main id="main">
${page.body(links)}
</main>
<footer class="foot">
${frame.foot ?? publicFoot(links, frame)}
</footer>
</body>
</html>`}\n`;
}

function publicFoot(links: Links, { software }: Frame): Html {
  return html`<p>A Certificate Transparency log. What these pages call verified was computed in your browser.</p>
<p><a href="${links("logs.json")}">logs.json</a> <a href="${links("openapi.json")}">openapi.json</a> <span>${software.name} ${software.version}</span></p>`;
}

/** Three layers of a tree's right edge. */
const LOGO: Html = html`<svg class="logo" viewBox="0 0 24 24" width="24" height="24" aria-hidden="true"><path d="M3 18.5h18M6 12.5h12M9.5 6.5h5" fill="none" stroke="currentColor" stroke-width="3" stroke-linecap="round"/></svg>`;
