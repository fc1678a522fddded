/**
 * A frontend in a thread of its own, by node:worker_threads: messages of groups, and questions
 * that the main thread asks. A question is answered once, or not at all if the thread ended.
 * @module
 */
import { parentPort, Worker, workerData } from "node:worker_threads";
import type { Wire } from "./wire.ts";

/** What the main thread asks a frontend to do. */
export type Question =
  /** Listen, sharing the port; answers with the address bound. */
  | { readonly type: "listen"; readonly host: string; readonly port: number }
  /** Let go of a shard's database, by the shard's position. */
  | { readonly type: "release"; readonly shard: number }
  /** Open it again. */
  | { readonly type: "resume"; readonly shard: number }
  /** Go by these roots from now on; answers when it does. */
  | { readonly type: "roots"; readonly roots: unknown }
  /** Load these files for pages from now on, and look whether log files were renamed. */
  | { readonly type: "reload"; readonly assets: unknown }
  /** What was counted. */
  | { readonly type: "metrics" }
  /** Who asked most. */
  | { readonly type: "traffic" }
  /** Write logs from this level on. */
  | { readonly type: "log-level"; readonly level: string }
  /** Answer what is in flight, then close. */
  | { readonly type: "drain" };

/** An answer to a question. */
interface Reply {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

/** A frontend, as the main thread sees it. */
export class FrontendThread {
  /** Resolves when the thread has ended, to the reason. Never rejects. */
  readonly ended: Promise<string>;
  readonly wire: Wire;
  /** Takes messages of groups; set before the first turn of the event loop. */
  onBytes: (bytes: Uint8Array) => void = () => {};
  readonly #worker: Worker;
  readonly #asked = new Map<number, (reply: Reply) => void>();
  #lastId = 0;
  /** Why it ended. */
  #reason: string | undefined;

  /** @param data What the thread's `workerData` is; structured clone, shared memory shared. */
  constructor(script: URL, data: unknown) {
    const worker = new Worker(script, { workerData: data });
    this.#worker = worker;
    this.wire = {
      post: (bytes) => worker.postMessage(bytes.buffer, [bytes.buffer]),
      // The answers of one group come in one stretch: one message, and at once.
      defer: (run) => queueMicrotask(run),
    };
    worker.on("message", (message: ArrayBuffer | Reply) => {
      if (message instanceof ArrayBuffer) this.onBytes(new Uint8Array(message));
      else this.#asked.get(message.id)?.(message);
    });
    let reason: string | undefined;
    worker.on("error", (error) => {
      reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    });
    this.ended = new Promise((resolve) => {
      worker.once("exit", (code) => resolve(reason ?? `exit code ${code}`));
    });
    void this.ended.then((why) => {
      this.#reason = why;
      for (const settle of this.#asked.values()) settle({ id: 0, error: why });
    });
  }

  /** Asks; the value is the thread's word. @throws Error after `timeoutMs`, or if it says no. */
  ask(question: Question, timeoutMs: number): Promise<unknown> {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      if (this.#reason !== undefined) {
        reject(new Error(this.#reason));
        return;
      }
      const settle = ({ value, error }: Reply): void => {
        clearTimeout(timer);
        this.#asked.delete(id);
        if (error === undefined) resolve(value);
        else reject(new Error(error));
      };
      const late = `no answer to ${question.type} within ${timeoutMs} ms`;
      const timer = setTimeout(() => settle({ id, error: late }), timeoutMs);
      this.#asked.set(id, settle);
      this.#worker.postMessage({ id, question });
    });
  }

  /** Ends the thread at once. */
  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }
}

/** The main thread, as a frontend sees it. */
export interface MainThread {
  readonly wire: Wire;
  /** What the thread was started with. */
  readonly data: unknown;
  /** Begins to take messages. An error in `onBytes` ends the thread. */
  listen(
    onBytes: (bytes: Uint8Array) => void,
    onQuestion: (question: Question) => Promise<unknown>,
  ): void;
}

/** In a frontend thread: the way to the main one. @throws TypeError in the main thread. */
export function mainThread(): MainThread {
  const port = parentPort;
  if (port === null) throw new TypeError("this is the main thread");
  return {
    data: workerData,
    wire: {
      post: (bytes) => port.postMessage(bytes.buffer, [bytes.buffer]),
      // What the other sockets of this turn have brought goes along.
      defer: (run) => setImmediate(run),
    },
    listen(onBytes, onQuestion) {
      const answer = async (id: number, question: Question): Promise<void> => {
        let reply: Reply;
        try {
          reply = { id, value: await onQuestion(question) };
        } catch (error) {
          reply = { id, error: error instanceof Error ? error.message : String(error) };
        }
        port.postMessage(reply);
      };
      port.on("message", (message: ArrayBuffer | { id: number; question: Question }) => {
        if (message instanceof ArrayBuffer) onBytes(new Uint8Array(message));
        else void answer(message.id, message.question);
      });
    },
  };
}
