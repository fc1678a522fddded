/**
 * One request of the lane and its response, in one object; see lane.ts.
 * @module
 */
import type { IncomingHttpHeaders } from "node:http";
import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { type BodyClaim, gaveWay } from "./body.ts";
import type { Piece } from "./body-stream.ts";
import type { HttpResponse, LaneRequest } from "./exchange.ts";
import type { PlainHead } from "./lane-head.ts";

/** The connection of an exchange, as it sees it. */
export interface ExchangeEnd {
  readonly socket: Socket;
  /** The Date header of now. */
  readonly date: () => string;
  /** What says how long the connection stays open. */
  readonly keepAlive: string;
  /** All of the response was written. @param isLast Whether it said that the connection closes. */
  readonly answered: (isLast: boolean) => void;
}

type Listener = readonly [event: "finish" | "close" | "drain", listener: () => void];

/** See the module. */
export class LaneExchange implements LaneRequest, HttpResponse {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly socket: Socket;
  statusCode = 200;
  headersSent = false;
  writableFinished = false;
  readonly #end: ExchangeEnd;
  /** Until its first piece is written. */
  #head = "";
  #setHeaders = "";
  #isChunked = false;
  #isLast = false;
  #isOver = false;
  #listeners: Listener[] | undefined;
  /** What has come of the body; undefined once it was read. */
  #chunks: Buffer[] | undefined;
  /** Bytes of the body that are still to come. */
  #due: number;
  #claim: BodyClaim | undefined;
  #settle: ((body: Buffer | undefined) => void) | undefined;

  /** @param body What has come of it, which may be all. */
  constructor(end: ExchangeEnd, head: PlainHead, body: Buffer) {
    this.method = head.method;
    this.url = head.target;
    this.headers = head.headers;
    this.rawHeaders = head.rawHeaders;
    this.socket = end.socket;
    this.#end = end;
    this.#chunks = [body];
    this.#due = head.contentLength - body.length;
  }

  /** Whether it is over: the response is out, or the client gone. */
  get destroyed(): boolean {
    return this.#isOver;
  }

  /** Whether all of the body has come. */
  get isWhole(): boolean {
    return this.#due === 0;
  }

  /** Takes what came. @returns What lies behind the body. */
  take(bytes: Buffer): Buffer {
    const part = bytes.length <= this.#due ? bytes : bytes.subarray(0, this.#due);
    this.#due -= part.length;
    this.#chunks?.push(part);
    this.#claim?.grow(part.length);
    if (this.#due === 0) this.#settle?.(this.#takeChunks());
    return bytes.subarray(part.length);
  }

  readWhole(claim: BodyClaim): Promise<Buffer | undefined> {
    if (this.#isOver) return Promise.resolve(undefined);
    for (const { length } of this.#chunks ?? []) claim.grow(length);
    if (this.#due === 0) return Promise.resolve(this.#takeChunks());
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        claim.giveWay = undefined;
        this.#claim = undefined;
        this.#settle = undefined;
      };
      this.#claim = claim;
      this.#settle = (body) => {
        settle();
        resolve(body);
      };
      claim.giveWay = () => {
        settle();
        this.#chunks = undefined;
        reject(gaveWay());
      };
    });
  }

  /** The connection is gone. */
  abandon(): void {
    this.#settle?.(undefined);
    this.#close();
  }

  setHeader(name: string, value: string): void {
    this.#setHeaders += `${name}: ${value}\r\n`;
  }

  writeHead(status: number, headers: readonly string[]): void {
    this.statusCode = status;
    let lines = this.#setHeaders;
    let hasLength = status === 304 || status === 204;
    for (let index = 0; index + 1 < headers.length; index += 2) {
      const [name, value] = [headers[index] ?? "", headers[index + 1] ?? ""];
      lines += `${name}: ${value}\r\n`;
      if (name === "Content-Length") hasLength = true;
      else if (name === "Connection") this.#isLast = true;
    }
    if (!hasLength) {
      this.#isChunked = true;
      lines += "Transfer-Encoding: chunked\r\n";
    }
    const stays = this.#isLast ? "" : this.#end.keepAlive;
    this.#head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines}Date: ${this.#end.date()}\r\n${stays}\r\n`;
  }

  flushHeaders(): void {}

  /** Whoever waits for it is node:http's. */
  writeContinue(): void {}

  write(piece: Piece, _: "latin1", done?: (error?: Error | null) => void): boolean {
    const { socket } = this;
    this.headersSent = true;
    const before = this.#takeHead();
    if (!this.#isChunked) {
      if (before === "") return socket.write(piece, "latin1", done);
      if (typeof piece === "string") return socket.write(before + piece, "latin1", done);
      socket.cork();
      socket.write(before, "latin1");
      const canWrite = socket.write(piece, done);
      socket.uncork();
      return canWrite;
    }
    if (piece.length === 0) return true;
    socket.cork();
    socket.write(`${before}${piece.length.toString(16)}\r\n`, "latin1");
    socket.write(piece, "latin1", done);
    const canWrite = socket.write("\r\n", "latin1");
    socket.uncork();
    return canWrite;
  }

  end(piece: Piece = ""): void {
    const finished = this.#listeners && ((error?: Error | null) => this.#finish(error));
    if (this.#isChunked) {
      if (piece.length > 0) this.write(piece, "latin1");
      this.headersSent = true;
      this.socket.write(`${this.#takeHead()}0\r\n\r\n`, "latin1", finished);
    } else if (piece.length > 0 || this.#head !== "" || finished !== undefined) {
      this.write(piece, "latin1", finished);
    }
    if (finished === undefined) this.#finish(undefined);
    this.#end.answered(this.#isLast);
  }

  destroy(): void {
    this.socket.destroy();
  }

  once(event: Listener[0], listener: () => void): void {
    if (event === "drain") {
      this.socket.once("drain", listener);
      return;
    }
    this.#listeners ??= [];
    this.#listeners.push([event, listener]);
  }

  off(event: Listener[0], listener: () => void): void {
    if (event === "drain") {
      this.socket.off("drain", listener);
      return;
    }
    const at = this.#listeners?.findIndex(([name, each]) => name === event && each === listener);
    if (at !== undefined && at !== -1) this.#listeners?.splice(at, 1);
  }

  #takeHead(): string {
    const head = this.#head;
    this.#head = "";
    return head;
  }

  #takeChunks(): Buffer {
    const chunks = this.#chunks ?? [];
    this.#chunks = undefined;
    const [only] = chunks;
    return only !== undefined && chunks.length === 1 ? only : Buffer.concat(chunks);
  }

  /** The system has taken all of it, or the connection broke before. */
  #finish(error: Error | null | undefined): void {
    if (this.#isOver) return;
    if (!error && !this.socket.destroyed) {
      this.writableFinished = true;
      this.#tell("finish");
    }
    this.#close();
  }

  #close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#tell("close");
    this.#listeners = undefined;
  }

  #tell(event: Listener[0]): void {
    for (const [name, listener] of [...(this.#listeners ?? [])]) if (name === event) listener();
  }
}
