/**
 * `stratus policy check` and `export` of a running log.
 * @module
 */
import assert from "node:assert/strict";
import { createHash, generateKeyPairSync } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { initShards } from "../../src/cli/init.ts";
import { loadConfig } from "../../src/cli/load-config.ts";
import { checkPolicy, exportPolicy, type PolicyCheckOptions } from "../../src/cli/policy.ts";
import { type Running, startStratus } from "../../src/compose.ts";
import type { Config } from "../../src/config/config.ts";
import { parsePem } from "../../src/x509/roots.ts";
import { makeCa } from "../support/certificates.ts";
import { runCommand } from "../support/command-run.ts";
import { call, closeCalls } from "../support/http-call.ts";
import { type Schema, schemaProblems } from "../support/json-schema.ts";
import { runStratus } from "../support/process.ts";
import { chainJson } from "../support/running-log.ts";
import { pem } from "../support/submit-run.ts";

const root = makeCa({ subject: "policy root" });
const NOW_MS = Date.now();
const THIS_YEAR = new Date(NOW_MS).getUTCFullYear();
const SHARD = `nimbus${THIS_YEAR + 1}`;

let folder: string;
let config: Config;
let running: Running;

async function write(name: string, lines: readonly string[]): Promise<Config> {
  await writeFile(join(folder, name), `${lines.join("\n")}\n`);
  return loadConfig(name, { cwd: folder, nowMs: NOW_MS, overrides: {} });
}

const LINES = [
  "listen: 127.0.0.1:0",
  "operations: 127.0.0.1:0",
  "operator: { name: Example Trust Services, emails: [ct@example.org] }",
  "publicUrl: https://ct.example.org",
  "logLevel: fatal",
  "roots: [./roots.pem]",
  "limits: { reads: { perSecond: 100, burst: 1000 } }",
  "series:",
  "  - { name: nimbus, years: 4, type: rfc6962 }",
  "  - { name: cirrus, years: 4, type: static-ct-api, period: half-year }",
];

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "stratus-policy-"));
  await writeFile(join(folder, "roots.pem"), pem(root.der));
  config = await write("log.yaml", LINES);
  await initShards(config, () => {});
  running = await startStratus(config);
  const leaf = root.issue({ notAfter: new Date(`${THIS_YEAR + 1}-06-01T00:00:00Z`) });
  const target = `/${SHARD}/ct/v1/add-chain`;
  const reply = await call(running.listenUrl, target, { body: chainJson([leaf]) });
  assert.equal(reply.status, 200, reply.text);
});
after(async () => {
  closeCalls();
  await running.stop();
  await rm(folder, { recursive: true, force: true });
});

async function check(changes: Partial<PolicyCheckOptions> = {}) {
  const options: PolicyCheckOptions = {
    loadConfig: async () => config,
    shards: [],
    url: undefined,
    references: [],
    json: true,
    nowMs: NOW_MS,
    timeoutMs: 10_000,
    ...changes,
  };
  return runCommand((io) => checkPolicy(options, io));
}

interface Shown {
  readonly id: string;
  readonly status: string;
  readonly reasons: readonly string[];
}

function statusesOf(out: string): ReadonlyMap<string, string> {
  const { conditions } = JSON.parse(out) as { readonly conditions: readonly Shown[] };
  return new Map(conditions.map(({ id, status }) => [id, status]));
}

test("checkPolicy() of a sound log objects to the roots that it lacks, and to nothing else", async () => {
  const { exitCode, out, err } = await check({ url: running.listenUrl });
  assert.deepEqual([exitCode, err], [1, ""]);
  const statuses = statusesOf(out);
  const unmet = [...statuses].filter(([, status]) => status === "not met").map(([id]) => id);
  // The test's root stands alone: the monitor's and Mozilla's are missing, and get-roots says so.
  assert.deepEqual(unmet, ["roots-monitor", "roots-mozilla", "live-roots"]);
  for (const id of ["live-endpoints", "live-metadata", "live-heads", "live-freshness"]) {
    assert.equal(statuses.get(id), "met", id);
  }
  for (const id of ["live-cache-heads", "live-cache-tiles", "live-cache-errors"]) {
    assert.equal(statuses.get(id), "met", id);
  }
  assert.equal(statuses.get("roots-programs"), "for the operator");
});

test("checkPolicy() without --url leaves the running log to the operator", async () => {
  const { out } = await check();
  for (const [id, status] of statusesOf(out)) {
    if (id.startsWith("live-")) assert.equal(status, "for the operator", id);
  }
});

test("checkPolicy() in words says met, not met or operator, reason and source of each", async () => {
  const { exitCode, out } = await check({ json: false, shards: [SHARD] });
  assert.equal(exitCode, 1);
  assert.match(
    out,
    /^met {6}contact \(Chrome and Apple\): .*\n +Example Trust Services, ct@example/m,
  );
  assert.match(
    out,
    /^NOT MET {2}roots-monitor \(Chrome\): .*\n +nimbus\d{4}: the root with SHA-256/m,
  );
  assert.match(out, /^operator availability /m);
  assert.match(out, /^ +source: Chrome log policy, Temporal Sharding$/m);
  assert.match(out, /^\d+ met, \d+ not met, \d+ for the operator\.$/m);
});

test("checkPolicy() reads references as PEM and as a report with fingerprints", async () => {
  const report = join(folder, "report.csv");
  const fingerprint = "AB".repeat(32);
  await writeFile(report, `"CA Owner","SHA-256 Fingerprint"\n"Somebody, Inc.","${fingerprint}"\n`);
  const lacking = await check({ references: [report] });
  assert.match(lacking.out, new RegExp(`1 of the 1 roots of report.csv: ${"ab".repeat(32)}`));
  const sound = await check({ references: [join(folder, "roots.pem")] });
  assert.equal(statusesOf(sound.out).get("roots-programs"), "met");
  const wrong = await check({ references: [join(folder, "log.yaml")] });
  assert.equal(wrong.exitCode, 2);
  assert.match(wrong.err, /holds neither PEM nor SHA-256 fingerprints/);
});

test("checkPolicy() of a log that does not answer, or of an unknown shard", async () => {
  const gone = await check({ url: "http://127.0.0.1:1", shards: [SHARD] });
  assert.equal(gone.exitCode, 1);
  assert.equal(statusesOf(gone.out).get("live-endpoints"), "not met");
  const unknown = await check({ shards: ["nobody"] });
  assert.equal(unknown.exitCode, 2);
  assert.match(unknown.err, /there is no "nobody", but nimbus/);
});

test("checkPolicy() finds a P-384 key, and one key of two shards, in the files", async () => {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "secp384r1" });
  await mkdir(join(folder, "keys"), { recursive: true });
  const keyFile = join(folder, "keys", "p384.pem");
  await writeFile(keyFile, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
  const shard = (name: string, key: string) =>
    `  - { name: ${name}, notAfterStart: 2027-01-01T00:00:00Z, notAfterLimit: 2028-01-01T00:00:00Z, key: ${key} }`;
  const copy = join(folder, "keys", "copy.pem");
  await writeFile(copy, await readFile(keyFile), { mode: 0o600 });
  const other = await write("keys.yaml", [
    ...LINES.slice(0, -3),
    "shards:",
    shard("one", keyFile),
    shard("two", copy),
  ]);
  const { out } = await check({ loadConfig: async () => other });
  const statuses = statusesOf(out);
  assert.equal(statuses.get("key-type"), "not met");
  assert.equal(statuses.get("key-unique"), "not met");
  assert.match(out, /expected a P-256 key, got EC secp384r1/);
});

/** What Chrome asks of one log: our words for its schema. */
const INCLUSION: Schema = {
  type: "object",
  required: ["key", "log_id", "mmd", "temporal_interval"],
  additionalProperties: false,
  oneOf: [{ required: ["url"] }, { required: ["monitoring_url", "submission_url"] }],
  properties: {
    key: { type: "string", pattern: "^[A-Za-z0-9+/]+=*$" },
    log_id: { type: "string", minLength: 44, maxLength: 44 },
    mmd: { type: "number", minimum: 1 },
    temporal_interval: {
      type: "object",
      required: ["start_inclusive", "end_exclusive"],
      additionalProperties: false,
      properties: {
        start_inclusive: { type: "string", format: "date-time" },
        end_exclusive: { type: "string", format: "date-time" },
      },
    },
    url: { type: "string", format: "uri", pattern: "/$" },
    submission_url: { type: "string", format: "uri", pattern: "/$" },
    monitoring_url: { type: "string", format: "uri", pattern: "/$" },
  },
};

test("exportPolicy() writes Chrome's JSON of each log, a list, roots and the text", async () => {
  const target = join(folder, "application");
  const loaded = { loadConfig: async () => config, shards: [], nowMs: NOW_MS, folder: target };
  const { exitCode, err } = await runCommand((io) => exportPolicy(loaded, io));
  assert.equal(exitCode, 0);
  assert.match(err, /^not met: roots-monitor: /m);
  const names = (await readdir(join(target, "chrome"))).toSorted();
  assert.deepEqual(names, config.shards.map(({ name }) => `${name}.json`).toSorted());
  for (const shard of config.shards) {
    const text = await readFile(join(target, "chrome", `${shard.name}.json`), "utf8");
    const stated = JSON.parse(text);
    assert.deepEqual(schemaProblems(stated, INCLUSION), [], shard.name);
    assert.equal("url" in stated, shard.type === "rfc6962");
    assert.equal("submission_url" in stated, shard.type === "static-ct-api");
    const { text: own } = await call(running.listenUrl, `/${shard.name}/log.v3.json`);
    const { key, log_id: logId, mmd, temporal_interval: interval } = JSON.parse(own);
    const { url, submission_url: _, monitoring_url: __, ...rest } = stated;
    assert.deepEqual(rest, { key, log_id: logId, mmd, temporal_interval: interval });
    const roots = parsePem(await readFile(join(target, "roots", `${shard.name}.pem`), "utf8"));
    assert.deepEqual(
      roots.map((der) => [...der]),
      [[...root.der]],
    );
  }
  const { operators } = JSON.parse(await readFile(join(target, "log_list.v3.json"), "utf8"));
  const [operator] = operators;
  assert.deepEqual([operator.name, operator.email], ["Example Trust Services", ["ct@example.org"]]);
  assert.deepEqual([operator.logs.length, operator.tiled_logs.length], [4, 8]);
  const text = await readFile(join(target, "application.md"), "utf8");
  assert.match(text, /E-mail, continuously monitored: ct@example\.org/);
  assert.match(text, /Reads of one client .*: 100 requests a second, 1000 at once after a pause/);
  assert.match(text, /Every SCT carries the leaf_index extension/);
});

test("/logs.json names the operator of the configuration", async () => {
  const { text } = await call(running.listenUrl, "/logs.json");
  const [operator] = JSON.parse(text).operators;
  assert.deepEqual([operator.name, operator.email], ["Example Trust Services", ["ct@example.org"]]);
});

test("the commands themselves: help has examples, exit codes are the functions'", async () => {
  for (const name of ["check", "export"]) {
    const help = await runStratus(["policy", name, "--help"]);
    assert.equal(help.code, 0);
    assert.match(help.stdout, /Example:\n {2}stratus policy /);
    assert.match(help.stdout, /Exit code: 0 /);
  }
  const path = join(folder, "log.yaml");
  const unmet = await runStratus(["policy", "check", "--config", path, "--shard", SHARD]);
  assert.deepEqual([unmet.code, unmet.stderr], [1, ""]);
  const missing = await runStratus(["policy", "export", "--config", path]);
  assert.equal(missing.code, 2);
});

test("exportPolicy() gives closed shards the state of the list's schema, and open ones none", async () => {
  const home = await mkdtemp(join(tmpdir(), "stratus-policy-"));
  try {
    await writeFile(join(home, "roots.pem"), pem(root.der));
    const shards = [
      "shards:",
      "  - { name: open, notAfterStart: 2036-01-01T00:00:00Z, notAfterLimit: 2037-01-01T00:00:00Z, type: rfc6962 }",
      "  - { name: told, notAfterStart: 2036-01-01T00:00:00Z, notAfterLimit: 2037-01-01T00:00:00Z, type: rfc6962 }",
      "  - { name: closed, notAfterStart: 2022-01-01T00:00:00Z, notAfterLimit: 2023-01-01T00:00:00Z, type: rfc6962 }",
      "  - { name: over, notAfterStart: 2021-01-01T00:00:00Z, notAfterLimit: 2022-01-01T00:00:00Z, type: rfc6962 }",
      "dates:",
      "  - { shard: over, retires: 2022-06-01T00:00:00Z }",
      "  - { shard: told, pending: 2024-01-01T00:00:00Z, qualified: 2024-06-01T00:00:00Z }",
    ];
    const lines = [...LINES.slice(0, LINES.indexOf("series:")), ...shards];
    await writeFile(join(home, "log.yaml"), `${lines.join("\n")}\n`);
    const load = () => loadConfig("log.yaml", { cwd: home, nowMs: NOW_MS, overrides: {} });
    const closed = await load();
    await initShards(closed, () => {});
    const states = async () => {
      const target = { loadConfig: load, shards: [], nowMs: Date.now(), folder: home };
      const { exitCode, err } = await runCommand((io) => exportPolicy(target, io));
      assert.equal(exitCode, 0, err);
      const { operators } = JSON.parse(await readFile(join(home, "log_list.v3.json"), "utf8"));
      const { logs } = operators[0] as {
        readonly logs: readonly { readonly description: string; readonly state?: object }[];
      };
      return Object.fromEntries(
        logs.map(({ description, state }) => [description.replace(/.*\//, ""), state]),
      );
    };
    const told = { qualified: { timestamp: "2024-06-01T00:00:00Z" } };
    const over = { retired: { timestamp: "2022-06-01T00:00:00Z" } };
    // Without a head nobody can say what is final, and the schema wants that.
    assert.deepEqual(await states(), { open: undefined, told, closed: undefined, over });
    const served = await startStratus(closed);
    const { listenUrl } = served;
    const own = await call(listenUrl, "/closed/log.v3.json");
    await served.stop();
    const empty = createHash("sha256").digest("base64");
    const final = { final_tree_head: { sha256_root_hash: empty, tree_size: 0 } };
    const readonly = { readonly: { timestamp: "2023-01-08T00:00:00Z", ...final } };
    assert.deepEqual(await states(), { open: undefined, told, closed: readonly, over });
    assert.deepEqual(JSON.parse(own.text).state, readonly);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
});
