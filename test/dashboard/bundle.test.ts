import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { buildPages } from "../../src/cli/build-pages.ts";
import { BROWSER_ENTRIES, LOG_LIST, NO_ASSETS } from "../../src/dashboard/assets.ts";
import { assetsOrNone, loadAssets, withLogList } from "../../src/dashboard/bundle.ts";
import { makeOtherLog } from "../support/other-log.ts";
import { sha256 } from "../support/sha256.ts";

test("loadAssets() gives every entry, named by its content, and the same again", async () => {
  const { names, assets } = await loadAssets(sha256);
  for (const entry of [...BROWSER_ENTRIES, "style.css", "icon.svg"]) {
    const asset = assets.find(({ name }) => name === names[entry]);
    assert.ok(asset, entry);
    assert.match(asset.name, /-[A-Z0-9]{8}\.(?:js|css|svg)$/);
    assert.deepEqual(new Uint8Array(gunzipSync(asset.gzip)), asset.bytes);
  }
  assert.deepEqual(await loadAssets(sha256), { names, assets });
});

test("no file of the pages names another host, evaluates text, or needs Node", async () => {
  const { assets } = await loadAssets(sha256);
  for (const { name, bytes } of assets) {
    const text = new TextDecoder().decode(bytes);
    const urls = text.match(/https?:\/\/[^\s"'`)]+/g) ?? [];
    assert.deepEqual(
      urls.filter((url) => !url.startsWith("http://www.w3.org/")),
      [],
      name,
    );
    assert.doesNotMatch(text, /\beval\(|new Function\(|\brequire\(|from"node:/, name);
  }
});

test("buildPages() writes what a built program brings along", async () => {
  const folder = mkdtempSync(join(tmpdir(), "stratus-pages-"));
  try {
    const path = join(folder, "pages.json");
    await buildPages(path);
    await buildPages(undefined);
    const { names } = await loadAssets(sha256);
    assert.deepEqual(JSON.parse(readFileSync(path, "utf8")).names, names);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("assetsOrNone() gives none, and says why, where there are none", async () => {
  const said: string[] = [];
  const broken = () => {
    throw new Error("no hash");
  };
  const set = await assetsOrNone(broken, (message) => said.push(message));
  assert.deepEqual(set, { assets: [], names: {} });
  assert.match(said[0] ?? "", /without style and scripts: no hash/);
});

test("withLogList() adds a list under the name of its content, and refuses one that is none", () => {
  const folder = mkdtempSync(join(tmpdir(), "stratus-list-"));
  try {
    const path = join(folder, "list.json");
    const add = () => withLogList(NO_ASSETS, path, sha256);
    assert.throws(add, /logList .*list\.json cannot be used/);
    const { listText } = makeOtherLog();
    writeFileSync(path, listText);
    const { assets, names } = add();
    const [asset] = assets;
    assert.match(asset?.name ?? "", /^log-list-[0-9a-f]{16}\.json$/);
    assert.equal(names[LOG_LIST], asset?.name);
    assert.equal(new TextDecoder().decode(asset?.bytes), listText);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
