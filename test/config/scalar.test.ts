import assert from "node:assert/strict";
import { normalize } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import {
  formatAddress,
  formatTime,
  isSameAddress,
  isWithin,
  type Parsed,
  parseAddress,
  parseExtendedKeyUsage,
  parseTime,
  parseUrl,
  resolvePath,
} from "../../src/config/scalar.ts";

function takenFrom<T>(parsed: Parsed<T>): T | undefined {
  return "value" in parsed ? parsed.value : undefined;
}

test("parseAddress() reads names, IPv4 and bracketed IPv6, and formatAddress() writes them", () => {
  for (const text of [
    "localhost:0",
    "127.0.0.1:65535",
    "[::1]:80",
    "[fe80::1.2.3.4]:1",
    "a-b.c:1",
  ]) {
    const address = takenFrom(parseAddress(text));
    assert(address !== undefined, text);
    assert.equal(formatAddress(address), text);
  }
  assert.deepEqual(takenFrom(parseAddress("[::1]:80")), { host: "::1", port: 80 });
});

test("parseAddress() refuses what is not host:port", () => {
  const wrong = ["", ":80", "80", "host", "host:", "host:080", "host:-1", "host:65536", "::1:80"];
  for (const text of [...wrong, "[::1]", "[1.2.3.4]:80", "ho st:80", "host:80/", "http://h:80"]) {
    assert.equal(takenFrom(parseAddress(text)), undefined, text);
  }
});

test("isSameAddress() knows wildcards and localhost, and lets the system's ports be", () => {
  const same = (a: string, b: string): boolean => {
    const [left, right] = [takenFrom(parseAddress(a)), takenFrom(parseAddress(b))];
    assert(left !== undefined && right !== undefined);
    return isSameAddress(left, right);
  };
  assert(same("127.0.0.1:1", "127.0.0.1:1"));
  assert(same("0.0.0.0:1", "127.0.0.1:1"));
  assert(same("10.0.0.1:1", "[::]:1"));
  assert(same("LOCALHOST:1", "127.0.0.1:1"));
  assert(!same("127.0.0.1:1", "127.0.0.1:2"));
  assert(!same("127.0.0.1:1", "127.0.0.2:1"));
  assert(!same("127.0.0.1:0", "127.0.0.1:0"));
});

test("property: parseTime() reads what formatTime() writes, to the second", () => {
  const seconds = fc.integer({
    min: Date.UTC(1950, 0) / 1_000,
    max: Date.UTC(9999, 11, 31) / 1_000,
  });
  fc.assert(
    fc.property(seconds, (second) => {
      assert.equal(takenFrom(parseTime(formatTime(second * 1_000))), second * 1_000);
    }),
  );
});

test("parseTime() refuses other forms and times that do not exist", () => {
  const wrong = ["", "2026", "2026-1-1T00:00:00Z", "2026-13-01T00:00:00Z", "2027-02-29T00:00:00Z"];
  const more = ["2026-01-01T24:00:00Z", "2026-01-01T23:59:60Z", "1949-12-31T23:59:59Z"];
  const zones = ["2026-01-01T00:00:00", "2026-01-01t00:00:00z", "2026-01-01 00:00:00Z"];
  for (const text of [
    ...wrong,
    ...more,
    ...zones,
    "+2026-01-01T00:00:00Z",
    "12026-01-01T00:00:00Z",
  ]) {
    assert.equal(takenFrom(parseTime(text)), undefined, text);
  }
  assert.equal(takenFrom(parseTime("2028-02-29T00:00:00Z")), Date.UTC(2028, 1, 29));
});

test("parseUrl() gives origin and path without trailing slash", () => {
  assert.equal(takenFrom(parseUrl("http://h")), "http://h");
  assert.equal(takenFrom(parseUrl("http://h/")), "http://h");
  assert.equal(takenFrom(parseUrl("https://h:8443/a/b/")), "https://h:8443/a/b");
  assert.equal(takenFrom(parseUrl("https://[::1]:1/")), "https://[::1]:1");
});

test("parseUrl() refuses what an origin line cannot carry", () => {
  const wrong = ["", "h", "//h", "ftp://h", "http://h?", "http://h#", "http://h/?a", "http://u@h"];
  for (const text of [
    ...wrong,
    "http://:p@h",
    "http://h//",
    "http://h/a//b",
    "http://h/a b",
    "http://h/+",
  ]) {
    assert.equal(takenFrom(parseUrl(text)), undefined, text);
  }
});

test("property: resolvePath() agrees with node:path", () => {
  const part = fc.constantFrom("a", "b", "..", ".", "", "...", "c d");
  const path = fc.array(part, { maxLength: 8 }).map((parts) => parts.join("/"));
  fc.assert(
    fc.property(path, path, (folder, text) => {
      const expected = normalize(text.startsWith("/") ? text : `/${folder}/${text}`);
      const trimmed = expected.length > 1 ? expected.replace(/\/$/, "") : expected;
      assert.equal(resolvePath(`/${folder}`, text), trimmed);
    }),
  );
});

test("isWithin() goes by whole names", () => {
  assert(isWithin("/a/b", "/a"));
  assert(isWithin("/a", "/a"));
  assert(isWithin("/a", "/"));
  assert(!isWithin("/ab", "/a"));
  assert(!isWithin("/a", "/a/b"));
});

test("parseExtendedKeyUsage() takes names of RFC 5280 and dotted OIDs", () => {
  assert.equal(takenFrom(parseExtendedKeyUsage("serverAuth")), "1.3.6.1.5.5.7.3.1");
  assert.equal(takenFrom(parseExtendedKeyUsage("OCSPSigning")), "1.3.6.1.5.5.7.3.9");
  for (const text of ["1.3.6.1.4.1.11129.2.4.4", "0.39.0", "2.999.1"]) {
    assert.equal(takenFrom(parseExtendedKeyUsage(text)), text);
  }
  for (const text of ["", "1", "1.2", "3.1.1", "1.40.1", "1.2.03", "1.2.", ".1.2", "toString"]) {
    assert.equal(takenFrom(parseExtendedKeyUsage(text)), undefined, text);
  }
});
