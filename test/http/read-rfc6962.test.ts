import assert from "node:assert/strict";
import { after, test } from "node:test";
import { UnavailableError } from "../../src/base/errors.ts";
import { formatHex } from "../../src/encoding/hex.ts";
import {
  formatConsistencyJson,
  formatEntriesJson,
  formatEntryAndProofJson,
  formatInclusionJson,
  formatRootsJson,
  formatTreeHeadJson,
  parseEntriesJson,
} from "../../src/rfc6962/json.ts";
import { buildTestServer } from "../support/http-server.ts";

const SIZE = 1_300;
const server = buildTestServer(SIZE);
const { app, log } = server;
after(() => server[Symbol.asyncDispose]());

const b64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
const get = (path: string) => app.inject(`/nimbus2026/ct/v1/${path}`);
const hash = (index: number): string => encodeURIComponent(b64(log.leafHash(index)));

const DAY = "public, max-age=86400";
const MINUTE = "public, max-age=60";

/** Section 2.2 of the behaviours: body, type, caching, no newline. */
const ANSWERS: readonly (readonly [
  path: string,
  cache: string | undefined,
  body: () => Promise<string> | string,
])[] = [
  ["get-sth", undefined, () => formatTreeHeadJson(log.head())],
  ["get-sth?x=1", undefined, () => formatTreeHeadJson(log.head())],
  ["get-roots", undefined, () => formatRootsJson(log.roots())],
  [
    "get-sth-consistency?first=3&second=7",
    DAY,
    async () => formatConsistencyJson(await log.proveConsistency(3, 7)),
  ],
  [
    "get-sth-consistency?second=%2B1300&first=007&first=x",
    DAY,
    async () => formatConsistencyJson(await log.proveConsistency(7, 1300)),
  ],
  ["get-sth-consistency?first=0&second=5", DAY, () => '{"consistency":[]}'],
  ["get-sth-consistency?first=-0&second=0", DAY, () => '{"consistency":[]}'],
  ["get-sth-consistency?first=9&second=9", DAY, () => '{"consistency":[]}'],
  [
    `get-proof-by-hash?hash=${hash(5)}&tree_size=6`,
    DAY,
    async () => formatInclusionJson(5, (await log.proveByHash(log.leafHash(5), 6)).path),
  ],
  [`get-proof-by-hash?tree_size=1&hash=${hash(0)}`, DAY, () => '{"leaf_index":0,"audit_path":[]}'],
  [
    "get-entry-and-proof?leaf_index=2&tree_size=1000",
    DAY,
    async () => {
      const entry = await log.entryAndProof(2, 1000);
      return formatEntryAndProofJson(entry, entry.path);
    },
  ],
  [
    "get-entry-and-proof?leaf_index=0&tree_size=1",
    DAY,
    async () => formatEntryAndProofJson(await log.entryAndProof(0, 1), []),
  ],
  ["get-entries?start=0&end=0", DAY, () => formatEntriesJson(log.entries.slice(0, 1))],
  ["get-entries?start=7&end=299", DAY, () => formatEntriesJson(log.entries.slice(7, 300))],
];

for (const [path, cache, body] of ANSWERS) {
  test(`${path} answers 200 with the body and caching of RFC 6962 logs`, async () => {
    const answer = await get(path);
    assert.equal(answer.statusCode, 200, answer.body);
    assert.equal(answer.body, await body());
    assert.equal(answer.headers["content-type"], "application/json");
    assert.equal(answer.headers["cache-control"], cache);
    assert.equal(answer.headers["access-control-allow-origin"], "*");
    assert.equal(answer.headers["content-length"], String(answer.rawPayload.length));
  });
}

test("get-proof-by-hash takes a `+` that was not escaped", async () => {
  let index = 0;
  while (!b64(log.leafHash(index)).includes("+")) index += 1;
  const answer = await get(`get-proof-by-hash?hash=${b64(log.leafHash(index))}&tree_size=1300`);
  assert.equal(answer.json().leaf_index, index);
});

const HUGE = "9223372036854775807";

/** Ranges of get-entries: what comes back, and how long it may be cached. */
const PAGES: readonly (readonly [
  query: string,
  start: number,
  end: number,
  cache: string,
  why: string,
])[] = [
  ["start=0&end=299", 0, 300, DAY, "what was asked for"],
  ["start=0&end=1023", 0, 1024, DAY, "exactly the maximum is not cut"],
  ["start=1&end=1024", 1, 1025, DAY, "1,024 entries off the grid are not cut"],
  ["start=10&end=5000", 10, 1024, DAY, "the cut ends on a multiple of 256"],
  ["start=0&end=1024", 0, 1024, DAY, "one too many is cut"],
  ["start=300&end=5000", 300, 1280, DAY, "the cut ends on a multiple of 256, far from 0"],
  ["start=1024&end=5000", 1024, SIZE, MINUTE, "cut by the tree, not moved to the grid"],
  ["start=1290&end=1350", 1290, SIZE, MINUTE, "cut by the tree's size"],
  ["start=1299&end=1299", 1299, SIZE, DAY, "the last entry"],
  [`start=1299&end=${HUGE}`, 1299, SIZE, MINUTE, "an end near 2^63 is cut"],
  [`start=0&end=${HUGE}`, 0, 1024, DAY, "an end of 2^63 - 1 does not overflow"],
  ["start=0&end=0&start=5&end=9", 0, 1, DAY, "the first value of a parameter counts"],
];

for (const [query, start, end, cache, why] of PAGES) {
  test(`get-entries?${query} gives [${start}, ${end}): ${why}`, async () => {
    const answer = await get(`get-entries?${query}`);
    assert.equal(answer.statusCode, 200, answer.body);
    const entries = parseEntriesJson(answer.body);
    const inputs = (items: typeof entries) => items.map((entry) => b64(entry.leafInput));
    assert.deepEqual(inputs(entries), inputs(log.entries.slice(start, end)));
    assert.equal(answer.headers["cache-control"], cache);
  });
}

const UNKNOWN = Buffer.alloc(32, 7);
const CONSISTENCY = "failed to parse consistency range: ";
const RANGE = "bad range on get-entries request: ";
const ENTRY = "failed to parse get-entry-and-proof params: ";
const PARSE = "strconv.ParseInt: parsing ";
const NOT_FOUND =
  "backend GetInclusionProofByHash request failed: rpc error: code = NotFound desc = No leaf found for hash: ";

/** Section 2.5 of the behaviours. */
const REFUSALS: readonly (readonly [path: string, status: number, detail: string | RegExp])[] = [
  ["get-sth-consistency", 400, `${CONSISTENCY}parameter 'first' is required`],
  ["get-sth-consistency?second=1", 400, `${CONSISTENCY}parameter 'first' is required`],
  ["get-sth-consistency?first=1", 400, `${CONSISTENCY}parameter 'second' is required`],
  ["get-sth-consistency?first=&second=1", 400, `${CONSISTENCY}parameter 'first' is required`],
  ["get-sth-consistency?first=a&second=1", 400, `${CONSISTENCY}parameter 'first' is malformed`],
  ["get-sth-consistency?first=1&second=1e3", 400, `${CONSISTENCY}parameter 'second' is malformed`],
  [
    `get-sth-consistency?first=1&second=9223372036854775808`,
    400,
    `${CONSISTENCY}parameter 'second' is malformed`,
  ],
  [
    "get-sth-consistency?first=-1&second=2",
    400,
    `${CONSISTENCY}first and second params cannot be <0: -1 2`,
  ],
  ["get-sth-consistency?first=3&second=2", 400, `${CONSISTENCY}invalid first, second params: 3 2`],
  [
    "get-sth-consistency?first=1&second=1301",
    400,
    "need tree size: 1301 for proof but only got: 1300",
  ],
  [
    "get-sth-consistency?first=0&second=1301",
    400,
    "need tree size: 1301 for proof but only got: 1300",
  ],
  [
    `get-sth-consistency?first=1301&second=${HUGE}`,
    400,
    `need tree size: ${HUGE} for proof but only got: 1300`,
  ],

  [
    "get-proof-by-hash?tree_size=1",
    400,
    "get-proof-by-hash: missing / empty hash param for get-proof-by-hash",
  ],
  [
    "get-proof-by-hash?hash=&tree_size=x",
    400,
    "get-proof-by-hash: missing / empty hash param for get-proof-by-hash",
  ],
  [
    "get-proof-by-hash?hash=!!!!&tree_size=x",
    400,
    /^get-proof-by-hash: invalid base64 hash: .*"!!!!"$/,
  ],
  [
    `get-proof-by-hash?hash=${"_".repeat(43)}%3D&tree_size=1`,
    400,
    /^get-proof-by-hash: invalid base64 hash: /,
  ],
  ["get-proof-by-hash?hash=AAAA&tree_size=1", 400, /3 bytes, expected 32$/],
  [`get-proof-by-hash?hash=${hash(0)}`, 400, "get-proof-by-hash: missing or invalid tree_size: "],
  [
    `get-proof-by-hash?hash=${hash(0)}&tree_size=0`,
    400,
    "get-proof-by-hash: missing or invalid tree_size: 0",
  ],
  [
    `get-proof-by-hash?hash=${hash(0)}&tree_size=0x10`,
    400,
    "get-proof-by-hash: missing or invalid tree_size: 0x10",
  ],
  [
    `get-proof-by-hash?hash=${encodeURIComponent(b64(UNKNOWN))}&tree_size=1300`,
    404,
    `${NOT_FOUND}${formatHex(UNKNOWN)} in tree size 1300`,
  ],
  [
    `get-proof-by-hash?hash=${hash(10)}&tree_size=10`,
    404,
    `${NOT_FOUND}${formatHex(log.leafHash(10))} in tree size 10`,
  ],
  [
    `get-proof-by-hash?hash=${hash(0)}&tree_size=1301`,
    404,
    "log returned tree size: 1300 but we expected: 1301",
  ],
  [
    `get-proof-by-hash?hash=${hash(0)}&tree_size=${HUGE}`,
    404,
    `log returned tree size: 1300 but we expected: ${HUGE}`,
  ],

  ["get-entries", 400, `${RANGE}${PARSE}"": invalid syntax`],
  ["get-entries?start=x&end=1", 400, `${RANGE}${PARSE}"x": invalid syntax`],
  ["get-entries?start=0&end=1.0", 400, `${RANGE}${PARSE}"1.0": invalid syntax`],
  ["get-entries?start=0&end=1_0", 400, `${RANGE}${PARSE}"1_0": invalid syntax`],
  ["get-entries?start=+1&end=2", 400, `${RANGE}${PARSE}" 1": invalid syntax`],
  [
    "get-entries?start=0&end=9223372036854775808",
    400,
    `${RANGE}${PARSE}"9223372036854775808": value out of range`,
  ],
  ["get-entries?start=-1&end=1", 400, `${RANGE}start (-1) and end (1) parameters must be >= 0`],
  ["get-entries?start=2&end=1", 400, `${RANGE}start (2) and end (1) is not a valid range`],
  ["get-entries?start=1300&end=1300", 400, "need tree size: 1301 to get leaves but only got: 1300"],
  [
    `get-entries?start=${HUGE}&end=${HUGE}`,
    400,
    "need tree size: 9223372036854775808 to get leaves but only got: 1300",
  ],

  ["get-entry-and-proof", 400, `${ENTRY}${PARSE}"": invalid syntax`],
  ["get-entry-and-proof?leaf_index=0&tree_size=a", 400, `${ENTRY}${PARSE}"a": invalid syntax`],
  ["get-entry-and-proof?leaf_index=0&tree_size=0", 400, `${ENTRY}tree_size must be > 0, got: 0`],
  [
    "get-entry-and-proof?leaf_index=-1&tree_size=1",
    400,
    `${ENTRY}leaf_index must be >= 0, got: -1`,
  ],
  [
    "get-entry-and-proof?leaf_index=5&tree_size=5",
    400,
    `${ENTRY}leaf_index 5 out of range for tree of size 5`,
  ],
  [
    "get-entry-and-proof?leaf_index=0&tree_size=1301",
    400,
    "need tree size: 1301 for proof but only got: 1300",
  ],

  ["get-sth?a;b", 400, "failed to parse form data: invalid semicolon separator in query"],
  ["get-roots?a%zz", 400, 'failed to parse form data: invalid URL escape "%zz"'],
  ["get-entries?start=0&end=1%", 400, 'failed to parse form data: invalid URL escape "%"'],
  ["get-sth-consistency?first=%4&second=1", 400, /invalid URL escape "%4"$/],
];

for (const [path, status, detail] of REFUSALS) {
  test(`${path} answers ${status}`, async () => {
    const answer = await get(path);
    const [title, line, ...rest] = answer.body.split("\n");
    assert.equal(answer.statusCode, status, answer.body);
    assert.equal(title, status === 400 ? "Bad Request" : "Not Found");
    if (typeof detail === "string") assert.equal(line, detail);
    else assert.match(line ?? "", detail);
    assert.deepEqual(rest, [""]);
    assert.equal(answer.headers["cache-control"], "no-store");
    assert.equal(answer.headers["content-type"], "text/plain; charset=utf-8");
    assert.equal(answer.headers["x-content-type-options"], "nosniff");
    assert.equal(answer.headers["access-control-allow-origin"], "*");
  });
}

test("an escaped byte that is no UTF-8, in a parameter that nobody reads, is passed over", async () => {
  assert.equal((await get("get-sth?x=%ff")).statusCode, 200);
});

test("get-sth of a log without a head answers 503 with Retry-After; tiles go on", async () => {
  await using headless = buildTestServer(256);
  const options = { retryAfterMs: 4_000 };
  headless.log.headlessWith = new UnavailableError("UNAVAILABLE_NO_HEAD", "no head yet", options);
  for (const path of ["ct/v1/get-sth", "checkpoint"]) {
    const answer = await headless.app.inject(`/nimbus2026/${path}`);
    assert.equal(answer.statusCode, 503);
    assert.match(String(answer.headers["retry-after"]), /^[4-8]$/);
    assert.equal(answer.headers["cache-control"], "no-store");
    assert.equal(answer.body, "Service Unavailable\nno head yet\n");
  }
  assert.equal((await headless.app.inject("/nimbus2026/tile/0/000")).statusCode, 200);
});

test("get-entries goes on where the log gives fewer entries in one step", async () => {
  await using small = buildTestServer(20);
  const read = small.log.readEntries.bind(small.log);
  small.log.readEntries = async (start, end) => (await read(start, end)).slice(0, 3);
  const answer = await small.app.inject("/nimbus2026/ct/v1/get-entries?start=0&end=9");
  assert.equal(parseEntriesJson(answer.body).length, 10);
  assert.equal(answer.headers["cache-control"], DAY);
});

test("get-sth shows each new head at once", async () => {
  await using growing = buildTestServer(1);
  const sth = () => growing.app.inject("/nimbus2026/ct/v1/get-sth");
  assert.equal((await sth()).json().tree_size, 1);
  growing.log.fill(4);
  assert.equal((await sth()).json().tree_size, 5);
});
