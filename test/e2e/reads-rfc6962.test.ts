/**
 * The reading endpoints of RFC 6962 of a log with 1,300 entries: parameters, JSON byte for
 * byte, pages, headers. Everything is compared with what was submitted.
 * @module
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ReferenceTree } from "../reference/merkle.ts";
import { makeCa } from "../support/certificates.ts";
import { digest, uint } from "../support/expected-entry.ts";
import { type Filled, fillShard } from "../support/fill-shard.ts";
import { requireRefusal } from "../support/reply-checks.ts";
import { type RunningLog, requireSigned, startRunningLog } from "../support/running-log.ts";

const SIZE = 1_300;
const CT = "/big/ct/v1";
const root = makeCa();

let log: RunningLog;
let filled: Filled;
let tree: ReferenceTree;
before(async () => {
  const specs = [
    { name: "big", roots: [root] },
    { name: "empty", roots: [root] },
  ];
  log = await startRunningLog(specs, {}, async (config) => {
    filled = await fillShard(config, [1, 299, 1_000]);
  });
  tree = new ReferenceTree(filled.leafHashes);
});
after(() => log[Symbol.asyncDispose]());

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
const DAY = "public, max-age=86400";
const MINUTE = "public, max-age=60";
const HASH = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const HEX = "0".repeat(64);
const OVERFLOW = "9223372036854775808";

/** Section 2.5: the request, the status, and the detail or the Cache-Control of success. */
const PARAMETERS: readonly (readonly [target: string, status: number, words: string | RegExp])[] = [
  ...["first", "second"].flatMap((name): [string, number, string][] => {
    const other = name === "first" ? "second=5" : "first=5";
    const prefix = "failed to parse consistency range: parameter";
    return [
      [`get-sth-consistency?${other}`, 400, `${prefix} '${name}' is required`],
      [`get-sth-consistency?${other}&${name}=`, 400, `${prefix} '${name}' is required`],
      ...["x", "1.0", "1e3", "0x10", "1_0", "%201", "%D9%A1", OVERFLOW].map(
        (bad): [string, number, string] => [
          `get-sth-consistency?${other}&${name}=${bad}`,
          400,
          `${prefix} '${name}' is malformed`,
        ],
      ),
    ];
  }),
  [
    "get-sth-consistency?first=-1&second=2",
    400,
    "failed to parse consistency range: first and second params cannot be <0: -1 2",
  ],
  [
    "get-sth-consistency?first=3&second=2",
    400,
    "failed to parse consistency range: invalid first, second params: 3 2",
  ],
  [
    "get-sth-consistency?first=0&second=1301",
    400,
    "need tree size: 1301 for proof but only got: 1300",
  ],
  [
    "get-sth-consistency?first=1&second=9223372036854775807",
    400,
    /^need tree size: 9223372036854775807 /,
  ],
  ["get-sth-consistency?first=0&second=1300", 200, DAY],
  ["get-sth-consistency?first=%2B7&second=007", 200, DAY],
  ["get-sth-consistency?first=-0&second=7", 200, DAY],
  ["get-sth-consistency?first=7&second=8&first=x&second=x", 200, DAY],
  ["get-proof-by-hash", 400, "get-proof-by-hash: missing / empty hash param for get-proof-by-hash"],
  ["get-proof-by-hash?tree_size=x", 400, /missing \/ empty hash param/],
  ["get-proof-by-hash?hash=!&tree_size=x", 400, /^get-proof-by-hash: invalid base64 hash: /],
  [`get-proof-by-hash?hash=${HASH.slice(0, -1)}&tree_size=1`, 400, /invalid base64 hash/],
  [`get-proof-by-hash?hash=${HASH.slice(1)}A-_&tree_size=1`, 400, /invalid base64 hash/],
  ["get-proof-by-hash?hash=AAAA&tree_size=1", 400, /3 bytes/],
  ...["", "0", "-1", "x", "1.0", OVERFLOW].map((size): [string, number, string] => [
    `get-proof-by-hash?hash=${HASH}&tree_size=${size}`,
    400,
    `get-proof-by-hash: missing or invalid tree_size: ${size}`,
  ]),
  [
    `get-proof-by-hash?hash=${HASH}&tree_size=5`,
    404,
    `backend GetInclusionProofByHash request failed: rpc error: code = NotFound desc = No leaf found for hash: ${HEX} in tree size 5`,
  ],
  ...[
    "start=0",
    "end=0",
    "start=x&end=1",
    "start=1&end=",
    "start=1.0&end=2",
    `start=0&end=${OVERFLOW}`,
  ].map((query): [string, number, RegExp] => [
    `get-entries?${query}`,
    400,
    /^bad range on get-entries request: strconv\.ParseInt: parsing "/,
  ]),
  [
    "get-entries?start=x&end=1",
    400,
    'bad range on get-entries request: strconv.ParseInt: parsing "x": invalid syntax',
  ],
  ["get-entries?start=-1&end=1", 400, /start \(-1\) and end \(1\) parameters must be >= 0$/],
  ["get-entries?start=2&end=1", 400, /start \(2\) and end \(1\) is not a valid range$/],
  ["get-entries?start=1300&end=1300", 400, "need tree size: 1301 to get leaves but only got: 1300"],
  [
    "get-entries?start=9007199254740993&end=9007199254740993",
    400,
    /^need tree size: 9007199254740994 /,
  ],
  ["get-entries?start=1299&end=1299", 200, DAY],
  ["get-entries?start=%2B1&end=01&start=9", 200, DAY],
  ["get-entries?start=1299&end=1300", 200, MINUTE],
  ["get-entries?start=1200&end=9223372036854775807", 200, MINUTE],
  ["get-entries?start=0&end=9223372036854775807", 200, DAY],
  ...["leaf_index=x&tree_size=1", "leaf_index=0&tree_size=x", "leaf_index=0", "tree_size=1"].map(
    (query): [string, number, RegExp] => [
      `get-entry-and-proof?${query}`,
      400,
      /^failed to parse get-entry-and-proof params: strconv\.ParseInt: parsing "x?": invalid syntax$/,
    ],
  ),
  ["get-entry-and-proof?leaf_index=0&tree_size=0", 400, /: tree_size must be > 0, got: 0$/],
  ["get-entry-and-proof?leaf_index=-1&tree_size=1", 400, /: leaf_index must be >= 0, got: -1$/],
  [
    "get-entry-and-proof?leaf_index=5&tree_size=5",
    400,
    /: leaf_index 5 out of range for tree of size 5$/,
  ],
  [
    "get-entry-and-proof?leaf_index=5&tree_size=1301",
    400,
    "need tree size: 1301 for proof but only got: 1300",
  ],
  ["get-entry-and-proof?leaf_index=5&tree_size=6", 200, DAY],
];
for (const [target, status, words] of PARAMETERS) {
  test(`${target} is ${status}`, async () => {
    const reply = await log.call(`${CT}/${target}`);
    assert.equal(reply.status, status, reply.text);
    if (status === 200) {
      assert.equal(reply.headers["cache-control"], words);
      assert.equal(reply.headers["content-type"], "application/json");
    } else {
      requireRefusal(reply);
      const detail = reply.text.split("\n")[1] ?? "";
      if (typeof words === "string") assert.equal(detail, words);
      else assert.match(detail, words);
    }
  });
}

const ENDPOINTS_READ = [
  "get-sth",
  "get-roots",
  "get-sth-consistency?first=1&second=2",
  "get-proof-by-hash?hash=x&tree_size=1",
  "get-entries?start=0&end=1",
  "get-entry-and-proof?leaf_index=0&tree_size=1",
];
for (const target of ENDPOINTS_READ) {
  test(`${target} with a bad query is 400, with other methods 405, with HEAD as GET`, async () => {
    const [name = ""] = target.split("?");
    for (const bad of ["a=1;b=2", "a=%zz", "a=%", "%2=1"]) {
      const reply = await log.call(`${CT}/${target}${target.includes("?") ? "&" : "?"}${bad}`);
      assert.equal(reply.status, 400);
      assert.match(reply.text, /^Bad Request\nfailed to parse form data: /);
    }
    for (const method of ["POST", "PUT", "DELETE"]) {
      const reply = await log.call(`${CT}/${name}`, { method, body: "{}" });
      assert.equal(reply.status, 405);
      assert.equal(reply.headers["allow"], "GET, HEAD, OPTIONS");
    }
    const head = await log.call(`${CT}/${target}`, { method: "HEAD" });
    const get = await log.call(`${CT}/${target}`);
    assert.equal(head.status, get.status);
    assert.equal(head.body.length, 0);
    assert.equal(head.headers["content-length"], get.headers["content-length"]);
  });
}

test("the JSON of each reading endpoint is what Go's encoder writes, byte for byte", async () => {
  const sth = await log.call(`${CT}/get-sth`);
  const head = JSON.parse(sth.text);
  const { timestamp, tree_head_signature } = head;
  const rootHash = base64(tree.root(0, SIZE));
  assert.equal(
    sth.text,
    `{"tree_size":1300,"timestamp":${timestamp},"sha256_root_hash":"${rootHash}","tree_head_signature":"${tree_head_signature}"}`,
  );
  const signedBytes = [uint(1, 2), uint(timestamp, 8), uint(SIZE, 8), tree.root(0, SIZE)];
  const key = await log.publicKey("big");
  requireSigned(key, Buffer.concat(signedBytes), Buffer.from(tree_head_signature, "base64"));
  const text = async (target: string): Promise<string> => (await log.call(`${CT}/${target}`)).text;
  const quoted = (hashes: readonly Uint8Array[]): string =>
    hashes.map((hash) => `"${base64(hash)}"`).join(",");
  assert.equal(await text("get-sth-consistency?first=4&second=4"), '{"consistency":[]}');
  assert.equal(await text("get-sth-consistency?first=0&second=4"), '{"consistency":[]}');
  assert.equal(
    await text("get-sth-consistency?first=300&second=1300"),
    `{"consistency":[${quoted(tree.proof(300, SIZE))}]}`,
  );
  const hash = encodeURIComponent(base64(filled.leafHashes[0] ?? assert.fail()));
  assert.equal(
    await text(`get-proof-by-hash?hash=${hash}&tree_size=1`),
    '{"leaf_index":0,"audit_path":[]}',
  );
  assert.equal(
    await text(`get-proof-by-hash?hash=${hash}&tree_size=1300`),
    `{"leaf_index":0,"audit_path":[${quoted(tree.path(0, 0, SIZE))}]}`,
  );
  const [entry] = JSON.parse(await text("get-entries?start=0&end=0")).entries;
  const fields = `"leaf_input":"${entry.leaf_input}","extra_data":"${entry.extra_data}"`;
  assert.equal(await text("get-entries?start=0&end=0"), `{"entries":[{${fields}}]}`);
  assert.equal(
    await text("get-entry-and-proof?leaf_index=0&tree_size=1"),
    `{${fields},"audit_path":[]}`,
  );
  assert.equal(await text("get-roots"), `{"certificates":["${base64(root.der)}"]}`);
});

test("an empty log: its head, and nothing else to read", async () => {
  const head = await log.json("/empty/ct/v1/get-sth");
  assert.equal(head["tree_size"], 0);
  assert.equal(head["sha256_root_hash"], "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
  const status = async (path: string): Promise<number> => (await log.call(`/empty/${path}`)).status;
  assert.equal(await status("ct/v1/get-entries?start=0&end=0"), 400);
  assert.equal(await status("ct/v1/get-entry-and-proof?leaf_index=0&tree_size=1"), 400);
  assert.equal(await status("ct/v1/get-sth-consistency?first=0&second=0"), 200);
  assert.equal(await status("ct/v1/get-sth-consistency?first=0&second=1"), 400);
  assert.equal(await status("tile/0/000.p/1"), 404);
  assert.equal(await status("tile/data/000.p/1"), 404);
});

test("get-entries: pages hold what was asked, cut at 1,024 and then to multiples of 256", async () => {
  const pages: readonly (readonly [start: number, end: number, count: number, cache: string])[] = [
    [0, 299, 300, DAY],
    [0, 1_023, 1_024, DAY],
    [0, 1_024, 1_024, DAY],
    [10, 5_000, 1_014, DAY],
    [1, 1_025, 1_023, DAY],
    [255, 1_299, 769, DAY],
    [256, 1_299, 1_024, DAY],
    [277, 1_299, 1_023, DAY],
    [276, 1_299, 1_024, DAY],
    [300, 1_299, 1_000, DAY],
    [300, 1_300, 1_000, MINUTE],
    [700, 5_000, 600, MINUTE],
  ];
  for (const [start, end, count, cache] of pages) {
    const reply = await log.call(`${CT}/get-entries?start=${start}&end=${end}`);
    const { entries } = JSON.parse(reply.text);
    assert.equal(entries.length, count, `${start} to ${end}`);
    assert.equal(reply.headers["cache-control"], cache);
    for (const [position, { leaf_input: input }] of entries.entries()) {
      const hash = digest(Buffer.of(0), Buffer.from(input, "base64"));
      assert.deepEqual([...hash], [...(filled.leafHashes[start + position] ?? [])]);
    }
  }
});
