/**
 * Worker thread that asks for the same paths again and again in a closed loop. See
 * `reads.ts`.
 * @module
 */
import { createHash } from "node:crypto";
import { parentPort, workerData } from "node:worker_threads";
import { defined } from "../src/base/assert.ts";
import { Connection, type Target } from "./connection.ts";

/** What the driver is told. */
export interface ReadsTask {
  readonly target: Target;
  readonly hostHeader: string;
  /** Paths with query, in the order in which they are asked for, round and round. */
  readonly paths: readonly string[];
  readonly connections: number;
  /** Requests that are not measured. */
  readonly warmupCount: number;
  /** Requests that are measured, at most. */
  readonly count: number;
  /** No request is begun later than this after measuring began; milliseconds. */
  readonly measureMsMax: number;
  /** The answers to the first so many paths are kept. */
  readonly sampleCount: number;
}

/** What the driver says, in this order. */
export type ReadsMessage =
  | { readonly type: "measuring" }
  | {
      readonly type: "done";
      readonly seconds: number;
      /** Answers with status 200 while measuring. */
      readonly answeredCount: number;
      /** Answers of other statuses, or none; warm-up included. */
      readonly failedCount: number;
      /** The first failure's status and text. */
      readonly failure: string;
      readonly bodyBytes: number;
      readonly cpuUs: number;
      /** Bodies by position in `paths`, as sent. */
      readonly sample: readonly Uint8Array[];
      /** SHA-256 of the sample, in order. */
      readonly sampleHash: string;
    };

class ReadsDriver {
  readonly #task: ReadsTask;
  readonly #requests: readonly string[];
  readonly #sample: Uint8Array[] = [];
  #next = 0;
  #pending = 0;
  #answeredCount = 0;
  #failedCount = 0;
  #failure = "";
  #bodyBytes = 0;
  #measuringMs = 0;
  #cpuBefore = 0;
  #finished: (() => void) | undefined;

  constructor(task: ReadsTask) {
    this.#task = task;
    this.#requests = task.paths.map(
      (path) =>
        `GET ${path} HTTP/1.1\r\nHost: ${task.hostHeader}\r\nAccept-Encoding: gzip\r\nAccept: */*\r\n\r\n`,
    );
  }

  async run(): Promise<ReadsMessage> {
    const finished = new Promise<void>((resolve) => {
      this.#finished = resolve;
    });
    const { connections, target } = this.#task;
    const all = Array.from({ length: connections }, () => new Connection(target));
    for (const connection of all) this.#sendNext(connection);
    await finished;
    const seconds = (performance.now() - this.#measuringMs) / 1000;
    const cpuUs = cpuNowUs() - this.#cpuBefore;
    for (const connection of all) connection.close();
    const digest = createHash("sha256");
    const sample = Array.from(this.#sample, (body) => body ?? new Uint8Array(0));
    for (const body of sample) digest.update(body);
    return {
      type: "done",
      seconds,
      answeredCount: this.#answeredCount,
      failedCount: this.#failedCount,
      failure: this.#failure,
      bodyBytes: this.#bodyBytes,
      cpuUs,
      sample,
      sampleHash: digest.digest("hex"),
    };
  }

  #sendNext(connection: Connection): void {
    const { warmupCount, count, measureMsMax } = this.#task;
    const now = performance.now();
    const isOver = this.#measuringMs > 0 && now - this.#measuringMs > measureMsMax;
    if (isOver || this.#next >= warmupCount + count) {
      if (this.#pending === 0) this.#finished?.();
      return;
    }
    if (this.#measuringMs === 0 && this.#next >= warmupCount) {
      this.#measuringMs = now;
      this.#cpuBefore = cpuNowUs();
      parentPort?.postMessage({ type: "measuring" } satisfies ReadsMessage);
    }
    const number = this.#next;
    this.#next += 1;
    this.#pending += 1;
    const at = number % this.#requests.length;
    connection.send(defined(this.#requests[at], "a path in range"), (answer) => {
      this.#pending -= 1;
      if (answer instanceof Error || answer.status !== 200) {
        this.#failedCount += 1;
        const text = answer instanceof Error ? answer.message : `${answer.status} ${answer.body}`;
        if (this.#failure === "") this.#failure = text.slice(0, 200);
      } else {
        if (number >= warmupCount) {
          this.#answeredCount += 1;
          this.#bodyBytes += answer.body.length;
        }
        if (number === at && at < this.#task.sampleCount) {
          this.#sample[at] = Uint8Array.from(answer.body);
        }
      }
      this.#sendNext(connection);
    });
  }
}

function cpuNowUs(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

if (parentPort !== null) {
  const task: ReadsTask = workerData;
  parentPort.postMessage(await new ReadsDriver(task).run());
}
