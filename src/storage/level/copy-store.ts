/**
 * A copy of a shard's folder that another process may be serving, up to a head that it has
 * committed: first the database (`copy-database.ts`), then the files with what it names, which
 * all were flushed before it named them. A segment that was sealed and removed meanwhile is
 * taken sealed: its sealed file was there first. Nothing of the source is changed.
 * @module
 */
import { readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FatalError, UnavailableError } from "../../base/errors.ts";
import type { Sha256 } from "../../merkle/hash.ts";
import { isSameTreeHead, type SignedTreeHead, type TreeHead } from "../../rfc6962/tree-head.ts";
import type { ShardIdentity } from "../store.ts";
import { copyDatabase, takeDurably } from "./copy-database.ts";
import { type Copied, copyDurably } from "./durable-copy.ts";
import { EntryFiles } from "./entry-files.ts";
import { isNamedSealed } from "./entry-pieces.ts";
import { LEVEL_DEFAULTS, pathsOf } from "./folder.ts";
import { openCopied } from "./inspect.ts";
import { decodePublished, PUBLISHED_KEY, readHead, readIdentity, readRecord } from "./record.ts";
import type { Seam } from "./seam.ts";

/** What is copied. */
export interface StoreCopy {
  readonly sha256: Sha256;
  readonly seam: Seam;
  /** The shard's folder. */
  readonly source: string;
  /** Made if need be. What an earlier copy that was ended left there is gone on with. */
  readonly target: string;
  /** Folder of an earlier copy: files that have not changed are linked to it. */
  readonly previous: string | undefined;
  /** Told of each file. */
  readonly copied: (copied: Copied) => void;
  /** Waits a moment for a shard that is served; undefined: it is at rest, one look will do. */
  readonly pause: (() => Promise<void>) | undefined;
}

/** What a copy holds. */
export interface CopiedStore {
  readonly identity: ShardIdentity;
  /** The last head that is known to have been published; everything of it is there. */
  readonly published: SignedTreeHead;
  /** The same, or one commit more, of which nothing may have been promised yet. */
  readonly committed: TreeHead;
}

/** A shard that commits has mostly published what it has committed last: asked so often. */
const ATTEMPTS_MAX = 20;

/**
 * Copies a shard's folder without its key, durably.
 * @throws FatalError `FATAL_STORE_MISSING` if there is no store, or it has published nothing;
 *   `FATAL_STORE_FORMAT`; `FATAL_STORE_CORRUPT`.
 * @throws UnavailableError `UNAVAILABLE_STORE`, or an error of the file system: not now.
 */
export async function copyLevelStore(copy: StoreCopy): Promise<CopiedStore> {
  const { seam, source, target } = copy;
  if (!((await seam.files.listFolder(source)) ?? []).includes("db")) {
    throw new FatalError("FATAL_STORE_MISSING", `there is no store in ${source}`);
  }
  await seam.files.makeFolder(target);
  const { state, segmentTiles, sealed } = await copyPublished(copy);
  const { treeSize } = state.committed;
  await copyFolder(copy, "issuers", await namesIn(join(source, "issuers")));
  const segments = new EntryFiles(seam.files, pathsOf(source).entries, segmentTiles);
  const last = treeSize === 0 ? -1 : segments.segmentOf(treeSize - 1);
  await copySegments(copy, last, sealed);
  await seam.files.syncFolder(target);
  return state;
}

interface CopiedDatabase {
  readonly state: CopiedStore;
  readonly segmentTiles: number;
  /** Whether the copied index says that a segment is sealed. */
  readonly sealed: (segment: number) => boolean;
}

/** Copies the database until its last commit is published, or it does not come about. */
async function copyPublished(copy: StoreCopy): Promise<CopiedDatabase> {
  for (let attempt = 1; ; attempt += 1) {
    const wasRunning = await isRunning(copy);
    const { copied } = copy;
    const { files } = copy.seam;
    const [source, target] = [pathsOf(copy.source).database, pathsOf(copy.target).database];
    const previous = copy.previous && pathsOf(copy.previous).database;
    const take = takeDurably({ source, target }, previous, copied);
    await copyDatabase({ files, source, target, take });
    // The end of a log that is being written may be torn, as after a crash.
    const running = join(copy.target, "running");
    if (wasRunning || (await isRunning(copy))) await writeFile(running, "\n");
    else await rm(running, { force: true });
    const found = await look(copy);
    const { committed, published } = found.state;
    if (isSameTreeHead(committed, published)) return found;
    if (attempt === ATTEMPTS_MAX || copy.pause === undefined) return found;
    await copy.pause();
  }
}

/** Opens the copied database, through links: not a byte of it is changed. */
async function look({ seam, target }: StoreCopy): Promise<CopiedDatabase> {
  const { cacheBytes } = LEVEL_DEFAULTS;
  await using copy = await openCopied(pathsOf(target).database, { seam, cacheBytes });
  const { database } = copy;
  const { identity, segmentTiles } = readIdentity(database);
  const head = readHead(database);
  const published = readRecord(database, PUBLISHED_KEY);
  if (head === undefined || published === undefined) {
    const message = "the shard has not published a head yet: there is nothing to copy";
    throw new FatalError("FATAL_STORE_MISSING", message);
  }
  const state = { identity, published: decodePublished(published), committed: head.committed };
  requireNear(state, head.previous);
  const last = Math.ceil(head.committed.treeSize / (segmentTiles * 256));
  const names = Array.from({ length: last }, (_, segment) => segment);
  const sealed = new Set(names.filter((segment) => isNamedSealed({ database }, segment)));
  return { state, segmentTiles, sealed: (segment) => sealed.has(segment) };
}

/** Of two commits that were not published the first was signed: the store is not as it should be. */
function requireNear({ committed, published }: CopiedStore, previous: TreeHead | undefined): void {
  const isNear =
    isSameTreeHead(committed, published) ||
    (previous !== undefined && isSameTreeHead(previous, published));
  if (isNear) return;
  throw new UnavailableError(
    "UNAVAILABLE_STORE",
    `size ${committed.treeSize} is committed, and only size ${published.treeSize} published: ` +
      "start the shard once, so that it recovers",
  );
}

async function copySegments(
  copy: StoreCopy,
  last: number,
  isSealed: (segment: number) => boolean,
): Promise<void> {
  const sealed = new Set<string>();
  const entries = new Set<string>();
  for (const folder of ["entries", "sealed"]) {
    await copy.seam.files.makeFolder(join(copy.target, folder));
  }
  for (let segment = 0; segment <= last; segment += 1) {
    const name = String(segment).padStart(8, "0");
    if (!isSealed(segment) && (await copyNamed(copy, "entries", name))) entries.add(name);
    else if (await copyNamed(copy, "sealed", name)) sealed.add(name);
    else {
      const message = `segment ${segment} is neither in entries/ nor in sealed/`;
      throw new FatalError("FATAL_STORE_CORRUPT", message);
    }
  }
  await removeOthers(copy, "entries", entries);
  await removeOthers(copy, "sealed", sealed);
}

async function copyFolder(
  copy: StoreCopy,
  folder: string,
  names: readonly string[],
): Promise<void> {
  await copy.seam.files.makeFolder(join(copy.target, folder));
  for (const name of names) await copyNamed(copy, folder, name);
  await removeOthers(copy, folder, new Set(names));
}

/** @returns Whether the file was there. */
async function copyNamed(copy: StoreCopy, folder: string, name: string): Promise<boolean> {
  const { source, target, previous } = copy;
  const earlier = previous && join(previous, folder, name);
  try {
    copy.copied(await copyDurably(join(source, folder, name), join(target, folder, name), earlier));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return false;
  }
}

/** What an earlier copy had, and this one has not. */
async function removeOthers(
  { seam, target }: StoreCopy,
  folder: string,
  names: ReadonlySet<string>,
): Promise<void> {
  for (const name of await namesIn(join(target, folder))) {
    if (!names.has(name)) await rm(join(target, folder, name), { force: true });
  }
  await seam.files.syncFolder(join(target, folder));
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
    return [];
  });
}

async function isRunning({ seam, source }: StoreCopy): Promise<boolean> {
  return ((await seam.files.listFolder(source)) ?? []).includes("running");
}
