/**
 * Reads a configuration file and lists the folders in its `data`, for every command.
 * @module
 */
import { lstat, readdir, readFile, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { MalformedError, messageOf } from "../base/errors.ts";
import type { Config } from "../config/config.ts";
import type { Overrides } from "../config/override.ts";
import { dataFolderOf, parseConfig } from "../config/parse.ts";

/** What a command passes on from its process. */
export interface LoadOptions {
  /** Absolute path of the working folder. */
  readonly cwd: string;
  readonly nowMs: number;
  readonly overrides: Overrides;
}

/**
 * The configuration in the file at `path`, which may be relative to `cwd`.
 *
 * @throws MalformedError `MALFORMED_CONFIG` if the file cannot be read or has mistakes, or if
 * `data` is there but cannot be listed: its shards must not be overlooked.
 */
export async function loadConfig(path: string, options: LoadOptions): Promise<Config> {
  const { cwd, nowMs, overrides } = options;
  let text: string;
  try {
    text = await readFile(resolve(cwd, path), "utf8");
  } catch (cause) {
    const message = `${path}: cannot be read: ${messageOf(cause)} (write the path of a file)`;
    throw new MalformedError("MALFORMED_CONFIG", message, { cause });
  }
  const data = dataFolderOf(text, { path, cwd, overrides });
  const shardFolders = data === undefined ? [] : await listFolders(data);
  return parseConfig(text, { path, cwd, nowMs, shardFolders, overrides });
}

/**
 * Names of the folders in `data`, links to folders among them; none if there is no `data`.
 * @throws MalformedError `MALFORMED_CONFIG` if `data` cannot be listed.
 */
export async function listFolders(data: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(data, { withFileTypes: true });
    const isFolder = await Promise.all(
      entries.map(async (entry) =>
        entry.isSymbolicLink()
          ? (await stat(join(data, entry.name))).isDirectory()
          : entry.isDirectory(),
      ),
    );
    return entries.filter((_, index) => isFolder[index]).map((entry) => entry.name);
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") {
      // A dangling link is not the same as no folder: a disk may be missing behind it.
      const isThere = await lstat(data).then(
        () => true,
        () => false,
      );
      if (!isThere) return [];
    }
    const message = `data: ${data} cannot be listed: ${messageOf(cause)} (write a readable folder)`;
    throw new MalformedError("MALFORMED_CONFIG", message, { cause });
  }
}
