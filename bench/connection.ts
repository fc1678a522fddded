/**
 * A raw keep-alive connection that carries one request at a time. It opens itself again
 * when the server closed it between requests.
 * @module
 */
import { connect, type Socket } from "node:net";
import { type Response, ResponseReader } from "./http-response.ts";

/** Where to connect. */
export interface Target {
  readonly host: string;
  readonly port: number;
}

/** Told of the answer, or of what went wrong; exactly once for each request. */
export type Answered = (answer: Response | Error) => void;

/** One connection. */
export class Connection {
  readonly #target: Target;
  #socket: Socket | undefined;
  #reader = new ResponseReader();
  #answered: Answered | undefined;

  constructor(target: Target) {
    this.#target = target;
  }

  /** Whether a request is under way. */
  get isBusy(): boolean {
    return this.#answered !== undefined;
  }

  /**
   * Sends one whole request, bytes or ISO 8859-1 text. The connection must not be busy; it is free
   * again when `answered` is called.
   */
  send(request: string | Uint8Array, answered: Answered): void {
    if (this.#answered !== undefined) throw new Error("the connection is busy");
    this.#answered = answered;
    this.#socket ??= this.#open();
    if (typeof request === "string") this.#socket.write(request, "latin1");
    else this.#socket.write(request);
  }

  /** Opens the connection without sending. @throws Error of the system if it cannot. */
  open(): Promise<void> {
    const socket = this.#open();
    this.#socket = socket;
    return new Promise((resolve, reject) => {
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve();
      });
      socket.once("error", reject);
    });
  }

  /** Closes the connection; a request under way is answered with an error. */
  close(): void {
    this.#socket?.destroy();
  }

  #open(): Socket {
    const socket = connect({ host: this.#target.host, port: this.#target.port, noDelay: true });
    this.#reader = new ResponseReader();
    socket.on("data", (chunk) => {
      try {
        const response = this.#reader.push(chunk);
        if (response === undefined) return;
        if (response.isLast) this.#drop(socket);
        this.#answer(response);
      } catch (error) {
        socket.destroy(error instanceof Error ? error : new Error(String(error)));
      }
    });
    socket.on("error", (error) => {
      this.#drop(socket);
      this.#answer(error);
    });
    socket.on("close", () => {
      if (this.#socket !== socket) return;
      this.#drop(socket);
      this.#answer(new Error("the server closed the connection"));
    });
    return socket;
  }

  #drop(socket: Socket): void {
    if (this.#socket === socket) this.#socket = undefined;
    socket.destroy();
  }

  #answer(answer: Response | Error): void {
    const answered = this.#answered;
    this.#answered = undefined;
    answered?.(answer);
  }
}
