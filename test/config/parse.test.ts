import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { MalformedError } from "../../src/base/errors.ts";
import { chooseOverrides } from "../../src/config/override.ts";
import { dataFolderOf } from "../../src/config/parse.ts";
import { mistakesOf, ONE_SHARD, parse } from "./support.ts";

const ROOT = join(import.meta.dirname, "../..");

function example(name: string): string {
  return readFileSync(join(ROOT, "config", name), "utf8");
}

test("parseConfig() of config/dev.yaml is the golden configuration", () => {
  const golden: unknown = JSON.parse(
    readFileSync(join(ROOT, "test/vectors/config/dev.json"), "utf8"),
  );
  const config = parse(example("dev.yaml"), { path: "config/dev.yaml" });
  assert.deepEqual(JSON.parse(JSON.stringify(config)), golden);
});

test("parseConfig() of config/dev.yaml has data and guard below the project's root", () => {
  const config = parse(example("dev.yaml"), { path: join(ROOT, "config/dev.yaml"), cwd: "/" });
  assert.equal(config.data, join(ROOT, "data"));
  assert.equal(config.guard, join(ROOT, "guard"));
});

test("parseConfig() of the example in the reference issue takes every field", () => {
  const config = parse(`
listen: 127.0.0.1:6962
operations: 127.0.0.1:6963
publicUrl: http://127.0.0.1:6962
data: ./data
roots: [mozilla]
series: [{ name: nimbus, firstYear: current, years: 4, period: year, type: rfc6962 }]
shards:
  - name: test2026
    notAfterStart: 2026-01-01T00:00:00Z
    notAfterLimit: 2027-01-01T00:00:00Z
    type: static-ct-api
    roots: [./roots.pem, mozilla]
    key: ./test2026.pem
    batch: { intervalMs: 20, entriesMax: 1, bytesMax: 1048576, idleRefreshMs: 1000 }
    pool: { entriesMax: 2, bytesMax: 2097152 }
    audit: { entriesPerSecond: 7 }
    answerWithinMs: 1000
    acceptPrecertificateSigningCertificates: false
    extendedKeyUsages: [serverAuth, 1.3.6.1.5.5.7.3.2]
guard: ./guard
logLevel: debug
drainMs: 0
dates:
  - { shard: test2026, opens: 2025-09-01T00:00:00Z, pending: 2025-03-01T00:00:00Z, qualified: 2025-06-01T00:00:00Z, usable: 2025-08-01T00:00:00Z, retires: 2027-06-01T00:00:00Z }
`);
  assert.equal(config.shards.length, 5);
  assert.deepEqual(config.shards[4], {
    name: "test2026",
    type: "static-ct-api",
    notAfterStartMs: Date.UTC(2026, 0),
    notAfterLimitMs: Date.UTC(2027, 0),
    dates: {
      closesAtMs: Date.UTC(2027, 0, 8),
      opensAtMs: Date.UTC(2025, 8),
      retiresAtMs: Date.UTC(2027, 5),
      pendingAtMs: Date.UTC(2025, 2),
      qualifiedAtMs: Date.UTC(2025, 5),
      usableAtMs: Date.UTC(2025, 7),
    },
    roots: ["/srv/stratus/config/roots.pem", "mozilla"],
    keyPath: "/srv/stratus/config/test2026.pem",
    folder: "/srv/stratus/config/data/test2026",
    batch: { intervalMs: 20, entriesMax: 1, bytesMax: 1_048_576, idleRefreshMs: 1_000 },
    pool: { entriesMax: 2, bytesMax: 2_097_152 },
    audit: { entriesPerSecond: 7 },
    answerWithinMs: 1_000,
    acceptPrecertificateSigningCertificates: false,
    extendedKeyUsages: ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"],
  });
  assert.equal(config.logLevel, "debug");
  assert.equal(config.drainMs, 0);
});

test("parseConfig() gives a shard the roots of the top level only where it names none", () => {
  const text = `roots: [./top.pem]
${ONE_SHARD}  - name: other
    notAfterStart: 2026-01-01T00:00:00Z
    notAfterLimit: 2027-01-01T00:00:00Z
    roots: [mozilla]
`;
  assert.deepEqual(
    parse(text).shards.map((shard) => shard.roots),
    [["/srv/stratus/config/top.pem"], ["mozilla"]],
  );
});

test("parseConfig() spreads the settings of a series over its shards", () => {
  const text = `publicUrl: https://ct.example.org
series:
  - { name: nimbus, years: 2, roots: [./r.pem], type: static-ct-api, pool: { entriesMax: 7 }, answerWithinMs: 700 }
`;
  const { shards } = parse(text);
  assert.equal(shards.length, 2);
  for (const shard of shards) {
    assert.deepEqual(shard.roots, ["/srv/stratus/config/r.pem"]);
    assert.equal(shard.type, "static-ct-api");
    assert.deepEqual(shard.pool, { entriesMax: 7, bytesMax: 134_217_728 });
    assert.equal(shard.answerWithinMs, 700);
    assert.equal(shard.keyPath, `/srv/stratus/config/data/${shard.name}/key.pem`);
  }
});

test("parseConfig() takes settings that aliases share", () => {
  const config = parse(`publicUrl: https://ct.example.org
series:
  - { name: a, years: 1, batch: &slow { intervalMs: 500 } }
  - { name: b, years: 1, batch: *slow }
`);
  assert.deepEqual(
    config.shards.map((shard) => shard.batch.intervalMs),
    [500, 500],
  );
});

test("parseConfig() names what an alias points at where that is wrong", () => {
  const text = `publicUrl: https://ct.example.org
series:
  - { name: a, years: 1, batch: &slow { idleRefreshMs: 20000 } }
  - { name: b, years: 1, batch: *slow, type: static-ct-api }
`;
  const [line = ""] = mistakesOf(text);
  assert.match(line, /^3:56: batch\.idleRefreshMs: expected at most 15000/);
});

test("parseConfig() drops the trailing slash of URLs and the default port", () => {
  const config = parse(
    ONE_SHARD.replace("https://ct.example.org", "HTTPS://CT.example.org:443/logs/"),
  );
  assert.equal(config.publicUrl, "https://ct.example.org/logs");
  assert.equal(config.submissionUrl, config.publicUrl);
  assert.equal(config.monitoringUrl, config.publicUrl);
});

test("parseConfig() lets submissionUrl and monitoringUrl differ from publicUrl", () => {
  const config = parse(`submissionUrl: https://s.example.org/
monitoringUrl: https://m.example.org/x
${ONE_SHARD}`);
  assert.equal(config.publicUrl, "https://ct.example.org");
  assert.equal(config.submissionUrl, "https://s.example.org");
  assert.equal(config.monitoringUrl, "https://m.example.org/x");
});

test("parseConfig() derives publicUrl from listen in development only", () => {
  const text = "series: [{ name: nimbus }]\nlisten: '[::1]:7000'\n";
  assert.equal(parse(`development: true\n${text}`).publicUrl, "http://[::1]:7000");
  assert.match(mistakesOf(text)[0] ?? "", /^1:1: publicUrl is missing/);
  for (const listen of ["127.0.0.1:0", "0.0.0.0:80", "'[::]:80'"]) {
    const hidden = `development: true\nseries: [{ name: nimbus }]\nlisten: ${listen}\n`;
    assert.match(mistakesOf(hidden)[0] ?? "", /^1:1: publicUrl is missing/);
  }
});

test("parseConfig() freezes all of its result", () => {
  const seen: unknown[] = [parse(ONE_SHARD)];
  for (const value of seen) {
    if (typeof value !== "object" || value === null) continue;
    assert(Object.isFrozen(value));
    seen.push(...Object.values(value));
  }
  assert(seen.length > 20);
});

test("chooseOverrides() takes flags before the environment, and leaves the rest to the file", () => {
  const environment = {
    STRATUS_CONFIG: "env.yaml",
    STRATUS_DATA: "env-data",
    STRATUS_LISTEN: "127.0.0.1:1",
    STRATUS_OPERATIONS: "",
    STRATUS_GUARD: "ignored",
  };
  const { config, overrides } = chooseOverrides({ data: "flag-data" }, environment);
  assert.deepEqual(config, { value: "env.yaml", source: "STRATUS_CONFIG" });
  assert.deepEqual(overrides, {
    data: { value: "flag-data", source: "--data" },
    listen: { value: "127.0.0.1:1", source: "STRATUS_LISTEN" },
    operations: undefined,
  });
  assert.equal(chooseOverrides({ config: "f" }, environment).config?.source, "--config");
  assert.equal(chooseOverrides({}, {}).config, undefined);
});

test("parseConfig() puts overrides before the file; their paths are those of the working folder", () => {
  const { overrides } = chooseOverrides(
    { data: "./elsewhere", operations: "127.0.0.1:0" },
    { STRATUS_LISTEN: "[::1]:8000", STRATUS_DATA: "lost" },
  );
  const text = `data: ./data\nlisten: 127.0.0.1:1\noperations: 127.0.0.1:2\n${ONE_SHARD}`;
  const config = parse(text, { overrides });
  assert.equal(config.data, "/srv/stratus/elsewhere");
  assert.equal(config.shards[0]?.folder, "/srv/stratus/elsewhere/test2026");
  assert.equal(config.shards[0]?.keyPath, "/srv/stratus/elsewhere/test2026/key.pem");
  assert.deepEqual(config.listen, { host: "::1", port: 8_000 });
  assert.deepEqual(config.operations, { host: "127.0.0.1", port: 0 });
  assert.equal(config.guard, "/srv/stratus/config/guard");
  assert.equal(config.publicUrl, "https://ct.example.org");
});

test("parseConfig() names the flag or variable that is wrong", () => {
  const { overrides } = chooseOverrides(
    { listen: "80", data: "" },
    { STRATUS_OPERATIONS: "x:99999" },
  );
  assert.deepEqual(mistakesOf(ONE_SHARD, { overrides }), [
    '--listen: expected host:port, got "80" (write for example 127.0.0.1:6962, or "[::1]:6962")',
    'STRATUS_OPERATIONS: expected a port, got "x:99999" (write 0 to 65535)',
    '--data: expected a path, got "" (write for example ./data)',
  ]);
  assert.deepEqual(
    mistakesOf(ONE_SHARD, {
      overrides: chooseOverrides({ listen: "127.0.0.1:6963" }, {}).overrides,
    }),
    ["--listen: operations and listen cannot both have 127.0.0.1:6963 (write another port)"],
  );
});

test("dataFolderOf() finds data in the file, its default and the override", () => {
  const where = { path: "config/log.yaml", cwd: "/srv/stratus", overrides: {} };
  assert.equal(dataFolderOf("data: ../d", where), "/srv/stratus/d");
  assert.equal(dataFolderOf("listn: 3", where), "/srv/stratus/config/data");
  assert.equal(dataFolderOf("data: 3", where), undefined);
  assert.equal(dataFolderOf("- x", where), undefined);
  assert.equal(dataFolderOf("", where), undefined);
  const overrides = { data: { value: "d2", source: "--data" } };
  assert.equal(dataFolderOf("data: ../d", { ...where, overrides }), "/srv/stratus/d2");
});

test("parseConfig() takes the path of the file as seen from anywhere", () => {
  for (const path of ["/etc/stratus/log.yaml", "../../etc/stratus//x/../log.yaml"]) {
    assert.equal(parse(ONE_SHARD, { path }).data, "/etc/stratus/data");
  }
});

/** Either a configuration or a MalformedError of whole lines, and soon. */
function parseOrRefuse(text: string): string | undefined {
  const start = performance.now();
  try {
    parse(text);
    return undefined;
  } catch (error) {
    assert(error instanceof MalformedError, String(error));
    assert.equal(error.code, "MALFORMED_CONFIG");
    assert(performance.now() - start < 10_000, "too slow");
    for (const line of error.message.split("\n")) {
      assert.match(line, /^config\/log\.yaml:[1-9]\d*:[1-9]\d*: \S.* \(.+\)$/s);
    }
    return error.message;
  }
}

function parses(text: string): void {
  parseOrRefuse(text);
}

test("property: parseConfig() of arbitrary text throws only MalformedError", () => {
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 200 }), parses));
  const tokens = [
    "- ",
    "? ",
    ": ",
    "a",
    "&a ",
    "*a",
    "[",
    "]",
    "{",
    "}",
    ",",
    "\n",
    "  ",
    "'",
    '"',
  ];
  const more = [
    "|",
    ">",
    "!x ",
    "!!map ",
    "<<",
    "---\n",
    "%YAML 1.1\n",
    "#",
    "\t",
    "__proto__",
    "null",
  ];
  fc.assert(
    fc.property(
      fc
        .array(fc.constantFrom(...tokens, ...more), { maxLength: 60 })
        .map((parts) => parts.join("")),
      parses,
    ),
    { numRuns: 60 },
  );
});

test("property: parseConfig() of a mutated example throws only MalformedError", () => {
  const text = example("nimbus.yaml");
  fc.assert(
    fc.property(
      fc.nat({ max: text.length }),
      fc.nat({ max: 20 }),
      fc.string({ maxLength: 10 }),
      (at, cut, insert) => parses(text.slice(0, at) + insert + text.slice(at + cut)),
    ),
  );
});

test("property: parseConfig() of any value in any field throws only MalformedError", () => {
  const keys = ["listen", "publicUrl", "data", "roots", "series", "shards", "drainMs", "__proto__"];
  const inner = [
    "name",
    "key",
    "batch",
    "pool",
    "type",
    "notAfterStart",
    "constructor",
    "toString",
  ];
  const items = fc.array(fc.dictionary(fc.constantFrom(...inner), fc.jsonValue()), {
    maxLength: 3,
  });
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...keys), fc.oneof(fc.jsonValue(), items)), (value) =>
      parses(JSON.stringify(value)),
    ),
    { numRuns: 60 },
  );
});

const HOSTILE: Readonly<Record<string, string>> = {
  "too long a text": "a".repeat(70_000),
  "deep flow lists": "[".repeat(65_000),
  "deep closed lists": "[".repeat(30_000) + "]".repeat(30_000),
  "deep block lists": "- ".repeat(32_000),
  "deep maps": "{a: ".repeat(16_000),
  "a billion laughs": `a: &a [x, x]\n${Array.from({ length: 30 }, (_, i) => `b${i}: &b${i} [${i === 0 ? "*a" : `*b${i - 1}, *b${i - 1}`}]`).join("\n")}`,
  "an alias of itself": "series: &a [*a]",
  "an alias of itself as a shard": "shards: [&a { name: *a, batch: *a, roots: [*a] }]",
  "many aliases": `a: &a 1\nb: [${"*a, ".repeat(15_000)}]`,
  "many keys": Array.from({ length: 3_000 }, (_, index) => `k${index}:`).join("\n"),
};

for (const [title, text] of Object.entries(HOSTILE)) {
  test(`parseConfig() refuses ${title}`, () => {
    assert.notEqual(parseOrRefuse(text), undefined);
  });
}
