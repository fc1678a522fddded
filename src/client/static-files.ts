/**
 * A finished log as files that any static file server can serve: each file stands where
 * c2sp.org/static-ct-api has it in the URL. Writing is resumed by what is there; a file is
 * either whole or not there.
 * @module
 */
import { mkdir, open, readFile, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import { MalformedError, messageOf } from "../base/errors.ts";
import { equalBytes } from "../encoding/bytes.ts";
import { formatHex, parseHex } from "../encoding/hex.ts";
import { HASH_BYTES } from "../merkle/hash.ts";
import { TILE_WIDTH, tileWidth } from "../merkle/tile.ts";
import { decodeDataTile } from "../static-ct/tile-leaf.ts";
import { formatTilePath, type TilePath } from "../static-ct/tile-path.ts";
import type { TileReader } from "./source.ts";

/** How data tiles are stored: as they are, compressed in a file `.gz`, or both side by side. */
export type DataTileForm = "plain" | "gzip" | "both";

/** What is written, and where. */
export interface StaticFilesOptions {
  readonly folder: string;
  readonly source: TileReader;
  readonly treeSize: number;
  readonly form: DataTileForm;
}

/** What was written so far, or found there. */
export interface StaticFilesStep {
  /** Entries before this one are in the folder. */
  readonly position: number;
  readonly fileCount: number;
  readonly bytes: number;
}

const compress = promisify(gzip);
const decompress = promisify(gunzip);

/** Tiles of entries, and of their hashes, are written so many at a time. */
const BATCH_TILES = 8;

/**
 * Writes all tiles of a tree and the issuers that its entries name, each flushed to the disk.
 * @throws what `source` throws; Error of the file system.
 */
export async function* writeStaticFiles(
  options: StaticFilesOptions,
): AsyncGenerator<StaticFilesStep, void, void> {
  const { source, treeSize } = options;
  const files = new FileWriter(options.folder);
  const issuers = new Set<string>();
  const tileCount = Math.ceil(treeSize / TILE_WIDTH);
  for (let first = 0; first < tileCount; first += BATCH_TILES) {
    const count = Math.min(BATCH_TILES, tileCount - first);
    const batch = Array.from({ length: count }, (_, offset) => first + offset);
    await Promise.all(
      batch.flatMap((index) => [
        writeDataTile(options, files, index, issuers),
        writeTile(options, files, 0, index),
      ]),
    );
    yield files.step(Math.min(treeSize, (first + count) * TILE_WIDTH));
  }
  for (let level = 1; treeSize >= TILE_WIDTH ** level; level += 1) {
    const hashCount = Math.floor(treeSize / TILE_WIDTH ** level);
    for (let index = 0; index * TILE_WIDTH < hashCount; index += 1) {
      await writeTile(options, files, level, index);
    }
  }
  for (const name of [...issuers].sort()) {
    await files.write(`issuer/${name}`, () => source.issuer(parseHex(name)));
  }
  await files.flushFolders();
  yield files.step(treeSize);
}

async function writeTile(
  { source, treeSize }: StaticFilesOptions,
  files: FileWriter,
  level: number,
  index: number,
): Promise<void> {
  const width = tileWidth(level, index, treeSize);
  await files.write(formatTilePath({ level, index, width }), async () => {
    const tile = await source.tile(level, index, width);
    return tile.subarray(0, width * HASH_BYTES);
  });
}

async function writeDataTile(
  { source, treeSize, form }: StaticFilesOptions,
  files: FileWriter,
  index: number,
  issuers: Set<string>,
): Promise<void> {
  const width = tileWidth(0, index, treeSize);
  const path = formatTilePath({ level: "data", index, width });
  const plainPath = form === "gzip" ? undefined : path;
  const found = (await files.read(plainPath)) ?? (await inflated(await files.read(`${path}.gz`)));
  const bytes = found ?? (await source.dataTile(index, width));
  const leaves = decodeDataTile(bytes);
  if (leaves.length !== width) {
    const message = `expected ${width} entries in ${path}, got ${leaves.length}`;
    throw new MalformedError("MALFORMED_TLS", message);
  }
  if (plainPath !== undefined) await files.write(plainPath, async () => bytes);
  if (form !== "plain") await files.write(`${path}.gz`, () => compress(bytes, { level: 6 }));
  for (const { chainFingerprints } of leaves) {
    for (const fingerprint of chainFingerprints) issuers.add(formatHex(fingerprint));
  }
}

/** Writes files below one folder, durably, those that are missing. */
class FileWriter {
  readonly #folder: string;
  readonly #folders = new Set<string>();
  #fileCount = 0;
  #bytes = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  step(position: number): StaticFilesStep {
    return { position, fileCount: this.#fileCount, bytes: this.#bytes };
  }

  /** The file, if it is there. */
  async read(path: string | undefined): Promise<Uint8Array | undefined> {
    return path === undefined ? undefined : readIfThere(join(this.#folder, path));
  }

  async write(path: string, make: () => Promise<Uint8Array>): Promise<void> {
    const target = join(this.#folder, path);
    const found = await readIfThere(target);
    const bytes = found ?? (await make());
    this.#fileCount += 1;
    this.#bytes += bytes.length;
    this.#folders.add(dirname(target));
    if (found === undefined) await writeDurably(target, bytes);
  }

  /** Names of new files are durable once their folders are. */
  async flushFolders(): Promise<void> {
    const folders = new Set<string>();
    for (let folder of this.#folders) {
      for (; folder.length >= this.#folder.length; folder = dirname(folder)) folders.add(folder);
    }
    for (const folder of folders) await flush(folder);
  }
}

/** Writes a file whole or not at all, and flushes it; its folder is made. */
export async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const draft = `${path}.new`;
  await using file = await open(draft, "w", 0o644);
  await file.writeFile(bytes);
  await file.sync();
  await rename(draft, path);
}

/** Flushes a folder. */
export async function flush(folder: string): Promise<void> {
  await using handle = await open(folder, "r");
  await handle.sync();
}

/** What {@link writeStaticFiles} wrote, read from the files alone. */
export function staticFilesReader(folder: string, form: DataTileForm): TileReader {
  const required = async (path: string): Promise<Uint8Array> => {
    const bytes = await readIfThere(join(folder, path));
    if (bytes === undefined) throw new MalformedError("MALFORMED_BODY", `${path} is missing`);
    return bytes;
  };
  const dataTile = async (tile: TilePath): Promise<Uint8Array> => {
    const path = formatTilePath(tile);
    if (form === "plain") return required(path);
    const bytes = await inflated(await required(`${path}.gz`));
    if (bytes === undefined) throw new MalformedError("MALFORMED_BODY", `${path}.gz is no gzip`);
    if (form === "both" && !equalBytes(bytes, await required(path))) {
      const message = `${path} and ${path}.gz are not the same`;
      throw new MalformedError("MALFORMED_BODY", message);
    }
    return bytes;
  };
  return {
    async tile(level, index, width) {
      const path = formatTilePath({ level, index, width });
      const bytes = await required(path);
      if (bytes.length === width * HASH_BYTES) return bytes;
      const message = `expected ${width * HASH_BYTES} bytes in ${path}, got ${bytes.length}`;
      throw new MalformedError("MALFORMED_BODY", message);
    },
    dataTile: (index, width) => dataTile({ level: "data", index, width }),
    issuer: (fingerprint) => required(`issuer/${formatHex(fingerprint)}`),
  };
}

/** Undefined for nothing, and for what is no gzip: it is made again, or found to be damaged. */
async function inflated(bytes: Uint8Array | undefined): Promise<Uint8Array | undefined> {
  if (bytes === undefined) return undefined;
  return decompress(bytes).catch(() => undefined);
}

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new Error(`cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
}
