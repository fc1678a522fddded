import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { test } from "node:test";
import { parseNetwork } from "../../src/base/network.ts";
import { describeTraffic, TrafficCounter } from "../../src/http/traffic.ts";
import { startTestServer } from "../support/http-server.ts";
import { ManualClock } from "../support/manual-clock.ts";

const PROXIES = ["10.0.0.0/8"].map((text) => parseNetwork(text) ?? assert.fail(text));

/** What a request from `remoteAddress` with these headers looks like. */
function request(remoteAddress: string, ...rawHeaders: readonly string[]): IncomingMessage {
  return { socket: { remoteAddress }, rawHeaders } as unknown as IncomingMessage;
}

interface Shown {
  readonly seconds: number;
  readonly reads: Kind;
  readonly submissions: Kind;
}

interface Kind {
  readonly requests: number;
  readonly networks: readonly { network: string; requests: number }[];
  readonly userAgents: readonly { userAgent: string; requests: number }[];
}

function shown(clock: ManualClock, ...counters: readonly TrafficCounter[]): Shown {
  const counted = counters.map((counter) => structuredClone(counter.counted()));
  return describeTraffic(counted, clock) as Shown;
}

const networksOf = ({ networks }: Kind) =>
  networks.map(({ network, requests }) => [network, requests]);

test("TrafficCounter counts by /24 and /48, and by User-Agent, reads and submissions apart", () => {
  const clock = new ManualClock();
  const counter = new TrafficCounter(clock, []);
  counter.count("reads", request("192.0.2.1", "Host", "x", "User-Agent", "a/1"));
  counter.count("reads", request("192.0.2.200", "user-agent", "a/1"));
  counter.count("reads", request("::ffff:192.0.2.7", "USER-AGENT", "b/2"));
  counter.count("reads", request("2001:db8:7:1::1", "Accept-Encoding", "gzip"));
  counter.count("submissions", request("2001:db8:7:2::1"));
  const { reads, submissions } = shown(clock, counter);
  assert.equal(reads.requests, 4);
  assert.deepEqual(networksOf(reads), [
    ["192.0.2.0/24", 3],
    ["2001:db8:7::/48", 1],
  ]);
  assert.deepEqual(
    reads.userAgents.map(({ userAgent, requests }) => [userAgent, requests]),
    [
      ["a/1", 2],
      ["b/2", 1],
      ["(none)", 1],
    ],
  );
  assert.deepEqual(networksOf(submissions), [["2001:db8:7::/48", 1]]);
});

test("TrafficCounter believes X-Forwarded-For of a trusted proxy alone", () => {
  const clock = new ManualClock();
  const counter = new TrafficCounter(clock, PROXIES);
  const forwarded = ["X-Forwarded-For", "203.0.113.9, 198.51.100.7", "x-forwarded-for", "10.9.9.9"];
  counter.count("reads", request("10.1.2.3", ...forwarded));
  counter.count("reads", request("10.1.2.3", "X-Forwarded-For", "203.0.113.9,10.9.9.9"));
  counter.count("reads", request("10.1.2.3", "X-Forwarded-For", "junk, 203.0.113.8"));
  counter.count("reads", request("10.1.2.3"));
  counter.count("reads", request("10.5.5.5"));
  counter.count("reads", request("10.6.6.6", "X-Forwarded-For", "junk"));
  counter.count("reads", request("10.7.7.7", "X-Forwarded-For", "junk"));
  counter.count("reads", request("192.0.2.1", ...forwarded));
  counter.count("reads", request("192.0.2.1", ...forwarded));
  assert.deepEqual(networksOf(shown(clock, counter).reads), [
    ["203.0.113.0/24", 2],
    ["192.0.2.0/24", 2],
    ["198.51.100.0/24", 1],
    ["10.1.2.0/24", 1],
    ["10.5.5.0/24", 1],
    ["10.6.6.0/24", 1],
    ["10.7.7.0/24", 1],
  ]);
});

test("TrafficCounter forgets after two windows; threads add up", async () => {
  const clock = new ManualClock();
  const [one, other] = [new TrafficCounter(clock, []), new TrafficCounter(clock, [])];
  one.count("reads", request("192.0.2.1"));
  await clock.advance(300_000);
  other.count("reads", request("192.0.2.2"));
  assert.deepEqual(networksOf(shown(clock, one, other).reads), [["192.0.2.0/24", 2]]);
  assert.ok(shown(clock, one).seconds >= 300 && shown(clock, one).seconds <= 600);
  await clock.advance(300_000);
  assert.deepEqual(networksOf(shown(clock, one, other).reads), [["192.0.2.0/24", 1]]);
  await clock.advance(3_000_000);
  assert.deepEqual(networksOf(shown(clock, one, other).reads), []);
});

test("TrafficCounter holds bounded memory, whatever addresses and headers come", () => {
  const clock = new ManualClock();
  const counter = new TrafficCounter(clock, PROXIES);
  for (let index = 0; index < 20_000; index += 1) {
    const address = `198.${index % 200}.${Math.floor(index / 200)}.1`;
    const agent = `agent ${index} ${"x".repeat(2_000)}`;
    const header = index % 2 === 0 ? [] : ["X-Forwarded-For", `junk ${index}, ${address}`];
    const from = index % 2 === 0 ? address : "10.0.0.1";
    counter.count("reads", request(from, "User-Agent", agent, ...header));
  }
  const [, { kinds }] = counter.counted() as [unknown, ReturnType<TrafficCounter["counted"]>[0]];
  assert.ok(kinds.reads.networks.counts.size <= 1_024);
  assert.ok(kinds.reads.userAgents.counts.size <= 1_024);
  for (const key of kinds.reads.userAgents.counts.keys()) assert.ok(key.length <= 257);
  const { reads } = shown(clock, counter);
  assert.ok(reads.networks.length <= 50 && reads.userAgents.length <= 50);
  assert.equal(reads.requests, 20_000);
});

test("the public server counts every request, also those that no route takes", async () => {
  await using server = await startTestServer(3);
  const url = `http://127.0.0.1:${server.port}`;
  const headers = { "user-agent": "someone/1" };
  for (const path of ["/nimbus2026/ct/v1/get-sth", "/nimbus2026/checkpoint", "/nowhere"]) {
    await (await fetch(url + path, { headers })).arrayBuffer();
  }
  const body = "{}";
  await fetch(`${url}/nimbus2026/ct/v1/add-chain`, { method: "POST", headers, body });
  const { reads, submissions } = describeTraffic([server.traffic.counted()], server.clock) as Shown;
  assert.equal(reads.requests, 3);
  assert.deepEqual(networksOf(reads), [["127.0.0.0/24", 3]]);
  assert.equal(submissions.userAgents[0]?.userAgent, "someone/1");
});
