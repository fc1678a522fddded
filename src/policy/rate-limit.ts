/**
 * Limits of rates, one for each client, in memory that threads share: a client's limit is the
 * process's, whichever thread its connections reach. Time is passed in.
 *
 * A limit is a row of cells, and a client's cell is chosen by a hash of its name. A cell holds
 * one number, so that one atomic step takes a token: when the bucket would be full again, which
 * is the generic cell rate algorithm (ITU-T I.371), the same as a token bucket. Two clients that
 * share a cell share a limit: one in 262,144 pairs does, and which is nobody's to choose.
 * @module
 */

/** A bucket's size and refill. */
export interface Rate {
  /** Tokens that come back in a second; more than 0. */
  readonly perSecond: number;
  /** Tokens of a full bucket: requests that may come at once; 1 or more. */
  readonly burst: number;
}

/** Cells of one limit; 8 bytes each. */
export const RATE_CELLS = 262_144;

/** Nanoseconds, the unit of a cell, in a millisecond. */
const NS_PER_MS = 1_000_000;

/**
 * Memory of one limit, which other threads may share; 2 MiB.
 * @param seed Chooses who shares a cell; any whole number, not to be known to clients.
 */
export function makeRateCells(seed: number): SharedArrayBuffer {
  const buffer = new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT * (1 + RATE_CELLS));
  Atomics.store(new BigInt64Array(buffer), 0, BigInt(seed));
  return buffer;
}

/** Limits clients to one rate. A client that is not known has a full bucket. */
export class RateLimiter {
  readonly #cells: BigInt64Array;
  readonly #seed: number;
  /** From one token to the next; nanoseconds. */
  readonly #stepNs: bigint;
  /** From empty to full. */
  readonly #fullNs: bigint;

  /** @param buffer Made by {@link makeRateCells}; the same in each thread. */
  constructor(rate: Rate, buffer: SharedArrayBuffer) {
    const words = new BigInt64Array(buffer);
    this.#seed = Number(BigInt.asIntN(32, Atomics.load(words, 0)));
    this.#cells = words.subarray(1);
    this.#stepNs = BigInt(Math.max(1, Math.round((1_000 * NS_PER_MS) / rate.perSecond)));
    this.#fullNs = this.#stepNs * BigInt(rate.burst);
  }

  /**
   * Takes a token.
   * @param nowMs Steady time, the same in all threads; never goes back.
   * @returns 0 if there was one, else milliseconds until there is; nothing is taken then.
   */
  take(client: string, nowMs: number): number {
    const cell = this.#cellOf(client);
    const nowNs = BigInt(Math.round(nowMs * NS_PER_MS));
    for (;;) {
      const held = Atomics.load(this.#cells, cell);
      const fullAtNs = (held > nowNs ? held : nowNs) + this.#stepNs;
      const waitNs = fullAtNs - nowNs - this.#fullNs;
      if (waitNs > 0n) return Math.max(1, Number(waitNs) / NS_PER_MS);
      if (Atomics.compareExchange(this.#cells, cell, held, fullAtNs) === held) return 0;
    }
  }

  /** Gives a token back: the request failed by no fault of the client's. */
  giveBack(client: string): void {
    Atomics.sub(this.#cells, this.#cellOf(client), this.#stepNs);
  }

  /** MurmurHash3 with the seed, over the units of the name. */
  #cellOf(client: string): number {
    let hash = this.#seed;
    for (let index = 0; index < client.length; index += 1) {
      const mixed = Math.imul(client.charCodeAt(index), 0xcc9e2d51);
      hash ^= Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593);
      hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
    }
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    return ((hash ^ (hash >>> 16)) >>> 0) % RATE_CELLS;
  }
}
