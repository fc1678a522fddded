import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../src/clock/system.ts";
import type { Pages } from "../../src/http/pages.ts";
import { makeRateCells } from "../../src/policy/rate-limit.ts";
import { buildTestServer } from "../support/http-server.ts";

const file = {
  contentType: "text/css; charset=utf-8",
  bytes: new TextEncoder().encode("body{}"),
  gzip: new TextEncoder().encode("(gzip)"),
};

const PAGES: Pages = {
  has: (path) => ["/", "/here", "/gone", "/away", "/-/assets/a.css"].includes(path),
  async page(path, query) {
    if (path === "/gone") return undefined;
    if (path === "/away") return { status: 303, location: "./here" };
    return { status: 200, data: { path, q: query("q") }, html: () => `<p>${path}</p>` };
  },
  asset: (path) => (path === "/-/assets/a.css" ? file : undefined),
  takes: (path) => path === "/form",
  async posted(path, field) {
    const data = { path, text: field("text"), shard: field("shard") };
    return { status: 200, data, html: () => `<p>${field("text")}</p>` };
  },
};

const server = (pages: Pages | undefined = PAGES) => buildTestServer(0, {}, systemClock, { pages });

test("a page is HTML under a policy that allows nothing inline and nobody else's", async () => {
  await using here = server();
  const reply = await here.app.inject("/here");
  assert.equal(reply.statusCode, 200);
  assert.equal(reply.headers["content-type"], "text/html; charset=utf-8");
  assert.equal(reply.body, "<p>/here</p>");
  const policy = String(reply.headers["content-security-policy"]);
  assert.match(policy, /default-src 'none'/);
  assert.match(policy, /script-src 'self';/);
  assert.match(policy, /style-src 'self';/);
  assert.doesNotMatch(policy, /unsafe|\*|https?:/);
  assert.equal(reply.headers["x-content-type-options"], "nosniff");
  assert.equal(reply.headers["vary"], "Accept");
});

const ACCEPTS: readonly (readonly [accept: string, type: string])[] = [
  ["application/json", "application/json"],
  ["application/json, text/html;q=0.5", "application/json"],
  ["text/html, application/json;q=0.5", "text/html; charset=utf-8"],
  ["*/*", "text/html; charset=utf-8"],
  ["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html; charset=utf-8"],
];

for (const [accept, type] of ACCEPTS) {
  test(`a page answers Accept: ${accept} with ${type}`, async () => {
    await using here = server();
    const reply = await here.app.inject({ url: "/here?q=a%20b", headers: { accept } });
    assert.equal(reply.headers["content-type"], type);
    if (type === "application/json") {
      assert.deepEqual(reply.json(), { path: "/here", q: "a b" });
    }
  });
}

test("a file is kept for good, as gzip where that is taken", async () => {
  await using here = server();
  const plain = await here.app.inject("/-/assets/a.css");
  assert.equal(plain.body, "body{}");
  assert.match(String(plain.headers["cache-control"]), /immutable/);
  const headers = { "accept-encoding": "gzip, br" };
  const packed = await here.app.inject({ url: "/-/assets/a.css", headers });
  assert.equal(packed.headers["content-encoding"], "gzip");
  assert.equal(packed.body, "(gzip)");
});

test("pages come behind the APIs, are read only, and can be away", async () => {
  await using here = server({ ...PAGES, has: () => true });
  const sth = await here.app.inject("/nimbus2026/ct/v1/get-roots");
  assert.match(String(sth.headers["content-type"]), /json/);
  const post = await here.app.inject({ method: "POST", url: "/here" });
  assert.equal(post.statusCode, 405);
  assert.equal(post.headers["allow"], "GET, HEAD, OPTIONS");
  assert.equal((await here.app.inject("/away")).headers["location"], "./here");
  assert.equal((await here.app.inject("/gone")).statusCode, 404);
});

test("without pages there is nothing at /", async () => {
  await using here = buildTestServer();
  assert.equal((await here.app.inject("/")).statusCode, 404);
});

test("pages have a rate of their own", async () => {
  const pages = { perSecond: 1, burst: 2, cells: makeRateCells(1) };
  const none = {
    trustedProxies: [],
    reads: undefined,
    addChain: undefined,
    addPreChain: undefined,
  };
  await using here = buildTestServer(1, { clients: { ...none, pages } }, systemClock, {
    pages: PAGES,
  });
  const from = { remoteAddress: "192.0.2.7" };
  const statuses: number[] = [];
  for (let count = 0; count < 3; count += 1) {
    statuses.push((await here.app.inject({ url: "/here", ...from })).statusCode);
  }
  assert.deepEqual(statuses, [200, 200, 429]);
  const sth = await here.app.inject({ url: "/nimbus2026/ct/v1/get-sth", ...from });
  assert.equal(sth.statusCode, 200);
});

test("a form is posted as browsers do it, or as text", async () => {
  await using here = server();
  const pem = "-----BEGIN CERTIFICATE-----\na+b/c=\n-----END CERTIFICATE-----\n";
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  const form = new URLSearchParams({ text: pem, shard: "a" }).toString();
  const accept = { ...headers, accept: "application/json" };
  for (const [payload, shard] of [
    [form, "a"],
    [pem, ""],
  ] as const) {
    const reply = await here.app.inject({ method: "POST", url: "/form", headers: accept, payload });
    assert.equal(reply.statusCode, 200);
    assert.deepEqual(reply.json(), { path: "/form", text: pem, shard });
  }
  const page = await here.app.inject({ method: "POST", url: "/form", headers, payload: "text=x" });
  assert.equal(page.headers["content-type"], "text/html; charset=utf-8");
  assert.match(String(page.headers["content-security-policy"]), /form-action 'self'/);
  const put = await here.app.inject({ method: "PUT", url: "/form" });
  assert.equal(put.statusCode, 405);
  assert.equal(put.headers["allow"], "GET, HEAD, POST, OPTIONS");
});

test("a form is bounded, and counts as a submission and as a page", async () => {
  const rate = () => ({ perSecond: 1, burst: 2, cells: makeRateCells(1) });
  const none = { trustedProxies: [], reads: undefined, addPreChain: undefined };
  const from = { remoteAddress: "192.0.2.7", method: "POST", url: "/form" } as const;
  for (const rates of [
    { addChain: rate(), pages: undefined },
    { addChain: undefined, pages: rate() },
  ]) {
    const clients = { ...none, ...rates };
    await using here = buildTestServer(1, { clients }, systemClock, { pages: PAGES });
    const statuses: number[] = [];
    for (let count = 0; count < 3; count += 1) {
      statuses.push((await here.app.inject({ ...from, payload: "text=x" })).statusCode);
    }
    assert.deepEqual(statuses, [200, 200, 429]);
  }
  await using here = server();
  const large = await here.app.inject({ ...from, payload: "x".repeat(512_001) });
  assert.equal(large.statusCode, 413);
});
