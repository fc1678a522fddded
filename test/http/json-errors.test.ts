/**
 * Refusals in the form that the client asks for: one place writes them, so every endpoint is
 * asked in both forms.
 * @module
 */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { FatalError, RejectedError, UnavailableError } from "../../src/base/errors.ts";
import { inFormOf, refusal } from "../../src/http/answer.ts";
import { formatChainJson } from "../../src/rfc6962/json.ts";
import { buildTestServer } from "../support/http-server.ts";

const server = buildTestServer(3);
const { app, log } = server;
after(() => server[Symbol.asyncDispose]());

const JSON_TYPE = "application/json";
const SHARD = "/nimbus2026";

/** Requests that are refused, by what answers them. */
const REFUSED: readonly (readonly [
  name: string,
  method: "GET" | "POST" | "PUT",
  url: string,
  status: number,
  code: string,
])[] = [
  ["an unknown path", "GET", "/nowhere", 404, "REJECTED_NOT_FOUND"],
  ["a wrong method", "PUT", `${SHARD}/ct/v1/get-sth`, 405, "REJECTED_METHOD"],
  ["a tile beyond the tree", "GET", `${SHARD}/tile/0/000`, 404, "REJECTED_NOT_FOUND"],
  ["a tile of no spelling", "GET", `${SHARD}/tile/0/00`, 404, "MALFORMED_TILE_PATH"],
  ["an issuer of no name", "GET", `${SHARD}/issuer/0`, 404, "REJECTED_NOT_FOUND"],
  ["a query that does not decode", "GET", `${SHARD}/ct/v1/get-sth?a=;`, 400, "MALFORMED_QUERY"],
  ["get-entries without range", "GET", `${SHARD}/ct/v1/get-entries`, 400, "MALFORMED_PARAMETER"],
  [
    "get-entries beyond the tree",
    "GET",
    `${SHARD}/ct/v1/get-entries?start=3&end=4`,
    400,
    "REJECTED_RANGE",
  ],
  [
    "get-sth-consistency beyond the tree",
    "GET",
    `${SHARD}/ct/v1/get-sth-consistency?first=1&second=9`,
    400,
    "REJECTED_TREE_SIZE_UNKNOWN",
  ],
  [
    "get-proof-by-hash of a stranger",
    "GET",
    `${SHARD}/ct/v1/get-proof-by-hash?tree_size=3&hash=${encodeURIComponent(Buffer.alloc(32).toString("base64"))}`,
    404,
    "REJECTED_LEAF_UNKNOWN",
  ],
  [
    "get-entry-and-proof without parameters",
    "GET",
    `${SHARD}/ct/v1/get-entry-and-proof`,
    400,
    "MALFORMED_PARAMETER",
  ],
  ["add-chain of no JSON", "POST", `${SHARD}/ct/v1/add-chain`, 400, "MALFORMED_BODY"],
  ["add-pre-chain of no JSON", "POST", `${SHARD}/ct/v1/add-pre-chain`, 400, "MALFORMED_BODY"],
  ["validate of no JSON", "POST", `${SHARD}/stratus/v1/validate`, 400, "MALFORMED_BODY"],
];

for (const [name, method, url, status, code] of REFUSED) {
  test(`${name} is ${status} as text, and the same as JSON where it is asked for`, async () => {
    const text = await app.inject({ method, url });
    assert.equal(text.statusCode, status, text.body);
    assert.equal(text.headers["content-type"], "text/plain; charset=utf-8");
    const json = await app.inject({ method, url, headers: { accept: JSON_TYPE } });
    assert.equal(json.statusCode, status);
    const { "content-type": type, "content-length": length, date, ...headers } = json.headers;
    assert.equal(type, JSON_TYPE);
    assert.equal(length, String(json.rawPayload.length));
    const { "content-type": _, "content-length": _length, date: _date, ...others } = text.headers;
    assert.deepEqual(headers, others, "all other headers are alike");
    assert.equal(headers["cache-control"], "no-store");
    const problem = json.json();
    assert.deepEqual(Object.keys(problem), ["code", "message", "detail"]);
    assert.equal(problem.code, code);
    assert.equal(text.body, `${text.body.split("\n")[0]}\n${problem.message}\n`);
    assert.ok(problem.detail.length > 0);
  });
}

test("what the log refuses keeps CTFE's words in message, and its own in detail", async () => {
  log.beforeSubmit = () => {
    throw new RejectedError("REJECTED_ISSUER_UNKNOWN", "x509: unknown authority");
  };
  const payload = formatChainJson([Uint8Array.of(0x30, 0)]);
  const url = `${SHARD}/ct/v1/add-chain`;
  const answer = await app.inject({ method: "POST", url, payload, headers: { accept: JSON_TYPE } });
  log.beforeSubmit = () => undefined;
  assert.deepEqual(answer.json(), {
    code: "REJECTED_ISSUER_UNKNOWN",
    message:
      "nimbus2026: failed to verify add-chain contents: chain failed to verify: x509: unknown authority",
    detail: "x509: unknown authority",
  });
});

test("503 keeps Retry-After in JSON, and a shard in trouble says no more than its code", async () => {
  const get = () => app.inject({ url: `${SHARD}/ct/v1/get-sth`, headers: { accept: JSON_TYPE } });
  log.headlessWith = new UnavailableError("UNAVAILABLE_NO_HEAD", "none yet");
  const early = await get();
  assert.equal(early.statusCode, 503);
  assert.match(String(early.headers["retry-after"]), /^[1-9]$/);
  assert.equal(early.json().code, "UNAVAILABLE_NO_HEAD");
  log.headlessWith = new FatalError("FATAL_STORE_CORRUPT", "a secret of the disk");
  const ill = await get();
  log.headlessWith = undefined;
  assert.deepEqual(ill.json(), {
    code: "FATAL_STORE_CORRUPT",
    message: "the log is recovering",
    detail: "the log is recovering",
  });
});

test("a bug is 500 with the code BUG", async () => {
  log.headlessWith = new Error("an inner matter");
  const answer = await app.inject({
    url: `${SHARD}/ct/v1/get-sth`,
    headers: { accept: JSON_TYPE },
  });
  log.headlessWith = undefined;
  assert.equal(answer.statusCode, 500);
  assert.deepEqual(answer.json(), {
    code: "BUG",
    message: "internal error",
    detail: "internal error",
  });
});

/** Accept headers, and whether they ask for JSON. */
const ACCEPT: readonly (readonly [accept: string, asksForJson: boolean])[] = [
  ["application/json", true],
  ["Application/JSON", true],
  ["application/json, */*", true],
  ["application/json, text/plain, */*", true],
  ["text/html, application/json;q=0.5", true],
  ["application/json ; q=1.0", true],
  ["application/json;charset=utf-8;q=0.3", true],
  ["*/*", false],
  ["application/*", false],
  ["text/plain", false],
  ["text/plain, application/json;q=0.9", false],
  ["application/json;q=0", false],
  ["application/jsonp", false],
  ["", false],
  [`${"a/b,".repeat(40)}application/json`, false],
];
for (const [accept, asksForJson] of ACCEPT) {
  test(`Accept '${accept.slice(0, 60)}' asks for ${asksForJson ? "JSON" : "text"}`, () => {
    const answer = inFormOf(refusal(404, "REJECTED_NOT_FOUND", "gone"), accept);
    assert.equal(answer.headers[1], asksForJson ? JSON_TYPE : "text/plain; charset=utf-8");
  });
}

test("without an Accept header a refusal is text", () => {
  const answer = refusal(404, "REJECTED_NOT_FOUND", "gone");
  assert.equal(inFormOf(answer, undefined), answer);
});

test("an answer of 200 is what it is, whatever is asked for", async () => {
  const url = `${SHARD}/checkpoint`;
  const plain = await app.inject({ url });
  const asked = await app.inject({ url, headers: { accept: JSON_TYPE } });
  assert.equal(asked.body, plain.body);
  assert.equal(asked.headers["content-type"], plain.headers["content-type"]);
});
