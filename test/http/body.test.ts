import assert from "node:assert/strict";
import { test } from "node:test";
import { BodiesInFlight } from "../../src/http/body.ts";
import { RawClient, startTestServer } from "../support/http-server.ts";

test("BodiesInFlight makes the oldest body that is still coming give way", () => {
  const bodies = new BodiesInFlight(100);
  const gone: string[] = [];
  const open = (name: string) => {
    const claim = bodies.open();
    claim.giveWay = () => gone.push(name);
    return claim;
  };
  const [whole, first, second] = [open("whole"), open("first"), open("second")];
  whole.grow(40);
  whole.giveWay = undefined;
  first.grow(20);
  second.grow(40);
  assert.deepEqual(gone, []);
  second.grow(1);
  assert.deepEqual(gone, ["first"]);
  assert.equal(bodies.bytes, 81);
  first.grow(50);
  assert.equal(bodies.bytes, 81, "what gave way counts no more");
  second.grow(30);
  assert.deepEqual(gone, ["first", "second"], "the newest, if it alone is too much");
  assert.equal(bodies.bytes, 40);
  whole.release();
  whole.release();
  assert.equal(bodies.bytes, 0);
});

test("a body that has been coming the longest gets 503 when bodies are too many, others 200", async () => {
  await using server = await startTestServer(0, { bodiesInFlightBytesMax: 100_000 });
  const head = (length: number) =>
    `POST /nimbus2026/ct/v1/add-chain HTTP/1.1\r\nHost: h\r\nContent-Length: ${length}\r\n\r\n`;
  const clients = [1, 2, 3].map(() => new RawClient(server.port));
  try {
    // Three bodies of 60,000 that stop short: by the third, the first has to go.
    for (const client of clients) {
      client.send(head(400_000));
      client.send(" ".repeat(60_000));
    }
    const [first] = clients;
    const answer = await first?.until(/\n$/);
    assert.match(answer ?? "", /^HTTP\/1\.1 503 .*/);
    assert.match(answer ?? "", /\r\nRetry-After: [0-9]+\r\n/i);
    const body = JSON.stringify({ chain: ["MAA="] });
    using honest = new RawClient(server.port);
    honest.send(head(body.length) + body);
    assert.match(await honest.until(/\}/), /^HTTP\/1\.1 200 /);
    assert.equal(server.log.entries.length, 1);
  } finally {
    for (const client of clients) client[Symbol.dispose]();
  }
});

test("connections beyond connectionsMax are closed at once, and others stay", async () => {
  await using server = await startTestServer(0, { connectionsMax: 1 });
  const request = "GET /nimbus2026/checkpoint HTTP/1.1\r\nHost: h\r\n\r\n";
  using first = new RawClient(server.port);
  first.send(request);
  assert.match(await first.until(/\n\n/), /^HTTP\/1\.1 200 /);
  using second = new RawClient(server.port);
  second.send(request);
  assert.equal(await second.closed(), "");
  first.received = "";
  first.send(request);
  assert.match(await first.until(/\n\n/), /^HTTP\/1\.1 200 /);
});
