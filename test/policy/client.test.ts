import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseIpAddress, parseNetwork } from "../../src/base/network.ts";
import { clientOf, networkKey } from "../../src/policy/client.ts";

const PROXIES = ["127.0.0.1", "::1", "10.0.0.0/8"].map(
  (text) => parseNetwork(text) ?? assert.fail(text),
);

function keyOf(text: string): string {
  return networkKey(parseIpAddress(text) ?? assert.fail(text));
}

function client(peer: string, forwardedFor?: string, proxies = PROXIES): string | undefined {
  return clientOf({ peer, forwardedFor }, proxies);
}

test("networkKey() joins a /24 of IPv4 and a /48 of IPv6, and parts their neighbours", () => {
  assert.equal(keyOf("192.0.2.1"), keyOf("192.0.2.254"));
  assert.equal(keyOf("192.0.2.1"), keyOf("::ffff:192.0.2.77"));
  assert.notEqual(keyOf("192.0.2.1"), keyOf("192.0.3.1"));
  assert.equal(keyOf("2001:db8:7::1"), keyOf("2001:db8:7:ffff::9"));
  assert.notEqual(keyOf("2001:db8:7::1"), keyOf("2001:db8:8::1"));
});

test("clientOf() is the connection's other end without a trusted proxy", () => {
  assert.equal(client("192.0.2.1"), keyOf("192.0.2.1"));
  assert.equal(client("192.0.2.1", "198.51.100.1"), keyOf("192.0.2.1"));
  assert.equal(client("10.1.2.3", "198.51.100.1", []), keyOf("10.1.2.3"));
});

test("clientOf() exempts loopback, whatever header comes, unless loopback is trusted", () => {
  assert.equal(client("127.0.0.1", "198.51.100.1", []), undefined);
  assert.equal(client("::1", undefined), undefined);
  assert.equal(client("127.0.0.1", "127.0.0.1, 127.0.0.1"), undefined);
  assert.equal(client("127.0.0.1", "198.51.100.1"), keyOf("198.51.100.1"));
});

test("clientOf() takes the right-most address that is no trusted proxy", () => {
  for (const header of [
    "198.51.100.1",
    " 198.51.100.1 ",
    "203.0.113.9, 198.51.100.1",
    "127.0.0.1, 198.51.100.1, 10.9.9.9",
    "garbage, 198.51.100.1,10.9.9.9,10.0.0.1",
    "198.51.100.1:4711",
  ]) {
    assert.equal(client("127.0.0.1", header), keyOf("198.51.100.1"), header);
  }
  assert.equal(client("::1", "[2001:db8::1]:80"), keyOf("2001:db8::1"));
  assert.equal(client("::1", "2001:db8::1"), keyOf("2001:db8::1"));
});

test("clientOf() ignores garbage: the proxy that passed it on counts", () => {
  for (const header of ["garbage", "", ",", "unknown", "1.2.3", "_hidden", "[::1"]) {
    assert.equal(client("10.0.0.7", header), keyOf("10.0.0.7"), header);
    assert.equal(client("127.0.0.1", header), undefined, header);
  }
});

test("clientOf() of a connection that is gone is nobody", () => {
  assert.equal(clientOf({ peer: undefined, forwardedFor: "198.51.100.1" }, PROXIES), undefined);
});

test("property: clientOf() cannot be moved by what a client writes left of its own address", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 300 }), (invented) => {
      assert.equal(client("10.0.0.1", `${invented},198.51.100.1`), keyOf("198.51.100.1"));
    }),
  );
});
