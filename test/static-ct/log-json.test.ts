import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatBase64 } from "../../src/encoding/base64.ts";
import {
  formatLogJson,
  formatLogListJson,
  type LogDescription,
  MMD_SECONDS,
  parseLogJson,
} from "../../src/static-ct/log-json.ts";
import { throwsMalformed } from "../support/malformed.ts";
import { sha256 } from "../support/sha256.ts";

const PUBLIC_KEY = Uint8Array.of(1, 2, 3);
const LOG_ID = "A5BYxvLAy0ksUzsKTRTvd8wPeKvMztUofYShogEc+4E=";

const STATIC: LogDescription = {
  description: "ct.example.org/2026",
  publicKey: PUBLIC_KEY,
  logId: sha256(PUBLIC_KEY),
  type: "static-ct-api",
  submissionUrl: "https://ct.example.org/2026",
  monitoringUrl: "https://read.example.org/2026",
  mmdSeconds: MMD_SECONDS["static-ct-api"],
  notAfterStartMs: Date.UTC(2026, 0, 1),
  notAfterLimitMs: Date.UTC(2027, 0, 1),
  condition: "active",
  conditionSinceMs: undefined,
  plannedChanges: [{ condition: "readonly", atMs: Date.UTC(2027, 0, 8), comment: "" }],
  listState: undefined,
  finalTreeHead: undefined,
  software: { name: "stratus", version: "0.1.0" },
};

const RFC6962: LogDescription = {
  ...STATIC,
  type: "rfc6962",
  mmdSeconds: MMD_SECONDS.rfc6962,
  condition: "readonly",
  conditionSinceMs: Date.UTC(2027, 0, 8, 1, 2, 3, 4),
  plannedChanges: [{ condition: "inactive", atMs: Date.UTC(2028, 0, 1), comment: "sunset" }],
  listState: { name: "readonly", sinceMs: Date.UTC(2027, 0, 8) },
  finalTreeHead: { treeSize: 5, rootHash: new Uint8Array(32) },
};

test("formatLogJson() of a static log has each field in its place", () => {
  assert.equal(
    formatLogJson(STATIC),
    `{
  "description": "ct.example.org/2026",
  "log_id": "${LOG_ID}",
  "key": "AQID",
  "submission_url": "https://ct.example.org/2026/",
  "monitoring_url": "https://read.example.org/2026/",
  "mmd": 60,
  "log_spec": "static-ct-api",
  "temporal_interval": {
    "start_inclusive": "2026-01-01T00:00:00Z",
    "end_exclusive": "2027-01-01T00:00:00Z"
  },
  "status": "active",
  "planned_changes": [
    {
      "new_status": "readonly",
      "effective_date": "2027-01-08T00:00:00Z"
    }
  ],
  "log_software": {
    "name": "stratus",
    "version": "0.1.0"
  }
}
`,
  );
});

test("formatLogJson() of a closed RFC 6962 log has one URL and the final tree head", () => {
  assert.equal(
    formatLogJson(RFC6962),
    `{
  "description": "ct.example.org/2026",
  "log_id": "${LOG_ID}",
  "key": "AQID",
  "url": "https://ct.example.org/2026/",
  "mmd": 86400,
  "log_spec": "rfc6962",
  "temporal_interval": {
    "start_inclusive": "2026-01-01T00:00:00Z",
    "end_exclusive": "2027-01-01T00:00:00Z"
  },
  "state": {
    "readonly": {
      "timestamp": "2027-01-08T00:00:00Z",
      "final_tree_head": {
        "sha256_root_hash": "${formatBase64(new Uint8Array(32))}",
        "tree_size": 5
      }
    }
  },
  "status": "readonly",
  "status_timestamp": "2027-01-08T01:02:03Z",
  "planned_changes": [
    {
      "new_status": "inactive",
      "effective_date": "2028-01-01T00:00:00Z",
      "comment": "sunset"
    }
  ],
  "final_tree_head": {
    "sha256_root_hash": "${formatBase64(new Uint8Array(32))}",
    "tree_size": 5
  },
  "log_software": {
    "name": "stratus",
    "version": "0.1.0"
  }
}
`,
  );
});

test("formatLogListJson() sorts logs by type and says the same as log.v3.json of each", () => {
  const operator = { name: "Example", emails: ["ct@example.org"] };
  const list = JSON.parse(formatLogListJson(operator, [STATIC, RFC6962], 1_000));
  assert.deepEqual(Object.keys(list), ["version", "log_list_timestamp", "operators"]);
  assert.equal(list.version, "3");
  assert.equal(list.log_list_timestamp, "1970-01-01T00:00:01Z");
  assert.deepEqual(list.operators, [
    {
      name: "Example",
      email: ["ct@example.org"],
      logs: [JSON.parse(formatLogJson(RFC6962))],
      tiled_logs: [JSON.parse(formatLogJson(STATIC))],
    },
  ]);
});

test("formatLogListJson() leaves out a log without its key, and formatLogJson() refuses it", () => {
  const keyless = { ...STATIC, publicKey: new Uint8Array(0), logId: new Uint8Array(0) };
  const text = formatLogListJson({ name: "Example", emails: [] }, [keyless, RFC6962], 0);
  const [operator] = JSON.parse(text).operators;
  assert.deepEqual([operator.logs.length, operator.tiled_logs.length], [1, 0]);
  assert.throws(() => formatLogJson(keyless), { code: "UNAVAILABLE_SHARD_NOT_READY" });
});

test("parseLogJson() reads what formatLogJson() writes", () => {
  for (const log of [STATIC, RFC6962]) {
    const { description, publicKey, logId, type, submissionUrl, mmdSeconds } = log;
    assert.deepEqual(parseLogJson(sha256, formatLogJson(log)), {
      description,
      publicKey,
      logId,
      type,
      submissionUrl,
      monitoringUrl: type === "rfc6962" ? submissionUrl : log.monitoringUrl,
      mmdSeconds,
      window: { startMs: log.notAfterStartMs, limitMs: log.notAfterLimitMs },
    });
  }
});

test("parseLogJson() reads the five fields of another front end", () => {
  const log = parseLogJson(
    sha256,
    `{"key":"AQID","log_id":"${LOG_ID}","mmd":86400,"temporal_interval":{"start_inclusive":"2026-01-01T02:00:00+02:00","end_exclusive":"2027-01-01T00:00:00Z"},"url":"http://127.0.0.1:8080/x/"}`,
  );
  assert.equal(log.type, "rfc6962");
  assert.equal(log.description, "");
  assert.equal(log.submissionUrl, "http://127.0.0.1:8080/x");
  assert.equal(log.monitoringUrl, "http://127.0.0.1:8080/x");
  assert.deepEqual(log.window, { startMs: Date.UTC(2026, 0, 1), limitMs: Date.UTC(2027, 0, 1) });
});

const MUTATIONS: Readonly<Record<string, (fields: Record<string, unknown>) => void>> = {
  "no key": (fields) => delete fields["key"],
  "another key": (fields) => Object.assign(fields, { key: "AQIE" }),
  "key as url-safe base64": (fields) => Object.assign(fields, { key: "AQI-" }),
  "no log_id": (fields) => delete fields["log_id"],
  "log_id of another key": (fields) => Object.assign(fields, { log_id: `B${LOG_ID.slice(1)}` }),
  "log_id cut": (fields) => Object.assign(fields, { log_id: LOG_ID.slice(0, 40) }),
  "no mmd": (fields) => delete fields["mmd"],
  "mmd as text": (fields) => Object.assign(fields, { mmd: "60" }),
  "mmd with a fraction": (fields) => Object.assign(fields, { mmd: 0.5 }),
  "mmd negative": (fields) => Object.assign(fields, { mmd: -1 }),
  "unknown log_spec": (fields) => Object.assign(fields, { log_spec: "rfc9162" }),
  "submission_url alone": (fields) => delete fields["monitoring_url"],
  "no URL": (fields) => {
    delete fields["submission_url"];
    delete fields["monitoring_url"];
  },
  "URL of another scheme": (fields) => Object.assign(fields, { submission_url: "file:///etc/" }),
  "URL with user": (fields) => Object.assign(fields, { submission_url: "https://a@b/" }),
  "URL with query": (fields) => Object.assign(fields, { submission_url: "https://b/?c" }),
  "URL without host": (fields) => Object.assign(fields, { submission_url: "https:///c" }),
  "description as number": (fields) => Object.assign(fields, { description: 1 }),
  "interval as text": (fields) => Object.assign(fields, { temporal_interval: "2026" }),
  "interval without end": (fields) =>
    Object.assign(fields, { temporal_interval: { start_inclusive: "2026-01-01T00:00:00Z" } }),
  ...Object.fromEntries(
    [
      "2026-01-01",
      "2026-02-30T00:00:00Z",
      "2026-01-01T00:00:60Z",
      "2026-01-01T00:00:00",
      "soon",
    ].map((time) => [
      `time ${time}`,
      (fields: Record<string, unknown>) =>
        Object.assign(fields, {
          temporal_interval: { start_inclusive: time, end_exclusive: "2027-01-01T00:00:00Z" },
        }),
    ]),
  ),
};

for (const [name, mutate] of Object.entries(MUTATIONS)) {
  test(`parseLogJson() refuses ${name}`, () => {
    const fields: Record<string, unknown> = JSON.parse(formatLogJson(STATIC));
    mutate(fields);
    throwsMalformed(() => parseLogJson(sha256, JSON.stringify(fields)), "MALFORMED_JSON");
  });
}

test("property: any description and window survive formatLogJson() and parseLogJson()", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "grapheme" }),
      fc.uint8Array({ minLength: 1, maxLength: 100 }),
      fc.nat({ max: 4_000_000_000 }),
      (description, publicKey, startSeconds) => {
        const log = { ...STATIC, description, publicKey, logId: sha256(publicKey) };
        const notAfterStartMs = startSeconds * 1000;
        const read = parseLogJson(sha256, formatLogJson({ ...log, notAfterStartMs }));
        assert.equal(read.description, description);
        assert.deepEqual(read.publicKey, publicKey);
        assert.equal(read.window?.startMs, notAfterStartMs);
      },
    ),
  );
});
