/**
 * One connection of the lane: reads request after request, each once the one before it is
 * answered, until one comes that is not plain; see lane.ts.
 * @module
 */
import type { Socket } from "node:net";
import { type ExchangeEnd, LaneExchange } from "./lane-exchange.ts";
import type { PlainHead } from "./lane-head.ts";
import type { RequestPasses } from "./request-passes.ts";

/** Bytes of further requests, behind one that is being answered, before no more are read. */
export const BEHIND_BYTES_MAX = 65_536;

/** Bytes that a client has not taken, before its next request has to wait. */
const UNSENT_BYTES_MAX = 65_536;

const NOTHING = Buffer.alloc(0);

/** What a connection waits for; `working`: for us. */
export type Waiting = "first" | "next" | "body" | "rest-of-body" | "working";

/** The lane, as a connection sees it. */
export interface ConnectionEnd extends Pick<ExchangeEnd, "date" | "keepAlive"> {
  readonly nowMs: () => number;
  readonly passes: RequestPasses;
  /** The head of a request that the lane takes, and who answers it. */
  readonly find: (bytes: Buffer) => Found | undefined;
  /** Gives the connection away, with bytes that were read of it. */
  readonly handOver: (bytes: Buffer) => void;
}

/** A request that the lane takes. */
export interface Found {
  readonly head: PlainHead;
  readonly serve: (exchange: LaneExchange) => void;
}

/** See the module. */
export class LaneConnection {
  readonly socket: Socket;
  readonly #lane: ConnectionEnd;
  /** For exchanges: one object for all of a connection. */
  readonly #end: ExchangeEnd;
  /** The request that is being answered, or whose body is being read past. */
  #exchange: LaneExchange | undefined;
  #isAnswered = false;
  /** What lies behind it. */
  #behind: Buffer = NOTHING;
  /** Since when it has been waiting for what `waiting` says. */
  #sinceMs: number;
  #hasAsked = false;
  #isWorking = false;
  /** What lies behind waits for a later pass of the event loop. */
  #isPutOff = false;
  /** No further request is read. */
  #isLast = false;
  readonly #onData = (bytes: Buffer): void => this.#take(bytes);
  readonly #onEnd = (): void => this.#ended();
  readonly #onClose = (): void => this.#exchange?.abandon();
  readonly #onError = (): void => {
    this.socket.destroy();
  };

  constructor(socket: Socket, lane: ConnectionEnd) {
    this.socket = socket;
    this.#lane = lane;
    const { date, keepAlive } = lane;
    this.#end = { socket, date, keepAlive, answered: (isLast) => this.#answered(isLast) };
    this.#sinceMs = lane.nowMs();
    socket.on("data", this.#onData);
    socket.on("end", this.#onEnd);
    socket.on("close", this.#onClose);
    socket.on("error", this.#onError);
  }

  /** What it waits for. */
  get waiting(): Waiting {
    if (this.#isPutOff) return "working";
    if (this.#exchange === undefined) return this.#hasAsked ? "next" : "first";
    if (this.#isAnswered) return this.#exchange.isWhole ? "working" : "rest-of-body";
    return this.#exchange.isWhole ? "working" : "body";
  }

  /** For how long; milliseconds. */
  waitedMs(nowMs: number): number {
    return nowMs - this.#sinceMs;
  }

  /** Reads past whatever comes: another has ended it. */
  stop(): void {
    this.#isLast = true;
    this.socket.off("data", this.#onData);
    this.socket.resume();
    this.#exchange?.abandon();
  }

  #take(bytes: Buffer): void {
    let rest = bytes;
    if (this.#exchange !== undefined && !this.#exchange.isWhole) {
      rest = this.#exchange.take(bytes);
      if (this.#exchange.isWhole && this.#isAnswered) this.#finish();
    }
    if (rest.length === 0 || this.#isLast) return;
    this.#behind = this.#behind.length === 0 ? rest : Buffer.concat([this.#behind, rest]);
    if (this.#exchange === undefined) this.#work();
    if (this.#behind.length > BEHIND_BYTES_MAX) this.socket.pause();
  }

  /**
   * Begins one request after the other, as far as they are there and are answered at once.
   * @param mayBegin Whether the first may begin in this pass; undefined: not asked yet.
   */
  #work(mayBegin?: true): void {
    if (this.#isWorking || this.#isPutOff) return;
    this.#isWorking = true;
    let mayNext = mayBegin;
    while (this.#exchange === undefined && this.#behind.length > 0 && !this.#isLast) {
      if (!(mayNext ?? this.#lane.passes.mayBegin())) {
        this.#putOff();
        break;
      }
      mayNext = undefined;
      const bytes = this.#behind;
      const found = this.#lane.find(bytes);
      if (found === undefined) {
        this.#handOver(bytes);
        break;
      }
      this.#begin(found, bytes);
    }
    this.#isWorking = false;
  }

  #putOff(): void {
    this.#isPutOff = true;
    this.#lane.passes.later(() => {
      this.#isPutOff = false;
      if (this.socket.destroyed) return;
      if (this.socket.isPaused()) this.socket.resume();
      this.#work(true);
    });
  }

  #begin({ head, serve }: Found, bytes: Buffer): void {
    const end = head.length + head.contentLength;
    const exchange = new LaneExchange(this.#end, head, bytes.subarray(head.length, end));
    this.#behind = bytes.length > end ? bytes.subarray(end) : NOTHING;
    this.#hasAsked = true;
    this.#isAnswered = false;
    this.#exchange = exchange;
    this.#sinceMs = this.#lane.nowMs();
    serve(exchange);
  }

  #answered(isLast: boolean): void {
    this.#isAnswered = true;
    this.#isLast ||= isLast;
    this.#sinceMs = this.#lane.nowMs();
    if (this.#exchange?.isWhole === true) this.#finish();
  }

  /** The request is read and answered. */
  #finish(): void {
    if (this.#isLast) {
      this.#exchange = undefined;
      this.socket.destroySoon();
    } else if (this.socket.writableLength > UNSENT_BYTES_MAX) {
      this.socket.once("drain", () => this.#next());
    } else {
      this.#next();
    }
  }

  #next(): void {
    this.#exchange = undefined;
    if (this.socket.isPaused()) this.socket.resume();
    this.#work();
  }

  /** The client leaves: as node:http does, what is written goes out, and nothing else. */
  #ended(): void {
    this.#isLast = true;
    this.socket.destroySoon();
  }

  #handOver(bytes: Buffer): void {
    const { socket } = this;
    socket.off("data", this.#onData);
    socket.off("end", this.#onEnd);
    socket.off("close", this.#onClose);
    socket.off("error", this.#onError);
    this.#behind = NOTHING;
    this.#lane.handOver(bytes);
  }
}
