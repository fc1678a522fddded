/**
 * The pages of the operations port: one, and the files that it loads.
 * @module
 */
import type { Range } from "../../history/range.ts";
import { ASSET_FOLDER, type Asset } from "../assets.ts";
import { html } from "../html.ts";
import { renderPage } from "../page.ts";
import type { PageAnswer, Query } from "../routes.ts";
import type { DashboardData } from "./data.ts";
import { readDashboard } from "./model.ts";
import type { OperatorSite } from "./site.ts";
import { renderDashboard } from "./view.ts";

/** A look serves everybody who asks within this; milliseconds. */
const KEPT_MS = 1_000;

const PATHS = ["/", "/dashboard.json"];

/** See the module; what `http` serves as it serves the public pages. */
export class OperatorPages {
  readonly #site: OperatorSite;
  readonly #assets: ReadonlyMap<string, Asset>;
  readonly #kept = new Map<
    Range,
    { readonly atMs: number; readonly data: Promise<DashboardData> }
  >();

  constructor(site: OperatorSite) {
    this.#site = site;
    this.#assets = new Map(
      site.assets.assets.map((asset) => [`/${ASSET_FOLDER}${asset.name}`, asset]),
    );
  }

  /** Whether the page or a file stands at this path. */
  has(path: string): boolean {
    return PATHS.includes(path) || this.#assets.has(path);
  }

  /** The page at a path that {@link has} allowed. */
  async page(path: string, query: Query): Promise<PageAnswer | undefined> {
    const data = await this.#look(query("range") === "day" ? "day" : "hour");
    const { operator, software, assets } = this.#site;
    const frame = {
      operator,
      software,
      assets,
      nav: [["", "Operations"]] as const,
      foot: html`<p>The operations port. Keep it from the public: it is for who runs this log.</p>
<p>${["dashboard.json", "metrics", "readyz", "traffic", "roots", "log-level"].map((name) => html`<a href="${`./${name}`}">${name}</a> `)}<span>${software.name} ${software.version}</span></p>`,
    };
    const page = {
      status: 200 as const,
      title: `${operator}: operations`,
      nav: "",
      script: "operator.tsx" as const,
      data,
      body: () => renderDashboard(data),
    };
    return { status: 200, data, html: () => renderPage(page, path, frame) };
  }

  /** A file that the page loads. */
  asset(path: string): Asset | undefined {
    return this.#assets.get(path);
  }

  #look(range: Range): Promise<DashboardData> {
    const nowMs = this.#site.nowMs();
    const kept = this.#kept.get(range);
    if (kept !== undefined && nowMs >= kept.atMs && nowMs < kept.atMs + KEPT_MS) return kept.data;
    const data = readDashboard(this.#site, range);
    this.#kept.set(range, { atMs: nowMs, data });
    // What failed is not kept: whoever asks next looks again.
    data.catch(() => this.#kept.delete(range));
    return data;
  }
}
