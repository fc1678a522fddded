/**
 * The access log: one line of JSON for each request, with the network that it came from and no
 * more of an address, under an id that the answer carries too. Off unless configured, and then
 * nothing of this runs.
 * @module
 */
import type { Socket } from "node:net";
import type { Network } from "../base/network.ts";
import type { Clock } from "../clock/clock.ts";
import { clientAddress, formatNetwork, isTrustedPeer } from "../policy/client.ts";
import type { HttpRequest, HttpResponse } from "./exchange.ts";

/** Characters of a request target that are written. */
export const TARGET_LENGTH_MAX = 512;

/** Characters of a User-Agent that are written. */
export const USER_AGENT_LENGTH_MAX = 200;

/** Takes lines. */
export interface AccessOutput {
  /** Distinguishes the threads of all processes that write to one place; letters and digits. */
  readonly name: string;
  /** Takes one line without its end; neither throws nor blocks. */
  write(line: string): void;
  /** Resolves once all is written. */
  close(): Promise<void>;
}

/** Writes the requests of one server. */
export class AccessLog {
  readonly #output: AccessOutput;
  readonly #trustedProxies: readonly Network[];
  readonly #clock: Clock;
  /**
   * Bytes that a connection had sent when its last answer was out. Of answers that are out at
   * once, the first is told the bytes of all.
   */
  readonly #sent = new WeakMap<Socket, number>();
  #count = 0;

  constructor(output: AccessOutput, trustedProxies: readonly Network[], clock: Clock) {
    this.#output = output;
    this.#trustedProxies = trustedProxies;
    this.#clock = clock;
  }

  /** Gives the answer its id, and writes the line once it is out. */
  begin(request: HttpRequest, response: HttpResponse): void {
    const { socket } = request;
    const forwarded = request.headers["x-forwarded-for"];
    const forwardedFor = typeof forwarded === "string" ? forwarded : forwarded?.join(",");
    // Asked for now: a connection that is gone has no address.
    const origin = { peer: socket.remoteAddress, forwardedFor };
    const id = this.#idOf(request, origin.peer);
    const startedMs = this.#clock.monotonicMs();
    response.setHeader("X-Request-Id", id);
    response.once("close", () => {
      const address = clientAddress(origin, this.#trustedProxies);
      const sent = socket.bytesWritten ?? 0;
      const bytes = sent - (this.#sent.get(socket) ?? 0);
      this.#sent.set(socket, sent);
      const line = {
        time: new Date(this.#clock.nowMs()).toISOString(),
        request_id: id,
        network: address === undefined ? "" : formatNetwork(address),
        method: request.method,
        target: request.url?.slice(0, TARGET_LENGTH_MAX),
        // As in the metrics: the client left before its answer.
        status: response.headersSent ? response.statusCode : 499,
        ...(!response.writableFinished && { is_cut: true }),
        bytes,
        ms: Math.round(1_000 * (this.#clock.monotonicMs() - startedMs)) / 1_000,
        user_agent: request.headers["user-agent"]?.slice(0, USER_AGENT_LENGTH_MAX) ?? "",
      };
      this.#output.write(JSON.stringify(line));
    });
  }

  /** A trusted proxy's word, or one of our own. */
  #idOf(request: HttpRequest, peer: string | undefined): string {
    const given = request.headers["x-request-id"];
    if (typeof given === "string" && /^[\w.:-]{1,64}$/.test(given)) {
      if (isTrustedPeer({ peer, forwardedFor: undefined }, this.#trustedProxies)) return given;
    }
    this.#count += 1;
    return `${this.#output.name}-${this.#count.toString(36)}`;
  }
}
