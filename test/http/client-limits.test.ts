import assert from "node:assert/strict";
import { test } from "node:test";
import type { InjectOptions } from "fastify";
import { RejectedError, UnavailableError } from "../../src/base/errors.ts";
import { parseNetwork } from "../../src/base/network.ts";
import type { ClientRates } from "../../src/http/client-limits.ts";
import { makeRateCells } from "../../src/policy/rate-limit.ts";
import { buildTestServer, type TestServer } from "../support/http-server.ts";

/** One a second, counted apart from any other. */
const one = () => ({ perSecond: 1, burst: 1, cells: makeRateCells(1) });
const PROXY = parseNetwork("127.0.0.1") ?? assert.fail();
const OFF: ClientRates = {
  trustedProxies: [],
  reads: undefined,
  addChain: undefined,
  addPreChain: undefined,
  pages: undefined,
};

function serverWith(rates: Partial<ClientRates>): TestServer {
  return buildTestServer(3, { clients: { ...OFF, ...rates } });
}

const STH = { method: "GET", url: "/nimbus2026/ct/v1/get-sth" } as const;
const CHAIN = JSON.stringify({ chain: ["MAA="] });

function add(endpoint: string, extra: Partial<InjectOptions> = {}): InjectOptions {
  return { method: "POST", url: `/nimbus2026/ct/v1/${endpoint}`, payload: CHAIN, ...extra };
}

test("reads beyond a client's limit get 429 in the envelope, with Retry-After and no-store", async () => {
  await using server = serverWith({ reads: one() });
  const from = { remoteAddress: "192.0.2.1" };
  assert.equal((await server.app.inject({ ...STH, ...from })).statusCode, 200);
  const refused = await server.app.inject({ ...STH, remoteAddress: "192.0.2.99" });
  assert.equal(refused.statusCode, 429);
  assert.match(refused.body, /^Too Many Requests\nmore requests from your network/);
  assert.match(String(refused.headers["retry-after"]), /^[1-3]$/);
  assert.equal(refused.headers["cache-control"], "no-store");
  assert.equal((await server.app.inject({ ...STH, remoteAddress: "192.0.3.1" })).statusCode, 200);
});

test("reads, add-chain and add-pre-chain are limited apart", async () => {
  await using server = serverWith({ reads: one(), addChain: one(), addPreChain: one() });
  const from = { remoteAddress: "192.0.2.1" };
  for (const expected of [200, 429]) {
    assert.equal((await server.app.inject({ ...STH, ...from })).statusCode, expected);
    assert.equal((await server.app.inject(add("add-chain", from))).statusCode, expected);
    assert.equal((await server.app.inject(add("add-pre-chain", from))).statusCode, expected);
  }
  assert.equal(server.log.entries.length, 5, "what was refused is not in the log");
  const codes = server.events.flatMap((e) => (e.type === "submission-refused" ? [e.code] : []));
  assert.deepEqual(codes, ["UNAVAILABLE_RATE_LIMITED", "UNAVAILABLE_RATE_LIMITED"]);
});

test("limits are off unless set, and loopback is exempt unless a trusted proxy forwards", async () => {
  await using off = serverWith({});
  for (let count = 0; count < 50; count += 1) {
    const answer = await off.app.inject({ ...STH, remoteAddress: "192.0.2.1" });
    assert.equal(answer.statusCode, 200);
  }
  const forwarded = { headers: { "x-forwarded-for": "garbage, 192.0.2.1" } };
  await using open = serverWith({ reads: one() });
  for (const options of [STH, STH, { ...STH, ...forwarded }, { ...STH, ...forwarded }]) {
    assert.equal((await open.app.inject(options)).statusCode, 200);
  }
  await using behind = serverWith({ reads: one(), trustedProxies: [PROXY] });
  assert.equal((await behind.app.inject({ ...STH, ...forwarded })).statusCode, 200);
  assert.equal((await behind.app.inject({ ...STH, ...forwarded })).statusCode, 429);
  assert.equal((await behind.app.inject(STH)).statusCode, 200);
});

test("an answer of 500 or above is not counted against the client; one of 400 is", async () => {
  await using server = serverWith({ reads: one(), addChain: one() });
  const from = { remoteAddress: "192.0.2.1" };
  server.log.headlessWith = new UnavailableError("UNAVAILABLE_NO_HEAD", "not yet");
  for (let count = 0; count < 3; count += 1) {
    assert.equal((await server.app.inject({ ...STH, ...from })).statusCode, 503);
  }
  server.log.headlessWith = undefined;
  assert.equal((await server.app.inject({ ...STH, ...from })).statusCode, 200);
  assert.equal((await server.app.inject({ ...STH, ...from })).statusCode, 429);

  server.log.closedWith = new UnavailableError("UNAVAILABLE_POOL_FULL", "full");
  for (let count = 0; count < 3; count += 1) {
    assert.equal((await server.app.inject(add("add-chain", from))).statusCode, 503);
  }
  server.log.closedWith = undefined;
  const bad = add("add-chain", { ...from, payload: "no JSON" });
  assert.equal((await server.app.inject(bad)).statusCode, 400);
  assert.equal((await server.app.inject(add("add-chain", from))).statusCode, 429);
});

test("refusals come in the order 405, 410, 429, 503, 413, 400", async () => {
  await using server = serverWith({ addChain: one() });
  const from = { remoteAddress: "192.0.2.1" };
  const large = add("add-chain", { ...from, headers: { "content-length": "600000" } });
  const closed = new RejectedError("REJECTED_SHARD_CLOSED", "closed");
  const full = new UnavailableError("UNAVAILABLE_POOL_FULL", "full");
  const statusOf = async (options: InjectOptions) => (await server.app.inject(options)).statusCode;

  server.log.closedWith = full;
  assert.equal(await statusOf(large), 503, "503 before 413");
  server.log.closedWith = undefined;
  assert.equal(await statusOf(large), 413, "413 before 400");
  server.log.closedWith = full;
  assert.equal(await statusOf(large), 429, "429 before 503");
  server.log.closedWith = closed;
  assert.equal(await statusOf(large), 410, "410 before 429");
  assert.equal(await statusOf({ ...large, method: "PUT" }), 405, "405 before 410");
});

test("a dry run counts to the limit of the endpoint that it asks about", async () => {
  await using server = serverWith({ addChain: one(), addPreChain: one() });
  const from = { remoteAddress: "192.0.2.1" };
  const url = "/nimbus2026/stratus/v1/validate";
  const dryRun = (query: string) =>
    server.app.inject({ method: "POST", url: `${url}${query}`, payload: CHAIN, ...from });
  assert.equal((await dryRun("")).statusCode, 200);
  assert.equal((await dryRun("")).statusCode, 429);
  assert.equal((await server.app.inject(add("add-chain", from))).statusCode, 429);
  assert.equal((await dryRun("?endpoint=add-pre-chain")).statusCode, 200);
  assert.equal((await server.app.inject(add("add-pre-chain", from))).statusCode, 429);
});
