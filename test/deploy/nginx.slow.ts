/**
 * nginx as Debian packages it, with deploy/nginx.conf, before a real process of the log: TLS with
 * a certificate made here, the cache, gzip, limits by client, what is never cached.
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { connect } from "node:http2";
import { after, before, describe, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { BODY_BYTES_MAX } from "../../src/http/body.ts";
import { chainOf, makeCa } from "../support/certificates.ts";
import { unlessInstalled } from "../support/deploy.ts";
import type { Reply } from "../support/http-call.ts";
import { temporaryFolder } from "../support/level.ts";
import { Nginx } from "../support/nginx.ts";
import { LogFolder, type StratusProcess, shardReady } from "../support/process.ts";
import { chainJson } from "../support/running-log.ts";

const ROOT = makeCa();
const SHARD = "test2027";
const ENTRIES = 3;
const TILE = `/${SHARD}/tile/0/000.p/3`;
const DATA_TILE = `/${SHARD}/tile/data/000.p/3`;
/** Reads that a client may do at once; nobody of this machine itself is limited. */
const BURST = 3;

/** A chain that this log takes. */
function chain(): string {
  const notAfter = new Date("2027-03-01T00:00:00Z");
  return chainJson(chainOf(ROOT.issue({ notAfter }), ROOT));
}

describe("nginx before a log", { skip: unlessInstalled("nginx", "openssl") }, () => {
  const stack = new AsyncDisposableStack();
  let log: StratusProcess;
  let nginx: Nginx;
  let operationsUrl: string;

  before(async () => {
    const limits = `trustedProxies: [127.0.0.1/32], reads: { perSecond: 1, burst: ${BURST} }`;
    const more = [`limits: { ${limits} }`];
    const folder = stack.use(await LogFolder.make(ROOT, [{ name: SHARD }], more));
    await folder.init();
    log = stack.use(folder.serve());
    const listening = await log.listening();
    operationsUrl = listening.operationsUrl;
    await shardReady(operationsUrl, SHARD);
    const place = stack.use(await temporaryFolder());
    nginx = stack.use(await Nginx.start(place.path, new URL(listening.url).host));
    for (let index = 0; index < ENTRIES; index += 1) {
      const answer = await nginx.call(`/${SHARD}/ct/v1/add-chain`, { body: chain() });
      assert.equal(answer.status, 200, answer.text);
    }
  });

  after(() => stack.disposeAsync());

  /** How many requests of an endpoint the log itself has answered. */
  async function reached(endpoint: string): Promise<number> {
    const text = await (await fetch(`${operationsUrl}/metrics`)).text();
    const pattern = `^stratus_http_requests_total\\{[^}]*endpoint="${endpoint}"[^}]*\\} ([0-9]+)$`;
    return [...text.matchAll(new RegExp(pattern, "gm"))].reduce((sum, [, n]) => sum + Number(n), 0);
  }

  function requireCache(reply: Reply, state: string | undefined): void {
    assert.equal(reply.status, 200, reply.text);
    assert.equal(reply.headers["x-cache-status"], state);
  }

  test("answers the second fetch of a tile without the log", async () => {
    const first = await nginx.call(TILE);
    requireCache(first, "MISS");
    assert.equal(first.headers["cache-control"], "public, max-age=604800, immutable");
    assert.equal(first.body.length, ENTRIES * 32);
    const count = await reached("tile");
    const second = await nginx.call(TILE);
    requireCache(second, "HIT");
    assert.deepEqual(second.body, first.body);
    assert.equal(await reached("tile"), count);
  });

  test("answers the second fetch of an issuer without the log", async () => {
    const path = `/${SHARD}/issuer/${createHash("sha256").update(ROOT.der).digest("hex")}`;
    requireCache(await nginx.call(path), "MISS");
    const count = await reached("issuer");
    const second = await nginx.call(path);
    requireCache(second, "HIT");
    assert.equal(await reached("issuer"), count);
    assert.deepEqual(second.body, Buffer.from(ROOT.der));
    assert.equal(second.headers["content-type"], "application/pkix-cert");
  });

  test("passes a data tile as the log compressed it, kept once for all who take gzip", async () => {
    const accepting = (value: string) => ({ headers: { "accept-encoding": value } });
    const first = await nginx.call(DATA_TILE, accepting("gzip"));
    requireCache(first, "MISS");
    assert.equal(first.headers["content-encoding"], "gzip");
    for (const wish of ["gzip, deflate, br, zstd", "GZIP;q=0.5", "*"]) {
      const again = await nginx.call(DATA_TILE, accepting(wish));
      requireCache(again, "HIT");
      assert.deepEqual(again.body, first.body, wish);
    }
    requireCache(await nginx.call(DATA_TILE), "HIT");
    const plain = await nginx.call(DATA_TILE, accepting("identity"));
    requireCache(plain, "MISS");
    assert.equal(plain.headers["content-encoding"], undefined);
    assert.deepEqual(plain.body, gunzipSync(first.body));
    for (const wish of ["gzip;q=0", "br", "identity, *;q=0", "gzip;q=0.0, *"]) {
      const again = await nginx.call(DATA_TILE, accepting(wish));
      requireCache(again, "HIT");
      assert.deepEqual(again.body, plain.body, wish);
    }
  });

  test("passes get-roots as the log compressed it, and compresses get-entries itself", async () => {
    const headers = { "accept-encoding": "gzip" };
    const roots = await nginx.call(`/${SHARD}/ct/v1/get-roots`, { headers });
    assert.equal(roots.headers["content-encoding"], "gzip");
    const { certificates } = JSON.parse(gunzipSync(roots.body).toString());
    assert.deepEqual(certificates, [Buffer.from(ROOT.der).toString("base64")]);
    const path = `/${SHARD}/ct/v1/get-entries?start=0&end=2`;
    const entries = await nginx.call(path, { headers });
    assert.equal(entries.headers["content-encoding"], "gzip");
    const plain = await nginx.call(path);
    assert.equal(plain.headers["content-encoding"], undefined);
    assert.equal(gunzipSync(entries.body).toString(), plain.text);
    assert.equal(JSON.parse(plain.text).entries.length, ENTRIES);
  });

  for (const [endpoint, path] of [
    ["checkpoint", "checkpoint"],
    ["get-sth", "ct/v1/get-sth"],
    ["get-entries", "ct/v1/get-entries?start=0&end=0"],
    ["get-sth-consistency", "ct/v1/get-sth-consistency?first=1&second=3"],
    ["log.v3.json", "log.v3.json"],
  ] as const) {
    test(`asks the log each time for ${path}`, async () => {
      const count = await reached(endpoint);
      for (const _ of [1, 2]) requireCache(await nginx.call(`/${SHARD}/${path}`), undefined);
      assert.equal(await reached(endpoint), count + 2);
    });
  }

  test("shows a new head at once after the SCT of a submission", async () => {
    const sizeOf = async () =>
      JSON.parse((await nginx.call(`/${SHARD}/ct/v1/get-sth`)).text).tree_size;
    const before = await sizeOf();
    const answer = await nginx.call(`/${SHARD}/ct/v1/add-chain`, { body: chain() });
    assert.equal(answer.status, 200, answer.text);
    assert.equal(await sizeOf(), before + 1);
  });

  test("tells the log whose request it is; a 429 goes to that client alone, and is not kept", async () => {
    const path = `/${SHARD}/tile/0/000.p/2`;
    const from = (address: string) => ({ headers: { "x-forwarded-for": address } });
    for (let index = 0; index < BURST; index += 1) {
      const { status } = await nginx.call(`/${SHARD}/ct/v1/get-sth`, from("192.0.2.7"));
      assert.equal(status, 200);
    }
    const refused = await nginx.call(path, from("192.0.2.9"));
    assert.equal(refused.status, 429, "one network, one client");
    assert.match(refused.headers["retry-after"] ?? "", /^[1-9][0-9]*$/);
    assert.equal(refused.headers["cache-control"], "no-store");
    requireCache(await nginx.call(path, from("198.51.100.7")), "MISS");
    requireCache(await nginx.call(path, from("192.0.2.9")), "HIT");
  });

  test("does not keep a 404, another spelling, or a tile with a query", async () => {
    const both = async () => (await reached("tile")) + (await reached("other"));
    for (const path of [
      `/${SHARD}/tile/0/000.p/200`,
      `/${SHARD}/tile/0/../0/000.p/3`,
      `/${SHARD}//tile/0/000.p/3`,
      `/${SHARD}/tile/0/%30%30%30.p/3`,
    ]) {
      const count = await both();
      for (const _ of [1, 2]) {
        const { status, headers } = await nginx.call(path);
        assert.equal(status, 404, path);
        assert.equal(headers["cache-control"], "no-store");
      }
      assert.equal(await both(), count + 2, path);
    }
    for (const _ of [1, 2]) requireCache(await nginx.call(`${TILE}?a=1`), "BYPASS");
  });

  test("leaves it to the log to refuse a body that is too large", async () => {
    const path = `/${SHARD}/ct/v1/add-chain`;
    const own = await nginx.call(path, { body: "x".repeat(BODY_BYTES_MAX + 1) });
    assert.equal(own.status, 413);
    assert.match(own.text, /certificate chain exceeds 512000-byte limit/);
    const above = await nginx.call(path, { body: "x".repeat(700_000) });
    assert.equal(above.status, 413);
  });

  test("speaks HTTP/2 to those who ask for it", async () => {
    const { tlsPort, certificate: ca } = nginx.files;
    const tls = { ca, servername: "ct.example.org" };
    const session = connect(`https://127.0.0.1:${tlsPort}`, tls);
    try {
      const status = await new Promise((resolve, reject) => {
        session.once("error", reject);
        const stream = session.request({ ":path": `/${SHARD}/checkpoint` });
        stream.once("response", (headers) => resolve(headers[":status"]));
        stream.resume().end();
      });
      assert.equal(status, 200);
    } finally {
      session.destroy();
    }
  });

  test("answers plain HTTP with 404, never with a redirect", async () => {
    const body = chain();
    const { status, headers } = await nginx.plain(`/${SHARD}/ct/v1/add-chain`, { body });
    assert.deepEqual([status, headers.location], [404, undefined]);
  });

  // Last: the log is gone from here on.
  test("while the log is down, serves the tiles it has, and 503 with Retry-After else", async () => {
    assert.deepEqual(await log.stop(), { code: 0, signal: null });
    requireCache(await nginx.call(TILE), "HIT");
    for (const path of ["ct/v1/get-sth", "tile/0/000.p/1"]) {
      const { status, headers, text } = await nginx.call(`/${SHARD}/${path}`);
      assert.deepEqual([status, headers["retry-after"]], [503, "5"], path);
      assert.equal(headers["cache-control"], "no-store");
      assert.match(text, /^Service Unavailable\n/);
    }
  });
});
