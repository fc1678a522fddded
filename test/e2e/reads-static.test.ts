/**
 * The static API of a log with 1,300 entries: checkpoint, tiles of every width, issuers,
 * descriptions, spellings. Everything is compared with what was submitted.
 * @module
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { ReferenceTree } from "../reference/merkle.ts";
import { makeCa } from "../support/certificates.ts";
import { digest, uint } from "../support/expected-entry.ts";
import { type Filled, fillShard } from "../support/fill-shard.ts";
import { requireImmutable, requireRefusal } from "../support/reply-checks.ts";
import { type RunningLog, startRunningLog } from "../support/running-log.ts";

const SIZE = 1_300;
const CT = "/big/ct/v1";

let log: RunningLog;
let filled: Filled;
let tree: ReferenceTree;
before(async () => {
  log = await startRunningLog([{ name: "big", roots: [makeCa()] }], {}, async (config) => {
    filled = await fillShard(config, [1, 299, 1_000]);
  });
  tree = new ReferenceTree(filled.leafHashes);
});
after(() => log[Symbol.asyncDispose]());

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

test("checkpoint and get-sth are one head with one signature, in c2sp.org's format", async () => {
  const sth = await log.json(`${CT}/get-sth`);
  const reply = await log.call("/big/checkpoint");
  assert.equal(reply.headers["content-type"], "text/plain; charset=utf-8");
  assert.equal(reply.headers["cache-control"], "no-store");
  assert.equal(reply.headers["access-control-allow-origin"], "*");
  const origin = "log.example/big";
  const { key } = await log.json("/big/log.v3.json");
  const logId = digest(Buffer.from(String(key), "base64"));
  const keyId = digest(Buffer.from(`${origin}\n`), Buffer.of(5), logId).subarray(0, 4);
  const signature = Buffer.concat([
    keyId,
    uint(Number(sth["timestamp"]), 8),
    Buffer.from(String(sth["tree_head_signature"]), "base64"),
  ]);
  const body = `${origin}\n1300\n${sth["sha256_root_hash"]}\n`;
  assert.equal(reply.text, `${body}\n— ${origin} ${signature.toString("base64")}\n`);
});

test("hash tiles: every width of every tile holds the tree's hashes, and nothing beyond", async () => {
  const level1 = Array.from({ length: 5 }, (_, index) => tree.root(256 * index, 256 * index + 256));
  for (const [level, hashes] of [filled.leafHashes, level1].entries()) {
    for (let index = 0; index * 256 <= hashes.length; index += 1) {
      const own = hashes.slice(index * 256, index * 256 + 256);
      const name = `/big/tile/${level}/${String(index).padStart(3, "0")}`;
      // Every width at the edges of the tree; the ends in between.
      const isEdge = index === 0 || own.length < 256;
      for (const width of isEdge ? Array.from({ length: 256 }, (_, n) => n + 1) : [1, 255, 256]) {
        const target = width === 256 ? name : `${name}.p/${width}`;
        const reply = await log.call(target);
        assert.equal(reply.status, width <= own.length ? 200 : 404, target);
        if (reply.status === 404) {
          requireRefusal(reply);
          continue;
        }
        requireImmutable(reply, "application/octet-stream");
        assert.ok(reply.body.equals(Buffer.concat(own.slice(0, width))), target);
      }
    }
  }
  for (const absent of ["tile/2/000.p/1", "tile/5/000", "tile/0/006", "tile/0/x001/000"]) {
    assert.equal((await log.call(`/big/${absent}`)).status, 404, absent);
  }
});

test("data tiles: gzip or identity, every width, entries as get-entries shows them", async () => {
  const widths = [...Array.from({ length: 255 }, (_, n) => n + 1), 256];
  for (const index of [0, 5]) {
    const count = Math.min(256, SIZE - index * 256);
    const range = `start=${index * 256}&end=${index * 256 + count - 1}`;
    const entries: readonly { leaf_input: string }[] = JSON.parse(
      (await log.call(`${CT}/get-entries?${range}`)).text,
    ).entries;
    const issuer = digest(Buffer.from("the issuer of all"));
    const leaves = entries.map(({ leaf_input: input }) =>
      Buffer.concat([Buffer.from(input, "base64").subarray(2), uint(32, 2), issuer]),
    );
    for (const width of widths) {
      const target = `/big/tile/data/00${index}${width === 256 ? "" : `.p/${width}`}`;
      const plain = await log.call(target, { headers: { "accept-encoding": "identity" } });
      assert.equal(plain.status, width <= count ? 200 : 404, target);
      if (plain.status === 404) continue;
      const expected = Buffer.concat(leaves.slice(0, width));
      assert.ok(plain.body.equals(expected), target);
      assert.equal(plain.headers["content-encoding"], undefined);
      const zipped = await log.call(target);
      assert.equal(zipped.headers["content-encoding"], "gzip");
      assert.ok(gunzipSync(zipped.body).equals(expected), target);
      for (const reply of [plain, zipped]) {
        requireImmutable(reply, "application/octet-stream");
        assert.equal(reply.headers["vary"], "Accept-Encoding");
      }
    }
  }
});

test("issuers answer under their SHA-256, immutable; any other name is 404", async () => {
  const der = Buffer.from("the issuer of all");
  const reply = await log.call(`/big/issuer/${digest(der).toString("hex")}`);
  assert.ok(reply.body.equals(der));
  requireImmutable(reply, "application/pkix-cert");
  const hex = digest(der).toString("hex");
  for (const wrong of [hex.toUpperCase(), `${hex}/`, hex.slice(1), `${hex}0`, "0".repeat(64), ""]) {
    assert.equal((await log.call(`/big/issuer/${wrong}`)).status, 404, wrong);
  }
});

/** Spellings of known paths that name nothing. */
const WRONG_PATHS: readonly string[] = [
  "/big/ct/v1/get-st%68",
  "/big/ct/v1/get-sth/",
  "/big//ct/v1/get-sth",
  "/big/ct/v1/../v1/get-sth",
  "/BIG/ct/v1/get-sth",
  "/big/ct/v1/GET-STH",
  "/big/ct/v2/get-sth",
  "/ct/v1/get-sth",
  "/none/checkpoint",
  "/big/checkpoint/",
  "/big/checkpoint%20",
  "/big/issuer/..%2fcheckpoint",
  "/big/tile/0/000%00",
  "/big/tile/0/000/000",
  "/big/tile/0/00",
  "/big/tile/0/0",
  "/big/tile/0/0000",
  "/big/tile/0/x000",
  "/big/tile/0/x000/000",
  "/big/tile/0/001/000",
  "/big/tile/0/000.p/0",
  "/big/tile/0/000.p/01",
  "/big/tile/0/000.p/256",
  "/big/tile/0/000.p/-1",
  "/big/tile/0/000.p/",
  "/big/tile/0/000.p",
  "/big/tile/0/000.P/1",
  "/big/tile/00/000",
  "/big/tile/-1/000",
  "/big/tile/6/000",
  "/big/tile/data/000/",
  "/big/tile/Data/000",
  "/big/tile/entries/000",
  "/big/tile/",
  "/big/log.v3.json/",
  "/logs.json/",
];
for (const path of WRONG_PATHS) {
  test(`${path} is 404, never a redirect`, async () => {
    const reply = await log.call(path);
    assert.equal(reply.status, 404);
    requireRefusal(reply);
  });
}

test("log.v3.json and logs.json say what is configured", async () => {
  const description = await log.json("/big/log.v3.json");
  const list = await log.json("/logs.json");
  const key = Buffer.from(String(description["key"]), "base64");
  assert.equal(description["log_id"], base64(digest(key)));
  assert.equal(description["mmd"], 60);
  assert.equal(description["submission_url"], "http://log.example/big/");
  assert.equal(description["monitoring_url"], "http://log.example/big/");
  assert.deepEqual(description["temporal_interval"], {
    start_inclusive: "2000-01-01T00:00:00Z",
    end_exclusive: "2100-01-01T00:00:00Z",
  });
  assert.ok(JSON.stringify(list).includes(String(description["log_id"])));
});
