/**
 * Makes the browser's files with esbuild: the code in `browser/` with the log's own core, and
 * the style sheet. The result is kept below `node_modules/.cache`, by a hash of everything that
 * it is made of; a built program brings it along, and then needs no esbuild.
 * @module
 */
import {
  chmodSync,
  globSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { MalformedError, messageOf } from "../base/errors.ts";
import { formatHex } from "../encoding/hex.ts";
import { encodeUtf8 } from "../encoding/utf8.ts";
import type { Sha256 } from "../merkle/hash.ts";
import { type LogList, parseLogList } from "../sct/log-list.ts";
import { type Asset, type AssetSet, BROWSER_ENTRIES, LOG_LIST, NO_ASSETS } from "./assets.ts";

/** Folder of the whole program, and of this file's like. */
const SOURCE = dirname(import.meta.dirname);
const ROOT = dirname(SOURCE);

/** What the built program brings along: beside this file. */
const BUILT = join(import.meta.dirname, "pages.json");

/** What a bundle can be made of, below `src`; and what chooses the tools. */
const INPUTS = [
  "{base,encoding,merkle,rfc6962,static-ct,checkpoint,x509,sct,dashboard,history}/**/*.{ts,tsx,css,svg}",
  "../package.json",
];

const ENCODER = new TextEncoder();

/** Content types by the end of the name. */
const TYPES: Readonly<Record<string, string>> = {
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
  json: "application/json",
};

/**
 * The files of the pages: built ones, else kept ones, else made now.
 * @throws Error if there are none and esbuild cannot make them.
 */
export async function loadAssets(sha256: Sha256): Promise<AssetSet> {
  if (import.meta.filename.endsWith(".js")) return readSet(BUILT);
  const key = formatHex(sha256(inputs())).slice(0, 32);
  const folder = join(ROOT, "node_modules/.cache/stratus");
  const path = join(folder, `pages-${key}.json`);
  try {
    return readSet(path);
  } catch {
    const set = await bundleAssets();
    // An installation that nobody may write to makes them at each start.
    try {
      keepSet(folder, path, set);
    } catch {}
    return set;
  }
}

/** As {@link loadAssets}; {@link NO_ASSETS} and a word to `report` where that fails. */
export async function assetsOrNone(
  sha256: Sha256,
  report: (message: string) => void,
): Promise<AssetSet> {
  try {
    return await loadAssets(sha256);
  } catch (thrown) {
    report(`pages are served without style and scripts: ${messageOf(thrown)}`);
    return NO_ASSETS;
  }
}

/** Makes the files. @throws Error in esbuild's words. */
export async function bundleAssets(): Promise<AssetSet> {
  // Only here: where the files are there already, it need not be installed.
  const { build } = await import("esbuild");
  const entries = ["style/style.css", "style/icon.svg"].concat(
    BROWSER_ENTRIES.map((entry) => `browser/${entry}`),
  );
  const { outputFiles, metafile } = await build({
    absWorkingDir: import.meta.dirname,
    entryPoints: entries,
    outdir: "assets",
    entryNames: "[name]-[hash]",
    chunkNames: "part-[hash]",
    bundle: true,
    write: false,
    metafile: true,
    minify: true,
    splitting: true,
    format: "esm",
    target: ["es2022"],
    jsx: "automatic",
    jsxImportSource: "preact",
    loader: { ".svg": "copy" },
    legalComments: "none",
    logLevel: "silent",
  });
  const names: Record<string, string> = {};
  for (const [path, { entryPoint, inputs: made }] of Object.entries(metafile.outputs)) {
    const from = entryPoint ?? Object.keys(made).find((input) => input.endsWith(".svg"));
    if (from !== undefined) names[basename(from)] = basename(path);
  }
  const assets = outputFiles.map(({ path, contents }) => makeAsset(basename(path), contents));
  return { assets, names };
}

/** Bytes of a log list at most; Chrome's has some 300,000. */
const LIST_BYTES_MAX = 4_194_304;

/**
 * Reads a log list in Chrome's v3 form.
 * @throws MalformedError `MALFORMED_CONFIG` that names the file.
 */
export function readLogList(sha256: Sha256, path: string): { readonly text: string } & LogList {
  try {
    const { size } = statSync(path);
    if (size > LIST_BYTES_MAX) throw new Error(`more than ${LIST_BYTES_MAX} bytes`);
    const text = readFileSync(path, "utf8");
    return { text, ...parseLogList(sha256, text) };
  } catch (cause) {
    const message = `logList ${path} cannot be used: ${messageOf(cause)}`;
    throw new MalformedError("MALFORMED_CONFIG", message, { cause });
  }
}

/**
 * The set with a log list beside the other files, under the name that its content gives it.
 * @throws as {@link readLogList}.
 */
export function withLogList(set: AssetSet, path: string, sha256: Sha256): AssetSet {
  const bytes = encodeUtf8(readLogList(sha256, path).text);
  const name = `log-list-${formatHex(sha256(bytes)).slice(0, 16)}.json`;
  const assets = [...set.assets, makeAsset(name, bytes)];
  return { assets, names: { ...set.names, [LOG_LIST]: name } };
}

/** A set as the text that a built program brings along. */
export function formatSet(set: AssetSet): string {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const assets = set.assets.map(({ name, bytes }) => ({ name, text: decoder.decode(bytes) }));
  return JSON.stringify({ names: set.names, assets });
}

function readSet(path: string): AssetSet {
  const { names, assets } = JSON.parse(readFileSync(path, "utf8")) as {
    readonly names: Readonly<Record<string, string>>;
    readonly assets: readonly { readonly name: string; readonly text: string }[];
  };
  return { names, assets: assets.map(({ name, text }) => makeAsset(name, ENCODER.encode(text))) };
}

function keepSet(folder: string, path: string, set: AssetSet): void {
  mkdirSync(folder, { recursive: true });
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, formatSet(set));
  // Whoever may read the program may read this; a log's own umask lets nobody.
  chmodSync(draft, 0o644);
  renameSync(draft, path);
  for (const old of globSync("pages-*.json", { cwd: folder })) {
    if (join(folder, old) !== path) rmSync(join(folder, old), { force: true });
  }
}

function makeAsset(name: string, bytes: Uint8Array): Asset {
  const contentType = TYPES[name.split(".").at(-1) ?? ""] ?? "application/octet-stream";
  return { name, contentType, bytes, gzip: new Uint8Array(gzipSync(bytes)) };
}

/** Everything that the files are made of, one after the other. */
function inputs(): Uint8Array {
  let text = "";
  for (const path of globSync(INPUTS, { cwd: SOURCE }).sort()) {
    text += `${path}\n${readFileSync(join(SOURCE, path), "utf8")}\n`;
  }
  return ENCODER.encode(text);
}
