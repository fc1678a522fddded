import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import fc from "fast-check";
import { UnavailableError } from "../../src/base/errors.ts";
import { systemClock } from "../../src/clock/system.ts";
import type { AppOptions, ServerLimits } from "../../src/http/app.ts";
import { BEHIND_BYTES_MAX } from "../../src/http/lane-connection.ts";
import { drain } from "../../src/http/listen.ts";
import { formatChainJson } from "../../src/rfc6962/json.ts";
import { type ListeningServer, RawClient, startTestServer } from "../support/http-server.ts";
import { ManualClock } from "../support/manual-clock.ts";

const BODY = formatChainJson([Uint8Array.of(0x30, 1, 2), Uint8Array.of(0x30, 7)]);
const HASH = encodeURIComponent(Buffer.alloc(32).toString("base64"));

/** Makes node:http take a request, and changes nothing else. */
const NODES = "TE: trailers\r\n";

function get(path: string, headers = ""): string {
  return `GET /nimbus2026${path} HTTP/1.1\r\nHost: a\r\n${headers}\r\n`;
}

function post(path: string, body: string, headers = ""): string {
  return `POST /nimbus2026${path} HTTP/1.1\r\nHost: a\r\n${headers}Content-Length: ${body.length}\r\n\r\n${body}`;
}

const REFUSED = new UnavailableError("UNAVAILABLE_POOL_FULL", "full");
const STH = get("/ct/v1/get-sth");
const SCT = post("/ct/v1/add-chain", BODY);

/** For node:http, which closes the connection after it. */
const LAST = get("/none", "Connection: close\r\n");

/** Starts a server, and counts what node:http gets to see. */
async function start(
  entryCount = 0,
  limits: Partial<ServerLimits> = {},
  more: Partial<AppOptions> = {},
): Promise<{ readonly server: ListeningServer; readonly ofNode: () => number }> {
  const server = await startTestServer(entryCount, limits, more);
  let count = 0;
  server.app.server.on("request", () => {
    count += 1;
  });
  return { server, ofNode: () => count };
}

/** Sends requests and ends; gives all that came. */
async function ask(server: ListeningServer, text: string): Promise<string> {
  using client = new RawClient(server.port);
  client.send(text + LAST);
  return await client.closed();
}

function statuses(received: string): readonly number[] {
  return [...received.matchAll(/HTTP\/1\.1 ([0-9]{3}) /g)].map((match) => Number(match[1]));
}

const ASKED: readonly (readonly [what: string, request: (headers: string) => string])[] = [
  ["get-sth", (headers) => get("/ct/v1/get-sth", headers)],
  ["get-roots", (headers) => get("/ct/v1/get-roots", headers)],
  ["get-roots as gzip", (h) => get("/ct/v1/get-roots", `${h}Accept-Encoding: gzip\r\n`)],
  ["get-entries", (headers) => get("/ct/v1/get-entries?start=0&end=300", headers)],
  ["a part of get-entries", (headers) => get("/ct/v1/get-entries?start=7&end=9", headers)],
  ["a bad get-entries", (headers) => get("/ct/v1/get-entries?start=9&end=7", headers)],
  ["a bad one as JSON", (h) => get("/ct/v1/get-entries", `${h}Accept: application/json\r\n`)],
  ["an empty query", (headers) => get("/ct/v1/get-sth?", headers)],
  ["a query that is refused", (headers) => get("/ct/v1/get-sth?a;b", headers)],
  ["get-entry-and-proof", (h) => get("/ct/v1/get-entry-and-proof?leaf_index=2&tree_size=9", h)],
  ["consistency", (headers) => get("/ct/v1/get-sth-consistency?first=3&second=9", headers)],
  ["no such hash", (h) => get(`/ct/v1/get-proof-by-hash?hash=${HASH}&tree_size=9`, h)],
  ["the checkpoint", (headers) => get("/checkpoint", headers)],
  ["the checkpoint, unless it is known", (h) => get("/checkpoint", `${h}If-None-Match: *\r\n`)],
  ["a wait for the checkpoint", (headers) => get("/checkpoint?wait=0&size=0", headers)],
  ["a hash tile", (headers) => get("/tile/0/000", headers)],
  ["a part of a hash tile", (headers) => get("/tile/0/001.p/44", headers)],
  ["a data tile", (headers) => get("/tile/data/000", headers)],
  ["a plain data tile", (h) => get("/tile/data/000", `${h}Accept-Encoding: identity\r\n`)],
  ["a tile beyond the tree", (headers) => get("/tile/0/009", headers)],
  ["no tile", (headers) => get("/tile/x", headers)],
  ["no path below the tiles", (headers) => get("/tile/", headers)],
  ["no issuer", (headers) => get(`/issuer/${"0".repeat(64)}`, headers)],
  ["log.v3.json", (headers) => get("/log.v3.json", headers)],
  ["add-pre-chain", (headers) => post("/ct/v1/add-pre-chain", BODY, headers)],
  ["a submission without body", (headers) => post("/ct/v1/add-chain", "", headers)],
  ["a bad submission", (headers) => post("/ct/v1/add-chain", "{", headers)],
  ["a bad submission as JSON", (h) => post("/ct/v1/add-chain", "{", `${h}Accept: */json\r\n`)],
  ["another method", (headers) => post("/checkpoint", "", headers)],
  ["a submission by GET", (headers) => get("/ct/v1/add-chain", headers)],
  ["no such path", (headers) => get("/ct/v1/get-nothing", headers)],
];

for (const [what, request] of ASKED) {
  test(`the lane answers as node:http does: ${what}`, async () => {
    const answers: string[] = [];
    for (const headers of ["", NODES]) {
      await using server = await startTestServer(300);
      answers.push(await ask(server, request(headers)));
    }
    // Times are the fake's, and are the same.
    const [ofLane = "", ofNode] = answers.map((answer) =>
      answer.replace(/Date: [^\r]+/g, "Date").replace(/\r\n[0-9a-f]+\r\n/g, "\r\n"),
    );
    assert.equal(ofLane, ofNode);
    assert.equal(statuses(ofLane).length, 2);
  });
}

test("usual requests do not reach node:http, and it gets a connection with all that follows", async () => {
  const { server, ofNode } = await start(300);
  await using _ = server;
  using client = new RawClient(server.port);
  client.send(STH + SCT + get("/tile/0/000") + get("/ct/v1/get-entries?start=0&end=9"));
  await client.until(/\{"entries":[\s\S]+\r\n0\r\n\r\n|\{"entries":[\s\S]+\]\}/);
  assert.equal(ofNode(), 0);
  client.send(get("/checkpoint", NODES) + STH + SCT);
  await client.until(/(?:tree_size[\s\S]+){2}sct_version/);
  assert.equal(ofNode(), 3);
  assert.deepEqual(statuses(client.received), [200, 200, 200, 200, 200, 200, 200]);
});

test("however a stream of requests is cut, each is answered in order", async () => {
  const requests = [STH, SCT, get("/checkpoint"), post("/ct/v1/add-chain", "{"), STH];
  const text = requests.join("");
  await using server = await startTestServer(1);
  const cuts = fc.uniqueArray(fc.integer({ min: 1, max: text.length - 1 }), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(cuts, async (at) => {
      using client = new RawClient(server.port);
      let from = 0;
      for (const to of [...at.toSorted((a, b) => a - b), text.length]) {
        client.send(text.slice(from, to));
        await server.untilRead(to);
        from = to;
      }
      await client.until(/(?:tree_size[\s\S]+){2}/);
      assert.deepEqual(statuses(client.received), [200, 200, 200, 400, 200]);
    }),
    { numRuns: 40 },
  );
});

test("more than a bounded number of bytes behind a request that waits is not read", async () => {
  await using server = await startTestServer();
  const release = Promise.withResolvers<void>();
  server.log.beforeSubmit = () => release.promise;
  using client = new RawClient(server.port);
  const count = Math.ceil((20 * BEHIND_BYTES_MAX) / STH.length);
  client.send(SCT + STH.repeat(count) + LAST);
  await server.untilRead(SCT.length + BEHIND_BYTES_MAX);
  for (let turn = 0; turn < 50; turn++) await setImmediate();
  const { bytesRead = 0 } = server.newest() ?? {};
  assert.ok(bytesRead < 4 * BEHIND_BYTES_MAX, `${bytesRead} bytes were read`);
  release.resolve();
  assert.equal(statuses(await client.closed()).length, count + 2);
});

test("a client that does not read makes no answers pile up", async () => {
  await using server = await startTestServer(300);
  using client = new RawClient(server.port);
  client.socket.pause();
  const page = get("/ct/v1/get-entries?start=0&end=255");
  const count = 200;
  client.send(page.repeat(count) + LAST);
  await server.untilRead(page.length);
  for (let turn = 0; turn < 200; turn++) await setImmediate();
  const answered = server.events.filter(({ type }) => type === "request").length;
  assert.ok(answered < count, `${answered} of ${count} pages were made`);
  client.socket.resume();
  assert.equal(statuses(await client.closed()).length, count + 1);
});

test("a refusal does not wait for the body, and the connection goes on behind it", async () => {
  await using server = await startTestServer();
  server.log.closedWith = REFUSED;
  using client = new RawClient(server.port);
  client.send(SCT.slice(0, -1));
  await client.until(/503/);
  client.send(SCT.slice(-1) + STH);
  await client.until(/tree_size/);
  assert.deepEqual(statuses(client.received), [503, 200]);
});

/** A server by a clock that a test moves. */
async function startByHand(): Promise<
  { readonly server: ListeningServer; readonly clock: ManualClock } & AsyncDisposable
> {
  const clock = new ManualClock();
  const server = await startTestServer(0, {}, { clock });
  const dispose = async (): Promise<void> => {
    let isOver = false;
    void drain(server.app, clock, 100).then(() => {
      isOver = true;
    });
    while (!isOver) await clock.advance(20);
  };
  return { server, clock, [Symbol.asyncDispose]: dispose };
}

test("a connection without a request is told 408 after ten seconds", async () => {
  await using started = await startByHand();
  const { server, clock } = started;
  using client = new RawClient(server.port);
  await server.untilRead(0);
  await clock.advance(9_000);
  assert.equal(client.received, "");
  await clock.advance(3_000);
  await client.until(/408 Request Timeout[\s\S]+took too long/);
  await clock.advance(3_000);
  await client.closed();
});

test("a connection without another request is closed after two minutes", async () => {
  await using started = await startByHand();
  const { server, clock } = started;
  using client = new RawClient(server.port);
  client.send(STH);
  await client.until(/tree_size/);
  await clock.advance(119_000);
  client.send(STH);
  await client.until(/tree_size[\s\S]+tree_size/);
  await clock.advance(119_000);
  client.send(STH);
  await client.until(/(?:tree_size[\s\S]+){3}/);
  await clock.advance(122_000);
  assert.deepEqual(statuses(await client.closed()), [200, 200, 200]);
});

test("a body that does not come is 408 after forty seconds", async () => {
  await using started = await startByHand();
  const { server, clock } = started;
  using client = new RawClient(server.port);
  client.send(SCT.slice(0, -1));
  await server.untilRead(SCT.length - 1);
  await clock.advance(39_000);
  assert.equal(client.received, "");
  await clock.advance(3_000);
  await client.until(/408 Request Timeout/);
  client.send(SCT.slice(-1));
  await clock.advance(3_000);
  assert.deepEqual(statuses(await client.closed()), [408]);
  const told = server.events.flatMap((event) => (event.type === "request" ? [event.status] : []));
  assert.deepEqual(told, [499]);
});

test("of a body that was refused, what does not come within two seconds ends the connection", async () => {
  await using started = await startByHand();
  const { server, clock } = started;
  server.log.closedWith = REFUSED;
  using client = new RawClient(server.port);
  client.send(SCT.slice(0, -1));
  await client.until(/503/);
  await clock.advance(4_000);
  assert.deepEqual(statuses(await client.closed()), [503]);
});

test("the body that has come the longest gives way", async () => {
  await using server = await startTestServer(0, { bodiesInFlightBytesMax: 2 * BODY.length - 4 });
  using first = new RawClient(server.port);
  first.send(SCT.slice(0, -1));
  await server.untilRead(SCT.length - 1);
  using second = new RawClient(server.port);
  second.send(SCT.slice(0, -1));
  await first.until(/503 Service Unavailable[\s\S]+has been the longest/);
  second.send(SCT.slice(-1));
  await second.until(/sct_version/);
  first.send(SCT.slice(-1) + STH);
  await first.until(/tree_size/);
});

test("a server that closes ends idle connections, and answers what is under way", async () => {
  const { server, ofNode } = await start();
  const [waiting, release] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  server.log.beforeSubmit = () => {
    waiting.resolve();
    return release.promise;
  };
  using idle = new RawClient(server.port);
  idle.send(STH);
  await idle.until(/tree_size/);
  using busy = new RawClient(server.port);
  busy.send(SCT);
  await waiting.promise;
  const drained = drain(server.app, systemClock, 20_000);
  await idle.closed();
  release.resolve();
  assert.match(await busy.closed(), /200 OK[\s\S]+Connection: close[\s\S]+sct_version/);
  await drained;
  assert.equal(ofNode(), 0);
});
