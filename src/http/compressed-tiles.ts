/**
 * Data tiles that are not sealed, as gzip: compressed once while they are asked for. Bounded in
 * bytes; the tile not asked for the longest goes first.
 * @module
 */

import { gzip } from "node:zlib";
import { defined } from "../base/assert.ts";
import { LinkedMap } from "../base/linked-map.ts";
import type { Log } from "../log/log.ts";
import {
  DATA_ARRAY_BYTES,
  DATA_REQUESTS_MAX,
  HASH_ARRAY_BYTES,
  HASH_REQUESTS_MAX,
  KEPT_DATA_BYTES_MAX,
  KEPT_HASH_BYTES_MAX,
  KeptTiles,
} from "./kept-tiles.ts";

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
  /** Beside it the answers with tiles that need no compressing. */
  readonly keptHashes: KeptTiles = new KeptTiles({
    bytesMax: KEPT_HASH_BYTES_MAX,
    arrayBytes: HASH_ARRAY_BYTES,
    requestsMax: HASH_REQUESTS_MAX,
  });
  readonly keptSealed: KeptTiles = new KeptTiles({
    bytesMax: KEPT_DATA_BYTES_MAX,
    arrayBytes: DATA_ARRAY_BYTES,
    requestsMax: DATA_REQUESTS_MAX,
  });
  readonly #bytesMax: number;
  /** In the order of the last use, oldest first. */
  readonly #tiles = new LinkedMap<string, Uint8Array>();
  readonly #running = new Map<string, Promise<Uint8Array | undefined>>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** The data tile as gzip, if it is in memory. */
  find(log: Log, index: number, width: number): Uint8Array | undefined {
    return this.#tiles.use(keyOf(log, index, width));
  }

  /** The data tile as gzip; undefined if it is not wholly published. @throws as the log. */
  async read(log: Log, index: number, width: number): Promise<Uint8Array | undefined> {
    const kept = this.find(log, index, width);
    if (kept !== undefined) return kept;
    const key = keyOf(log, index, width);
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
    const tile = await log.readDataTile(index, width);
    if (tile === undefined) return undefined;
    const bytes = await compress(tile);
    if (bytes.length > this.#bytesMax) return bytes;
    this.#tiles.set(key, bytes);
    this.#bytes += bytes.length;
    while (this.#bytes > this.#bytesMax) {
      const [oldest, dropped] = defined(this.#tiles.oldest(), "there are bytes of one");
      this.#tiles.delete(oldest);
      this.#bytes -= dropped.length;
    }
    return bytes;
  }
}

function keyOf(log: Log, index: number, width: number): string {
  return `${log.identity.name}/${index}/${width}`;
}
