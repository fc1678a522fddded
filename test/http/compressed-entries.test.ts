import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { describe, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { FatalError } from "../../src/base/errors.ts";
import { ok } from "../../src/http/answer.ts";
import { CompressedEntries, GZIP_PAGES_MAX } from "../../src/http/compressed-entries.ts";
import { call } from "../support/http-call.ts";
import { startTestServer } from "../support/http-server.ts";
import { showLargeEntries } from "../support/large-entries.ts";

const SIZE = 1_024;
const PATH = "/nimbus2026/ct/v1/get-entries?start=0&end=";

async function start(compress: boolean) {
  const server = await startTestServer(1, {}, { compress });
  const reads = showLargeEntries(server.log, SIZE, () => 8_000);
  const ask = (last: number, encoding: string, method = "GET") =>
    call(`http://127.0.0.1:${server.port}`, `${PATH}${last}`, {
      method,
      headers: { "accept-encoding": encoding },
      fresh: true,
    });
  return { server, reads, ask };
}

describe("get-entries with compress", () => {
  for (const [last, length] of [
    [63, "one that is held whole"],
    [1_023, "one that is made as it is read"],
  ] as const) {
    test(`is gzip to who takes it: ${length}`, async () => {
      const { server, ask } = await start(true);
      await using _ = server;
      const [plain, gzip] = [await ask(last, "identity"), await ask(last, "br, gzip")];
      assert.equal(plain.headers["content-encoding"], undefined);
      assert.equal(gzip.headers["content-encoding"], "gzip");
      assert.deepEqual(gunzipSync(gzip.body), plain.body);
      for (const answer of [plain, gzip]) {
        assert.equal(answer.headers["vary"], "Accept-Encoding");
        assert.equal(answer.headers["cache-control"], "public, max-age=86400");
      }
      const head = await ask(last, "gzip", "HEAD");
      assert.equal(head.headers["content-encoding"], "gzip");
      assert.equal(head.body.length, 0);
    });
  }

  test("sends as it is what is short, and a refusal", async () => {
    await using server = await startTestServer(3, {}, { compress: true });
    const origin = `http://127.0.0.1:${server.port}`;
    const headers = { "accept-encoding": "gzip" };
    const short = await call(origin, `${PATH}2`, { headers, fresh: true });
    assert.equal(short.headers["content-encoding"], undefined);
    assert.equal(short.headers["vary"], "Accept-Encoding");
    const refused = await call(origin, `${PATH}x`, { headers, fresh: true });
    assert.equal(refused.status, 400);
    assert.equal(refused.headers["content-encoding"], undefined);
  });

  test("compresses GZIP_PAGES_MAX at a time, and forgets those that are over", async () => {
    const pages = new CompressedEntries();
    const handler = pages.compress(() => ok([], "a".repeat(2_000)));
    const request = { headers: { "accept-encoding": "gzip" } } as unknown as IncomingMessage;
    const responses: EventEmitter[] = [];
    const isGzip = async () => {
      const response = Object.assign(new EventEmitter(), { destroyed: false });
      responses.push(response);
      const answer = await handler(request, response as unknown as ServerResponse);
      return answer?.headers.includes("gzip") === true;
    };
    const all = await Promise.all(Array.from({ length: GZIP_PAGES_MAX + 1 }, isGzip));
    assert.equal(all.filter((gzip) => gzip).length, GZIP_PAGES_MAX);
    assert.equal(pages.running, GZIP_PAGES_MAX);
    responses[0]?.emit("close");
    assert.equal(await isGzip(), true);
    for (const response of responses) response.emit("close");
    assert.equal(pages.running, 0);
  });

  test("ends broken if the log fails on the way", async () => {
    const { server, reads, ask } = await start(true);
    await using _ = server;
    let count = 0;
    const read = server.log.readEntries.bind(server.log);
    server.log.readEntries = (first, end) => {
      count += 1;
      if (count > 6) reads.failsWith = new FatalError("FATAL_STORE_CORRUPT", "a bit flipped");
      return read(first, end);
    };
    await assert.rejects(ask(1_023, "gzip"));
  });

  test("is what it was without", async () => {
    const { server, ask } = await start(false);
    await using _ = server;
    const answer = await ask(63, "gzip");
    assert.equal(answer.headers["content-encoding"], undefined);
    assert.equal(answer.headers["vary"], undefined);
  });
});
