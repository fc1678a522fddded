import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { WIDE_LIMITS } from "../../bench/limits.ts";
import { defined } from "../../src/base/assert.ts";
import { parseIpAddress, parseNetwork } from "../../src/base/network.ts";
import { TARGET_LENGTH_MAX, USER_AGENT_LENGTH_MAX } from "../../src/http/access-log.ts";
import { formatNetwork } from "../../src/policy/client.ts";
import { call } from "../support/http-call.ts";
import { RawClient, startTestServer } from "../support/http-server.ts";
import { settle } from "../support/manual-clock.ts";

const PATH = "/nimbus2026/ct/v1/get-sth";

/** A server that writes to an array. @param proxies Trusted, in CIDR. */
async function start(proxies: readonly string[] = []) {
  const lines: Record<string, unknown>[] = [];
  let isClosed = false;
  const access = {
    name: "abc",
    write: (line: string) => lines.push(JSON.parse(line)),
    close: async () => {
      isClosed = true;
    },
  };
  const trustedProxies = proxies.map((text) => defined(parseNetwork(text), text));
  const clients = { ...WIDE_LIMITS.clients, trustedProxies };
  const server = await startTestServer(3, { clients }, { access });
  const ask = (target: string, headers: Record<string, string> = {}) =>
    call(`http://127.0.0.1:${server.port}`, target, { headers, fresh: true });
  const written = async (count: number) => {
    for (let turn = 0; turn < 100_000 && lines.length < count; turn += 1) await settle();
    return lines;
  };
  return { server, ask, written, isClosed: () => isClosed };
}

describe("the access log", () => {
  test("writes a line for each request, whose id is in the answer", async () => {
    const { server, ask, written, isClosed } = await start();
    {
      await using _ = server;
      const ok = await ask(PATH, { "user-agent": "a monitor" });
      const missing = await ask("/nope?x=1");
      const [first = {}, second = {}] = await written(2);
      const { time, ms, bytes, ...rest } = first;
      assert.deepEqual(rest, {
        request_id: ok.headers["x-request-id"],
        network: "127.0.0.0/24",
        method: "GET",
        target: PATH,
        status: 200,
        user_agent: "a monitor",
      });
      assert.match(String(time), /^[0-9T:.-]+Z$/);
      assert(Number(ms) >= 0);
      assert(Number(bytes) > ok.body.length && Number(bytes) < ok.body.length + 600);
      assert.equal(second["status"], 404);
      assert.equal(second["target"], "/nope?x=1");
      assert.equal(second["request_id"], missing.headers["x-request-id"]);
      assert.notEqual(first["request_id"], second["request_id"]);
    }
    assert(isClosed());
  });

  test("counts every byte of a connection once, those of pipelined answers too", async () => {
    const { server, written } = await start();
    await using _ = server;
    using client = new RawClient(server.port);
    client.send(`GET ${PATH} HTTP/1.1\r\nHost: a\r\n\r\n`.repeat(3));
    client.send("GET /nope HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    const text = await client.closed();
    const lines = await written(4);
    const bytes = lines.map((line) => Number(line["bytes"]));
    assert.equal(
      bytes.reduce((sum, count) => sum + count, 0),
      text.length,
    );
  });

  test("takes an id and an address over from a trusted proxy only", async () => {
    const headers = { "x-request-id": "edge-1:2", "x-forwarded-for": "198.51.100.77" };
    for (const [proxies, isTaken] of [
      [["127.0.0.1"], true],
      [[], false],
    ] as const) {
      const { server, ask, written } = await start(proxies);
      await using _ = server;
      const answer = await ask(PATH, headers);
      const [line = {}] = await written(1);
      assert.equal(answer.headers["x-request-id"] === "edge-1:2", isTaken);
      assert.equal(line["request_id"], answer.headers["x-request-id"]);
      assert.equal(line["network"], isTaken ? "198.51.100.0/24" : "127.0.0.0/24");
      const bad = await ask(PATH, { ...headers, "x-request-id": 'a b"' });
      assert.match(String(bad.headers["x-request-id"]), /^abc-/);
    }
  });

  test("bounds what clients write", async () => {
    const { server, ask, written } = await start();
    await using _ = server;
    await ask(`/${"t".repeat(2_000)}`, { "user-agent": "u".repeat(2_000) });
    const [line = {}] = await written(1);
    assert.equal(String(line["target"]).length, TARGET_LENGTH_MAX);
    assert.equal(String(line["user_agent"]).length, USER_AGENT_LENGTH_MAX);
  });

  test("says 499 of a client that left before its answer", async () => {
    const { server, written } = await start();
    await using _ = server;
    const client = new RawClient(server.port);
    client.send("GET /nimbus2026/checkpoint?wait=60 HTTP/1.1\r\nHost: a\r\n\r\n");
    for (let turn = 0; turn < 100_000 && server.log.watchers.size === 0; turn += 1) await settle();
    client[Symbol.dispose]();
    const [line = {}] = await written(1);
    assert.deepEqual([line["status"], line["is_cut"]], [499, true]);
  });

  test("is nothing, and no id, where it is off", async () => {
    await using server = await startTestServer(3);
    const answer = await call(`http://127.0.0.1:${server.port}`, PATH, { fresh: true });
    assert.equal(answer.headers["x-request-id"], undefined);
  });
});

for (const [address, network] of [
  ["192.0.2.77", "192.0.2.0/24"],
  ["::ffff:192.0.2.77", "192.0.2.0/24"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"],
  ["::1", "0:0:0::/48"],
] as const) {
  test(`formatNetwork keeps ${network} of ${address}`, () => {
    assert.equal(formatNetwork(defined(parseIpAddress(address), address)), network);
  });
}
