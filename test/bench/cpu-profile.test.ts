import assert from "node:assert/strict";
import { test } from "node:test";
import {
  addProfile,
  type CpuProfile,
  partOf,
  rootFrame,
  sumParts,
  withoutIdle,
} from "../../bench/cpu-profile.ts";
import { formatParts } from "../../bench/flame.ts";
import { drawFlame } from "../../bench/flame-svg.ts";

const node = (id: number, functionName: string, url: string, children: readonly number[] = []) => {
  return { id, callFrame: { functionName, url, lineNumber: 9 }, children };
};

/** judge (x509) calls hash of OpenSSL and a native helper; then the thread idles. */
const PROFILE: CpuProfile = {
  startTime: 1_000,
  nodes: [
    node(1, "(root)", "", [2, 5]),
    node(2, "judge", "file:///x/src/x509/chain.ts", [3, 4]),
    node(3, "hash", "node:internal/crypto/hash"),
    node(4, "slice<&>", ""),
    node(5, "(idle)", ""),
  ],
  samples: [2, 3, 4, 5, 2, 1],
  timeDeltas: [100, 10, 20, 30, 40, 5],
};

test("addProfile() gives each sample the time until the next one", () => {
  const root = rootFrame("all");
  addProfile(root, PROFILE);
  const [judge] = [...root.children.values()];
  assert.deepEqual(
    [judge?.name, judge?.place, judge?.selfUs, judge?.totalUs],
    ["judge", "x509/chain.ts:10", 15, 65],
  );
  assert.deepEqual(
    [...sumParts(root)],
    [
      ["x509", 45],
      ["idle", 40],
      ["crypto: hash", 20],
    ],
  );
  assert.equal(root.totalUs, 105);
  assert.equal(withoutIdle(root).totalUs, 65);
});

test("addProfile() takes what lies in the window", () => {
  const root = rootFrame("all");
  addProfile(root, PROFILE, { startUs: 1_110, endUs: 1_160 });
  assert.deepEqual(
    [...sumParts(root)],
    [
      ["x509", 30],
      ["crypto: hash", 20],
    ],
  );
});

test("addProfile() of two profiles adds up", () => {
  const root = rootFrame("all");
  addProfile(root, PROFILE);
  addProfile(root, PROFILE);
  assert.equal(root.totalUs, 210);
  assert.equal(root.children.size, 2);
});

for (const [name, url, part] of [
  ["decodeTileLeaf", "file:///a/stratus/src/static-ct/tile-leaf.ts", "static-ct"],
  ["decodeTileLeaf", "file:///a/stratus/dist/static-ct/tile-leaf.js", "static-ct"],
  ["main", "file:///a/src/main.ts", "composition"],
  ["main", "file:///a/dist/main.js", "composition"],
  ["verifyOneShot", "node:internal/crypto/sig", "crypto: verify"],
  ["signOneShot", "node:internal/crypto/sig", "crypto: sign"],
  ["_put", "file:///a/node_modules/classic-level/chained-batch.js", "storage: level"],
  ["lookup", "file:///a/node_modules/fastify/src/route/x.js", "http: fastify"],
  ["parserOnBody", "node:_http_common", "node: http, sockets"],
  ["(garbage collector)", "", "GC"],
  ["writeBuffer", "", undefined],
  ["from", "node:buffer", undefined],
] as const) {
  test(`partOf() of ${name} ${url} is ${part ?? "its caller's"}`, () => {
    assert.equal(partOf(name, url), part);
  });
}

test("formatParts() shows what V8 did not see, and idle time beside the sum", () => {
  const root = rootFrame("all");
  addProfile(root, PROFILE);
  const table = formatParts(root, { name: "thing", count: 5 }, 100);
  assert.match(table, /\| x509 \| 9\.0 \| 45\.0 % \|/);
  assert.match(table, /does not profile .* \| 7\.0 \| 35\.0 % \|/);
  assert.match(table, /\| \*\*all\*\* \| 20\.0 \| 100 % \|\n\| \(idle\) \| 8\.0 \| \|/);
});

test("drawFlame() draws a box for each function, wide as its time, and escapes names", () => {
  const root = rootFrame("all");
  addProfile(root, PROFILE);
  const things = { name: "thing", count: 5 };
  const svg = drawFlame(withoutIdle(root), { title: "a < b", notes: ["one"], things });
  assert.match(svg, /^<svg [^>]*>[\s\S]*<\/svg>\n$/);
  assert.match(svg, />a &lt; b</);
  assert.match(svg, /<title>judge x509\/chain\.ts:10: 100\.0 %, 13\.0 us a thing<\/title>/);
  assert.match(svg, /<title>slice&lt;&amp;&gt;: 46\.2 %/);
  assert.equal(svg.match(/<g><title>/g)?.length, 4);
  assert.doesNotMatch(svg, /idle|<script|href/);
});
