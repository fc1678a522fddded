/**
 * A running process of Node from within, through its inspector: what no signal can do to it, such
 * as ending one thread of several, or keeping the main thread busy.
 * @module
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { until } from "./process.ts";

/** For the environment of a process that will be inspected. */
export const INSPECTED: Readonly<Record<string, string>> = {
  NODE_OPTIONS: "--inspect=127.0.0.1:0",
};

/** A message of the inspector's. */
interface Message {
  readonly method?: string;
  readonly params?: { readonly sessionId?: string };
}

/** The inspector of a process. */
export class Inspector implements Disposable {
  readonly #socket: WebSocket;
  readonly #sessions: string[] = [];
  #lastId = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => {
      const { method, params }: Message = JSON.parse(String(data));
      if (method === "NodeWorker.attachedToWorker") this.#sessions.push(params?.sessionId ?? "");
    });
  }

  /** Connects. @param output What the process wrote to stderr: its last address counts. */
  static async connect(output: string): Promise<Inspector> {
    const [, url] = /Debugger listening on (ws:\S+)/.exec(output) ?? assert.fail(output);
    const socket = new WebSocket(url ?? "");
    await once(socket, "open");
    return new Inspector(socket);
  }

  /** Runs code in the main thread. */
  run(expression: string): void {
    this.#send("Runtime.evaluate", { expression });
  }

  /** Runs code in one worker thread. */
  async runInWorker(expression: string): Promise<void> {
    this.#send("NodeWorker.enable", { waitForDebuggerOnStart: false });
    const sessionId = await until("a worker", () => this.#sessions.at(-1));
    const message = JSON.stringify({ id: 1, method: "Runtime.evaluate", params: { expression } });
    this.#send("NodeWorker.sendMessageToWorker", { sessionId, message });
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }

  #send(method: string, params: Readonly<Record<string, unknown>>): void {
    this.#lastId += 1;
    this.#socket.send(JSON.stringify({ id: this.#lastId, method, params }));
  }
}
