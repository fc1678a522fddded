import assert from "node:assert/strict";
import { test } from "node:test";
import { UnavailableError } from "../../src/base/errors.ts";
import { DRAIN_MS_MAX, UNREAD_MS_MAX } from "../../src/http/body.ts";
import { RawClient, startTestServer } from "../support/http-server.ts";

const POST = "POST /nimbus2026/ct/v1/add-chain HTTP/1.1\r\nHost: a\r\n";

test("headers that come too slowly, and bodies, are 408 in the envelope", async () => {
  await using server = await startTestServer();
  server.app.server.headersTimeout = 100;
  server.app.server.requestTimeout = 200;
  for (const start of ["GET / HTTP/1.1\r\nHo", `${POST}Content-Length: 10\r\n\r\n{`, ""]) {
    using client = new RawClient(server.port);
    client.send(start);
    const received = await client.closed();
    assert.match(received, /^HTTP\/1\.1 408 Request Timeout\r\n/, JSON.stringify(start));
    assert.match(received, /Cache-Control: no-store\r\n[\s\S]*\n\r\nRequest Timeout\n.+\n$/);
  }
});

test("a client that stops sending after its early answer is cut off, a large body's sooner", async () => {
  await using server = await startTestServer();
  server.log.closedWith = new UnavailableError("UNAVAILABLE_POOL_FULL", "pool is full");
  for (const [length, soonestMs] of [
    [1_000, DRAIN_MS_MAX],
    [100_000, DRAIN_MS_MAX],
    [2_000_000, UNREAD_MS_MAX],
  ] as const) {
    using client = new RawClient(server.port);
    client.send(`${POST}Content-Length: ${length}\r\n\r\n{`);
    const startedMs = performance.now();
    assert.match(await client.until(/pool is full\n$/), /^HTTP\/1\.1 503 /);
    await client.closed();
    const durationMs = performance.now() - startedMs;
    assert.ok(durationMs > 0.9 * soonestMs && durationMs < 6_000, `${length}: ${durationMs} ms`);
  }
});
