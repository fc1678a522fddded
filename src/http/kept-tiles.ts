/**
 * Answers to requests for full tiles, which never change, kept as they are sent: monitors read
 * the same newest tiles one after another. Bounded in bytes; what was not asked for the longest
 * goes first. Only what was checked when it was read is put here, and only what is asked for
 * again soon after: one who reads a whole log once changes nothing, nor does one who reads more
 * than there is room for at random, for a tile takes the place of one that was not asked for since.
 *
 * Memory is used again: where more tiles are asked for than there is room for, a fresh array for
 * each that comes and goes had the collector mark the whole heap all the time (*measured*: twice
 * the CPU of a data tile that is read each time).
 * @module
 */

import { defined } from "../base/assert.ts";
import { keep, LinkedMap } from "../base/linked-map.ts";
import { ok, type WholeAnswer } from "./answer.ts";
import type { HttpResponse } from "./exchange.ts";

/** Bytes of hash tiles in memory, for all shards of a process or thread. */
export const KEPT_HASH_BYTES_MAX = 8_388_608;

/** The same of sealed data tiles as gzip: some 1,000 tiles, what a busy log takes in ten minutes. */
export const KEPT_DATA_BYTES_MAX = 100_663_296;

/** Arrays of hash tiles, and of data tiles, have a multiple of so many bytes. */
export const HASH_ARRAY_BYTES = 8_192;
/** See {@link HASH_ARRAY_BYTES}. */
export const DATA_ARRAY_BYTES = 16_384;

/** Requests that are remembered, to know those that come again. */
export const HASH_REQUESTS_MAX = 1_024;
/** See {@link HASH_REQUESTS_MAX}. */
export const DATA_REQUESTS_MAX = 1_024;

/** A longer target, or one with a query, is not remembered: each tile has one spelling. */
const TARGET_LENGTH_MAX = 128;

/** A kept tile. */
export interface KeptTile {
  readonly answer: WholeAnswer;
  /** What its body is a view of. */
  readonly array: Uint8Array;
  /** Responses that may still be sending it. */
  users: number;
  /** Number of the last request that it answered. */
  usedAt: number;
}

/** Bounds of {@link KeptTiles}. */
export interface KeptBounds {
  readonly bytesMax: number;
  readonly arrayBytes: number;
  readonly requestsMax: number;
}

/** Tiles by request target. */
export class KeptTiles {
  readonly #bounds: KeptBounds;
  /** In the order of the last use, oldest first. */
  readonly #tiles = new LinkedMap<string, KeptTile>();
  /** Targets that were asked for and are not kept, with the request's number, oldest first. */
  readonly #asked = new LinkedMap<string, number>();
  #requests = 0;
  #bytes = 0;

  constructor(bounds: KeptBounds) {
    this.#bounds = bounds;
  }

  /** Bytes of memory that tiles have now. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The tile that was kept of `target`; for {@link lend}, in the same turn. */
  find(target: string): KeptTile | undefined {
    return this.#tiles.get(target);
  }

  /**
   * The answer for `response`, which has it until the system has taken all of it; a response
   * that ends otherwise keeps it.
   */
  lend(target: string, tile: KeptTile, response: HttpResponse): WholeAnswer {
    this.#tiles.set(target, tile);
    this.#requests += 1;
    tile.usedAt = this.#requests;
    tile.users += 1;
    response.once("finish", () => {
      tile.users -= 1;
    });
    return tile.answer;
  }

  /** To be told of each tile that was read, and checked; copied if it is kept. */
  wasRead(target: string, headers: readonly string[], bytes: Uint8Array): void {
    if (target.length > TARGET_LENGTH_MAX || target.includes("?")) return;
    if (this.#tiles.has(target)) return;
    this.#requests += 1;
    const askedAt = this.#asked.get(target);
    const array = askedAt === undefined ? undefined : this.#room(bytes.length, askedAt);
    if (array === undefined) {
      keep(this.#asked, target, this.#requests, this.#bounds.requestsMax);
      return;
    }
    this.#asked.delete(target);
    array.set(bytes);
    const answer = ok(headers, array.subarray(0, bytes.length));
    this.#tiles.set(target, { answer, array, users: 0, usedAt: this.#requests });
  }

  /** Memory for a tile, that of others in the end, if none was used since it was asked for. */
  #room(length: number, askedAt: number): Uint8Array | undefined {
    const { bytesMax, arrayBytes } = this.#bounds;
    const needed = Math.ceil(length / arrayBytes) * arrayBytes;
    if (needed > bytesMax) return undefined;
    while (this.#bytes + needed > bytesMax) {
      const [oldest, { array, users, usedAt }] = defined(this.#tiles.oldest(), "it has bytes");
      if (usedAt > askedAt) return undefined;
      this.#tiles.delete(oldest);
      if (users === 0 && array.length >= needed && array.length <= 2 * needed) return array;
      this.#bytes -= array.length;
    }
    this.#bytes += needed;
    return Buffer.allocUnsafeSlow(needed);
  }
}
