/**
 * A folder with the files of a static log (c2sp.org/static-ct-api), read as if a file server
 * stood before it: an archive, or what a CDN keeps.
 * @module
 */
import { readFile, stat } from "node:fs/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { messageOf } from "../base/errors.ts";
import { type FetchBytes, SourceError } from "./transport.ts";

/** The prefix of a folder, for {@link fetchFile}. */
export function folderPrefix(folder: string): string {
  return pathToFileURL(folder).href.replace(/\/+$/, "");
}

/** Reads the file that a `file:` URL names; one that is not there is a 404. */
export const fetchFile: FetchBytes = async ({ url, bytesMax }) => {
  const path = fileURLToPath(url);
  try {
    if ((await stat(path)).size > bytesMax) {
      throw new SourceError(url, `the file is longer than ${bytesMax} bytes`);
    }
    return new Uint8Array(await readFile(path));
  } catch (cause) {
    if (cause instanceof SourceError) throw cause;
    const isAbsent = ["ENOENT", "EISDIR"].includes(String((cause as NodeJS.ErrnoException).code));
    throw new SourceError(url, messageOf(cause), isAbsent ? { status: 404, cause } : { cause });
  }
};
