import assert from "node:assert/strict";
import { after, test } from "node:test";
import {
  type CtError,
  type ErrorCode,
  FatalError,
  MalformedError,
  RejectedError,
  UnavailableError,
} from "../../src/base/errors.ts";
import { STATUS } from "../../src/http/status.ts";
import { formatChainJson, formatSctJson, parseSctJson } from "../../src/rfc6962/json.ts";
import { buildTestServer } from "../support/http-server.ts";

const server = buildTestServer();
const { app, log, events } = server;
after(() => server[Symbol.asyncDispose]());

const ENDPOINTS = ["add-chain", "add-pre-chain"] as const;
const CHAIN = [Uint8Array.of(0x30, 1, 2), Uint8Array.of(0x30, 7)];
const BODY = formatChainJson(CHAIN);

function post(
  endpoint: string,
  payload: string | Buffer,
  headers: Record<string, string> = {},
  target = app,
) {
  return target.inject({ method: "POST", url: `/nimbus2026/ct/v1/${endpoint}`, payload, headers });
}

for (const endpoint of ENDPOINTS) {
  test(`${endpoint} answers the SCT, canonical, without caching headers`, async () => {
    let seen: readonly (readonly number[])[] = [];
    log.beforeSubmit = (asked, chain) => {
      assert.equal(asked, endpoint);
      seen = chain.map((certificate) => [...certificate]);
    };
    const answer = await post(endpoint, BODY);
    log.beforeSubmit = () => undefined;
    assert.equal(answer.statusCode, 200, answer.body);
    assert.deepEqual(seen, [
      [0x30, 1, 2],
      [0x30, 7],
    ]);
    assert.equal(formatSctJson(parseSctJson(answer.body)), answer.body);
    assert.equal(answer.headers["content-type"], "application/json");
    assert.equal(answer.headers["cache-control"], undefined);
    assert.equal(answer.headers["access-control-allow-origin"], "*");
  });
}

const TYPES = [
  "application/json",
  "text/plain",
  "application/x-www-form-urlencoded",
  ";;",
  "é",
  "",
];
for (const type of TYPES) {
  test(`add-chain takes a body of Content-Type '${type}'`, async () => {
    const answer = await post("add-chain", Buffer.from(BODY), { "content-type": type });
    assert.equal(answer.statusCode, 200, answer.body);
  });
}

/** Bodies that are taken: what is said in section 2.6, "JSON of submissions". */
const TAKEN: Readonly<Record<string, string>> = {
  "an unknown field": `{"x":{"chain":1},"chain":["MAEC","MAc="]}`,
  "a __proto__ field": `{"__proto__":{"chain":null},"chain":["MAEC","MAc="]}`,
  "CR and LF in base64": '{"chain":["MA\\r\\nEC\\n","MAc="]}',
  "pad bits that are not zero": '{"chain":["MAEC","MAd="]}',
  "white space around": ' \n{ "chain" : [ "MAEC" , "MAc=" ] }\n',
  "escapes in a string": '{"chain":["\\u004dAEC","MAc="]}',
};
for (const [name, body] of Object.entries(TAKEN)) {
  test(`add-chain takes ${name}`, async () => {
    let seen: readonly (readonly number[])[] = [];
    log.beforeSubmit = (_, chain) => {
      seen = chain.map((certificate) => [...certificate]);
    };
    const answer = await post("add-chain", body);
    log.beforeSubmit = () => undefined;
    assert.equal(answer.statusCode, 200, answer.body);
    assert.deepEqual(seen, [
      [0x30, 1, 2],
      [0x30, 7],
    ]);
  });
}

/** Step 3 of section 2.4. */
const UNPARSABLE: Readonly<Record<string, readonly [body: string, detail: string]>> = {
  "no body": ["", "expected JSON"],
  "no JSON": ["{chain", "expected JSON"],
  "JSON with more behind it": [`${BODY}{}`, "expected JSON"],
  "a byte order mark": [`\ufeff${BODY}`, "expected JSON"],
  "no object": ['["MAEC"]', "expected a JSON object"],
  null: ["null", "expected a JSON object"],
  "no chain": ["{}", "cert chain was empty"],
  "an inherited chain": ['{"__proto__":{"chain":["MAEC"]}}', "cert chain was empty"],
  "a null chain": ['{"chain":null}', "cert chain was empty"],
  "an empty chain": ['{"chain":[]}', "cert chain was empty"],
  "another case of the field": ['{"Chain":["MAEC"]}', "cert chain was empty"],
  "a chain that is no list": ['{"chain":"MAEC"}', "expected 'chain' to be an array"],
  "a number in the chain": ['{"chain":[1]}', "expected base64 at chain[0]"],
  "an empty certificate": ['{"chain":["MAEC",""]}', "expected a certificate at chain[1]"],
  "base64 without padding": ['{"chain":["MAc"]}', "expected base64 at chain[0]"],
  "base64 of URLs": ['{"chain":["MA-_"]}', "expected base64 at chain[0]"],
  "base64 with a space": ['{"chain":["MAEC MAc="]}', "expected base64 at chain[0]"],
  "base64 with a character whose low byte is a digit": [
    '{"chain":["\u014dAEC"]}',
    "expected base64 at chain[0]",
  ],
};
for (const [name, [body, detail]] of Object.entries(UNPARSABLE)) {
  for (const endpoint of ENDPOINTS) {
    test(`${endpoint} of ${name} is 400`, async () => {
      events.length = 0;
      const answer = await post(endpoint, body);
      assert.equal(answer.statusCode, 400);
      const start = "Bad Request\nnimbus2026: failed to parse add-chain body: ";
      assert.equal(answer.body, `${start}${detail}\n`);
      assert.equal(answer.headers["cache-control"], "no-store");
      assert.equal(answer.headers["access-control-allow-origin"], "*");
      const refused = events.filter((event) => event.type === "submission-refused");
      assert.deepEqual(
        refused.map((event) => [event.shard, event.endpoint, event.code]),
        [["nimbus2026", endpoint, "MALFORMED_BODY"]],
      );
    });
  }
}

test("add-chain of 512,000 bytes is read, of one more is 413", async () => {
  const padded = BODY + " ".repeat(512_000 - BODY.length);
  assert.equal((await post("add-chain", padded)).statusCode, 200);
  const answer = await post("add-chain", `${padded} `);
  assert.equal(answer.statusCode, 413);
  assert.equal(
    answer.body,
    "Request Entity Too Large\nnimbus2026: certificate chain exceeds 512000-byte limit: http: request body too large\n",
  );
});

/** Steps 4 to 12 of section 2.4: what the log says, and the words around it. */
const VERIFY = "failed to verify add-chain contents: ";
const REFUSED: readonly (readonly [error: CtError, status: number, detail: string])[] = [
  [
    new MalformedError("MALFORMED_CERTIFICATE", "trailing data"),
    400,
    `${VERIFY}chain failed to verify: trailing data`,
  ],
  [
    new RejectedError("REJECTED_NOT_AFTER_OUT_OF_RANGE", "certificate NotAfter (a) >= b"),
    400,
    `${VERIFY}chain failed to verify: certificate NotAfter (a) >= b`,
  ],
  [
    new RejectedError("REJECTED_ISSUER_UNKNOWN", "certificate signed by unknown authority"),
    400,
    `${VERIFY}chain failed to verify: certificate signed by unknown authority`,
  ],
  [
    new RejectedError("REJECTED_POISON_INVALID", "poison is not critical"),
    400,
    `${VERIFY}precert test failed: poison is not critical`,
  ],
  [
    new RejectedError("REJECTED_TYPE_MISMATCH", "a precertificate"),
    400,
    `${VERIFY}cert / precert mismatch: a precertificate`,
  ],
  [
    new MalformedError("MALFORMED_PRECERTIFICATE", "two poisons"),
    400,
    "failed to build MerkleTreeLeaf: two poisons",
  ],
  [new RejectedError("REJECTED_SHARD_CLOSED", "closed since 2027"), 410, "closed since 2027"],
  [new UnavailableError("UNAVAILABLE_DEADLINE", "not in time"), 503, "not in time"],
  [new UnavailableError("UNAVAILABLE_POOL_FULL", "pool is full"), 503, "pool is full"],
];
for (const [error, status, detail] of REFUSED) {
  for (const endpoint of ENDPOINTS) {
    test(`${endpoint} answers ${status} for ${error.code} of the log`, async () => {
      log.beforeSubmit = () => Promise.reject(error);
      events.length = 0;
      const answer = await post(endpoint, BODY);
      log.beforeSubmit = () => undefined;
      assert.equal(answer.statusCode, status);
      assert.equal(answer.body.split("\n")[1], `nimbus2026: ${detail}`);
      assert.equal(answer.headers["cache-control"], "no-store");
      assert.equal(answer.headers["x-content-type-options"], "nosniff");
      const retryAfter = answer.headers["retry-after"];
      if (status === 503) assert.match(String(retryAfter), /^[1-9][0-9]*$/);
      else assert.equal(retryAfter, undefined);
      // What the log refused, the log reports.
      assert.deepEqual(
        events.map((event) => event.type),
        ["request"],
      );
    });
  }
}

test("add-chain hides what is fatal behind 503, and a bug behind 500", async () => {
  log.beforeSubmit = () => Promise.reject(new FatalError("FATAL_FSYNC", "/data/secret: EIO"));
  const fatal = await post("add-chain", BODY);
  assert.equal(fatal.statusCode, 503);
  assert.match(String(fatal.headers["retry-after"]), /^[0-9]+$/);
  assert.doesNotMatch(fatal.body, /secret/);
  log.beforeSubmit = () => {
    throw new TypeError("secret");
  };
  const bug = await post("add-chain", BODY);
  log.beforeSubmit = () => undefined;
  assert.equal(bug.statusCode, 500);
  assert.doesNotMatch(bug.body, /secret/);
});

test("a closed shard answers 410, a full one 503, before the body is looked at", async () => {
  const options = { retryAfterMs: 2_500 };
  for (const [error, status] of [
    [new RejectedError("REJECTED_SHARD_CLOSED", "closed"), 410],
    [new UnavailableError("UNAVAILABLE_POOL_FULL", "full", options), 503],
  ] as const) {
    log.closedWith = error;
    for (const body of [BODY, "{", "x".repeat(600_000)]) {
      const answer = await post("add-chain", body);
      assert.equal(answer.statusCode, status);
      if (status === 503) assert.match(String(answer.headers["retry-after"]), /^[3-6]$/);
    }
    const wrongMethod = await app.inject("/nimbus2026/ct/v1/add-chain");
    assert.equal(wrongMethod.statusCode, 405);
  }
  log.closedWith = undefined;
});

test("Retry-After of many refusals is spread evenly over its range", async () => {
  log.closedWith = new UnavailableError("UNAVAILABLE_POOL_FULL", "full", { retryAfterMs: 3_000 });
  const counts = new Map<string, number>();
  for (let index = 0; index < 400; index += 1) {
    const { headers } = await post("add-chain", BODY);
    const value = String(headers["retry-after"]);
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  log.closedWith = undefined;
  assert.deepEqual([...counts.keys()].sort(), ["3", "4", "5", "6"]);
  for (const count of counts.values()) assert.ok(count >= 95 && count <= 105, String(count));
});

for (const endpoint of ENDPOINTS) {
  test(`${endpoint} with another method is 405 with Allow; OPTIONS is a preflight`, async () => {
    for (const method of ["GET", "HEAD", "PUT", "PROPFIND"]) {
      const url = `/nimbus2026/ct/v1/${endpoint}`;
      const answer = await app.inject({ method: method as "GET", url, payload: "x" });
      assert.equal(answer.statusCode, 405);
      assert.equal(answer.headers["allow"], "POST, OPTIONS");
      if (method === "GET") {
        assert.equal(answer.body, "Method Not Allowed\nmethod not allowed: GET\n");
      }
    }
    const answer = await app.inject({ method: "OPTIONS", url: `/nimbus2026/ct/v1/${endpoint}` });
    assert.equal(answer.statusCode, 204);
    assert.equal(answer.headers["access-control-allow-methods"], "POST, OPTIONS");
    assert.equal(answer.headers["access-control-allow-headers"], "*");
  });
}

test("STATUS gives malformed and rejected codes 4xx, the others 503, a client over its limit 429", () => {
  for (const [code, status] of Object.entries(STATUS) as [ErrorCode, number][]) {
    if (/^(MALFORMED|REJECTED)_/.test(code)) assert.ok(status >= 400 && status < 500, code);
    else assert.equal(status, code === "UNAVAILABLE_RATE_LIMITED" ? 429 : 503, code);
  }
});
