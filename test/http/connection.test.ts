import assert from "node:assert/strict";
import { test } from "node:test";
import { UnavailableError } from "../../src/base/errors.ts";
import { systemClock } from "../../src/clock/system.ts";
import { drain } from "../../src/http/listen.ts";
import { formatChainJson } from "../../src/rfc6962/json.ts";
import { RawClient, startTestServer } from "../support/http-server.ts";

const BODY = formatChainJson([Uint8Array.of(0x30, 1, 2), Uint8Array.of(0x30, 7)]);
const STH = "GET /nimbus2026/ct/v1/get-sth HTTP/1.1\r\nHost: a\r\n\r\n";
const POST = "POST /nimbus2026/ct/v1/add-chain HTTP/1.1\r\nHost: a\r\n";

/** Status lines in the order in which they came. */
function statuses(received: string): readonly number[] {
  return [...received.matchAll(/HTTP\/1\.1 ([0-9]{3}) /g)].map((match) => Number(match[1]));
}

function post(body: string): string {
  return `${POST}Content-Length: ${body.length}\r\n\r\n${body}`;
}

/** The whole of the last error answer: the headers that all wear, and the envelope. */
const ENVELOPE =
  /Content-Type: text\/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n(?:.*\r\n)*\r\n[A-Z][A-Za-z ]+\n.+\n$/;

test("dot segments and odd targets are 404, an absolute target is taken", async () => {
  await using server = await startTestServer(1);
  for (const [target, status] of [
    ["/nimbus2026/issuer/../checkpoint", 404],
    ["/nimbus2026/./checkpoint", 404],
    ["/nimbus2026/ct/v1/../v1/get-sth", 404],
    ["/nimbus2026/checkpoint#a", 404],
    ["/nimbus2026/checkpoint#?a", 404],
    ["/nimbus2026\\checkpoint", 404],
    ["/nimbus2026/checkpoint\x80", 400],
    ["*", 404],
    ["http://a/nimbus2026/checkpoint", 200],
    ["http://a/nimbus2026/ct/v1/get-entries?start=0&end=0", 200],
    ["http://a/logs.json", 200],
    ["http://a", 404],
    ["http://a/nimbus2026/%63heckpoint", 404],
    ["ftp://a/nimbus2026/checkpoint", 404],
  ] as const) {
    using client = new RawClient(server.port);
    client.send(`GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    assert.deepEqual(statuses(await client.closed()), [status], target);
  }
});

test("pipelined requests are answered in order", async () => {
  await using server = await startTestServer(1);
  using client = new RawClient(server.port);
  const chunked = `${POST}Transfer-Encoding: chunked\r\n\r\n3\r\n${BODY.slice(0, 3)}\r\n${(BODY.length - 3).toString(16)}\r\n${BODY.slice(3)}\r\n0\r\n\r\n`;
  const notFound = "GET /nope HTTP/1.1\r\nHost: a\r\n\r\n";
  const last = "GET /nimbus2026/checkpoint HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  client.send(post(BODY) + STH + chunked + notFound + post("{") + last);
  const received = await client.closed();
  assert.deepEqual(statuses(received), [200, 200, 200, 404, 400, 200]);
  assert.match(
    received,
    /"sct_version":0[\s\S]*"tree_size":[\s\S]*"sct_version":0[\s\S]*Not Found/,
  );
});

test("a body that comes in pieces is put together", async () => {
  await using server = await startTestServer();
  using client = new RawClient(server.port);
  client.send(`${POST}Content-Length: ${BODY.length}\r\n\r\n`);
  for (const character of BODY) {
    client.send(character);
    await new Promise(setImmediate);
  }
  assert.match(await client.until(/"signature":"[^"]+"\}/), /^HTTP\/1\.1 200 OK/);
});

test("a body that is never finished leaves the server well, and is counted as 499", async () => {
  await using server = await startTestServer();
  const gone = new Promise<void>((resolve) => {
    const push = server.events.push.bind(server.events);
    server.events.push = (...events) => {
      if (events.some((event) => event.type === "request" && event.status === 499)) resolve();
      return push(...events);
    };
  });
  using client = new RawClient(server.port);
  const part = `${POST}Content-Length: 1000\r\n\r\n{"chain":`;
  client.send(part);
  await server.untilRead(part.length);
  client.socket.destroy();
  await gone;
  using next = new RawClient(server.port);
  next.send(STH);
  await next.until(/200 OK/);
});

test("a client that leaves while its submission waits harms nobody", async () => {
  await using server = await startTestServer();
  const waiting = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  server.log.beforeSubmit = async () => {
    waiting.resolve();
    await release.promise;
  };
  using client = new RawClient(server.port);
  client.send(post(BODY));
  await waiting.promise;
  client.socket.destroy();
  await new Promise<void>((resolve) => client.socket.once("close", () => resolve()));
  release.resolve();
  using next = new RawClient(server.port);
  next.send(STH);
  assert.match(await next.until(/"tree_size":1,/), /200 OK/);
});

test("413 arrives before the body is sent; the connection goes on once it was", async () => {
  await using server = await startTestServer();
  using client = new RawClient(server.port);
  client.send(`${POST}Content-Length: 600000\r\n\r\n`);
  const early = await client.until(/too large\n$/);
  assert.deepEqual(statuses(early), [413]);
  assert.doesNotMatch(early, /Connection: close/);
  client.send("x".repeat(600_000) + STH);
  assert.deepEqual(statuses(await client.until(/tree_size/)), [413, 200]);
});

test("413 reaches a client that sends chunks without end; then the connection closes", async () => {
  await using server = await startTestServer();
  using client = new RawClient(server.port);
  client.send(`${POST}Transfer-Encoding: chunked\r\n\r\n`);
  const chunk = `10000\r\n${"x".repeat(0x10000)}\r\n`;
  let sent = 0;
  const pump = () => {
    if (!client.socket.writable) return;
    sent += 0x10000;
    client.socket.write(chunk, () => setImmediate(pump));
  };
  pump();
  const received = await client.until(/too large\n$/);
  assert.deepEqual(statuses(received), [413]);
  assert.match(received, /Connection: close\r\n/);
  assert.match(received, ENVELOPE);
  await client.closed();
  assert.ok(sent < 20_000_000, `${sent} bytes were taken`);
});

test("503 reaches a client that is sending megabytes", async () => {
  await using server = await startTestServer();
  server.log.closedWith = new UnavailableError("UNAVAILABLE_POOL_FULL", "pool is full");
  using client = new RawClient(server.port);
  client.send(`${POST}Content-Length: 50000000\r\n\r\n`);
  const block = "x".repeat(100_000);
  const pump = () => {
    if (client.socket.writable) client.socket.write(block, () => setImmediate(pump));
  };
  pump();
  const received = await client.until(/pool is full\n$/);
  assert.deepEqual(statuses(received), [503]);
  assert.match(received, /Retry-After: [1-9]/);
  assert.match(received, ENVELOPE);
  await client.closed();
});

test("a small submission that is refused early keeps its connection", async () => {
  await using server = await startTestServer();
  server.log.closedWith = new UnavailableError("UNAVAILABLE_POOL_FULL", "pool is full");
  using client = new RawClient(server.port);
  client.send(post(BODY) + post(BODY) + STH);
  const received = await client.until(/tree_size/);
  assert.deepEqual(statuses(received), [503, 503, 200]);
  assert.doesNotMatch(received, /Connection: close/);
});

/** What is no request of HTTP/1.1, and its status. */
const MALFORMED: Readonly<Record<string, readonly [bytes: string, status: number]>> = {
  "a malformed request line": ["GET\r\n\r\n", 400],
  "no HTTP at all": ["\x16\x03\x01\x02\x00\x01\x00", 400],
  "another protocol": ["GET / HTTP/9.9\r\nHost: a\r\n\r\n", 400],
  "an unknown method": ["FOO / HTTP/1.1\r\nHost: a\r\n\r\n", 400],
  "a malformed header": ["GET / HTTP/1.1\r\nHost a\r\n\r\n", 400],
  "a request without Host": ["GET / HTTP/1.1\r\nConnection: close\r\n\r\n", 400],
  "two lengths": [`${POST}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`, 400],
  "a negative length": [`${POST}Content-Length: -1\r\n\r\n`, 400],
  "a length and chunks": [
    `${POST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    400,
  ],
  "a malformed chunk": [`${POST}Transfer-Encoding: chunked\r\n\r\nzz\r\n`, 400],
  "headers of 17 kB": [`GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(17_000)}\r\n\r\n`, 431],
  "an unknown expectation": [
    "GET / HTTP/1.1\r\nHost: a\r\nExpect: cake\r\nConnection: close\r\n\r\n",
    417,
  ],
};
for (const [name, [bytes, status]] of Object.entries(MALFORMED)) {
  test(`${name} is ${status}, in the envelope, and the connection closes`, async () => {
    await using server = await startTestServer();
    using client = new RawClient(server.port);
    client.send(bytes);
    const received = await client.closed();
    assert.deepEqual(statuses(received), [status]);
    assert.match(received, ENVELOPE);
  });
}

test("a malformed request behind one that waits is answered after it", async () => {
  await using server = await startTestServer();
  const waiting = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  server.log.beforeSubmit = async () => {
    waiting.resolve();
    await release.promise;
  };
  using client = new RawClient(server.port);
  client.send(post(BODY) + STH);
  await waiting.promise;
  const nonsense = "nonsense\r\n\r\nmore nonsense\r\n\r\n";
  client.send(nonsense);
  await server.untilRead(`${post(BODY)}${STH}${nonsense}`.length);
  assert.equal(client.received, "");
  release.resolve();
  assert.deepEqual(statuses(await client.closed()), [200, 200, 400]);
});

test("Expect: 100-continue is answered before the body, but not for what is refused", async () => {
  await using server = await startTestServer();
  const headers = (length: number) =>
    `${POST}Expect: 100-continue\r\nContent-Length: ${length}\r\n\r\n`;
  using client = new RawClient(server.port);
  client.send(headers(BODY.length));
  assert.equal(await client.until(/\r\n\r\n/), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send(BODY);
  assert.deepEqual(statuses(await client.until(/"signature"/)), [100, 200]);

  using large = new RawClient(server.port);
  large.send(headers(600_000));
  assert.deepEqual(statuses(await large.until(/too large\n$/)), [413]);

  server.log.closedWith = new UnavailableError("UNAVAILABLE_POOL_FULL", "pool is full");
  using refused = new RawClient(server.port);
  refused.send(headers(BODY.length));
  assert.deepEqual(statuses(await refused.until(/pool is full\n$/)), [503]);
});

test("close() ends idle connections and lets a submission in flight have its SCT", async () => {
  const server = await startTestServer();
  using idle = new RawClient(server.port);
  idle.send(STH);
  await idle.until(/tree_size/);
  const waiting = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  server.log.beforeSubmit = async () => {
    waiting.resolve();
    await release.promise;
  };
  using client = new RawClient(server.port);
  client.send(post(BODY));
  await waiting.promise;
  const closed = server.app.close();
  await idle.closed();
  release.resolve();
  const received = await client.closed();
  assert.deepEqual(statuses(received), [200]);
  assert.match(received, /Connection: close\r\n/i);
  assert.match(received, /"signature"/);
  await closed;
});

test("once closing, a submission is 503 with Connection: close; a read is still answered", async () => {
  const server = await startTestServer(1);
  using submitter = new RawClient(server.port);
  using reader = new RawClient(server.port);
  // Requests whose first half is there are no idle connections.
  submitter.send(`${STH}${POST}Content-Length: ${BODY.length}\r\n`);
  reader.send(STH + STH.slice(0, -2));
  await submitter.until(/tree_size/);
  await reader.until(/tree_size/);
  const closed = server.app.close();
  submitter.send(`\r\n${BODY}`);
  reader.send("\r\n");
  const refused = await submitter.closed();
  assert.deepEqual(statuses(refused), [200, 503]);
  assert.match(refused, /503 [\s\S]*Retry-After: [12]\r\n[\s\S]*Connection: close\r\n/);
  assert.match(refused, ENVELOPE);
  const read = await reader.closed();
  assert.deepEqual(statuses(read), [200, 200]);
  assert.match(read, /Connection: close\r\n/);
  await closed;
  assert.equal(server.log.publishedSize(), 1);
});

test("drain() cuts off what is still open at its deadline", async () => {
  const server = await startTestServer();
  using silent = new RawClient(server.port);
  await new Promise<void>((resolve) => silent.socket.once("connect", () => resolve()));
  using slow = new RawClient(server.port);
  const part = `${POST}Content-Length: 100\r\n\r\n{`;
  slow.send(part);
  await server.untilRead(part.length);
  await drain(server.app, systemClock, 50);
  await silent.closed();
  await slow.closed();
});

test("buildApp() sets the limits of connections", async () => {
  await using server = await startTestServer();
  const { headersTimeout, requestTimeout, keepAliveTimeout, maxRequestsPerSocket } =
    server.app.server;
  assert.deepEqual(
    { headersTimeout, requestTimeout, keepAliveTimeout, maxRequestsPerSocket },
    {
      headersTimeout: 10_000,
      requestTimeout: 40_000,
      keepAliveTimeout: 120_000,
      maxRequestsPerSocket: 0,
    },
  );
});
