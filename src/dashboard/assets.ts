/**
 * What pages load: scripts and the style sheet, made once by `bundle.ts` and kept in memory.
 * Their names carry a hash of their content, so that they are cached for good.
 * @module
 */

/** One file. */
export interface Asset {
  /** Like `shard-K3J5QZ7A.js`. */
  readonly name: string;
  readonly contentType: string;
  readonly bytes: Uint8Array;
  /** `bytes` as gzip. */
  readonly gzip: Uint8Array;
}

/** Every file, and which of them stands for what a page names: plain values, for threads. */
export interface AssetSet {
  readonly assets: readonly Asset[];
  /** From `style.css`, `icon.svg` or an entry of the browser's code, as `shard.tsx`, to a name. */
  readonly names: Readonly<Record<string, string>>;
}

/**
 * Entries of the browser's code in `browser/`: a page loads one of them. Whoever adds a living
 * page adds its entry here.
 */
export const BROWSER_ENTRIES = [
  "home.ts",
  "roots.ts",
  "shard.tsx",
  "entry.tsx",
  "submit.tsx",
  "operator.tsx",
] as const;

/** Name of an entry. */
export type BrowserEntry = (typeof BROWSER_ENTRIES)[number];

/** Pages without scripts and style: still whole, where nothing could be bundled. */
export const NO_ASSETS: AssetSet = { assets: [], names: {} };

/** What the log list that pages name logs by stands for in `names`; not there if none was given. */
export const LOG_LIST = "log-list.json";

/** Below the root of the server; no shard's name begins so. */
export const ASSET_FOLDER = "-/assets/";
