/**
 * The feed of new heads: requests that wait until there is another head than the one that the
 * client has. Each shard wakes its waiters once for a head, in steps, so that other requests
 * have their turn; each is answered with the head of that instant.
 * @module
 */
import { UnavailableError } from "../base/errors.ts";
import type { Clock } from "../clock/clock.ts";
import type { Log } from "../log/log.ts";
import type { Answer } from "./answer.ts";
import type { HttpResponse } from "./exchange.ts";

/** How long a request waits at most; milliseconds. Proxies give up after some 70 s. */
export const WAIT_MS_MAX = 60_000;

/** Requests that wait for a head, of all shards in each thread; one more is 503. */
export const WAITERS_MAX = 1_024;

/** Of a thread's connections, the part that may wait for heads: one in so many. */
export const WAITERS_CONNECTIONS_SHARE = 4;

/** Requests of one client, by /24 or /48, that wait in each thread; one more is 429. */
export const CLIENT_WAITERS_MAX = 32;

/** Waiters that are answered between two turns of the event loop. */
const STEP_WAITERS_MAX = 64;

/** When a refused wait makes sense again; milliseconds. */
const RETRY_MS = 5_000;

/** What a request waits for. */
export interface Wait {
  /** Whether there is something new to say. @throws UnavailableError: there is no head any more. */
  readonly isNews: () => boolean;
  /** The answer of the instant at which it is called. @throws as `isNews`. */
  readonly answer: () => Answer;
  /** How long; more than {@link WAIT_MS_MAX} is that. */
  readonly waitMs: number;
  /** Whom it counts against; undefined: nobody. */
  readonly client: string | undefined;
}

/** One waiting request. */
interface Waiter {
  readonly isNews: () => boolean;
  /** Answers it as things are. */
  readonly end: () => void;
}

/** Those of one shard. */
interface ShardWaiters {
  readonly waiters: Set<Waiter>;
  /** Ends the watching of the log. */
  readonly stop: () => void;
}

/** The waiting requests of one server. */
export class HeadFeed {
  readonly #clock: Clock;
  readonly #waitersMax: number;
  /** Shards that somebody waits for. */
  readonly #shards = new Map<Log, ShardWaiters>();
  /** How many of each client wait. */
  readonly #clients = new Map<string, number>();
  #count = 0;
  #isClosed = false;

  constructor(clock: Clock, connectionsMax: number) {
    this.#clock = clock;
    const share = Math.ceil(connectionsMax / WAITERS_CONNECTIONS_SHARE);
    this.#waitersMax = Math.min(WAITERS_MAX, share);
  }

  /** Requests that wait. */
  get count(): number {
    return this.#count;
  }

  /**
   * Resolves once there is news, time is up, or the server closes; with undefined if the client
   * left.
   * @throws UnavailableError `UNAVAILABLE_OVERLOADED`, `UNAVAILABLE_RATE_LIMITED`, or of `wait`.
   */
  async wait(log: Log, response: HttpResponse, wait: Wait): Promise<Answer | undefined> {
    if (this.#isClosed || wait.waitMs <= 0 || wait.isNews()) return wait.answer();
    this.#requireRoom(wait.client);
    await new Promise<void>((resolve) => {
      const end = () => {
        cancel();
        response.off("close", end);
        this.#remove(log, waiter, wait.client);
        resolve();
      };
      const waiter = { isNews: wait.isNews, end };
      const cancel = this.#clock.after(Math.min(wait.waitMs, WAIT_MS_MAX), end);
      response.once("close", end);
      this.#add(log, waiter, wait.client);
    });
    return response.destroyed ? undefined : wait.answer();
  }

  /** Answers all that wait; nothing waits from now on. */
  close(): void {
    this.#isClosed = true;
    for (const { waiters } of [...this.#shards.values()]) {
      for (const waiter of [...waiters]) waiter.end();
    }
  }

  #requireRoom(client: string | undefined): void {
    const options = { retryAfterMs: RETRY_MS };
    if (client !== undefined && (this.#clients.get(client) ?? 0) >= CLIENT_WAITERS_MAX) {
      const message = "more requests from your network wait for a head than this log allows";
      throw new UnavailableError("UNAVAILABLE_RATE_LIMITED", message, options);
    }
    if (this.#count < this.#waitersMax) return;
    const message = "too many requests wait for a head";
    throw new UnavailableError("UNAVAILABLE_OVERLOADED", message, options);
  }

  #add(log: Log, waiter: Waiter, client: string | undefined): void {
    let shard = this.#shards.get(log);
    if (shard === undefined) {
      const waiters = new Set<Waiter>();
      shard = { waiters, stop: log.watch(() => this.#wake([...waiters])) };
      this.#shards.set(log, shard);
    }
    shard.waiters.add(waiter);
    this.#count += 1;
    if (client !== undefined) this.#clients.set(client, (this.#clients.get(client) ?? 0) + 1);
  }

  #remove(log: Log, waiter: Waiter, client: string | undefined): void {
    const shard = this.#shards.get(log);
    if (shard?.waiters.delete(waiter) !== true) return;
    this.#count -= 1;
    if (client !== undefined) {
      const left = (this.#clients.get(client) ?? 0) - 1;
      if (left > 0) this.#clients.set(client, left);
      else this.#clients.delete(client);
    }
    if (shard.waiters.size > 0) return;
    shard.stop();
    this.#shards.delete(log);
  }

  /** Ends those of `waiters` for whom there is news. One that has ended is passed over. */
  #wake(waiters: readonly Waiter[]): void {
    for (const waiter of waiters.slice(0, STEP_WAITERS_MAX)) if (isDue(waiter)) waiter.end();
    const rest = waiters.slice(STEP_WAITERS_MAX);
    if (rest.length > 0) this.#clock.after(0, () => this.#wake(rest));
  }
}

/** Also when there is no head any more: `answer` says why. */
function isDue({ isNews }: Waiter): boolean {
  try {
    return isNews();
  } catch {
    return true;
  }
}
