/**
 * Which path shows which page. Paths below `-/` belong to no shard: no shard's name begins so.
 * @module
 */
import type { KnownLog } from "../sct/log-list.ts";
import { ASSET_FOLDER, type Asset, type AssetSet } from "./assets.ts";
import { linksOf, type Page, renderPage } from "./page.ts";
import type { Site } from "./site.ts";
import { entryPage, findPage } from "./view/entry.ts";
import { homePage } from "./view/home.ts";
import { rootsPage } from "./view/roots.ts";
import { shardPage } from "./view/shard.ts";
import { checkedPage, submitPage } from "./view/submit.ts";

/** The first value of a parameter of the query; empty if absent. */
export type Query = (name: string) => string;

/** What is answered: a page in both its forms, or where to go. */
export type PageAnswer =
  | {
      readonly status: 200 | 400 | 404 | 503;
      readonly data: object;
      /** The document. */
      html(): string;
    }
  | { readonly status: 303; readonly location: string };

/** Makes a page; undefined if there is none. */
type Route = (site: Site, parts: readonly string[], query: Query) => Promise<Page | undefined>;

/** By the path without its first slash; what a pattern's groups take is passed on. */
const ROUTES: readonly (readonly [pattern: RegExp, route: Route])[] = [
  [/^$/, (site) => homePage(site)],
  [/^-\/submit$/, (site) => submitPage(site)],
  [/^-\/roots$/, (site, _, query) => rootsPage(site, query)],
  [/^([a-z0-9][a-z0-9-]*)\/?$/, (site, [shard = ""]) => shardPage(site, shard)],
  [/^([a-z0-9][a-z0-9-]*)\/entry$/, (site, [shard = ""], query) => findPage(site, shard, query)],
  [
    /^([a-z0-9][a-z0-9-]*)\/entry\/(0|[1-9][0-9]{0,12})$/,
    (site, [shard = "", index = ""]) => entryPage(site, shard, Number(index)),
  ],
];

/** What a form posts to a path. @param field A field of the form; empty if absent. */
type Form = (site: Site, field: Query) => Promise<Page>;

/** By the path without its first slash. */
const FORMS: ReadonlyMap<string, Form> = new Map([["-/submit", checkedPage]]);

/** The pages of a server. */
export class Pages {
  #site: Site;
  #assets: ReadonlyMap<string, Asset>;

  constructor(site: Site) {
    this.#site = site;
    this.#assets = new Map(site.assets.assets.map((asset) => [asset.name, asset]));
  }

  /**
   * From now on pages load these, and name other logs by this list. What they loaded until now
   * stays, for those who have such a page open; what came before that does not.
   */
  replaceAssets(assets: AssetSet, logList: readonly KnownLog[]): void {
    const both = [...this.#site.assets.assets, ...assets.assets];
    this.#assets = new Map(both.map((asset) => [asset.name, asset]));
    this.#site = { ...this.#site, assets, logList };
  }

  /** Whether a page or file may stand at this path; `/` before it, without query. */
  has(path: string): boolean {
    const local = path.slice(1);
    if (this.asset(path) !== undefined) return true;
    const [, shard] = /^([a-z0-9][a-z0-9-]*)(?:\/|$)/.exec(local) ?? [];
    if (shard !== undefined && !this.#site.logs.has(shard)) return false;
    return ROUTES.some(([pattern]) => pattern.test(local));
  }

  /** The page at this path, which {@link has} allowed. */
  async page(path: string, query: Query): Promise<PageAnswer | undefined> {
    const local = path.slice(1);
    for (const [pattern, route] of ROUTES) {
      const found = pattern.exec(local);
      if (found === null) continue;
      // A log list names a shard with a slash behind it.
      if (local.endsWith("/")) return { status: 303, location: `../${local.slice(0, -1)}` };
      const page = await route(this.#site, found.slice(1), query);
      if (page !== undefined) return this.#answer(path, page);
    }
    return undefined;
  }

  /** Whether a form may be posted to this path. */
  takes(path: string): boolean {
    return FORMS.has(path.slice(1));
  }

  /** The page that answers a form, at a path that {@link takes} allowed. */
  async posted(path: string, field: Query): Promise<PageAnswer | undefined> {
    const page = await FORMS.get(path.slice(1))?.(this.#site, field);
    return page && this.#answer(path, page);
  }

  #answer(path: string, page: Page): PageAnswer {
    if (page.status === 303) return { status: 303, location: linksOf(path)(page.path) };
    const { operator, software, assets } = this.#site;
    const frame = { operator: operator.name, software, assets };
    const { status, data } = page;
    return { status, data, html: () => renderPage(page, path, frame) };
  }

  /** A file that pages load. */
  asset(path: string): Asset | undefined {
    return path.startsWith(`/${ASSET_FOLDER}`)
      ? this.#assets.get(path.slice(ASSET_FOLDER.length + 1))
      : undefined;
  }
}
