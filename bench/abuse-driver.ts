/**
 * Worker thread that attacks: requests at a rate over a number of connections, or connections
 * that send a little now and then. Answers are counted, not looked at. See `abuse.ts`.
 * @module
 */
import { connect, type Socket } from "node:net";
import { parentPort, workerData } from "node:worker_threads";
import { defined } from "../src/base/assert.ts";
import { Connection, type Target } from "./connection.ts";

/** What an attacker does, until it is told to stop. */
export type Attack =
  | {
      /** Whole requests, round and round, at a rate; one that finds no free connection is left out. */
      readonly type: "requests";
      /** ISO 8859-1. */
      readonly requests: readonly string[];
      readonly connections: number;
      readonly perSecond: number;
    }
  | {
      /** One request on each connection, and again as soon as it is answered. */
      readonly type: "storm";
      readonly request: string;
      readonly connections: number;
    }
  | {
      /** Connections that send a beginning, then a piece each second; opened again when closed. */
      readonly type: "trickle";
      readonly opening: string;
      readonly piece: string;
      readonly connections: number;
    };

/** What the driver is told. */
export interface AttackTask {
  readonly target: Target;
  readonly attack: Attack;
}

/** What the driver says at the end. */
export interface AttackReport {
  /** Requests sent, or connections opened. */
  readonly sentCount: number;
  /** Answers by status; `error` for connections that broke. */
  readonly statuses: Readonly<Record<string, number>>;
}

const TICK_MS = 5;

const LARGE_REQUEST_CHARACTERS_MIN = 65_536;

class AttackDriver {
  readonly #task: AttackTask;
  readonly #statuses: Record<string, number> = {};
  readonly #sockets = new Set<Socket>();
  #connections: readonly Connection[] = [];
  #sentCount = 0;
  #isOver = false;

  constructor(task: AttackTask) {
    this.#task = task;
  }

  start(): void {
    const { attack, target } = this.#task;
    if (attack.type === "trickle") {
      for (let count = 0; count < attack.connections; count += 1) this.#open(attack);
      return;
    }
    const all = Array.from({ length: attack.connections }, () => new Connection(target));
    this.#connections = all;
    if (attack.type === "storm") {
      for (const connection of all) this.#ask(connection, attack.request);
      return;
    }
    const startMs = performance.now();
    const timer = setInterval(() => {
      if (this.#isOver) clearInterval(timer);
      else this.#sendDue(attack, startMs);
    }, TICK_MS);
  }

  stop(): AttackReport {
    this.#isOver = true;
    const report = { sentCount: this.#sentCount, statuses: { ...this.#statuses } };
    for (const connection of this.#connections) connection.close();
    for (const socket of this.#sockets) socket.destroy();
    return report;
  }

  #due = 0;
  /** Large requests as bytes, once: to copy 8 MiB for each would cost the machine, not the server. */
  readonly #bytes = new Map<string, Uint8Array>();

  #sendDue(attack: Attack & { readonly type: "requests" }, startMs: number): void {
    const due = Math.floor(((performance.now() - startMs) * attack.perSecond) / 1000);
    const free = this.#connections.filter((connection) => !connection.isBusy);
    for (; this.#due < due; this.#due += 1) {
      const connection = free.pop();
      if (connection === undefined) continue;
      const at = this.#sentCount % attack.requests.length;
      this.#sentCount += 1;
      connection.send(
        this.#encoded(defined(attack.requests[at], "a request in range")),
        (answer) => {
          this.#count(answer instanceof Error ? "error" : String(answer.status));
        },
      );
    }
  }

  #ask(connection: Connection, request: string): void {
    if (this.#isOver) return;
    this.#sentCount += 1;
    connection.send(request, (answer) => {
      this.#count(answer instanceof Error ? "error" : String(answer.status));
      this.#ask(connection, request);
    });
  }

  #encoded(request: string): string | Uint8Array {
    if (request.length < LARGE_REQUEST_CHARACTERS_MIN) return request;
    const known = this.#bytes.get(request);
    if (known !== undefined) return known;
    const bytes = Buffer.from(request, "latin1");
    this.#bytes.set(request, bytes);
    return bytes;
  }

  #open(attack: Attack & { readonly type: "trickle" }): void {
    const { host, port } = this.#task.target;
    const socket = connect({ host, port });
    this.#sentCount += 1;
    this.#sockets.add(socket);
    socket.write(attack.opening, "latin1");
    const timer = setInterval(() => {
      if (attack.piece !== "" && socket.writable) socket.write(attack.piece, "latin1");
    }, 1_000);
    socket.once("data", (chunk) => this.#count(chunk.toString("latin1", 9, 12)));
    socket.on("error", () => this.#count("error"));
    socket.once("close", () => {
      clearInterval(timer);
      this.#sockets.delete(socket);
      if (!this.#isOver) this.#open(attack);
    });
  }

  #count(status: string): void {
    if (!this.#isOver) this.#statuses[status] = (this.#statuses[status] ?? 0) + 1;
  }
}

if (parentPort !== null) {
  const task: AttackTask = workerData;
  const driver = new AttackDriver(task);
  driver.start();
  parentPort.once("message", () => {
    parentPort?.postMessage(driver.stop());
    parentPort?.close();
  });
}
