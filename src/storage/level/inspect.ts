/**
 * Reads a shard's folder without changing a byte of it, for an audit. LevelDB cannot open a
 * database without rewriting its log, so it is given another folder: links to its tables, which
 * never change, and copies of the few other files.
 * @module
 */
import { constants, copyFile, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { FatalError, messageOf, UnavailableError } from "../../base/errors.ts";
import { formatHex } from "../../encoding/hex.ts";
import type { SignedTreeHead, TreeHead } from "../../rfc6962/tree-head.ts";
import type { ShardIdentity, StoreReader } from "../store.ts";
import { copyOnce, isGone } from "./copy-database.ts";
import { EntryFiles } from "./entry-files.ts";
import { requireSealed } from "./entry-pieces.ts";
import { type LevelStoreOptions, pathsOf } from "./folder.ts";
import { IssuerFiles } from "./issuer-files.ts";
import { LevelReader } from "./reader.ts";
import {
  corrupt,
  decodeDedupHit,
  decodeHead,
  decodeIdentity,
  decodeLeafIndex,
  decodePublished,
  HEAD_KEY,
  IDENTITY_KEY,
  openValue,
  PREFIX,
  PUBLISHED_KEY,
  readRecord,
} from "./record.ts";
import { SealedFiles } from "./sealed-files.ts";
import type { Database } from "./seam.ts";

/** A record of the database, or how many there are, that is not as it should be. */
export interface WrongRecord {
  /** `record 44ab..., dedup`. */
  readonly where: string;
  readonly message: string;
}

/** What the scan of a database has come to. */
export interface RecordScan {
  readonly recordCount: number;
  readonly wrong: readonly WrongRecord[];
}

/** A shard's folder that is being looked at. */
export interface Inspection extends AsyncDisposable {
  readonly identity: ShardIdentity;
  /** As in `StoreState`. */
  readonly committed: TreeHead | undefined;
  readonly previous: TreeHead | undefined;
  readonly entriesSha256: Uint8Array | undefined;
  readonly published: SignedTreeHead | undefined;
  readonly reader: StoreReader;
  /**
   * Looks at every record of the database: checksum, form, and that there are as many of each
   * index as entries. Yields what it found since the last time, some 10,000 records each.
   */
  scanRecords(): AsyncGenerator<RecordScan, void, void>;
}

/** What an inspection needs of the options of a store. */
export type InspectOptions = Pick<LevelStoreOptions, "sha256" | "seam" | "cacheBytes"> & {
  /** Takes the folder; undefined to look at one that this very process serves. */
  readonly lockFolder: LevelStoreOptions["lockFolder"] | undefined;
};

const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(PREFIX).map(([name, prefix]) => [prefix, name]),
);
const RECORDS_PER_STEP = 10_000;
const WRITE_BUFFER_BYTES = 4 * 2 ** 20;
/** A served database may drop a table while it is being linked. */
const ATTEMPTS_MAX = 3;

/**
 * Opens a shard's folder for reading.
 *
 * @throws FatalError `FATAL_STORE_MISSING` if there is no store; `FATAL_LOCKED` if it is in
 *   use; `FATAL_STORE_FORMAT`; `FATAL_STORE_CORRUPT` if it is damaged beyond being read.
 * @throws UnavailableError `UNAVAILABLE_STORE` if it cannot be read now.
 */
export async function inspectLevelStore(
  folder: string,
  options: InspectOptions,
): Promise<Inspection> {
  const path = resolve(folder);
  const names = await options.seam.files.listFolder(path);
  if (names === undefined || !names.includes("db")) {
    throw new FatalError("FATAL_STORE_MISSING", `there is no store in ${path}`);
  }
  await using held = new AsyncDisposableStack();
  if (options.lockFolder !== undefined) held.use(await options.lockFolder(path));
  const { database } = held.use(await openCopied(join(path, "db"), options));
  const identity = readRecord(database, IDENTITY_KEY);
  if (identity === undefined) throw corrupt("the store has no identity record");
  const record = decodeIdentity(identity);
  const paths = pathsOf(path);
  const entries = new EntryFiles(options.seam.files, paths.entries, record.segmentTiles);
  const sealed = new SealedFiles(options.seam.files, paths.sealed, record.segmentTiles);
  const issuers = new IssuerFiles(options.seam.files, paths.issuers, options.sha256);
  held.defer(() => entries.close());
  held.defer(() => sealed.close());
  const headPayload = readRecord(database, HEAD_KEY);
  const head = headPayload === undefined ? undefined : decodeHead(headPayload);
  const published = readRecord(database, PUBLISHED_KEY);
  const treeSize = head?.committed.treeSize ?? 0;
  const reader = new LevelReader(options.sha256, {
    database: () => database,
    entries: () => entries,
    sealed: () => sealed,
    issuers: () => issuers,
    treeSize: () => treeSize,
  });
  const resources = held.move();
  return {
    identity: record.identity,
    committed: head?.committed,
    previous: head?.previous,
    entriesSha256: head?.entriesSha256,
    published: published === undefined ? undefined : decodePublished(published),
    reader,
    scanRecords: () => scanRecords(database, issuers, treeSize),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** A database that is open in a folder of its own. */
export interface CopiedDatabase extends AsyncDisposable {
  readonly database: Database;
}

/** What is needed for that; without `lockFolder` it may be in use, and is looked at again. */
type OpenCopyOptions = Pick<InspectOptions, "seam" | "cacheBytes"> & {
  readonly lockFolder?: InspectOptions["lockFolder"];
};

/**
 * Opens a database through links and copies in a temporary folder.
 * @throws FatalError `FATAL_STORE_CORRUPT`. @throws UnavailableError `UNAVAILABLE_STORE`.
 */
export async function openCopied(path: string, options: OpenCopyOptions): Promise<CopiedDatabase> {
  await using held = new AsyncDisposableStack();
  const scratch = await mkdtemp(join(tmpdir(), "stratus-inspect-"));
  held.defer(() => rm(scratch, { recursive: true, force: true }));
  const database = await openCopy(path, scratch, options);
  held.defer(() => database.close());
  const resources = held.move();
  return { database, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

async function openCopy(
  path: string,
  scratch: string,
  options: OpenCopyOptions,
): Promise<Database> {
  for (let attempt = 1; ; attempt += 1) {
    const copy = join(scratch, `${attempt}`);
    try {
      await linkAndCopy(path, copy, options);
      return await options.seam.openDatabase(copy, {
        create: false,
        writeBufferBytes: WRITE_BUFFER_BYTES,
        cacheBytes: options.cacheBytes,
        multithreading: false,
      });
    } catch (cause) {
      if (attempt < ATTEMPTS_MAX && options.lockFolder === undefined) continue;
      if (cause instanceof FatalError) throw cause;
      const reason = messageOf(cause);
      const code = (cause as NodeJS.ErrnoException).code;
      if (
        code === "LEVEL_CORRUPTION" ||
        isGone(cause) ||
        /does not exist|missing|No such file/i.test(reason)
      ) {
        throw corrupt(`LevelDB does not open ${path}: ${reason}`, cause);
      }
      const message = `LevelDB does not open ${path} now: ${reason}`;
      throw new UnavailableError("UNAVAILABLE_STORE", message, { cause });
    }
  }
}

/** Tables never change: links to them do. */
async function linkAndCopy(path: string, copy: string, options: OpenCopyOptions): Promise<void> {
  const { files } = options.seam;
  await files.makeFolder(copy);
  const take = async (name: string, isTable: boolean): Promise<void> => {
    if (isTable) await symlink(join(path, name), join(copy, name));
    else await copyFile(join(path, name), join(copy, name), constants.COPYFILE_FICLONE);
  };
  await copyOnce({ files, source: path, target: copy, take });
}

async function* scanRecords(
  database: Database,
  issuers: IssuerFiles,
  treeSize: number,
): AsyncGenerator<RecordScan, void, void> {
  const counts = new Map<number, number>();
  let wrong: WrongRecord[] = [];
  let recordCount = 0;
  const records = database.scan(new Uint8Array(0), Uint8Array.of(0xff))[Symbol.asyncIterator]();
  for (;;) {
    const next = await nextRecord(records);
    if (next === undefined) break;
    if ("message" in next) {
      wrong.push({ where: `the database after ${recordCount} records`, ...next });
      break;
    }
    const [key, value] = next;
    const [prefix = 0] = key;
    counts.set(prefix, (counts.get(prefix) ?? 0) + 1);
    const message = problemOf(prefix, key, value, treeSize);
    if (message !== undefined) {
      const name = NAMES.get(prefix) ?? "of no known kind";
      wrong.push({ where: `record ${formatHex(key)}, ${name}`, message });
    }
    if (prefix === PREFIX.issuer) {
      const problem = await problemOfIssuerFile(issuers, key.slice(1));
      if (problem !== undefined)
        wrong.push({ where: `file of issuer ${formatHex(key.slice(1))}`, message: problem });
    }
    recordCount += 1;
    if (recordCount % RECORDS_PER_STEP === 0) {
      yield { recordCount, wrong };
      wrong = [];
    }
  }
  for (const prefix of [PREFIX.dedup, PREFIX.leaf]) {
    const count = counts.get(prefix) ?? 0;
    if (count === treeSize) continue;
    const where = `records ${NAMES.get(prefix) ?? ""}`;
    wrong.push({ where, message: `expected ${treeSize}, one for each entry, got ${count}` });
  }
  yield { recordCount, wrong };
}

/** Each issuer stands in a file besides, for the day when LevelDB loses it. */
async function problemOfIssuerFile(
  issuers: IssuerFiles,
  fingerprint: Uint8Array,
): Promise<string | undefined> {
  try {
    return (await issuers.read(fingerprint)) === undefined ? "it is missing" : undefined;
  } catch (error) {
    return messageOf(error);
  }
}

/** Undefined behind the last; a message where LevelDB cannot go on. */
async function nextRecord(
  records: AsyncIterator<readonly [Uint8Array, Uint8Array]>,
): Promise<readonly [Uint8Array, Uint8Array] | { readonly message: string } | undefined> {
  try {
    const next = await records.next();
    return next.done === true ? undefined : next.value;
  } catch (error) {
    return { message: `LevelDB does not read on: ${messageOf(error)}` };
  }
}

function problemOf(
  prefix: number,
  key: Uint8Array,
  value: Uint8Array,
  treeSize: number,
): string | undefined {
  if (!NAMES.has(prefix)) return "nothing writes such a key";
  try {
    const payload = openValue(key, value);
    let index = -1;
    if (prefix === PREFIX.dedup) index = decodeDedupHit(payload).leafIndex;
    if (prefix === PREFIX.leaf) index = decodeLeafIndex(payload);
    if (prefix === PREFIX.sealed) requireSealed(payload);
    return index < treeSize ? undefined : `it names entry ${index} of ${treeSize}`;
  } catch (error) {
    return messageOf(error);
  }
}
