/**
 * What an operator gets wrong, and the line and column that must be named. In each text the
 * mistake stands where `▶` points; the mark is taken out before parsing.
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { mistakesOf, ONE_SHARD, parse } from "./support.ts";

interface Mistake {
  readonly title: string;
  readonly text: string;
  /** What must be said at the mark. */
  readonly message: string;
}

const MISTAKES: readonly Mistake[] = [
  {
    title: "a mistyped key",
    text: `publicUrl: https://ct.example.org
▶lisen: 127.0.0.1:80
series: [{ name: nimbus }]`,
    message: 'unknown key "lisen" (write listen)',
  },
  {
    title: "a key one level too high",
    text: `publicUrl: https://ct.example.org
series:
  - name: nimbus
    ▶intervalMs: 10`,
    message:
      'unknown key "intervalMs" in series[0] (write one of name, firstYear, years, period, type, roots, batch, pool, audit, answerWithinMs, acceptPrecertificateSigningCertificates, extendedKeyUsages)',
  },
  {
    title: "one key for a whole series",
    text: `publicUrl: https://ct.example.org
series:
  - name: nimbus
    ▶key: ./nimbus.pem`,
    message:
      'unknown key "key" in series[0] (write the shard under shards: each shard has a key of its own)',
  },
  {
    title: "a key given twice",
    text: `publicUrl: https://ct.example.org
data: ./a
▶data: ./b
series: [{ name: nimbus }]`,
    message: "Map keys must be unique (write each key once)",
  },
  {
    title: "a tab as indentation",
    text: "publicUrl: https://ct.example.org\nseries:\n▶\t- name: nimbus",
    message: "Tabs are not allowed as indentation (indent by spaces)",
  },
  {
    title: "a port without host",
    text: `publicUrl: https://ct.example.org
listen: ▶6962
series: [{ name: nimbus }]`,
    message: "listen: expected text, got 6962 (write for example listen: 127.0.0.1:6962)",
  },
  {
    title: "a port that does not exist",
    text: `publicUrl: https://ct.example.org
listen: ▶127.0.0.1:69620
series: [{ name: nimbus }]`,
    message: 'listen: expected a port, got "127.0.0.1:69620" (write 0 to 65535)',
  },
  {
    title: "operations on the public port",
    text: `publicUrl: https://ct.example.org
listen: 0.0.0.0:6962
operations: ▶127.0.0.1:6962
series: [{ name: nimbus }]`,
    message: "operations and listen cannot both have 0.0.0.0:6962 (write another port)",
  },
  {
    title: "a public URL without scheme",
    text: `publicUrl: ▶ct.example.org
series: [{ name: nimbus }]`,
    message:
      'publicUrl: expected a URL, got "ct.example.org" (write for example https://ct.example.org)',
  },
  {
    title: "a public URL of another scheme",
    text: `publicUrl: ▶ftp://ct.example.org
series: [{ name: nimbus }]`,
    message:
      'publicUrl: expected http or https, got "ftp://ct.example.org" (write for example https://ct.example.org)',
  },
  {
    title: "a URL with a query",
    text: `publicUrl: https://ct.example.org
monitoringUrl: ▶https://cdn.example.org/?log=
series: [{ name: nimbus }]`,
    message:
      "monitoringUrl: expected no query and no fragment, got \"https://cdn.example.org/?log=\" (leave out '?' and '#')",
  },
  {
    title: "no public URL outside development",
    text: "▶series: [{ name: nimbus }]",
    message: "publicUrl is missing (write for example publicUrl: https://ct.example.org)",
  },
  {
    title: "no shard at all",
    text: "▶publicUrl: https://ct.example.org",
    message: "expected at least one shard (write for example series: [{ name: nimbus }])",
  },
  {
    title: "a series that is not a list",
    text: `publicUrl: https://ct.example.org
series:
  ▶name: nimbus`,
    message:
      "series: expected a list of maps, got a map (write for example series: [{ name: nimbus }])",
  },
  {
    title: "a field left empty",
    text: `publicUrl: https://ct.example.org
▶data:
series: [{ name: nimbus }]`,
    message: "data: expected text, got nothing (write for example data: ./data)",
  },
  {
    title: "yes instead of true",
    text: `publicUrl: https://ct.example.org
development: ▶yes
series: [{ name: nimbus }]`,
    message:
      'development: expected true or false, got "yes" (write for example development: false)',
  },
  {
    title: "an interval out of range",
    text: `publicUrl: https://ct.example.org
series:
  - name: nimbus
    batch:
      intervalMs: ▶60000`,
    message:
      "series[0].batch.intervalMs: expected a whole number from 0 to 10000, got 60000 (write for example intervalMs: 10)",
  },
  {
    title: "a duration with a unit",
    text: `publicUrl: https://ct.example.org
series: [{ name: nimbus, answerWithinMs: ▶5s }]`,
    message:
      'series[0].answerWithinMs: expected a whole number from 100 to 60000, got "5s" (write for example answerWithinMs: 5000)',
  },
  {
    title: "an answer sooner than a batch",
    text: `publicUrl: https://ct.example.org
series: [{ name: nimbus, batch: { intervalMs: 900 }, answerWithinMs: ▶500 }]`,
    message:
      "answerWithinMs: expected more than batch.intervalMs, 900, got 500 (write for example 5900)",
  },
  {
    title: "heads too rare for static-ct-api",
    text: `publicUrl: https://ct.example.org
series:
  - { name: nimbus, type: static-ct-api, batch: { idleRefreshMs: ▶60000 } }`,
    message:
      "batch.idleRefreshMs: expected at most 15000 for static-ct-api, which promises a head every 60 s, got 60000 (write 10000)",
  },
  {
    title: "heads rarer than batches",
    text: `publicUrl: https://ct.example.org
series: [{ name: nimbus, batch: { intervalMs: 900, idleRefreshMs: ▶500 } }]`,
    message: "batch.idleRefreshMs: expected at least intervalMs, 900, got 500 (write a larger one)",
  },
  {
    title: "a type that does not exist",
    text: `publicUrl: https://ct.example.org
series: [{ name: nimbus, type: ▶static }]`,
    message:
      'series[0].type: expected rfc6962 or static-ct-api, got "static" (write for example type: rfc6962)',
  },
  {
    title: "a first year in words",
    text: `publicUrl: https://ct.example.org
series: [{ name: nimbus, firstYear: ▶now }]`,
    message:
      'series[0].firstYear: expected current or a whole number from 1990 to 2100, got "now" (write for example firstYear: current)',
  },
  {
    title: "a name that cannot be a path",
    text: ONE_SHARD.replace("test2026", "▶../test2026"),
    message:
      'shards[0].name: expected lower-case letters, digits and hyphens, at most 63, got "../test2026" (write for example name: test2026)',
  },
  {
    title: "a name with capitals",
    text: ONE_SHARD.replace("test2026", "▶Test2026"),
    message:
      'shards[0].name: expected lower-case letters, digits and hyphens, at most 63, got "Test2026" (write for example name: test2026)',
  },
  {
    title: "a name that is a number to YAML",
    text: ONE_SHARD.replace("test2026", "▶2026"),
    message:
      "shards[0].name: expected lower-case letters, digits and hyphens, at most 63, got 2026 (write for example name: test2026)",
  },
  {
    title: "a shard without limit",
    text: ONE_SHARD.replace(/ {4}notAfterLimit.*\n/, "").replace("name", "▶name"),
    message:
      "shards[0].notAfterLimit is missing (write for example notAfterLimit: 2027-01-01T00:00:00Z)",
  },
  {
    title: "a window that ends before it starts",
    text: ONE_SHARD.replace("2027-01-01T00:00:00Z", "▶2025-01-01T00:00:00Z"),
    message:
      "notAfterLimit: expected a time after notAfterStart, 2026-01-01T00:00:00Z, got 2025-01-01T00:00:00Z (write a later one)",
  },
  {
    title: "an empty window",
    text: ONE_SHARD.replace("2027-01-01T00:00:00Z", "▶2026-01-01T00:00:00Z"),
    message:
      "notAfterLimit: expected a time after notAfterStart, 2026-01-01T00:00:00Z, got 2026-01-01T00:00:00Z (write a later one)",
  },
  {
    title: "a window that splits a second",
    text: ONE_SHARD.replace("2027-01-01T00:00:00Z", "▶2026-12-31T23:59:59.999Z"),
    message:
      'shards[0].notAfterLimit: expected whole seconds, as NotAfter has them, got "2026-12-31T23:59:59.999Z" (write 2026-12-31T23:59:59Z)',
  },
  {
    title: "a day without time",
    text: ONE_SHARD.replace("2026-01-01T00:00:00Z", "▶2026-01-01"),
    message:
      'shards[0].notAfterStart: expected a time of day too, got "2026-01-01" (write 2026-01-01T00:00:00Z)',
  },
  {
    title: "a time in a zone",
    text: ONE_SHARD.replace("2026-01-01T00:00:00Z", "▶2026-01-01T01:00:00+01:00"),
    message:
      'shards[0].notAfterStart: expected a time in UTC, got "2026-01-01T01:00:00+01:00" (write the same instant with Z)',
  },
  {
    title: "a day that does not exist",
    text: ONE_SHARD.replace("2026-01-01T00:00:00Z", "▶2026-02-30T00:00:00Z"),
    message:
      'shards[0].notAfterStart: expected a day and time that exist, 1950 to 9999, got "2026-02-30T00:00:00Z" (check the calendar)',
  },
  {
    title: "two shards of one name",
    text: `${ONE_SHARD}  - name: ▶test2026
    notAfterStart: 2027-01-01T00:00:00Z
    notAfterLimit: 2028-01-01T00:00:00Z
    key: ./other.pem`,
    message: "shards[1]: the shard test2026 is already in shards[0] (write another name)",
  },
  {
    title: "a shard that its series has too",
    text: `series: [{ name: test }]\n${ONE_SHARD.replace("test2026", "▶test2026")}`,
    message: "shards[0]: the shard test2026 is already in series[0] (write another name)",
  },
  {
    title: "two shards of one key",
    text: `${ONE_SHARD}  - name: test2027
    notAfterStart: 2027-01-01T00:00:00Z
    notAfterLimit: 2028-01-01T00:00:00Z
    key: ▶../config/./data/test2026/key.pem`,
    message:
      "the key of test2027, /srv/stratus/config/data/test2026/key.pem, is the key of test2026 too (write a path of its own)",
  },
  {
    title: "a folder as key",
    text: `${ONE_SHARD}    key: ▶./data`,
    message:
      "expected the path of a key file, got the folder /srv/stratus/config/data (write /srv/stratus/config/data/key.pem)",
  },
  {
    title: "a guard inside data",
    text: `publicUrl: https://ct.example.org
guard: ▶data/guard
series: [{ name: nimbus }]`,
    message:
      "guard: expected a folder outside data (/srv/stratus/config/data), got /srv/stratus/config/data/guard (write for example /srv/stratus/config/data-guard)",
  },
  {
    title: "a path that only a shell expands",
    text: `publicUrl: https://ct.example.org
data: ▶~/data
series: [{ name: nimbus }]`,
    message: "data: expected a path without '~', got \"~/data\" (write it out from '/')",
  },
  {
    title: "a root store that does not exist",
    text: `publicUrl: https://ct.example.org
roots: [▶Mozilla]
series: [{ name: nimbus }]`,
    message:
      'roots[0]: expected a root store, got "Mozilla" (write mozilla, or a path as ./roots.pem)',
  },
  {
    title: "roots that anyone on the way could change",
    text: `publicUrl: https://ct.example.org
roots: [▶http://ccadb.example/roots.csv]
series: [{ name: nimbus }]`,
    message: 'roots[0]: expected https, got "http://ccadb.example/roots.csv" (write https://...)',
  },
  {
    title: "roots by another protocol",
    text: `publicUrl: https://ct.example.org
roots: [▶ftp://ccadb.example/roots.csv]
series: [{ name: nimbus }]`,
    message: 'roots[0]: expected https, got "ftp://ccadb.example/roots.csv" (write https://...)',
  },
  {
    title: "a fingerprint that is none",
    text: `publicUrl: https://ct.example.org
blocked: { fingerprints: [▶86d8219c] }
series: [{ name: nimbus }]`,
    message:
      'blocked.fingerprints[0]: expected a SHA-256, got "86d8219c" (write 64 hexadecimal digits)',
  },
  {
    title: "no roots",
    text: `publicUrl: https://ct.example.org
roots: ▶[]
series: [{ name: nimbus }]`,
    message:
      "roots: expected a list of at least 1, got a list of 0 (write for example roots: [mozilla])",
  },
  {
    title: "too many roots",
    text: `publicUrl: https://ct.example.org
roots: ▶[${"mozilla, ".repeat(64)} mozilla]
series: [{ name: nimbus }]`,
    message:
      "roots: expected a list of at most 64, got a list of 65 (write for example roots: [mozilla])",
  },
  {
    title: "an unknown extended key usage",
    text: `publicUrl: https://ct.example.org
series: [{ name: nimbus, extendedKeyUsages: [serverAuth, ▶server] }]`,
    message:
      'series[0].extendedKeyUsages[1]: expected an extended key usage, got "server" (write anyExtendedKeyUsage, serverAuth, clientAuth, codeSigning, emailProtection, timeStamping, OCSPSigning, or a dotted OID)',
  },
  {
    title: "two series of one name, one of them current",
    text: `publicUrl: https://ct.example.org
series: [{ name: nimbus, firstYear: 2040 }, { name: ▶nimbus }]`,
    message:
      "nimbus is the name of another series, and firstYear: current is in one of them (write years in both, or another name)",
  },
  {
    title: "an alias without anchor",
    text: `publicUrl: https://ct.example.org
series: [{ name: nimbus, batch: ▶*slow }]`,
    message: 'alias "slow" has no anchor (write the value)',
  },
  {
    title: "a mistake behind an alias",
    text: `publicUrl: https://ct.example.org
series:
  - { name: nimbus, batch: &slow { intervalMs: ▶-1 } }`,
    message:
      "series[0].batch.intervalMs: expected a whole number from 0 to 10000, got -1 (write for example intervalMs: 10)",
  },
  {
    title: "YAML 1.1, where yes is true",
    text: `▶%YAML 1.1
---
publicUrl: https://ct.example.org
series: [{ name: nimbus }]`,
    message: "expected YAML 1.2 (leave %YAML out)",
  },
  {
    title: "two documents",
    text: `publicUrl: https://ct.example.org
series: [{ name: nimbus }]
▶---
data: ./data`,
    message:
      "Source contains multiple documents; please use YAML.parseAllDocuments() (write one document, without '---' between parts)",
  },
  {
    title: "an empty file",
    text: "▶",
    message:
      "configuration: expected a map, got nothing (write the keys listen, operations, publicUrl, submissionUrl, monitoringUrl...)",
  },
];

for (const { title, text, message } of MISTAKES) {
  test(`parseConfig() names line and column of ${title}`, () => {
    const [before = "", after] = text.split("▶");
    assert(after !== undefined, "the text has no mark");
    const lines = before.split("\n");
    const place = `${lines.length}:${(lines.at(-1) ?? "").length + 1}`;
    assert.deepEqual(mistakesOf(before + after), [`${place}: ${message}`]);
  });
}

test("parseConfig() takes the text that the mistakes are built on", () => {
  assert.equal(parse(ONE_SHARD).shards.length, 1);
});

test("parseConfig() tells all mistakes at once, in the order of the file", () => {
  const text = `listen: 80
guard: ./data
operations: 127.0.0.1:1
developmnt: true
series:
  - name: nimbus
    years: 0
  - name: a
  - name: a
shards:
  - name: b
    notAfterStart: 2026-01-01T00:00:00Z
  - name: c
    notAfterStart: 2026-01-01T00:00:00Z
    notAfterLimit: 2026-01-01T00:00:00Z
`;
  const lines = mistakesOf(text);
  assert.deepEqual(
    lines.map((line) => line.replace(/ \(write.*| is missing.*|: expected.*/, "")),
    [
      "1:1: publicUrl",
      "1:9: listen",
      "2:8: guard",
      '4:1: unknown key "developmnt"',
      "7:12: series[0].years",
      "9:11: a is the name of another series, and firstYear: current is in one of them",
      "9:11: series[2]: the shard a2026 is already in series[1]",
      "11:5: shards[0].notAfterLimit",
      "15:20: notAfterLimit",
    ],
  );
});

test("parseConfig() reports one mistake of a series once, not for each shard", () => {
  const text = `publicUrl: https://ct.example.org
series: [{ name: nimbus, years: 4, type: static-ct-api, batch: { idleRefreshMs: 16000 } }]`;
  assert.equal(mistakesOf(text).length, 1);
});

test("parseConfig() of a text with a private key says where it stands, and none of it", () => {
  const pem =
    "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqG\n-----END PRIVATE KEY-----";
  for (const text of [pem, `publicUrl: ${JSON.stringify(pem)}`, `${ONE_SHARD}${pem}`]) {
    const line = text.startsWith(ONE_SHARD) ? 6 : 1;
    assert.deepEqual(mistakesOf(text), [
      `${line}:1: a private key stands here (write the path of its file)`,
    ]);
  }
});
