/**
 * Token buckets, one for each client, for a bounded number of clients. Time is passed in.
 * @module
 */

/** A bucket's size and refill. */
export interface Rate {
  /** Tokens that come back in a second; more than 0. */
  readonly perSecond: number;
  /** Tokens of a full bucket: requests that may come at once; 1 or more. */
  readonly burst: number;
}

interface Bucket {
  /** 0 to `burst`, at `atMs`. */
  tokens: number;
  /** Steady time; milliseconds. */
  atMs: number;
}

/** Limits clients to one rate. A client that is not known has a full bucket. */
export class RateLimiter {
  readonly #rate: Rate;
  readonly #clientsMax: number;
  /** In the order of the last use, idlest first. */
  readonly #buckets = new Map<string, Bucket>();

  /** @param clientsMax Clients remembered; beyond it the idlest is forgotten. Some 150 bytes each. */
  constructor(rate: Rate, clientsMax: number) {
    this.#rate = rate;
    this.#clientsMax = clientsMax;
  }

  /** Clients that are remembered. */
  get clientCount(): number {
    return this.#buckets.size;
  }

  /**
   * Takes a token.
   * @param nowMs Steady time; never goes back.
   * @returns 0 if there was one, else milliseconds until there is; nothing is taken then.
   */
  take(client: string, nowMs: number): number {
    const { perSecond, burst } = this.#rate;
    const bucket = this.#buckets.get(client) ?? { tokens: burst, atMs: nowMs };
    const gained = ((nowMs - bucket.atMs) * perSecond) / 1000;
    bucket.tokens = Math.min(burst, bucket.tokens + gained);
    bucket.atMs = nowMs;
    this.#buckets.delete(client);
    this.#buckets.set(client, bucket);
    this.#forgetIdlest();
    if (bucket.tokens < 1) return Math.max(1, ((1 - bucket.tokens) * 1000) / perSecond);
    bucket.tokens -= 1;
    return 0;
  }

  /** Gives a token back: the request failed by no fault of the client's. */
  giveBack(client: string): void {
    const bucket = this.#buckets.get(client);
    if (bucket !== undefined) bucket.tokens = Math.min(this.#rate.burst, bucket.tokens + 1);
  }

  #forgetIdlest(): void {
    if (this.#buckets.size <= this.#clientsMax) return;
    for (const idlest of this.#buckets.keys()) {
      this.#buckets.delete(idlest);
      return;
    }
  }
}
