/**
 * Makes the files that pages load, ahead of time: `npm run build` and the container image.
 * @module
 */
import { writeFileSync } from "node:fs";
import { bundleAssets, formatSet, loadAssets } from "../dashboard/bundle.ts";
import { sha256 } from "../signer/sha256.ts";

/**
 * Writes the files to `path`, as a built program brings them along; without a path they are
 * kept where a program that runs from its sources looks for them.
 */
export async function buildPages(path: string | undefined): Promise<void> {
  if (path === undefined) await loadAssets(sha256);
  else writeFileSync(path, formatSet(await bundleAssets()));
}

if (import.meta.main) await buildPages(process.argv[2]);
