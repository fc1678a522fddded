/**
 * Every condition of the trust programs: met by facts without a fault, and each that can be
 * checked found not met by a fixture of its own, which no other condition objects to.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CONDITIONS, checkProgram } from "../../src/program/check.ts";
import type { Facts, LiveAnswer, LiveName, LogFacts } from "../../src/program/facts.ts";
import { formatRootsJson } from "../../src/rfc6962/json.ts";
import { MERGE_DELAY_MONITOR_ROOT } from "../../src/roots/monitor-root.ts";
import { answer, GOOD_FACTS, MADE, NOW_MS } from "../support/program-facts.ts";

/** The facts with another first shard. */
function withFirst(changes: Partial<LogFacts>): Facts {
  const [first, ...rest] = GOOD_FACTS.logs;
  assert.ok(first !== undefined);
  return { ...GOOD_FACTS, logs: [{ ...first, ...changes }, ...rest] };
}

/** The facts with other answers of the first shard; undefined takes one away. */
function withAnswers(changes: ReadonlyMap<LiveName, LiveAnswer | undefined>): Facts {
  const [first] = MADE;
  assert.ok(first !== undefined && GOOD_FACTS.live !== undefined);
  const answers = new Map(first.answers);
  for (const [name, changed] of changes) {
    if (changed === undefined) answers.delete(name);
    else answers.set(name, changed);
  }
  return { ...GOOD_FACTS, live: new Map([...GOOD_FACTS.live, [first.facts.name, answers]]) };
}

function changed(name: LiveName, change: (given: LiveAnswer) => LiveAnswer): Facts {
  const given = MADE[0]?.answers.get(name) ?? assert.fail(`no ${name}`);
  return withAnswers(new Map([[name, change(given)]]));
}

function edited(name: LiveName, change: (text: string) => string): Facts {
  return changed(name, (given) => answer(change(new TextDecoder().decode(given.body))));
}

const withHead = (head: Parameters<(typeof MADE)[0]["withHead"]>[0]) =>
  MADE[0]?.withHead(head) ?? assert.fail();
const keyOf = (index: number) => GOOD_FACTS.logs[index]?.key ?? assert.fail();
const limits = (changes: Partial<Facts["limits"]>): Facts => ({
  ...GOOD_FACTS,
  limits: { ...GOOD_FACTS.limits, ...changes },
});
const rate = (perSecond: number) => ({ perSecond, burst: perSecond });
const AT = (year: number, month = 0) => Date.UTC(year, month);
const STRANGE_ROOT = new Uint8Array(32).fill(9);

/** Fixtures: which condition fails, why, the facts, and conditions that must fail with it. */
const FAILING: readonly (readonly [
  id: string,
  name: string,
  facts: Facts,
  reason: RegExp,
  also?: readonly string[],
])[] = [
  [
    "contact",
    "no name",
    { ...GOOD_FACTS, operator: { name: undefined, emails: ["a@b.c"] } },
    /operator\.name is missing/,
  ],
  [
    "contact",
    "no address",
    { ...GOOD_FACTS, operator: { name: "x", emails: [] } },
    /operator\.emails is empty/,
  ],
  ["production", "development", { ...GOOD_FACTS, isDevelopment: true }, /development is true/],
  [
    "url-form",
    "http",
    withFirst({ submissionUrl: "http://ct.example.org/nimbus2026" }),
    /is not https/,
    ["live-metadata"],
  ],
  [
    "url-form",
    "an address",
    withFirst({ monitoringUrl: "https://192.0.2.1/nimbus2026" }),
    /no public host name/,
    ["live-metadata"],
  ],
  [
    "url-form",
    "localhost",
    withFirst({ monitoringUrl: "https://localhost/nimbus2026" }),
    /no public host name/,
    ["live-metadata"],
  ],
  [
    "url-form",
    "a port",
    withFirst({ monitoringUrl: "https://ct.example.org:6962/nimbus2026" }),
    /has a port/,
    ["live-metadata"],
  ],
  [
    "url-form",
    "a double slash",
    withFirst({ monitoringUrl: "https://read.example.org//nimbus2026" }),
    /no plain prefix/,
    ["live-metadata"],
  ],
  [
    "key-type",
    "P-384",
    withFirst({ key: { ...keyOf(0), algorithm: "EC secp384r1" } as LogFacts["key"] }),
    /expected a P-256 key, got EC secp384r1/,
  ],
  [
    "key-type",
    "no key",
    withFirst({ key: { problem: "no key" } }),
    /nimbus2026: no key/,
    ["live-heads", "live-freshness"],
  ],
  [
    "key-unique",
    "a shared key",
    withFirst({ key: keyOf(1) }),
    /nimbus2027: has the key of nimbus2026/,
    ["live-metadata", "live-heads", "live-freshness"],
  ],
  [
    "mmd",
    "two minutes, static",
    withFirst({ mmdSeconds: 120 }),
    /120 s for static-ct-api, at most 60 s/,
    ["live-metadata"],
  ],
  [
    "freshness",
    "a slow idle refresh",
    withFirst({ headAgeMsMax: 60_000 }),
    /grows 60000 ms old, the MMD is 60 s/,
  ],
  [
    "refusals",
    "client certificates only",
    withFirst({ extendedKeyUsages: ["1.3.6.1.5.5.7.3.2"] }),
    /what has serverAuth must be taken/,
  ],
  [
    "precertificate-signing",
    "refused",
    withFirst({ acceptPrecertificateSigningCertificates: false }),
    /is false/,
  ],
  [
    "limits-reads",
    "one read a second",
    limits({ reads: rate(1) }),
    /limits\.reads is 1 requests a second/,
  ],
  [
    "limits-submissions",
    "ten a second",
    limits({ addPreChain: rate(10), addChain: rate(5) }),
    /limits\.addPreChain is 10 a second/,
  ],
  [
    "limits-submissions",
    "add-chain before add-pre-chain",
    limits({ addChain: undefined }),
    /tighter than limits\.addChain/,
  ],
  [
    "shard-length",
    "13 months",
    withFirst({ notAfterStartMs: AT(2025, 11) }),
    /longer than a year/,
    ["live-metadata"],
  ],
  [
    "shard-length",
    "3 months",
    withFirst({ notAfterStartMs: AT(2026, 9) }),
    /shorter than six months/,
    ["live-metadata"],
  ],
  [
    "shard-contiguity",
    "a gap",
    withFirst({ notAfterLimitMs: AT(2026, 11) }),
    /a gap: nimbus2026 ends at 2026-12-01, nimbus2027 begins at 2027-01-01/,
    ["shard-coverage", "live-metadata"],
  ],
  [
    "shard-contiguity",
    "an overlap",
    withFirst({ notAfterStartMs: AT(2026, 1), notAfterLimitMs: AT(2027, 1) }),
    /an overlap: nimbus2026 ends at 2027-02-01/,
    ["live-metadata"],
  ],
  [
    "shard-coverage",
    "two years",
    { ...GOOD_FACTS, logs: GOOD_FACTS.logs.slice(0, 2) },
    /covered until 2028-01-01: expected shards from now to at least 2029-11-23/,
  ],
  [
    "shard-coverage",
    "nothing now",
    { ...GOOD_FACTS, logs: GOOD_FACTS.logs.slice(1) },
    /no shard covers now/,
  ],
  [
    "roots-monitor",
    "no monitor root",
    withFirst({ roots: new Map([...(GOOD_FACTS.logs[0]?.roots ?? [])].slice(1)) }),
    new RegExp(`nimbus2026: the root with SHA-256 ${MERGE_DELAY_MONITOR_ROOT} is not accepted`),
  ],
  [
    "roots-mozilla",
    "a root of Mozilla's less",
    { ...GOOD_FACTS, mozilla: { source: "Mozilla", roots: new Map([["00", "CN=Missing"]]) } },
    /does not accept 1 of the 1 roots of Mozilla: CN=Missing/,
  ],
  [
    "roots-programs",
    "a root of a report less",
    { ...GOOD_FACTS, references: [{ source: "apple.csv", roots: new Map([["ab", ""]]) }] },
    /does not accept 1 of the 1 roots of apple\.csv: ab/,
  ],
  [
    "live-endpoints",
    "503",
    changed("get-entries", (given) => ({ ...given, status: 503 })),
    /get-entries \(.*\) answered 503/,
  ],
  [
    "live-endpoints",
    "no answer",
    changed("data tile", (given) => ({
      ...given,
      status: undefined,
      problem: "did not answer: refused",
    })),
    /data tile \(.*\) did not answer: refused/,
  ],
  [
    "live-metadata",
    "another range",
    edited("log.v3.json", (text) => text.replace("2027-01-01", "2027-01-07")),
    /the range's end is stated as 2027-01-07, configured as 2027-01-01/,
  ],
  [
    "live-metadata",
    "another MMD",
    edited("log.v3.json", (text) => text.replace('"mmd": 60', '"mmd": 86400')),
    /mmd is stated as 86400, configured as 60/,
  ],
  [
    "live-metadata",
    "another URL",
    edited("log.v3.json", (text) => text.replace("read.example.org", "old.example.org")),
    /the monitoring URL is stated as https:\/\/old\.example\.org/,
  ],
  ["live-metadata", "no JSON", edited("log.v3.json", () => "<html>"), /an answer does not parse/],
  [
    "live-heads",
    "another signature",
    edited("get-sth", (text) => text.replace('"tree_size":5', '"tree_size":6')),
    /get-sth is not signed by the configured key/,
  ],
  [
    "live-heads",
    "two roots for a size",
    withAnswers(new Map([["checkpoint", withHead({ rootHash: STRANGE_ROOT }).get("checkpoint")]])),
    /two roots for size 5/,
  ],
  [
    "live-freshness",
    "a head of two minutes",
    withAnswers(withHead({ timestampMs: NOW_MS - 120_000 })),
    /the head of get-sth is 120 s old, the MMD is 60 s/,
  ],
  [
    "live-roots",
    "no monitor root",
    changed("get-roots", () => answer(formatRootsJson([Uint8Array.of(0x30, 1, 7)]))),
    /get-roots lacks the Merge Delay Monitor Root/,
  ],
  [
    "live-cache-heads",
    "a minute",
    changed("get-sth", (given) => ({ ...given, cacheControl: "public, max-age=60" })),
    /get-sth may be cached for 60 s/,
  ],
  [
    "live-cache-heads",
    "an hour for proxies",
    changed("checkpoint", (given) => ({ ...given, cacheControl: "max-age=1, s-maxage=3600" })),
    /checkpoint may be cached for 3600 s/,
  ],
  [
    "live-cache-tiles",
    "nothing said",
    changed("hash tile", (given) => ({ ...given, cacheControl: undefined })),
    /hash tile may be cached for 0 s only/,
  ],
  [
    "live-cache-errors",
    "a tile's headers",
    changed("refusal", (given) => ({
      ...given,
      cacheControl: "public, max-age=604800, immutable",
    })),
    /404 may be cached for 604800 s/,
  ],
  [
    "live-cache-errors",
    "200 for what is not there",
    changed("refusal", (given) => ({ ...given, status: 200 })),
    /names nothing, and was answered 200/,
  ],
];

test("checkProgram() of facts without a fault finds nothing unmet", () => {
  const findings = checkProgram(GOOD_FACTS);
  assert.deepEqual(
    findings
      .filter(({ status }) => status === "not met")
      .map(({ condition, reasons }) => [condition.id, reasons]),
    [],
  );
  for (const { condition, status, reasons } of findings) {
    assert.equal(status, condition.isChecked ? "met" : "for the operator", condition.id);
    assert.ok(reasons.length > 0 && reasons.every((reason) => reason.length > 5), condition.id);
  }
});

for (const [id, name, facts, reason, also = []] of FAILING) {
  test(`${id} is not met by ${name}, and says so`, () => {
    const unmet = checkProgram(facts).filter(({ status }) => status === "not met");
    assert.deepEqual(
      unmet.map(({ condition }) => condition.id).filter((found) => !also.includes(found)),
      [id],
    );
    const found = unmet.find(({ condition }) => condition.id === id);
    assert.match(found?.reasons.join("\n") ?? "", reason);
  });
}

test("each condition that is checked has a failing fixture, and no other", () => {
  const failing = new Set(FAILING.map(([id]) => id));
  for (const { id, isChecked } of CONDITIONS) assert.equal(failing.has(id), isChecked, id);
});

test("without a running log and reference roots, the operator is told how to look", () => {
  const facts = { ...GOOD_FACTS, live: undefined, references: [] };
  for (const { condition, status, reasons } of checkProgram(facts)) {
    if (!condition.id.startsWith("live-") && condition.id !== "roots-programs") continue;
    assert.equal(status, "for the operator", condition.id);
    assert.match(reasons.join(), /--url|--reference/);
  }
});

test("a range that has passed is told to the operator, and is no fault", () => {
  const facts = { ...GOOD_FACTS, nowMs: AT(2027, 1), live: undefined };
  const found = checkProgram(facts).find(({ condition }) => condition.id === "shard-expired");
  assert.equal(found?.status, "for the operator");
  assert.match(found?.reasons.join() ?? "", /the range of nimbus2026 has passed/);
});

test("conditions have ids of their own, and name rule and source", () => {
  const ids = CONDITIONS.map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length);
  for (const { id, rule, source } of CONDITIONS) {
    assert.match(id, /^[a-z]+(-[a-z]+)*$/);
    assert.match(rule, /^[A-Za-z].*\.$/, id);
    assert.match(source, /^(Chrome log policy|Apple log program|RFC 6962|static-ct-api)/, id);
  }
});
