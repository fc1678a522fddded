/**
 * Limits of each client, decided from the headers alone. Off unless configured, but for pages.
 * @module
 */
import { UnavailableError } from "../base/errors.ts";
import type { Network } from "../base/network.ts";
import type { Clock } from "../clock/clock.ts";
import { clientOf } from "../policy/client.ts";
import { type Rate, RateLimiter } from "../policy/rate-limit.ts";
import type { HttpRequest, HttpResponse } from "./exchange.ts";
import type { Handler } from "./responder.ts";

/** What is limited apart. */
export type LimitedKind = "reads" | "addChain" | "addPreChain" | "pages";

/** A rate, and where all threads of a process count it; each kind has cells of its own. */
export interface CountedRate extends Rate {
  /** See `makeRateCells`. */
  readonly cells: SharedArrayBuffer;
}

/** Rates of a client's requests; undefined: no limit. */
export interface ClientRates extends Readonly<Record<LimitedKind, CountedRate | undefined>> {
  readonly trustedProxies: readonly Network[];
}

/** The limits of one server; those of its other threads count in the same cells. */
export class ClientLimits {
  readonly #clock: Clock;
  readonly #trustedProxies: readonly Network[];
  readonly #limiters: Readonly<Record<LimitedKind, RateLimiter | undefined>>;

  constructor(rates: ClientRates, clock: Clock) {
    const limiter = (rate: CountedRate | undefined) =>
      rate === undefined ? undefined : new RateLimiter(rate, rate.cells);
    this.#clock = clock;
    this.#trustedProxies = rates.trustedProxies;
    this.#limiters = {
      reads: limiter(rates.reads),
      addChain: limiter(rates.addChain),
      addPreChain: limiter(rates.addPreChain),
      pages: limiter(rates.pages),
    };
  }

  /**
   * Counts a request against its client; an answer of 500 or above takes it off again.
   * @throws UnavailableError `UNAVAILABLE_RATE_LIMITED`.
   */
  count(kind: LimitedKind, request: HttpRequest, response: HttpResponse): void {
    const limiter = this.#limiters[kind];
    if (limiter === undefined) return;
    const client = this.clientOf(request);
    if (client === undefined) return;
    const retryAfterMs = limiter.take(client, this.#clock.monotonicMs());
    if (retryAfterMs > 0) {
      const message = "more requests from your network than this log allows";
      throw new UnavailableError("UNAVAILABLE_RATE_LIMITED", message, { retryAfterMs });
    }
    response.once("close", () => {
      if (response.statusCode >= 500) limiter.giveBack(client);
    });
  }

  /** A key for the client's network; undefined for one that is never limited. */
  clientOf(request: HttpRequest): string | undefined {
    const header = request.headers["x-forwarded-for"];
    const forwardedFor = typeof header === "string" ? header : header?.join(",");
    const peer = request.socket.remoteAddress;
    return clientOf({ peer, forwardedFor }, this.#trustedProxies);
  }

  /** The handler of a request that counts. */
  limited(kind: LimitedKind, handler: Handler): Handler {
    if (this.#limiters[kind] === undefined) return handler;
    return (request, response) => {
      this.count(kind, request, response);
      return handler(request, response);
    };
  }
}
