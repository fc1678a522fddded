import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { etagOf, isKnownEtag } from "../../src/http/etag.ts";
import { buildTestServer } from "../support/http-server.ts";

const BODY = new TextEncoder().encode("body");
const TAG = etagOf(BODY);

test("etagOf is the beginning of the body's SHA-256, quoted", () => {
  const digest = createHash("sha256").update(BODY).digest("base64url");
  assert.equal(TAG, `"${digest.slice(0, 22)}"`);
  assert.notEqual(etagOf(new Uint8Array(4)), TAG);
});

/** If-None-Match, and whether it has the tag. */
const HEADERS: readonly (readonly [header: string | undefined, isKnown: boolean])[] = [
  [undefined, false],
  ["", false],
  [TAG, true],
  [`W/${TAG}`, true],
  [`"other", W/"x" ,${TAG}`, true],
  ["*", true],
  [TAG.slice(1, -1), false],
  ['"other"', false],
  [TAG.toLowerCase(), false],
  [`${"x,".repeat(32)}${TAG}`, false],
];

for (const [header, isKnown] of HEADERS) {
  test(`isKnownEtag ${isKnown ? "finds" : "does not find"} the tag in ${header}`, () => {
    assert.equal(isKnownEtag(TAG, header), isKnown);
  });
}

const TAGGED: readonly string[] = ["checkpoint", "log.v3.json", "ct/v1/get-sth", "ct/v1/get-roots"];

describe("an answer with an ETag", () => {
  for (const path of TAGGED) {
    test(`${path} is 304 for who has it, with the other headers of 200`, async () => {
      await using server = buildTestServer(5);
      const url = `/nimbus2026/${path}`;
      const headers = { "accept-encoding": "identity" };
      const whole = await server.app.inject({ url, headers });
      assert.equal(whole.statusCode, 200);
      const etag = String(whole.headers.etag);
      assert.equal(etag, etagOf(whole.rawPayload));
      for (const method of ["GET", "HEAD"] as const) {
        const asked = { ...headers, "if-none-match": etag };
        const known = await server.app.inject({ method, url, headers: asked });
        assert.equal(known.statusCode, 304);
        assert.equal(known.rawPayload.length, 0);
        const { date: _, ...own } = known.headers;
        const { date: __, "content-type": ___, "content-length": ____, ...rest } = whole.headers;
        assert.deepEqual(own, {
          ...rest,
          ...("connection" in own && { connection: own.connection }),
        });
        const other = { ...headers, "if-none-match": '"other"' };
        assert.equal((await server.app.inject({ method, url, headers: other })).statusCode, 200);
      }
    });
  }

  for (const path of ["checkpoint", "ct/v1/get-sth"]) {
    test(`${path} is 200 again once there is a new head`, async () => {
      await using server = buildTestServer(5);
      const url = `/nimbus2026/${path}`;
      const { headers } = await server.app.inject(url);
      const asked = { url, headers: { "if-none-match": String(headers.etag) } };
      assert.equal((await server.app.inject(asked)).statusCode, 304);
      server.log.fill(1);
      const fresh = await server.app.inject(asked);
      assert.equal(fresh.statusCode, 200);
      assert.notEqual(fresh.headers.etag, headers.etag);
    });
  }

  test("get-roots has a tag for gzip and one without, each for its own bytes", async () => {
    await using server = buildTestServer();
    const url = "/nimbus2026/ct/v1/get-roots";
    const ask = (encoding: string, tag = "") =>
      server.app.inject({ url, headers: { "accept-encoding": encoding, "if-none-match": tag } });
    const [plain, gzip] = [await ask("identity"), await ask("gzip")];
    assert.deepEqual(gunzipSync(gzip.rawPayload), plain.rawPayload);
    const [plainTag, gzipTag] = [String(plain.headers.etag), String(gzip.headers.etag)];
    assert.equal(gzipTag, etagOf(gzip.rawPayload));
    assert.notEqual(plainTag, gzipTag);
    assert.equal((await ask("gzip", gzipTag)).statusCode, 304);
    assert.equal((await ask("gzip", plainTag)).statusCode, 200);
    assert.equal((await ask("identity", gzipTag)).statusCode, 200);
    assert.equal((await ask("identity", gzipTag)).headers.vary, "Accept-Encoding");
    server.log.acceptedRoots = [Uint8Array.of(0x30, 9)];
    assert.equal((await ask("gzip", gzipTag)).statusCode, 200, "the roots are others now");
  });

  test("a refusal has none", async () => {
    await using server = buildTestServer();
    const answer = await server.app.inject({ url: "/nope", headers: { "if-none-match": "*" } });
    assert.equal(answer.statusCode, 404);
    assert.equal(answer.headers.etag, undefined);
  });
});
