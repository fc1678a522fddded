/**
 * Worker thread that sends one request again and again over connections that stay open, for
 * `http.bench.ts`.
 * @module
 */
import { parentPort } from "node:worker_threads";
import { defined } from "../src/base/assert.ts";
import { Connection } from "./connection.ts";

/** What is asked for. */
export interface RequestsTask {
  readonly host: string;
  readonly port: number;
  /** The whole request. */
  readonly request: string;
  readonly connections: number;
  readonly count: number;
}

/** What came back. */
export interface RequestsAnswer {
  /** Answers with status 200. */
  readonly okCount: number;
  /** The first other one's; empty without. */
  readonly failure: string;
  /** Of the last one. */
  readonly body: Uint8Array;
}

const known = new Map<string, Connection[]>();

function connectionsTo({ host, port, connections }: RequestsTask): readonly Connection[] {
  const name = `${host}:${port}`;
  const open = known.get(name) ?? [];
  while (open.length < connections) open.push(new Connection({ host, port }));
  known.set(name, open);
  return open.slice(0, connections);
}

function run(task: RequestsTask): Promise<RequestsAnswer> {
  return new Promise((resolve) => {
    let left = task.count;
    let pending = 0;
    let okCount = 0;
    let failure = "";
    let body: Uint8Array = new Uint8Array(0);
    const next = (connection: Connection): void => {
      if (left === 0) {
        if (pending === 0) resolve({ okCount, failure, body });
        return;
      }
      left -= 1;
      pending += 1;
      connection.send(task.request, (answer) => {
        pending -= 1;
        if (answer instanceof Error) failure ||= answer.message;
        else if (answer.status === 200) okCount += 1;
        else failure ||= `${answer.status} ${answer.body.toString()}`;
        if (!(answer instanceof Error)) body = Uint8Array.from(answer.body);
        next(connection);
      });
    };
    for (const connection of connectionsTo(task)) next(connection);
  });
}

const port = defined(parentPort ?? undefined, "it is started by http.bench.ts");
port.on("message", async (task: RequestsTask) => port.postMessage(await run(task)));
