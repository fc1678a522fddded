/**
 * `stratus roots list`, `diff` and `fetch`: what a log accepts, how that differs from another
 * list, and a validated copy of a report.
 * @module
 */

import { chmod, open, rename, rm } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { MalformedError, messageOf } from "../base/errors.ts";
import { countOf } from "../base/plural.ts";
import { cleanText } from "../client/transport.ts";
import type { Config } from "../config/config.ts";
import {
  fetchRootsText,
  hasMonitorRoot,
  type ListedRoot,
  lookAtLedger,
  parseRoots,
  readRoots,
} from "../keep-roots.ts";
import { type CommandIo, EXIT } from "./io.ts";

/** The report that Chrome's policy names: roots that any of the four programs includes. */
export const INCLUDED_ROOTS_URL =
  "https://ccadb.my.salesforce-sites.com/ccadb/RootCACertificatesIncludedByRSReportCSV";

/** Percent of the roots of an older copy that a newer one may lack. */
const LOSS_PERCENT_MAX = 20;

/** Where a command's own list comes from: a log's configuration, or a source. */
export type OwnList =
  | { readonly config: Config; readonly shard: string | undefined }
  | { readonly source: string };

/** A list of roots by the name of where it comes from. */
interface NamedList {
  readonly name: string;
  readonly roots: readonly ListedRoot[];
}

/** Prints what is accepted, shard by shard. @returns The exit code. */
export async function listRoots(
  own: OwnList,
  { json, timeoutMs }: { readonly json: boolean; readonly timeoutMs: number },
  io: CommandIo,
): Promise<number> {
  const lists = await ownLists(own, timeoutMs);
  if (json) {
    io.out(JSON.stringify(Object.fromEntries(lists.map(({ name, roots }) => [name, roots]))));
    return EXIT.ok;
  }
  for (const { name, roots } of lists) {
    const counted = roots.filter((root) => !root.isBlocked);
    const lost = roots.filter((root) => root.isLost).length;
    const blocked = roots.length - counted.length;
    io.out(
      `${name}: ${countOf(counted.length, "root")} accepted, ${lost} lost by their sources, ${blocked} blocked`,
    );
    for (const root of roots) io.out(`  ${describe(root)}`);
    if (!hasMonitorRoot(counted.map((root) => root.fingerprint))) {
      io.out("  warning: Google's Merge Delay Monitor Root is not among them; Chrome requires it");
    }
  }
  return EXIT.ok;
}

/**
 * Prints what one list has and the other lacks.
 * @param other `mozilla`, a file, the URL of a list or of a log.
 * @returns 0 if they hold the same roots, else 1.
 */
export async function diffRoots(
  own: OwnList,
  other: string,
  timeoutMs: number,
  io: CommandIo,
): Promise<number> {
  const theirs = new Map(
    (await readSource(other, timeoutMs)).map((root) => [root.fingerprint, root]),
  );
  let exitCode: number = EXIT.ok;
  for (const { name, roots } of await ownLists(own, timeoutMs)) {
    const ours = new Map(
      roots.filter((root) => !root.isBlocked).map((root) => [root.fingerprint, root]),
    );
    const missing = [...theirs.values()].filter((root) => !ours.has(root.fingerprint));
    const further = [...ours.values()].filter((root) => !theirs.has(root.fingerprint));
    const shared = ours.size - further.length;
    io.out(
      `${name}: ${countOf(shared, "root")} in both, ${missing.length} only in ${other}, ${further.length} only here`,
    );
    const blocked = new Set(roots.filter((root) => root.isBlocked).map((root) => root.fingerprint));
    for (const root of missing) {
      io.out(`- ${describe(root)}${blocked.has(root.fingerprint) ? " (blocked here)" : ""}`);
    }
    for (const root of further) io.out(`+ ${describe(root)}`);
    if (missing.length + further.length > 0) exitCode = EXIT.failed;
  }
  return exitCode;
}

/** What `fetchRoots` is told. */
export interface FetchOptions {
  readonly url: string;
  /** Path of the copy. */
  readonly out: string;
  /** Whether a report that lost many roots is taken all the same. */
  readonly force: boolean;
  readonly timeoutMs: number;
}

/**
 * Fetches a list of roots, checks it, and puts it in the place of the older copy.
 * @returns 0 if the copy was written; 1 if the report is refused, and the older copy stays.
 * @throws SourceError, MalformedError, any error of the file system.
 */
export async function fetchRoots(options: FetchOptions, io: CommandIo): Promise<number> {
  const { url, force, timeoutMs } = options;
  const out = resolve(options.out);
  const text = await fetchRootsText(url, undefined, timeoutMs);
  const { roots, warnings } = parseRoots(url, text);
  for (const warning of warnings) io.err(`stratus: warning: ${cleanText(warning, 300)}`);
  const before = await readCopy(out, timeoutMs);
  const given = new Set(roots.map((root) => root.fingerprint));
  const known = new Set(before.map((root) => root.fingerprint));
  const lost = before.filter((root) => !given.has(root.fingerprint));
  if (lost.length * 100 > before.length * LOSS_PERCENT_MAX && !force) {
    io.err(
      `stratus: ${url} lacks ${lost.length} of the ${before.length} roots of ${out}, more than ` +
        `${LOSS_PERCENT_MAX} %: the old copy stays (look at it; --force takes it all the same)`,
    );
    return EXIT.failed;
  }
  await writeWhole(out, text);
  const added = roots.filter((root) => !known.has(root.fingerprint));
  io.out(`${out}: ${countOf(roots.length, "root")}, ${added.length} new, ${lost.length} gone`);
  if (before.length > 0) for (const root of added) io.out(`+ ${describe(root)}`);
  for (const root of lost) io.out(`- ${describe(root)}`);
  return EXIT.ok;
}

/** Where a list is: a log's get-roots, unless the URL looks like a list itself. */
export function listUrl(url: string): string {
  if (!/^https?:/i.test(url)) return url;
  const path = URL.parse(url)?.pathname ?? "";
  const isList = /csv|get-roots|\.pem$|\.txt$/i.test(path.slice(path.lastIndexOf("/")));
  return isList ? url : `${url.replace(/\/+$/, "")}/ct/v1/get-roots`;
}

async function ownLists(own: OwnList, timeoutMs: number): Promise<readonly NamedList[]> {
  if ("source" in own) {
    return [{ name: own.source, roots: await readSource(own.source, timeoutMs) }];
  }
  const { config, shard: wanted } = own;
  const shards = config.shards.filter(({ name }) => wanted === undefined || name === wanted);
  if (shards.length === 0) {
    const names = config.shards.map(({ name }) => name).join(", ");
    const message = `no shard ${wanted} (write one of ${names})`;
    throw new MalformedError("MALFORMED_CONFIG", message);
  }
  const { rootsOf } = await lookAtLedger(config);
  const lists: NamedList[] = [];
  for (const { name, roots: sources } of shards) {
    const kept = rootsOf(name);
    // A shard that never ran accepts what its sources have.
    lists.push({ name, roots: kept.length > 0 ? kept : await merge(sources, timeoutMs) });
  }
  return lists;
}

async function merge(
  sources: readonly string[],
  timeoutMs: number,
): Promise<readonly ListedRoot[]> {
  const merged = new Map<string, ListedRoot>();
  for (const source of sources) {
    for (const root of await listed(source, timeoutMs)) {
      if (!merged.has(root.fingerprint)) merged.set(root.fingerprint, root);
    }
  }
  return [...merged.values()];
}

function readSource(source: string, timeoutMs: number): Promise<readonly ListedRoot[]> {
  const isFile = source !== "mozilla" && !/^https?:/i.test(source);
  return listed(isFile ? resolve(source) : listUrl(source), timeoutMs);
}

async function listed(source: string, timeoutMs: number): Promise<readonly ListedRoot[]> {
  const { roots } = await readRoots(source, timeoutMs);
  return roots.map(({ fingerprint, subject }) => {
    return { fingerprint, subject, source, since: undefined, isLost: false, isBlocked: false };
  });
}

/** A root for people; what is not known of it is left out. */
type ShownRoot = Pick<ListedRoot, "fingerprint" | "subject"> & Partial<ListedRoot>;

function describe({ fingerprint, subject, since, isLost, isBlocked }: ShownRoot): string {
  const marks = [since && `since ${since}`, isLost && "lost", isBlocked && "blocked"];
  const shown = marks.filter((mark) => mark).join(", ");
  return `${fingerprint}  ${cleanText(subject, 200)}${shown === "" ? "" : `  (${shown})`}`;
}

/** The older copy; empty if there is none. @throws MalformedError if it is not a list. */
async function readCopy(path: string, timeoutMs: number): Promise<readonly ListedRoot[]> {
  try {
    await (await open(path, "r")).close();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
  return await listed(path, timeoutMs);
}

/** All or nothing: a log that reads the file meanwhile sees the old one or the new one. */
async function writeWhole(path: string, text: string): Promise<void> {
  const draft = `${path}.new`;
  try {
    const file = await open(draft, "w");
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    // Roots are public, and the log may run as another user.
    await chmod(draft, 0o644);
    await rename(draft, path);
  } catch (cause) {
    await rm(draft, { force: true });
    throw new Error(`${path} cannot be written: ${messageOf(cause)}`, { cause });
  }
  const folder = await open(dirname(path), "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
