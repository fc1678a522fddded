/**
 * Worker thread that sends the submissions and keeps what came back; nothing is parsed or
 * verified here, so that a request costs it some 20 us. See `load.ts`.
 * @module
 */
import { parentPort, workerData } from "node:worker_threads";
import { defined } from "../src/base/assert.ts";
import { type Answers, BODY_SLOT_BYTES } from "./answers.ts";
import { Connection, type Target } from "./connection.ts";
import { certificateAt } from "./submissions.ts";

/** When requests are sent. */
export type Pace =
  /** Closed loop: each connection sends as soon as it was answered. */
  | { readonly type: "flat-out" }
  /** One connection; each submission is sent when nothing was under way for so long. */
  | { readonly type: "lone"; readonly pauseMs: number }
  /** Open loop: request i is due `i / perSecond` seconds after the start, come what may. */
  | { readonly type: "rate"; readonly perSecond: number };

/** What the driver is told. */
export interface DriverTask {
  readonly target: Target;
  /** Value of the Host header. */
  readonly hostHeader: string;
  /** Path of add-pre-chain. */
  readonly path: string;
  readonly pace: Pace;
  readonly connections: number;
  /** Whether all connections are opened before the start. */
  readonly opensFirst: boolean;
  /** No request is begun later than this after the start; milliseconds. */
  readonly sendMs: number;
  /** A request not answered this long after the last was sent has failed; milliseconds. */
  readonly answerMsMax: number;
  /** Requests that are due or sent before this do not count as measured; milliseconds. */
  readonly warmupMs: number;
  readonly certificates: SharedArrayBuffer;
  readonly ends: SharedArrayBuffer;
  readonly count: number;
  /** DER of the chain after the precertificate. */
  readonly chain: readonly Uint8Array[];
  readonly answers: Answers;
}

/** What the driver says, in this order. */
export type DriverMessage =
  | { readonly type: "measuring" }
  | {
      readonly type: "done";
      readonly startedMs: number;
      readonly measuringMs: number;
      /** When the last answer came; Unix epoch, milliseconds. */
      readonly endedMs: number;
      /** CPU of the driver's thread while it was measuring; microseconds. */
      readonly cpuUs: number;
      /** Requests that found every connection busy (open loop). */
      readonly waitedCount: number;
    };

/** A listening socket keeps some 500 that wait to be accepted. */
const OPENED_AT_ONCE = 128;

class Driver {
  readonly #task: DriverTask;
  readonly #statuses: Int16Array;
  readonly #dueMs: Float64Array;
  readonly #sentMs: Float64Array;
  readonly #answeredMs: Float64Array;
  readonly #bodyLengths: Uint16Array;
  readonly #bodies: Uint8Array;
  readonly #head: string;
  readonly #tail: string;
  readonly #all: readonly Connection[];
  readonly #free: Connection[];
  /** Positions that are due and wait for a connection (open loop), oldest first. */
  readonly #waiting: number[] = [];
  #next = 0;
  #pending = 0;
  #waitedCount = 0;
  #startedMs = 0;
  #measuringMs = 0;
  #cpuAtMeasuring = 0;
  #isSending = true;
  #finished: (() => void) | undefined;

  constructor(task: DriverTask) {
    const { answers } = task;
    this.#task = task;
    this.#statuses = new Int16Array(answers.statuses);
    this.#dueMs = new Float64Array(answers.dueMs);
    this.#sentMs = new Float64Array(answers.sentMs);
    this.#answeredMs = new Float64Array(answers.answeredMs);
    this.#bodyLengths = new Uint16Array(answers.bodyLengths);
    this.#bodies = new Uint8Array(answers.bodies);
    this.#head = `POST ${task.path} HTTP/1.1\r\nHost: ${task.hostHeader}\r\nContent-Type: application/json\r\nContent-Length: `;
    this.#tail = `${task.chain.map((der) => `","${base64(der)}`).join("")}"]}`;
    this.#all = Array.from({ length: task.connections }, () => new Connection(task.target));
    this.#free = [...this.#all];
  }

  async run(): Promise<DriverMessage> {
    const { pace, sendMs, answerMsMax } = this.#task;
    const finished = new Promise<void>((resolve) => {
      this.#finished = resolve;
    });
    if (this.#task.opensFirst) await this.#openAll();
    this.#startedMs = nowMs();
    if (this.#task.warmupMs === 0) this.#measure(this.#startedMs);
    if (pace.type === "rate") this.#tick(1000 / pace.perSecond);
    else for (const connection of this.#all) this.#sendNext(connection);
    const stop = setTimeout(() => this.#stopSending(), sendMs);
    await finished;
    clearTimeout(stop);
    const giveUp = setTimeout(() => this.#closeAll(), answerMsMax);
    while (this.#pending > 0) await new Promise((resolve) => setTimeout(resolve, 1));
    clearTimeout(giveUp);
    if (this.#measuringMs === 0) this.#measure(nowMs());
    const endedMs = this.#answeredMs.reduce((latest, at) => Math.max(latest, at), 0);
    const cpuUs = cpuNowUs() - this.#cpuAtMeasuring;
    this.#closeAll();
    return {
      type: "done",
      startedMs: this.#startedMs,
      measuringMs: this.#measuringMs,
      endedMs,
      cpuUs,
      waitedCount: this.#waitedCount,
    };
  }

  async #openAll(): Promise<void> {
    for (let at = 0; at < this.#all.length; at += OPENED_AT_ONCE) {
      await Promise.all(this.#all.slice(at, at + OPENED_AT_ONCE).map((one) => one.open()));
    }
  }

  /** Open loop: sends what is due, then sleeps until the next is, in whole milliseconds. */
  #tick(intervalMs: number): void {
    if (!this.#isSending) return;
    const elapsedMs = nowMs() - this.#startedMs;
    const due = Math.min(this.#task.count, Math.floor(elapsedMs / intervalMs) + 1);
    while (this.#next < due) {
      const at = this.#next;
      this.#next += 1;
      this.#dueMs[at] = this.#startedMs + at * intervalMs;
      // Opened before, each is used soon: one without a request for 10 s is answered 408.
      const connection = this.#task.opensFirst ? this.#free.shift() : this.#free.pop();
      if (connection === undefined) {
        this.#waiting.push(at);
        this.#waitedCount += 1;
      } else this.#send(connection, at);
    }
    if (this.#next >= this.#task.count) this.#stopSending();
    else {
      const waitMs = this.#startedMs + this.#next * intervalMs - nowMs();
      setTimeout(() => this.#tick(intervalMs), Math.max(1, Math.ceil(waitMs)));
    }
  }

  /** Closed loop, and the queue of an open one. */
  #sendNext(connection: Connection): void {
    if (this.#task.pace.type === "rate") {
      const at = this.#waiting.shift();
      if (at === undefined) this.#free.push(connection);
      else this.#send(connection, at);
    } else if (this.#task.pace.type === "lone") {
      setTimeout(() => this.#sendOne(connection), this.#task.pace.pauseMs);
    } else this.#sendOne(connection);
  }

  #sendOne(connection: Connection): void {
    if (!this.#isSending) return;
    const at = this.#next;
    if (at >= this.#task.count) {
      this.#stopSending();
      return;
    }
    this.#next += 1;
    this.#dueMs[at] = nowMs();
    this.#send(connection, at);
  }

  #send(connection: Connection, at: number): void {
    const certificate = base64(certificateAt(this.#task, at));
    const length = 11 + certificate.length + this.#tail.length;
    const now = nowMs();
    if (this.#measuringMs === 0 && now - this.#startedMs >= this.#task.warmupMs) this.#measure(now);
    this.#pending += 1;
    this.#sentMs[at] = now;
    connection.send(
      `${this.#head}${length}\r\n\r\n{"chain":["${certificate}${this.#tail}`,
      (answer) => {
        this.#answeredMs[at] = nowMs();
        this.#pending -= 1;
        if (answer instanceof Error) this.#keep(at, -1, Buffer.from(answer.message));
        else this.#keep(at, answer.status, answer.body);
        this.#sendNext(connection);
      },
    );
  }

  #keep(at: number, status: number, body: Buffer): void {
    this.#statuses[at] = status;
    const kept = body.length > BODY_SLOT_BYTES ? body.subarray(0, BODY_SLOT_BYTES) : body;
    this.#bodyLengths[at] = kept.length;
    this.#bodies.set(kept, at * BODY_SLOT_BYTES);
  }

  #measure(sinceMs: number): void {
    this.#measuringMs = sinceMs;
    this.#cpuAtMeasuring = cpuNowUs();
    parentPort?.postMessage({ type: "measuring" } satisfies DriverMessage);
  }

  /** Positions that still wait are sent: they were due in time. */
  #stopSending(): void {
    this.#isSending = false;
    this.#finished?.();
  }

  #closeAll(): void {
    this.#waiting.length = 0;
    for (const connection of this.#all) connection.close();
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64");
}

function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

function cpuNowUs(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

if (parentPort !== null) {
  const task: DriverTask = workerData;
  defined(task.answers, "the driver is started by load.ts");
  parentPort.postMessage(await new Driver(task).run());
}
