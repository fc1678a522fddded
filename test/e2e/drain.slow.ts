/**
 * SIGTERM with submissions in flight: each is answered, by an SCT that proves or by 503, and
 * the process ends in time with clean data.
 * @module
 */
import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { parseSctJson } from "../../src/rfc6962/json.ts";
import { makeCa, type TestCa } from "../support/certificates.ts";
import { makeSubmission, Prover, type Sent } from "../support/ledger.ts";
import { LogFolder, until } from "../support/process.ts";

const SHARD = "drain2027";
const IN_FLIGHT = 500;
const DRAIN_MS = 5_000;

/** Beyond `drainMs`: closing the shards, and a busy machine. */
const EXTRA_MS = 5_000;

/** A connection that collects what comes until its end. */
class Connection implements Disposable {
  readonly socket: Socket;
  received = "";
  isOver = false;
  error: unknown;

  constructor(port: number) {
    this.socket = connect({ host: "127.0.0.1", port, noDelay: true });
    this.socket.on("data", (chunk) => {
      this.received += chunk.toString("latin1");
    });
    this.socket.on("error", (error) => {
      this.error = error;
    });
    this.socket.on("close", () => {
      this.isOver = true;
    });
  }

  /** Waits until the connection stands. */
  async opened(): Promise<void> {
    await until("a connection", () => (this.socket.connecting ? undefined : true));
  }

  /** Writes a request; resolves once the system has all of it. */
  write(text: string): Promise<void> {
    return new Promise((resolve) => {
      this.socket.write(text, () => resolve());
    });
  }

  /** Waits until `pattern` came. */
  async comes(pattern: RegExp): Promise<void> {
    await until(`${pattern}`, () => {
      if (pattern.test(this.received)) return true;
      if (this.isOver) throw new Error(`closed (${String(this.error)}): ${this.received}`);
      return undefined;
    });
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

function requestOf({ endpoint, body }: Sent): string {
  const head = `POST /${SHARD}/ct/v1/${endpoint} HTTP/1.1\r\nHost: log\r\n`;
  return `${head}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

/** The one answer that a connection got. @throws AssertionError if it got none. */
function answerOf(connection: Connection): { status: number; head: string; body: string } {
  const { received, error } = connection;
  const [head = "", ...rest] = received.split("\r\n\r\n");
  const status = Number(/^HTTP\/1\.1 ([0-9]{3}) /.exec(head)?.[1] ?? 0);
  assert.notEqual(status, 0, `no answer: ${String(error)}: ${JSON.stringify(received)}`);
  return { status, head, body: rest.join("\r\n\r\n") };
}

/** What became of the submissions. */
interface Outcome {
  readonly scts: number;
  readonly refusals: number;
  readonly drainedMs: number;
}

/** Opens `IN_FLIGHT` connections, sends on all, asks the process to stop, checks every answer. */
async function drain(root: TestCa, folder: LogFolder, serials: number): Promise<Outcome> {
  const key = await folder.key(SHARD);
  const all = Array.from({ length: IN_FLIGHT }, (_, index) =>
    makeSubmission(root, serials + index),
  );
  await using log = folder.serve();
  const { url } = await log.listening();
  const port = Number(new URL(url).port);
  const idle = [new Connection(port), new Connection(port)];
  await Promise.all(idle.map((connection) => connection.opened()));
  // One that was used before and stays open, beside one that never sent a request.
  await idle[0]?.write(`GET /${SHARD}/ct/v1/get-sth HTTP/1.1\r\nHost: log\r\n\r\n`);
  await idle[0]?.comes(/tree_head_signature/);
  // The system has taken every request; the log need not have accepted every connection.
  const connections = all.map(() => new Connection(port));
  await Promise.all(
    connections.map((connection, index) => connection.write(requestOf(all[index]!))),
  );
  const startMs = performance.now();
  log.signal("SIGTERM");
  const ended = await log.end(DRAIN_MS + EXTRA_MS);
  const drainedMs = performance.now() - startMs;
  assert.deepEqual(ended, { code: 0, signal: null }, log.stderr);
  assert.match(log.stdout, /Stopped\.\n$/);
  let refusals = 0;
  for (const [index, connection] of connections.entries()) {
    const { status, head, body } = answerOf(connection);
    if (status === 200) {
      all[index]!.sct = parseSctJson(body);
      continue;
    }
    refusals += 1;
    assert.equal(status, 503, `${head}\n${body}`);
    assert.match(head, /\r\nRetry-After: [1-9][0-9]*(?:\r\n|$)/i);
  }
  const answered = all.filter(({ sct }) => sct !== undefined);
  await using again = folder.serve();
  const prover = new Prover(`${(await again.listening()).url}/${SHARD}`, key);
  const head = await prover.head();
  await prover.requireAllProven(answered, head);
  assert.deepEqual(await again.stop(), { code: 0, signal: null }, again.stderr);
  return { scts: answered.length, refusals, drainedMs: Math.round(drainedMs) };
}

for (const frontends of [0, 2]) {
  const title = `SIGTERM answers ${IN_FLIGHT} submissions in flight and ends with 0`;
  test(`${title}, with ${frontends} frontend threads`, (context) => drainOften(context, frontends));
}

async function drainOften(context: TestContext, frontends: number): Promise<void> {
  const root = makeCa();
  const more = [`drainMs: ${DRAIN_MS}`, `frontends: ${frontends}`];
  await using folder = await LogFolder.make(root, [{ name: SHARD }], more);
  await folder.init();
  for (const round of [0, 1, 2]) {
    const { scts, refusals, drainedMs } = await drain(root, folder, 1 + round * IN_FLIGHT);
    context.diagnostic(`${scts} SCTs, all proven; ${refusals} refused by 503; ${drainedMs} ms`);
    assert.equal(scts + refusals, IN_FLIGHT);
    assert(drainedMs < DRAIN_MS, "connections without a request do not hold the drain");
  }
}

test("SIGTERM waits for a request that is never whole until drainMs, and no longer", async () => {
  const drainMs = 1_000;
  const root = makeCa();
  await using folder = await LogFolder.make(root, [{ name: SHARD }], [`drainMs: ${drainMs}`]);
  await folder.init();
  await using log = folder.serve();
  const port = Number(new URL((await log.listening()).url).port);
  using body = new Connection(port);
  using head = new Connection(port);
  const request = requestOf(makeSubmission(root, 1));
  await body.write(request.slice(0, -100));
  await head.write(request.slice(0, 40));
  // An answer on a third connection: the log has read what came before on the others.
  using third = new Connection(port);
  await third.write(`GET /${SHARD}/ct/v1/get-sth HTTP/1.1\r\nHost: log\r\n\r\n`);
  await third.comes(/tree_head_signature/);
  log.signal("SIGTERM");
  assert.deepEqual(await log.end(drainMs + EXTRA_MS), { code: 0, signal: null }, log.stderr);
  for (const { received } of [body, head]) assert.doesNotMatch(received, /^HTTP\/1\.1 200/);
});
