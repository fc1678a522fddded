/**
 * Data tiles as gzip: as they are stored, or compressed once while they are asked for. Bounded
 * in bytes; the tile not asked for the longest goes first.
 * @module
 */
import { gzip } from "node:zlib";
import type { Log } from "../log/log.ts";

/** Entries of a full tile: c2sp.org/static-ct-api#log-entries. */
const TILE_WIDTH = 256;

/** Bytes of compressed tiles that are kept for all shards together. */
export const COMPRESSED_BYTES_MAX = 24_000_000;

/** Gzip, off the main thread. @throws Error of zlib. */
export function compress(bytes: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    gzip(bytes, (error, compressed) => {
      if (error === null) resolve(compressed);
      else reject(error);
    });
  });
}

/** The cache: one for all shards of a process or thread. */
export class CompressedTiles {
  readonly #bytesMax: number;
  /** In the order of the last use, oldest first. */
  readonly #tiles = new Map<string, Uint8Array>();
  readonly #running = new Map<string, Promise<Uint8Array | undefined>>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** The data tile as gzip; undefined if it is not wholly published. @throws as the log. */
  async read(log: Log, index: number, width: number): Promise<Uint8Array | undefined> {
    const key = `${log.identity.name}/${index}/${width}`;
    const kept = this.#tiles.get(key);
    if (kept !== undefined) {
      this.#tiles.delete(key);
      this.#tiles.set(key, kept);
      return kept;
    }
    const running = this.#running.get(key);
    if (running !== undefined) return await running;
    const started = this.#compress(key, log, index, width);
    this.#running.set(key, started);
    try {
      return await started;
    } finally {
      this.#running.delete(key);
    }
  }

  async #compress(
    key: string,
    log: Log,
    index: number,
    width: number,
  ): Promise<Uint8Array | undefined> {
    const bytes = await makeTile(log, index, width);
    if (bytes === undefined) return undefined;
    if (bytes.length > this.#bytesMax) return bytes;
    this.#tiles.set(key, bytes);
    this.#bytes += bytes.length;
    for (const [oldest, dropped] of this.#tiles) {
      if (this.#bytes <= this.#bytesMax) break;
      this.#tiles.delete(oldest);
      this.#bytes -= dropped.length;
    }
    return bytes;
  }
}

async function makeTile(log: Log, index: number, width: number): Promise<Uint8Array | undefined> {
  const sealed = width === TILE_WIDTH ? await log.readSealedTile(index) : undefined;
  if (sealed !== undefined) return sealed;
  const tile = await log.readDataTile(index, width);
  return tile === undefined ? undefined : compress(tile);
}
