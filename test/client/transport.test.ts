/**
 * One bounded request: limits, and what a terminal may be told of a stranger's text.
 * @module
 */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import {
  cleanText,
  fetchBytes,
  fetchText,
  normalizePrefix,
  SourceError,
} from "../../src/client/transport.ts";

/** Serves one body at every path. */
async function serve(
  body: Uint8Array,
  headers: Record<string, string> = {},
): Promise<{ readonly url: string; connections(): number } & AsyncDisposable> {
  let connections = 0;
  const server = createServer((_, response) => response.writeHead(200, headers).end(body));
  server.on("connection", () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/x`,
    connections: () => connections,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test("fetchBytes() takes a body of exactly bytesMax and no more", async () => {
  await using server = await serve(Buffer.alloc(100, 7));
  const request = { url: server.url, timeoutMs: 5_000 };
  assert.deepEqual(await fetchBytes({ ...request, bytesMax: 100 }), new Uint8Array(100).fill(7));
  await assert.rejects(fetchBytes({ ...request, bytesMax: 99 }), {
    name: "SourceError",
    message: `${server.url}: the answer is longer than 99 bytes`,
  });
});

test("fetchBytes() counts decompressed bytes: a gzip bomb is cut", async () => {
  const bomb = gzipSync(Buffer.alloc(20_000_000));
  assert.ok(bomb.length < 50_000);
  await using server = await serve(bomb, { "content-encoding": "gzip" });
  const request = { url: server.url, timeoutMs: 5_000, bytesMax: 100_000 };
  await assert.rejects(fetchBytes(request), /longer than 100000 bytes/);
});

test("fetchBytes() keeps connections alive", async () => {
  await using server = await serve(Buffer.from("ok"));
  for (let round = 0; round < 20; round += 1) {
    await fetchBytes({ url: server.url, bytesMax: 10, timeoutMs: 5_000 });
  }
  assert.ok(server.connections() <= 3, `${server.connections()} connections for 20 requests`);
});

test("fetchText() refuses what is not UTF-8 and keeps a byte order mark", async () => {
  await using latin = await serve(Uint8Array.of(0x7b, 0xe9, 0x7d));
  const request = { bytesMax: 10, timeoutMs: 5_000 };
  await assert.rejects(fetchText({ ...request, url: latin.url }), /does not parse/);
  await using marked = await serve(Uint8Array.of(0xef, 0xbb, 0xbf, 0x7b));
  assert.equal(await fetchText({ ...request, url: marked.url }), "\ufeff{");
});

test("SourceError carries URL, status, text and Retry-After of a refusal", async () => {
  const server = createServer((_, response) =>
    response.writeHead(503, { "retry-after": "12" }).end("Service Unavailable\nfull\u0007\n"),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/y`;
  try {
    await fetchBytes({ url, bytesMax: 10, timeoutMs: 5_000, json: "{}" });
    assert.fail("expected a SourceError");
  } catch (thrown) {
    assert.ok(thrown instanceof SourceError);
    assert.equal(thrown.url, url);
    assert.equal(thrown.status, 503);
    assert.equal(thrown.text, "Service Unavailable\nfull");
    assert.equal(thrown.retryAfter, "12");
    assert.equal(thrown.message, `${url}: answered 503: Service Unavailable: full`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test("normalizePrefix() drops trailing slashes and refuses what is no plain prefix", () => {
  assert.equal(normalizePrefix("http://Host:80/a/b//"), "http://host/a/b");
  assert.equal(normalizePrefix("https://[::1]:6962"), "https://[::1]:6962");
  const bad = [
    "",
    "host/a",
    "file:///etc",
    "http://a@b/",
    "http://a:b@c",
    "http://a/?",
    "http://a/#",
  ];
  for (const text of bad) assert.throws(() => normalizePrefix(text), TypeError, text);
});

test("cleanText() lets no control or format character through and cuts", () => {
  assert.equal(cleanText("a\u001b[2Jb\u202ec\td\ne\u0000", 100), "a [2Jb c d\ne");
  assert.equal(cleanText("x".repeat(11), 10), `${"x".repeat(10)}…`);
});
