import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { drain } from "../../src/http/listen.ts";
import { BEGIN_MS_MAX, RequestPasses } from "../../src/http/request-passes.ts";
import { type ListeningServer, RawClient, startTestServer } from "../support/http-server.ts";
import { ManualClock, settle } from "../support/manual-clock.ts";

/** An event loop moved by hand. */
class Loop {
  nowMs = 0;
  #soon: (() => void)[] = [];
  readonly passes = new RequestPasses({
    nowMs: () => 0,
    monotonicMs: () => this.nowMs,
    after: () => () => undefined,
    soon: (run) => this.#soon.push(run),
  });
  readonly begun: number[] = [];

  /** A request that takes so long. */
  ask(number: number, tookMs: number): void {
    const begin = (): void => {
      this.begun.push(number);
      this.nowMs += tookMs;
    };
    if (this.passes.mayBegin()) begin();
    else this.passes.later(begin);
  }

  get isIdle(): boolean {
    return this.#soon.length === 0;
  }

  pass(): void {
    for (const run of this.#soon.splice(0)) run();
  }
}

test("property: RequestPasses begins each once, in order, and in no pass for long", () => {
  const asked = fc.array(fc.double({ min: 0.01, max: 2 * BEGIN_MS_MAX, noNaN: true }), {
    maxLength: 30,
  });
  fc.assert(
    fc.property(fc.array(asked, { maxLength: 20 }), (passes) => {
      const loop = new Loop();
      const longestMs = Math.max(0, ...passes.flat());
      let count = 0;
      for (const times of passes) {
        const beforeMs = loop.nowMs;
        loop.pass();
        for (const tookMs of times) loop.ask(count++, tookMs);
        assert.ok(loop.nowMs - beforeMs <= BEGIN_MS_MAX + longestMs);
      }
      for (let rest = 0; !loop.isIdle; rest += 1) {
        assert.ok(rest <= count, "each pass takes one at least");
        loop.pass();
      }
      assert.deepEqual(loop.begun, [...Array(count).keys()]);
    }),
  );
});

test("with a clock that knows no passes, each request begins at once", () => {
  const passes = new RequestPasses(new ManualClock());
  assert.ok(Array.from({ length: 9 }, () => passes.mayBegin()).every((may) => may));
});

/** A server whose passes end when the test says so. */
async function start(): Promise<
  { readonly server: ListeningServer; readonly clock: ManualClock; end(): void } & AsyncDisposable
> {
  const soon: (() => void)[] = [];
  const clock = Object.assign(new ManualClock(), { soon: (run: () => void) => soon.push(run) });
  const server = await startTestServer(0, {}, { clock });
  const end = (): void => {
    for (const run of soon.splice(0)) run();
  };
  const dispose = async (): Promise<void> => {
    let isOver = false;
    void drain(server.app, clock, 100).then(() => {
      isOver = true;
    });
    while (!isOver) {
      end();
      await clock.advance(20);
    }
  };
  return { server, clock, end, [Symbol.asyncDispose]: dispose };
}

const STH = "GET /nimbus2026/ct/v1/get-sth HTTP/1.1\r\nHost: a\r\n";
/** Who takes it: the lane, node:http. */
const TAKEN = [`${STH}\r\n`, `${STH}TE: trailers\r\n\r\n`];

/** Connects and sends, behind another client; resolves once that was read. */
async function sendAnew(server: ListeningServer, text: string): Promise<RawClient> {
  const before = server.newest();
  const client = new RawClient(server.port);
  client.send(text);
  while (server.newest() === before) await settle();
  await server.untilRead(text.length);
  return client;
}

/** How many requests a server has answered. */
function answered({ events }: ListeningServer): number {
  return events.filter(({ type }) => type === "request").length;
}

for (const [position, request] of TAKEN.entries()) {
  const name = position === 0 ? "the lane" : "node:http";
  test(`what comes late in a pass is answered in the next one: ${name}`, async () => {
    await using world = await start();
    const { server, clock } = world;
    using first = new RawClient(server.port);
    first.send(request);
    await first.until(/tree_size/);
    await clock.advance(BEGIN_MS_MAX);
    using second = await sendAnew(server, request + request);
    for (let turn = 0; turn < 20; turn += 1) await settle();
    assert.equal(answered(server), 1);
    world.end();
    await second.until(/tree_size/);
    world.end();
    await second.until(/tree_size[\s\S]+tree_size/);
  });
}

test("a client that leaves before its request's pass is forgotten", async () => {
  await using world = await start();
  const { server, clock } = world;
  const [request = ""] = TAKEN;
  using first = new RawClient(server.port);
  first.send(request);
  await first.until(/tree_size/);
  await clock.advance(BEGIN_MS_MAX);
  using second = await sendAnew(server, request);
  const gone = server.newest();
  second.socket.resetAndDestroy();
  while (gone?.destroyed === false) await settle();
  world.end();
  await settle();
  assert.equal(answered(server), 1);
});

test("a server that closes answers what waits for its pass", async () => {
  const { server, clock, end } = await start();
  const [request = ""] = TAKEN;
  using client = new RawClient(server.port);
  client.send(request);
  await client.until(/tree_size/);
  await clock.advance(BEGIN_MS_MAX);
  client.send(request);
  await server.untilRead(2 * request.length);
  let isOver = false;
  void drain(server.app, clock, 20_000).then(() => {
    isOver = true;
  });
  for (let turn = 0; turn < 20; turn += 1) await clock.advance(20);
  assert.ok(!isOver && answered(server) === 1);
  end();
  assert.match(await client.closed(), /tree_size[\s\S]+tree_size/);
  while (!isOver) await clock.advance(20);
});
