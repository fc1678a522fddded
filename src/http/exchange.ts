/**
 * A request and its response, as handlers see them: no more of node:http's than is used here, so
 * that those of the lane (see lane.ts) are the same to them.
 * @module
 */
import type { IncomingHttpHeaders } from "node:http";
import type { Socket } from "node:net";
import type { BodyClaim } from "./body.ts";

/** A request whose headers are there. */
export type HttpRequest = StreamedRequest | LaneRequest;

interface RequestHead {
  readonly method?: string | undefined;
  /** The request target as it was sent. */
  readonly url?: string | undefined;
  /** By name in lower case. */
  readonly headers: IncomingHttpHeaders;
  /** Names and values in turn, as they were sent. */
  readonly rawHeaders: readonly string[];
  readonly socket: Socket;
  readonly destroyed: boolean;
  /** Ends the connection. */
  destroy(): unknown;
}

/** A request of node:http, whose body comes as events; whoever answers early reads past it. */
export interface StreamedRequest extends RequestHead {
  readonly readWhole?: undefined;
  readonly httpVersion: string;
  readonly complete: boolean;
  readonly readableEnded: boolean;
  on(event: "data", listener: (chunk: Buffer) => void): unknown;
  off(event: "data", listener: (chunk: Buffer) => void): unknown;
  once(event: "close" | "end" | "error", listener: () => void): unknown;
  pause(): unknown;
  resume(): unknown;
}

/** A request of the lane, which itself reads past whatever nobody reads of the body. */
export interface LaneRequest extends RequestHead {
  /** See `readBody`. */
  readWhole(claim: BodyClaim): Promise<Buffer | undefined>;
}

/** A response that is being made. */
export interface HttpResponse {
  statusCode: number;
  readonly headersSent: boolean;
  /** Whether the system has taken all of it. */
  readonly writableFinished: boolean;
  /** Whether the connection is gone. */
  readonly destroyed: boolean;
  setHeader(name: string, value: string): unknown;
  /** @param headers Names and values in turn. */
  writeHead(status: number, headers: string[]): unknown;
  flushHeaders(): void;
  writeContinue(): void;
  /**
   * @param done Called once the system has taken it, or with an error.
   * @returns Whether more can be written at once; if not, `drain` tells when.
   */
  write(
    piece: string | Uint8Array,
    encoding: "latin1",
    done?: (error?: Error | null) => void,
  ): boolean;
  end(): unknown;
  end(piece: string | Uint8Array, encoding: "latin1"): unknown;
  /** Ends the connection. */
  destroy(): unknown;
  /**
   * @param event `finish`: the system has taken all of it; `close`: it is over, or the client is
   *   gone; `drain`: more can be written.
   */
  once(event: "finish" | "close" | "drain", listener: () => void): unknown;
  off(event: "close" | "drain", listener: () => void): unknown;
}
