/**
 * The lane: requests of the usual form to the endpoints that are asked most are read and answered
 * here, on the socket itself, at half of what node:http takes for it (bench/README.md). Anything
 * else, be it wrong or only unusual, is given to node:http together with its connection, before a
 * byte of it was judged: there is one place that says what is malformed, and it is not this one.
 * @module
 */
import type { Server } from "node:http";
import type { Socket } from "node:net";
import type { Clock } from "../clock/clock.ts";
import { DRAIN_MS_MAX } from "./body.ts";
import { type Found, LaneConnection } from "./lane-connection.ts";
import type { LaneExchange } from "./lane-exchange.ts";
import { PlainHeads } from "./lane-head.ts";
import { RequestPasses } from "./request-passes.ts";

/** Limits of a connection; milliseconds. */
export interface LaneLimits {
  /** Until a connection's first request. */
  readonly firstMs: number;
  /** Between an answer and the next request. */
  readonly idleMs: number;
  /** Until a whole request is there. */
  readonly requestMs: number;
  /** How often these are looked at. */
  readonly checkMs: number;
}

/** Answers a request. */
export type Serve = (exchange: LaneExchange) => void;

/** The lane of one server. */
export class Lane {
  readonly #clock: Clock;
  readonly #limits: LaneLimits;
  readonly #heads = new PlainHeads();
  /** By method and path, as `GET /shard/checkpoint`; or up to a `/` that others follow. */
  readonly #routes = new Map<string, Serve>();
  readonly #passes: RequestPasses;
  readonly #connections = new Set<LaneConnection>();
  #isClosing = false;
  #cancelCheck: (() => void) | undefined;
  #dateSecond = Number.NaN;
  #date = "";

  constructor(clock: Clock, limits: LaneLimits) {
    this.#clock = clock;
    this.#limits = limits;
    this.#passes = new RequestPasses(clock);
  }

  /**
   * Takes requests of one method and path.
   * @param path With `*` at its end: whatever follows.
   */
  route(method: "GET" | "POST", path: string, serve: Serve): void {
    this.#routes.set(`${method} ${path.endsWith("*") ? path.slice(0, -1) : path}`, serve);
  }

  /**
   * Stands before all that listens for connections of a server so far, which get what the lane
   * gives away, and before all that listens for its requests, which get each in its pass.
   * @param timedOut Ends a connection whose request does not come.
   */
  standBefore(server: Server, timedOut: (socket: Socket) => void): void {
    const others = server.listeners("connection");
    server.removeAllListeners("connection");
    this.#putOffRequests(server);
    const keepAliveSeconds = Math.floor(this.#limits.idleMs / 1_000);
    const end = {
      date: () => this.#dateOfNow(),
      keepAlive: `Connection: keep-alive\r\nKeep-Alive: timeout=${keepAliveSeconds}\r\n`,
      nowMs: () => this.#clock.monotonicMs(),
      passes: this.#passes,
      find: (bytes: Buffer) => this.#find(bytes),
    };
    server.on("connection", (socket: Socket) => {
      const handOver = (bytes: Buffer): void => {
        this.#connections.delete(connection);
        for (const listener of others) listener.call(server, socket);
        socket.unshift(bytes);
      };
      const connection = new LaneConnection(socket, { ...end, handOver });
      this.#connections.add(connection);
      socket.once("close", () => this.#connections.delete(connection));
      this.#checkLater(timedOut);
    });
  }

  /** From now on, what is idle is closed. */
  closeIdle(): void {
    this.#isClosing = true;
    for (const connection of this.#connections) {
      if (isIdle(connection)) connection.socket.destroy();
    }
  }

  #putOffRequests(server: Server): void {
    const others = server.listeners("request");
    server.removeAllListeners("request");
    server.on("request", (request, response) => {
      const begin = (): void => {
        for (const listener of others) listener.call(server, request, response);
      };
      if (this.#passes.mayBegin()) begin();
      else this.#passes.later(begin);
    });
  }

  #find(bytes: Buffer): Found | undefined {
    const head = this.#heads.read(bytes);
    if (head === undefined) return undefined;
    const serve = this.#routes.get(head.key) ?? this.#routes.get(folderOf(head.key));
    return serve && { head, serve };
  }

  #checkLater(timedOut: (socket: Socket) => void): void {
    this.#cancelCheck ??= this.#clock.after(this.#limits.checkMs, () => {
      this.#cancelCheck = undefined;
      this.#check(timedOut);
      if (this.#connections.size > 0) this.#checkLater(timedOut);
    });
  }

  #check(timedOut: (socket: Socket) => void): void {
    const { firstMs, idleMs, requestMs } = this.#limits;
    const nowMs = this.#clock.monotonicMs();
    for (const connection of [...this.#connections]) {
      const waitedMs = connection.waitedMs(nowMs);
      const { socket, waiting } = connection;
      const limitMs = waiting === "first" ? firstMs : waiting === "body" ? requestMs : undefined;
      if (limitMs !== undefined && waitedMs > limitMs) {
        this.#connections.delete(connection);
        connection.stop();
        timedOut(socket);
      } else if (waiting === "next" && (waitedMs > idleMs || this.#isClosing)) socket.destroy();
      else if (waiting === "rest-of-body" && waitedMs > DRAIN_MS_MAX) socket.destroy();
    }
  }

  #dateOfNow(): string {
    const second = Math.floor(this.#clock.nowMs() / 1_000);
    if (second !== this.#dateSecond) {
      this.#dateSecond = second;
      this.#date = new Date(1_000 * second).toUTCString();
    }
    return this.#date;
  }
}

function isIdle({ waiting }: LaneConnection): boolean {
  return waiting === "next" || waiting === "first";
}

/** The part of a key up to the first `/` behind the shard, as `GET /shard/tile/`. */
function folderOf(key: string): string {
  const shardEnd = key.indexOf("/", "GET /".length);
  return key.slice(0, key.indexOf("/", shardEnd + 1) + 1);
}
