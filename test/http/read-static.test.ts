import assert from "node:assert/strict";
import { after, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { FatalError, UnavailableError } from "../../src/base/errors.ts";
import { formatHex } from "../../src/encoding/hex.ts";
import { formatRootsJson } from "../../src/rfc6962/json.ts";
import { buildTestServer } from "../support/http-server.ts";
import { sha256 } from "../support/sha256.ts";

const server = buildTestServer(600);
const { app, log } = server;
after(() => server[Symbol.asyncDispose]());

const get = (path: string, headers: Record<string, string> = {}) =>
  app.inject({ url: `/nimbus2026/${path}`, headers });

const IMMUTABLE = "public, max-age=604800, immutable";
const ISSUER = formatHex(sha256(Uint8Array.of(0x30, 7)));

test("/checkpoint is UTF-8 text that is never stored", async () => {
  const answer = await get("checkpoint");
  assert.equal(answer.statusCode, 200);
  assert.equal(answer.rawPayload.toString("utf8"), log.checkpoint());
  assert.equal(answer.headers["content-type"], "text/plain; charset=utf-8");
  assert.equal(answer.headers["cache-control"], "no-store");
  assert.equal(answer.headers["content-length"], String(answer.rawPayload.length));
  assert.equal(answer.headers["access-control-allow-origin"], "*");
});

const TILES: readonly (readonly [path: string, level: number, index: number, width: number])[] = [
  ["tile/0/000", 0, 0, 256],
  ["tile/0/001", 0, 1, 256],
  ["tile/0/000.p/255", 0, 0, 255],
  ["tile/0/002.p/88", 0, 2, 88],
  ["tile/0/002.p/1", 0, 2, 1],
  ["tile/1/000.p/2", 1, 0, 2],
];

for (const [path, level, index, width] of TILES) {
  test(`/${path} is the hash tile, immutable`, async () => {
    const answer = await get(path, { "accept-encoding": "gzip" });
    assert.equal(answer.statusCode, 200);
    assert.deepEqual(new Uint8Array(answer.rawPayload), await log.readTile(level, index, width));
    assert.equal(answer.headers["content-type"], "application/octet-stream");
    assert.equal(answer.headers["cache-control"], IMMUTABLE);
    assert.equal(answer.headers["content-encoding"], undefined);
    assert.equal(answer.headers["access-control-allow-origin"], "*");
  });
}

/** Accept-Encoding, and whether a data tile comes as gzip. */
const WISHES: readonly (readonly [header: string | undefined, isGzip: boolean])[] = [
  [undefined, true],
  ["gzip", true],
  ["br, GZIP;q=0.5", true],
  ["x-gzip", true],
  ["*", true],
  ["identity, *;q=0.1", true],
  ["", false],
  ["identity", false],
  ["br", false],
  ["gzip;q=0", false],
  ["gzip; q=0.0, *", false],
  ["*;q=0", false],
];

for (const [header, isGzip] of WISHES) {
  test(`/tile/data/... with Accept-Encoding ${header} ${isGzip ? "is" : "is not"} gzip`, async () => {
    for (const [path, index, width] of [
      ["tile/data/001", 1, 256],
      ["tile/data/002.p/7", 2, 7],
    ] as const) {
      const answer = await get(path, header === undefined ? {} : { "accept-encoding": header });
      const body = isGzip ? gunzipSync(answer.rawPayload) : answer.rawPayload;
      assert.deepEqual(new Uint8Array(body), await log.readDataTile(index, width));
      assert.equal(answer.headers["content-encoding"], isGzip ? "gzip" : undefined);
      assert.equal(answer.headers["vary"], "Accept-Encoding");
      assert.equal(answer.headers["cache-control"], IMMUTABLE);
      assert.equal(answer.headers["content-type"], "application/octet-stream");
    }
  });
}

test("/issuer/<sha256> is one certificate", async () => {
  const answer = await get(`issuer/${ISSUER}`);
  assert.equal(answer.statusCode, 200);
  assert.deepEqual([...answer.rawPayload], [0x30, 7]);
  assert.equal(answer.headers["content-type"], "application/pkix-cert");
  assert.equal(answer.headers["cache-control"], IMMUTABLE);
});

/** Other spellings, and what is not there, under the shard. */
const ABSENT: readonly string[] = [
  "tile/0/002",
  "tile/0/002.p/89",
  "tile/1/000.p/3",
  "tile/5/000",
  "tile/6/000",
  "tile/-1/000",
  "tile/00/000",
  "tile/0/0",
  "tile/0/0000",
  "tile/0/x000/000",
  "tile/0/000/000",
  "tile/0/000%00",
  "tile/0/000.p/0",
  "tile/0/000.p/256",
  "tile/0/000.p/01",
  "tile/0/000.p/",
  "tile/0/000/",
  "tile/0//000",
  "tile/0",
  "tile/",
  "tile",
  "tile/data/002",
  "tile/data/data",
  "tile/DATA/000",
  "tile/*",
  "tile/0/x999/x999/x999/x999/999",
  `issuer/${ISSUER.toUpperCase()}`,
  `issuer/${ISSUER}/`,
  `issuer/${ISSUER.slice(1)}`,
  `issuer/${"0".repeat(64)}`,
  "issuer/..%2fcheckpoint",
  "issuer/",
  "checkpoint/",
  "checkpoin%74",
  "Checkpoint",
  "/checkpoint",
  "checkpoint;a",
  "ct/v1/get-st%68",
  "ct/v1/get-sth/",
  "ct/v1//get-sth",
  "ct%2fv1/get-sth",
  "ct/v2/get-sth",
  "ct/v1",
  "",
];

for (const path of ABSENT) {
  test(`/nimbus2026/${path} is 404, never a redirect`, async () => {
    for (const method of ["GET", "HEAD", "POST", "OPTIONS", "PROPFIND"] as const) {
      if (/\.p|^tile\/[015]\/00|^tile\/data|^issuer\/0/.test(path) && method !== "GET") continue;
      const url = `/nimbus2026/${path}`;
      const answer = await app.inject({ method: method as "GET", url, payload: "" });
      assert.equal(answer.statusCode, 404, method);
      assert.equal(answer.headers["cache-control"], "no-store");
      assert.equal(answer.headers["access-control-allow-origin"], "*");
      assert.equal(answer.headers["location"], undefined);
    }
  });
}

test("paths without a shard, or of an unknown one, are 404", async () => {
  for (const url of ["/nope", "/nimbus2027/checkpoint", "//", "/nimbus2026", "/logs.json/"]) {
    assert.equal((await app.inject(url)).statusCode, 404, url);
  }
});

test("a query after a path of the static API is passed over", async () => {
  assert.equal((await get("checkpoint?a;b%zz")).statusCode, 200);
  assert.equal((await get("tile/0/000?x")).statusCode, 200);
});

const READS: readonly string[] = [
  "/logs.json",
  "/nimbus2026/checkpoint",
  "/nimbus2026/tile/0/000",
  "/nimbus2026/tile/data/000",
  `/nimbus2026/issuer/${ISSUER}`,
  "/nimbus2026/log.v3.json",
  "/nimbus2026/ct/v1/get-roots",
  "/nimbus2026/ct/v1/get-sth",
  "/nimbus2026/ct/v1/get-sth-consistency?first=1&second=2",
  `/nimbus2026/ct/v1/get-proof-by-hash?tree_size=600&hash=${encodeURIComponent(Buffer.from(log.leafHash(1)).toString("base64"))}`,
  "/nimbus2026/ct/v1/get-entries?start=0&end=5",
  "/nimbus2026/ct/v1/get-entry-and-proof?leaf_index=1&tree_size=2",
];

for (const url of READS) {
  test(`HEAD of ${url} has the headers of GET and no body`, async () => {
    const whole = await app.inject(url);
    const head = await app.inject({ method: "HEAD", url });
    assert.equal(whole.statusCode, 200);
    assert.equal(head.statusCode, 200);
    assert.equal(head.rawPayload.length, 0);
    const { date: _, ...wholeHeaders } = whole.headers;
    const { date: __, ...headHeaders } = head.headers;
    assert.deepEqual(headHeaders, wholeHeaders);
  });

  test(`${url} with another method is 405 with Allow; OPTIONS is a preflight`, async () => {
    for (const method of ["POST", "PUT", "DELETE", "PATCH", "PROPFIND", "TRACE", "QUERY"]) {
      const answer = await app.inject({ method: method as "GET", url });
      assert.equal(answer.statusCode, 405, method);
      assert.equal(answer.headers["allow"], "GET, HEAD, OPTIONS");
      assert.equal(answer.body, `Method Not Allowed\nmethod not allowed: ${method}\n`);
    }
    const answer = await app.inject({ method: "OPTIONS", url });
    assert.equal(answer.statusCode, 204);
    assert.equal(answer.headers["access-control-allow-methods"], "GET, HEAD, OPTIONS");
    assert.equal(answer.headers["access-control-allow-origin"], "*");
    assert.equal(answer.headers["cache-control"], "no-store");
    assert.equal(answer.headers["content-length"], undefined);
  });
}

test("get-roots comes as gzip only where it was asked for, and follows a change of roots", async () => {
  const plain = await get("ct/v1/get-roots");
  assert.equal(plain.headers["content-encoding"], undefined);
  assert.equal(plain.headers["vary"], "Accept-Encoding");
  const packed = await get("ct/v1/get-roots", { "accept-encoding": "gzip, br" });
  assert.equal(packed.headers["content-encoding"], "gzip");
  assert.equal(gunzipSync(packed.rawPayload).toString(), plain.body);
  const before = log.acceptedRoots;
  log.acceptedRoots = [...before, Uint8Array.of(0x30, 9)];
  const changed = await get("ct/v1/get-roots", { "accept-encoding": "gzip" });
  assert.equal(gunzipSync(changed.rawPayload).toString(), formatRootsJson(log.acceptedRoots));
  log.acceptedRoots = before;
});

test("a data tile is read and compressed once for many requests, at one time or later", async () => {
  await using fresh = buildTestServer(256);
  let reads = 0;
  const read = fresh.log.readDataTile.bind(fresh.log);
  fresh.log.readDataTile = (index, width) => {
    reads += 1;
    return read(index, width);
  };
  const url = "/nimbus2026/tile/data/000";
  const answers = await Promise.all([fresh.app.inject(url), fresh.app.inject(url)]);
  answers.push(await fresh.app.inject(url));
  assert.equal(reads, 1);
  for (const answer of answers) assert.equal(gunzipSync(answer.rawPayload).length > 0, true);
  assert.equal((await fresh.app.inject("/nimbus2026/tile/data/001")).statusCode, 404);
  fresh.log.fill(256);
  assert.equal((await fresh.app.inject("/nimbus2026/tile/data/001")).statusCode, 200);
});

test("a store that fails answers 503 with Retry-After, of whichever kind, and recovers", async () => {
  await using ill = buildTestServer(256);
  for (const error of [
    new UnavailableError("UNAVAILABLE_STORE", "the store does not answer"),
    new FatalError("FATAL_STORE_CORRUPT", "checksum of tile 0/0 differs at /secret/path"),
  ]) {
    ill.log.storeFailsWith = error;
    for (const path of ["tile/0/000", "tile/data/000", `issuer/${ISSUER}`, READS[11]?.slice(12)]) {
      const answer = await ill.app.inject(`/nimbus2026/${path}`);
      assert.equal(answer.statusCode, 503, path);
      assert.match(String(answer.headers["retry-after"]), /^[1-9][0-9]*$/);
      assert.equal(answer.headers["cache-control"], "no-store");
      assert.doesNotMatch(answer.body, /secret/);
    }
  }
  ill.log.storeFailsWith = undefined;
  assert.equal((await ill.app.inject("/nimbus2026/tile/data/000")).statusCode, 200);
});

test("a bug answers 500 without saying what, and is reported with its stack", async () => {
  await using broken = buildTestServer(1);
  broken.log.storeFailsWith = new TypeError("cannot read properties of undefined");
  const answer = await broken.app.inject("/nimbus2026/tile/0/000.p/1");
  assert.equal(answer.statusCode, 500);
  assert.equal(answer.body, "Internal Server Error\ninternal error\n");
  const bug = broken.events.find((event) => event.type === "request-bug");
  assert.match(bug?.message ?? "", /cannot read properties of undefined\n\s+at /);
});

test("each request is reported with shard, endpoint and status", async () => {
  await using counted = buildTestServer(1);
  await counted.app.inject("/nimbus2026/checkpoint");
  await counted.app.inject("/nimbus2026/tile/0/999");
  await counted.app.inject("/nimbus2026/whatever");
  const seen = counted.events.map((event) =>
    event.type === "request" ? [event.shard, event.endpoint, event.status] : event.type,
  );
  assert.deepEqual(seen, [
    ["nimbus2026", "checkpoint", 200],
    ["nimbus2026", "tile", 404],
    ["", "other", 404],
  ]);
});

test("/log.v3.json and /logs.json describe the shard; a closed one gives its final head", async () => {
  await using described = buildTestServer(3);
  const json = (url: string) => described.app.inject(url).then((answer) => answer.json());
  const open = await json("/nimbus2026/log.v3.json");
  assert.equal(open.status, "active");
  assert.equal(open.submission_url, "http://127.0.0.1/nimbus2026/");
  assert.equal(open.planned_changes[0].effective_date, "2027-01-08T00:00:00Z");
  assert.equal(open.final_tree_head, undefined);
  described.log.dates = { closesAtMs: described.log.head().timestampMs };
  const closed = await json("/nimbus2026/log.v3.json");
  assert.equal(closed.status, "readonly");
  assert.equal(closed.final_tree_head.tree_size, 3);
  assert.deepEqual(closed.state.readonly.final_tree_head, closed.final_tree_head);
  const list = await json("/logs.json");
  assert.deepEqual(list.operators[0].tiled_logs, [closed]);
  described.log.headlessWith = new UnavailableError("UNAVAILABLE_NO_HEAD", "no head yet");
  assert.equal((await json("/nimbus2026/log.v3.json")).final_tree_head, undefined);
  assert.equal((await json("/logs.json")).operators[0].tiled_logs.length, 1);
});
