import assert from "node:assert/strict";
import { after, test } from "node:test";
import fc from "fast-check";
import { parseLaxBase64 } from "../../src/encoding/base64.ts";
import { concatBytes } from "../../src/encoding/bytes.ts";
import { parseNativeBase64 } from "../../src/http/base64.ts";
import { EntriesBody, planPage } from "../../src/http/entries.ts";
import { plainTarget } from "../../src/http/path.ts";
import { LoggedEntry } from "../../src/log/logged-entry.ts";
import { formatEntriesJson } from "../../src/rfc6962/json.ts";
import { TileLeafParts } from "../../src/static-ct/tile-leaf.ts";
import { buildTestServer } from "../support/http-server.ts";

const server = buildTestServer(300);
after(() => server[Symbol.asyncDispose]());

const ENDPOINTS = [
  "sth",
  "sth-consistency",
  "proof-by-hash",
  "entries",
  "entry-and-proof",
  "roots",
];
const NAMES = ["first", "second", "hash", "tree_size", "start", "end", "leaf_index", "x"];

const number = fc.oneof(
  fc.bigInt({ min: -5n, max: 310n }).map(String),
  fc.bigInt({ min: -(2n ** 65n), max: 2n ** 65n }).map(String),
  fc.constantFrom("", "+1", "-0", "007", "1e3", "0x1", "٣", "1 ", "NaN", "1.5", "9".repeat(600)),
);
const value = fc.oneof(
  number,
  fc.base64String({ maxLength: 60 }),
  fc
    .uint8Array({ minLength: 32, maxLength: 32 })
    .map((bytes) => Buffer.from(bytes).toString("base64")),
  fc.string({ unit: "binary", maxLength: 8 }),
);
const encoded = fc.oneof(
  value.map(encodeURIComponentLax),
  fc.string({
    unit: fc.constantFrom("%", "2", "f", ";", "&", "=", "+", "?", "#", "a"),
    maxLength: 9,
  }),
);
const query = fc
  .array(fc.tuple(fc.constantFrom(...NAMES), encoded), { maxLength: 5 })
  .map((pairs) => pairs.map(([name, text]) => `${name}=${text}`).join("&"));

/** Lone surrogates, which `encodeURIComponent` refuses, go as they are. */
function encodeURIComponentLax(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}

test("property: no query makes an endpoint fail: each answer is 200, 400 or 404", async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...ENDPOINTS), query, async (endpoint, text) => {
      const answer = await server.app.inject(`/nimbus2026/ct/v1/get-${endpoint}?${text}`);
      assert.ok([200, 400, 404].includes(answer.statusCode), answer.body);
      if (answer.statusCode !== 200) assert.equal(answer.headers["cache-control"], "no-store");
    }),
    { numRuns: 600 },
  );
});

test("property: no path makes the server fail or redirect", async () => {
  const segment = fc.oneof(
    fc.constantFrom(
      "nimbus2026",
      "tile",
      "data",
      "0",
      "000",
      "x001",
      "000.p",
      "issuer",
      "ct",
      "v1",
    ),
    fc.constantFrom("..", ".", "", "*", ":a", "%2e", "checkpoint", "get-sth", "add-chain", "255"),
    fc.string({ unit: "binary-ascii", maxLength: 6 }).map(encodeURIComponent),
  );
  const method = fc.constantFrom("GET", "HEAD", "POST", "OPTIONS", "DELETE", "PROPFIND");
  await fc.assert(
    fc.asyncProperty(method, fc.array(segment, { maxLength: 6 }), async (name, segments) => {
      const url = `/${segments.join("/")}`;
      const answer = await server.app.inject({ method: name as "GET", url });
      assert.ok([200, 204, 400, 404, 405].includes(answer.statusCode), `${answer.statusCode}`);
    }),
    { numRuns: 600 },
  );
});

test("property: plainTarget() gives the target itself or one without a route", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary-ascii" }), (text) => {
      const target = `/${text}`;
      const plain = plainTarget(target);
      const [path = ""] = target.split("?");
      const isPlain = !/[%#]/.test(path) && !target.includes("#");
      assert.equal(plain, isPlain ? target : "/-");
    }),
  );
});

test("property: parseNativeBase64() agrees with parseLaxBase64() on any text", () => {
  const outcome = (parse: (text: string) => Uint8Array, text: string) => {
    try {
      return [...parse(text)];
    } catch (thrown) {
      return String(thrown);
    }
  };
  const character = fc.constantFrom(..."AQgw+/=-_ \r\n!", "\u0141", "\u00c1", "\ud83d");
  const nearBase64 = fc.oneof(
    fc.base64String(),
    fc.string({ unit: character, maxLength: 12 }),
    fc.tuple(fc.base64String(), character, fc.base64String()).map((parts) => parts.join("")),
    fc.string({ unit: "binary" }),
  );
  fc.assert(
    fc.property(nearBase64, (text) => {
      assert.deepEqual(outcome(parseNativeBase64, text), outcome(parseLaxBase64, text));
    }),
    { numRuns: 3_000 },
  );
});

test("property: EntriesBody writes, in any steps, what formatEntriesJson() writes", () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.nat(60_000).map((length) => new Uint8Array(length)),
  );
  const entriesOf = fc.uniqueArray(fc.uint8Array({ minLength: 3, maxLength: 40 })).chain((chains) =>
    fc.array(
      fc
        .record({
          timestampedEntry: fc.uint8Array({ minLength: 1, maxLength: 40 }),
          precertificate: bytes,
          // Entries of one chain share one array.
          chain: fc.constantFrom(...chains, new Uint8Array(3), new Uint8Array(60_000)),
        })
        .map(({ chain, timestampedEntry, precertificate }) => {
          // As of each time that an entry can have.
          timestampedEntry[0] = 0;
          const run = concatBytes(Uint8Array.of(7), timestampedEntry, precertificate);
          const middle = 1 + timestampedEntry.length;
          const parts = new TileLeafParts(run, 1, middle, run.length, run.length);
          return new LoggedEntry(parts, chain);
        }),
    ),
  );
  fc.assert(
    fc.property(entriesOf, fc.nat(9), (entries, cut) => {
      const body = new EntriesBody((length) => Buffer.alloc(Math.max(length, 70_000), 0xff));
      body.add(entries.slice(0, cut));
      body.add(entries.slice(cut));
      const { length } = body;
      const text = Buffer.concat(body.end()).toString("latin1");
      assert.equal(text, formatEntriesJson(entries));
      assert.equal(length + 2, text.length);
    }),
  );
});

test("property: planPage() never gives more than was asked for, nor more than 1,024, nor nothing", () => {
  const index = fc.bigInt({ min: 0n, max: 2n ** 40n - 1n });
  const count = fc.oneof(
    fc.bigInt({ min: 1n, max: 3_000n }),
    fc.bigInt({ min: 1n, max: 2n ** 62n }),
  );
  fc.assert(
    fc.property(index, count, (first, asked) => {
      const { start, end } = planPage(first, first + asked - 1n);
      assert.equal(BigInt(start), first);
      assert.ok(end > start && end - start <= 1_024);
      if (asked <= 1_024n) assert.equal(BigInt(end - start), asked);
      else assert.equal(end % 256, 0);
    }),
  );
});
